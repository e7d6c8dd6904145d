"""What goes in and out about questions: what a ticket is asked about, and what is said of it."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from ticketkin.service.strict_model import Strict
from ticketkin.service.ticket_schemas import Fields, Text
from ticketkin.serving.answers import Relation
from ticketkin.store.suggestions import Suggestion

Nearest = Annotated[int, Field(ge=1, description="How many of the nearest tickets to look at.")]


class RelateIn(Strict):
    """A question about one ticket: a new one by its text, or a stored one by its id or number."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {"text": "Outlook asks for the password again", "fields": {"service": "Email"}, "k": 5},
                {"ticket": "INC0012345"},
            ]
        },
    )

    text: Text | None = None
    """Of a new ticket: the first line is its title, the rest its description."""
    ticket: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None
    """Id or number of a stored ticket."""
    fields: Fields = Field(default_factory=Fields)
    """What else is known of the new ticket."""
    as_of: Annotated[str, Field(max_length=100)] | None = None
    """When the new ticket opened; only what had opened before is compared. Default: now."""
    k: Nearest = 10

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.text is None) == (self.ticket is None):
            raise ValueError("give either text, of a new ticket, or ticket, the id or number of a stored one")
        if self.ticket is not None and (self.as_of is not None or self.fields.model_fields_set):
            raise ValueError("fields and as_of describe a new ticket; leave them out for a stored one")
        return self


class KinAnswer(Strict):
    """What the nearest stored tickets are to a ticket."""

    ticket_id: str
    """Empty for a new ticket."""
    title: str
    relations: list[Relation]
    """The surest first; empty where nothing is known."""
    notes: list[str]
    """What a reader should know of how the ticket was read and answered."""
    bundle: str
    """Id of the bundle that answered."""
    refit: int
    """Number of the refit whose weights ranked; 0 for the bundle's own."""
    change: int
    """Number of the last change of stored tickets that the answer takes into account."""
    question_id: UUID
    """Under which it is kept what was shown; the text of a new ticket is not."""


class SuggestionsOut(Strict):
    """What was said or suggested last."""

    suggestions: list[Suggestion]
