"""What goes in and out about stored tickets, as the documentation of the service shows it."""

from typing import Annotated, Any, Self

from fastapi import Path
from pydantic import ConfigDict, Field, JsonValue, create_model, model_validator

from ticketkin.core.tables import Tickets
from ticketkin.core.ticket_fields import OPENING_FIELDS
from ticketkin.service.desk_time import DeskTime
from ticketkin.service.strict_model import Strict
from ticketkin.service.sync_schemas import SyncIn
from ticketkin.tickets.mapping import MAPPABLE

_LONGEST = 200_000
Text = Annotated[str, Field(max_length=_LONGEST)]
Name = Annotated[str, Path(min_length=1, max_length=1_000, description="Id or number of a stored ticket.")]
TICKET_EXAMPLE: dict[str, JsonValue] = {
    "number": "INC0012345",
    "title": "Outlook asks for the password again",
    "description": "Since this morning, after every start. Restarting did not help.",
    "service": "Email",
    "opened_at": "2026-11-25 09:14:00",
    "state": "New",
}


class _Named(Strict):
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
    "Fields", __base__=Strict, __doc__="What else is known of a ticket that opens.", **_OPENING
)


class TicketsIn(Strict):
    """Tickets to store."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"tickets": [TICKET_EXAMPLE]}]},
    )

    tickets: list[TicketIn] = Field(min_length=1)
    """One or many; the same ones sent again change nothing."""
    sync: SyncIn | None = None
    """For a program that goes on where it stopped: its source, and up to where it has read."""


class RejectedTicket(Strict):
    """A ticket that can't be used."""

    place: int
    """Its place in the request, counted from 1."""
    reason: str


class TicketsStored(Strict):
    """What became of the tickets of a request: each is counted once."""

    n_added: int
    n_updated: int
    n_unchanged: int
    n_repeated: int
    """Those of which the request itself holds a newer one."""
    rejected: list[RejectedTicket]
    notes: list[str]
    """What a reader should know of how they were read."""


class TicketsDeleted(Strict):
    """What became of a request to delete tickets."""

    n_deleted: int
    unknown: list[str]
    """Names that no stored ticket has."""


class TicketOut(Strict):
    """A stored ticket, as it was cleaned and masked."""

    ticket_id: str
    number: str
    opened_at: DeskTime | None
    title: str
    description: str
    category: str
    subcategory: str
    service: str
    configuration_item: str
    assignment_group: str
    priority: str
    state: str
    close_code: str
    close_notes: str
    resolved_at: str
    closed_at: str
    parent: str
    problem: str
    caused_by: str
    duplicate_of: str

    @classmethod
    def all_of(cls, tickets: Tickets) -> list[Self]:
        """Return tickets in their order."""
        names = list(cls.model_fields)
        return [cls(**row) for row in tickets.frame.select(names).iter_rows(named=True)]


class TicketsFound(Strict):
    """Stored tickets."""

    tickets: list[TicketOut]
