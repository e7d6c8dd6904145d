"""What goes in and out about proposals to the ticket system."""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from ticketkin.service.strict_model import Strict
from ticketkin.store.proposals import Proposal

_EXAMPLE: dict[str, JsonValue] = {"duplicate": "INC0012345", "parent": "INC0012001"}


class ProposalIn(Strict):
    """That a ticket be closed as a duplicate under another."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, json_schema_extra={"examples": [_EXAMPLE]}
    )

    duplicate: Annotated[str, Field(min_length=1, max_length=1_000)]
    """Id or number of the ticket to close."""
    parent: Annotated[str, Field(min_length=1, max_length=1_000)]
    """Id or number of the ticket that stays open."""
    key: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    """Of this request: sent again with the same key it makes nothing new."""


class ProposalsOut(Strict):
    """Some of the proposals, the oldest first."""

    proposals: list[Proposal]
