"""Review: one ticket beside its nearest, for a person to say what each is to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from ticketkin.core.tables import Kind
from ticketkin.lexical.vocabulary import stable_hash
from ticketkin.relations.bands import REPORTED_BANDS
from ticketkin.service.pages.kin_view import KinView, TicketView, compared, ticket_views
from ticketkin.service.pages.rendering import signed_in_page
from ticketkin.service.routes.answers import answer, answers, take_back
from ticketkin.service.routes.questions import relate
from ticketkin.service.schemas import AnswerIn, RelateIn
from ticketkin.service.serving_state import Serving, ServingState
from ticketkin.service.signing_in import Reviewer
from ticketkin.serving.answers import Relation
from ticketkin.store.answers import StoredAnswer, last_answer_of, standing_answers
from ticketkin.store.use import ticket_to_review
from ticketkin.tickets.reviewed import NONE, UNSURE

router = APIRouter(include_in_schema=False)
_NEAREST = 8
Name = Annotated[str, Query(min_length=1, max_length=1_000)]
FormName = Annotated[str, Form(min_length=1, max_length=1_000)]
Choice = Literal["duplicate", "related", "cause", "effect", "none", "unsure"]
_CHOICES: dict[Choice, tuple[str, str]] = {
    "duplicate": ("d", "Duplicate"),
    "related": ("r", "Related"),
    "cause": ("c", "It caused this"),
    "effect": ("e", "This caused it"),
    "none": ("n", "No kin"),
    "unsure": ("u", "Unsure"),
}
"""Key and words of each answer."""


@dataclass(frozen=True)
class Question:
    """A pair, and what people answered so far."""

    place: int
    view: KinView
    chosen: str
    """Words of the answer that stands; empty before the first."""


@router.get("/review")
def review(
    request: Request,
    serving: Serving,
    who: Reviewer,
    ticket: Name | None = None,
    again: Annotated[bool, Query()] = False,
) -> Response:
    """Show a ticket and its nearest; without a ticket, the next one.

    What is shown is kept, unless it is shown `again`: then a person has just answered.
    """
    if ticket is None:
        return _next(request, serving, who)
    if again:
        shown = serving.corpus.kin_of(ticket, _NEAREST)
        ticket_id, relations = shown.ticket_id, shown.relations
    else:
        first = relate(RelateIn(ticket=ticket, k=_NEAREST), serving, who)
        ticket_id, relations = first.ticket_id, first.relations
    return signed_in_page(
        request,
        who,
        "review.html",
        place="review",
        asked=_view(ticket_id, serving),
        questions=_questions(ticket_id, relations, serving),
        choices=_CHOICES,
        counts=answers(serving, who, 1).counts,
    )


@router.post("/review")
def answered(
    serving: Serving,
    who: Reviewer,
    ticket: FormName,
    candidate: FormName,
    choice: Annotated[Choice, Form()],
) -> Response:
    """Keep an answer and show the ticket again."""
    answer(_as_answer(ticket, candidate, choice), serving, who)
    return _back_to(ticket)


@router.post("/review/undo")
def undone(serving: Serving, who: Reviewer, ticket: FormName) -> Response:
    """Take back the last answer of whoever asks, and show the ticket that it was about."""
    with serving.corpus.database.transaction() as connection:
        last = last_answer_of(connection, who.name)
    if last is None:
        return _back_to(ticket)
    take_back(last.answer_id, serving, who)
    return _back_to(ticket if ticket in (last.source, last.target) else last.target)


def _next(request: Request, serving: ServingState, who: Reviewer) -> Response:
    with serving.corpus.database.transaction() as connection:
        name = ticket_to_review(connection, REPORTED_BANDS)
    if name is None:
        return signed_in_page(request, who, "review_done.html", place="review")
    return RedirectResponse(f"/review?{urlencode({'ticket': name})}", 303)


def _back_to(ticket: str) -> RedirectResponse:
    return RedirectResponse(f"/review?{urlencode({'ticket': ticket, 'again': 'true'})}", 303)


def _view(ticket_id: str, serving: ServingState) -> TicketView:
    return ticket_views(serving.corpus.stored([ticket_id]))[0]


def _questions(ticket_id: str, relations: Sequence[Relation], serving: ServingState) -> list[Question]:
    """Return the pairs in an order that tells nothing of how sure the model is."""
    own = next(serving.corpus.stored([ticket_id]).frame.iter_rows(named=True))
    views = compared(own, relations, serving.corpus.kin)
    views.sort(key=lambda view: stable_hash(f"{ticket_id}\n{view.ticket.name}"))
    with serving.corpus.database.transaction() as connection:
        stored = standing_answers(connection, ticket_id)
    chosen = {_other(one, ticket_id): _words(one, ticket_id) for one in stored}
    return [Question(n, view, chosen.get(view.ticket.name, "")) for n, view in enumerate(views, start=1)]


def _as_answer(ticket: str, candidate: str, choice: Choice) -> AnswerIn:
    if choice == "effect":
        return AnswerIn(source=ticket, target=candidate, answer=Kind.CAUSAL.value)
    kind = Kind.CAUSAL.value if choice == "cause" else choice
    return AnswerIn(source=candidate, target=ticket, answer=kind)


def _other(stored: StoredAnswer, ticket_id: str) -> str:
    return stored.target if stored.source == ticket_id else stored.source


def _words(stored: StoredAnswer, ticket_id: str) -> str:
    if stored.answer == Kind.CAUSAL.value:
        return _CHOICES["effect" if stored.source == ticket_id else "cause"][1]
    named: dict[str, Choice] = {
        Kind.DUPLICATE.value: "duplicate",
        Kind.RELATED.value: "related",
        NONE: "none",
        UNSURE: "unsure",
    }
    return _CHOICES[named[stored.answer]][1]
