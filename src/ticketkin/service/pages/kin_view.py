"""An answer as the page shows it: the ticket, and beside it what each other one shares and what differs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from ticketkin.core.tables import Tickets
from ticketkin.core.ticket_row import TicketRow
from ticketkin.lexical.shared_words import Piece, pieces, words_apart
from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.relations.parents import are_open
from ticketkin.service.pages.wording import (
    FIELD_TITLES,
    certainty,
    explanation,
    headline,
    is_worth_showing,
    kind_title,
)
from ticketkin.service.question_schemas import KinAnswer
from ticketkin.serving.answers import Relation
from ticketkin.serving.kin import Kin

_MOST_WORDS_APART = 5


@dataclass(frozen=True)
class Difference:
    """A field in which two tickets differ."""

    field: str
    here: str
    there: str


@dataclass(frozen=True)
class TicketView:
    """A ticket in words."""

    name: str
    """Empty for a ticket that is not stored."""
    title: str
    description: str
    opened_at: datetime | None
    state: str
    is_open: bool
    fields: list[tuple[str, str]]
    """Title and value of the fields that are filled."""


@dataclass(frozen=True)
class KinView:
    """A stored ticket beside the one that is asked about."""

    relation: Relation
    ticket: TicketView
    kind: str
    certainty: str
    title: list[Piece]
    description: list[Piece]
    reasons: list[str]
    differences: list[Difference]
    only_here: list[str]
    """Words that only the ticket that is asked about holds."""
    only_there: list[str]


@dataclass(frozen=True)
class AnswerView:
    """What is known of a ticket."""

    headline: str
    explanation: str
    is_known: bool
    asked: TicketView
    shown: list[KinView]
    """Of which something is stated, the surest first."""
    rest: list[KinView]
    """The nearest others."""
    notes: list[str]


def answer_view(asked: Tickets, answer: KinAnswer, kin: Kin) -> AnswerView:
    """Return the answer about one ticket."""
    beside = compared(asked.one_by_field(0), answer.relations, kin)
    shown = [one for one in beside if is_worth_showing(one.relation)]
    rest = [one for one in beside if not is_worth_showing(one.relation)]
    stated = [one.relation for one in shown]
    return AnswerView(
        headline=headline(stated),
        explanation=explanation(stated, len(rest), len(kin), is_silent=kin.bundle.is_silent),
        is_known=bool(shown),
        asked=replace(ticket_views(asked)[0], name=answer.ticket_id),
        shown=shown,
        rest=rest,
        notes=answer.notes,
    )


def compared(own: TicketRow, relations: Sequence[Relation], kin: Kin) -> list[KinView]:
    """Return the stored tickets of relations beside one; what was deleted meanwhile is left out."""
    stored = [(one, row) for one in relations if (row := kin.index.row_of(one.ticket_id)) is not None]
    if not stored:
        return []
    others = kin.index.tickets(np.array([row for _, row in stored], dtype=np.int64))
    return [
        _beside(own, row, relation, view, kin.bundle.words)
        for (relation, _), row, view in zip(stored, others.by_field(), ticket_views(others), strict=True)
    ]


def ticket_views(tickets: Tickets) -> list[TicketView]:
    """Return tickets in words, in their order."""
    is_open = are_open(tickets).tolist()
    return [
        TicketView(
            name=row["ticket_id"],
            title=row["title"],
            description=row["description"],
            opened_at=row["opened_at"],
            state=row["state"] or ("Open" if open_now else "Closed"),
            is_open=open_now,
            fields=list(_by_title(row).items()),
        )
        for row, open_now in zip(tickets.by_field(), is_open, strict=True)
    ]


def _beside(
    own: TicketRow, other: TicketRow, relation: Relation, view: TicketView, words: TermStatistics
) -> KinView:
    mine, theirs = _text(own), _text(other)
    return KinView(
        relation=relation,
        ticket=view,
        kind=kind_title(relation),
        certainty=certainty(relation),
        title=pieces(words, other["title"], mine),
        description=pieces(words, other["description"], mine),
        reasons=relation.evidence,
        differences=[
            Difference(title, here, there)
            for title, here in _by_title(own).items()
            if (there := _by_title(other).get(title)) is not None and here != there
        ],
        only_here=words_apart(words, mine, theirs, _MOST_WORDS_APART),
        only_there=words_apart(words, theirs, mine, _MOST_WORDS_APART),
    )


def _by_title(ticket: TicketRow) -> dict[str, str]:
    """Return the fields of a ticket that are filled and shown, by their titles."""
    return {
        FIELD_TITLES[name]: str(value) for name, value in ticket.items() if name in FIELD_TITLES and value
    }


def _text(ticket: TicketRow) -> str:
    return f"{ticket['title']}\n{ticket['description']}"
