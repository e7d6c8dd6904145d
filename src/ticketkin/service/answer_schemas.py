"""What goes in and out about what people say of pairs."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ticketkin.service.strict_model import Strict
from ticketkin.store.answers import StoredAnswer


class AnswerIn(Strict):
    """What a person says of two stored tickets."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"source": "INC0012345", "target": "INC0012001", "answer": "duplicate"}]
        },
    )

    source: Annotated[str, Field(min_length=1, max_length=1_000)]
    """Id or number; of a causal pair the ticket that caused the other."""
    target: Annotated[str, Field(min_length=1, max_length=1_000)]
    answer: Literal["duplicate", "related", "causal", "caused-by", "none", "unsure"]
    """caused-by: the target caused the source. unsure teaches nothing."""


class AnswersOut(Strict):
    """What people said of pairs."""

    counts: dict[str, int]
    """Pairs by the last answer that stands."""
    newest: list[StoredAnswer]
    """The newest answers, those that were taken back among them."""
