"""What goes in and out of the service, as its documentation shows it."""

from typing import Annotated, Any, Self

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model, model_validator

from ticketkin.core.tables import OPENING_FIELDS
from ticketkin.serving.answers import Relation
from ticketkin.tickets.mapping import MAPPABLE

_LONGEST = 200_000
Text = Annotated[str, Field(max_length=_LONGEST)]
Name = Annotated[str, Path(min_length=1, max_length=1_000, description="Id or number of a stored ticket.")]
Nearest = Annotated[int, Field(ge=1, description="How many of the nearest tickets to look at.")]
TICKET_EXAMPLE: dict[str, JsonValue] = {
    "number": "INC0012345",
    "title": "Outlook asks for the password again",
    "description": "Since this morning, after every start. Restarting did not help.",
    "service": "Email",
    "opened_at": "2026-11-25 09:14:00",
    "state": "New",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class _Named(_Strict):
    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        values = self.model_dump()
        if not any(str(values.get(name) or "").strip() for name in ("ticket_id", "number", "sys_id")):
            raise ValueError("it has no ticket_id, number or sys_id, so it could not be told from others")
        return self


_TICKET_FIELDS: dict[str, Any] = dict.fromkeys(MAPPABLE, (Text | None, None))
TicketIn = create_model(
    "TicketIn",
    __base__=_Named,
    __doc__="A ticket by its fields. One of ticket_id, number and sys_id is needed; times are written as "
    "2026-12-31 14:30:00. It replaces what was stored under its id.",
    **_TICKET_FIELDS,
)
_OPENING: dict[str, Any] = {
    name: (Text | None, None) for name in (*OPENING_FIELDS, "caller") if name not in ("title", "description")
}
Fields = create_model(
    "Fields", __base__=_Strict, __doc__="What else is known of a ticket that opens.", **_OPENING
)


class TicketsIn(_Strict):
    """Tickets to store."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"tickets": [TICKET_EXAMPLE]}]},
    )

    tickets: list[TicketIn] = Field(min_length=1)
    """One or many; the same ones sent again change nothing."""


class RejectedTicket(_Strict):
    """A ticket that can't be used."""

    place: int
    """Its place in the request, counted from 1."""
    reason: str


class TicketsStored(_Strict):
    """What became of the tickets of a request: each is counted once."""

    n_added: int
    n_updated: int
    n_unchanged: int
    n_repeated: int
    """Those of which the request itself holds a newer one."""
    rejected: list[RejectedTicket]
    notes: list[str]
    """What a reader should know of how they were read."""


class TicketsDeleted(_Strict):
    """What became of a request to delete tickets."""

    n_deleted: int
    unknown: list[str]
    """Names that no stored ticket has."""


class RelateIn(_Strict):
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


class KinAnswer(_Strict):
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
    change: int
    """Number of the last change of stored tickets that the answer takes into account."""
