"""What goes in and out of the service, as its documentation shows it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Path
from pydantic import ConfigDict, Field, JsonValue, create_model, model_validator

from ticketkin.core.tables import OPENING_FIELDS, Tickets
from ticketkin.relations.families import FamilyRecord, TieRecord
from ticketkin.service.desk_time import DeskTime
from ticketkin.service.strict_model import Strict
from ticketkin.service.sync_schemas import SyncIn
from ticketkin.serving.answers import Relation
from ticketkin.store.answers import StoredAnswer
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


class FamilyMember(Strict):
    """A ticket of a family."""

    ticket_id: str
    title: str
    duplicate_of: str
    """The one parent that it is a duplicate of; empty for a parent, and for what is no duplicate."""


class FamilyOut(Strict):
    """Tickets joined by people's links."""

    family: int
    """Its number; the largest family is 1, and 0 is a ticket that nobody linked."""
    tickets: list[FamilyMember]
    """In filing order."""
    causal: list[TieRecord]
    """Each source is the cause of its target."""
    related: list[TieRecord]
    longest_chain: list[str]
    """From the first cause to the last effect; empty without causes."""

    @classmethod
    def of(cls, family: FamilyRecord, titles: Mapping[str, str]) -> Self:
        """Return a family with the titles of its tickets."""
        return cls(
            family=family.family,
            tickets=[
                FamilyMember(
                    ticket_id=name, title=titles[name], duplicate_of=family.duplicate_of.get(name, "")
                )
                for name in family.tickets
            ],
            causal=family.causal,
            related=family.related,
            longest_chain=family.longest_chain,
        )

    @classmethod
    def alone(cls, ticket_id: str, title: str) -> Self:
        """Return the family of a ticket that nobody linked."""
        member = FamilyMember(ticket_id=ticket_id, title=title, duplicate_of="")
        return cls(family=0, tickets=[member], causal=[], related=[], longest_chain=[])


class FamiliesPage(Strict):
    """Some of the families, the largest first."""

    n_families: int
    n_tickets: int
    """Tickets in all of them."""
    left_out: list[tuple[str, str]]
    """Cause and effect of each causal link that would make something its own cause."""
    change: int
    """Number of the last change of stored tickets that they take into account."""
    families: list[FamilyOut]


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


class AnswerOut(Strict):
    """An answer as it is kept."""

    answer_id: UUID
    source: str
    target: str
    answer: str
    reviewer: str
    answered_at: datetime
    withdrawn_at: datetime | None
    """When it was taken back."""

    @classmethod
    def of(cls, stored: StoredAnswer) -> Self:
        """Return a stored answer."""
        return cls(**vars(stored))


class AnswersOut(Strict):
    """What people said of pairs."""

    counts: dict[str, int]
    """Pairs by the last answer that stands."""
    newest: list[AnswerOut]
    """The newest answers, those that were taken back among them."""


class SuggestionOut(Strict):
    """A ticket that was named beside a stored one."""

    asked_at: datetime
    ticket_id: str
    candidate: str
    kind: str
    band: str
    probability: float | None


class SuggestionsOut(Strict):
    """What was said or suggested last."""

    suggestions: list[SuggestionOut]


class EmbeddingOut(Strict):
    """One forward pass of a ticket."""

    name: str
    reads: str
    runtime: str


class ModelOut(Strict):
    """What answers, and what was proven of it."""

    bundle: str
    """Id: equal means equal answers, with the same refit."""
    refit: int
    """Number of the refit whose weights rank; 0 for the bundle's own."""
    made_by: str
    """Version of Ticketkin."""
    base_model: str
    champion: str
    """The ranking that won."""
    verdict: str
    """What was proven, in a sentence."""
    grounds: str
    """What that rests on."""
    readiness: str
    is_synthetic: bool
    """Whether it was learned on the built-in sample: then it says nothing of a real desk."""
    learned_until: str
    """When the last ticket opened that was learned from; empty without opening times."""
    kinds: str
    """Whether kinds of kin were learned, and why not."""
    embeddings: list[EmbeddingOut]
    n_forward_passes: int
    """Texts and pairs that go through an encoder for one ticket."""
    parity: str
    """How the bundle's own probes scored here, against when it was made."""


class AuditEntryOut(Strict):
    """One thing that was done."""

    at: datetime
    actor: str
    action: str
    counts: Mapping[str, int]


class AuditOut(Strict):
    """The newest things that were done."""

    entries: list[AuditEntryOut]


class SignInIn(Strict):
    """A key, to sign in a browser."""

    key: Annotated[str, Field(min_length=1, max_length=1_000)]


class SignedIn(Strict):
    """Who is signed in."""

    name: str
    role: str
