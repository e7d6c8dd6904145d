"""Review: one ticket beside its nearest, for a person to say what each is to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from ticketkin.core.tables import Kind
from ticketkin.lexical.vocabulary import stable_hash
from ticketkin.service.answer_schemas import AnswerIn
from ticketkin.service.pages.kin_view import KinView, TicketView, compared, ticket_views
from ticketkin.service.pages.rendering import signed_in_page
from ticketkin.service.pages.wording import ANSWER_TITLES, agreement, when_to_stop
from ticketkin.service.question_schemas import RelateIn
from ticketkin.service.refitting import can_refit
from ticketkin.service.review_questions import next_question, sampled, strata_in_use
from ticketkin.service.routes.answers import answer, answers, take_back
from ticketkin.service.routes.questions import relate
from ticketkin.service.serving_state import Serving, ServingState
from ticketkin.service.signing_in import Reviewer
from ticketkin.serving.answers import Relation
from ticketkin.store.answers import StoredAnswer, answers_of, last_answer_of, pairs_of_answers
from ticketkin.store.refits import n_without_change, refits_of
from ticketkin.store.review_draws import ShownPair, shown_beside
from ticketkin.store.use import ticket_to_review
from ticketkin.tickets.reviewed import NONE, UNSURE

router = APIRouter(include_in_schema=False)
_NEAREST = 8
_MOST_REFITS = 10
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
    """A pair, and what the person who is asked answered so far."""

    place: int
    view: KinView
    chosen: str
    """Words of the answer that stands; empty before the first."""
    may_be_proposed: bool
    """Whether closing the ticket under the candidate can be proposed: a duplicate, and both are open."""


@router.get("/review")
def review(
    request: Request,
    serving: Serving,
    who: Reviewer,
    ticket: Name | None = None,
    about: Annotated[str, Query(max_length=1_000)] = "",
    again: Annotated[bool, Query()] = False,
) -> Response:
    """Show a ticket and its nearest, first the candidate that is asked `about`; without a ticket, the next.

    What is shown is kept as stated, unless a person is asked about what was stated before, or it is shown
    `again` after an answer.
    """
    if ticket is None:
        return _next(request, serving, who)
    if about or again:
        shown = serving.corpus.kin_of(ticket, _NEAREST)
        ticket_id, relations = shown.ticket_id, _with(about, shown.relations, ticket, serving)
    else:
        first = relate(RelateIn(ticket=ticket, k=_NEAREST), serving, who)
        ticket_id, relations = first.ticket_id, first.relations
    with serving.corpus.database.transaction() as connection:
        judged_by_two = pairs_of_answers(connection)
    return signed_in_page(
        request,
        who,
        "review.html",
        place="review",
        asked=_view(ticket_id, serving),
        about=about,
        questions=_questions(ticket_id, relations, about, serving, who.name),
        choices=_CHOICES,
        counts=answers(serving, who, 1).counts,
        answer_titles=ANSWER_TITLES,
        agreement=agreement(judged_by_two),
        when_to_stop=_when_to_stop(serving),
    )


@router.post("/review")
def answered(
    serving: Serving,
    who: Reviewer,
    ticket: FormName,
    candidate: FormName,
    choice: Annotated[Choice, Form()],
    about: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Keep an answer and show the ticket again."""
    answer(_as_answer(ticket, candidate, choice), serving, who)
    return _back_to(ticket, about)


@router.post("/review/undo")
def undone(
    serving: Serving, who: Reviewer, ticket: FormName, about: Annotated[str, Form(max_length=1_000)] = ""
) -> Response:
    """Take back the last answer of whoever asks, and show the pair that it was about.

    The ticket that is looked at stays as it is where the answer was about it; another one is shown with the
    pair first.
    """
    with serving.corpus.database.transaction() as connection:
        last = last_answer_of(connection, who.name)
        pair = () if last is None else (last.target, last.source)
        shown = shown_beside(connection, serving.corpus.bundle.id, pair)
    if last is None:
        return _back_to(ticket, about)
    take_back(last.answer_id, serving, who)
    if ticket in pair:
        return _back_to(ticket, about)
    return _back_to(*_as_asked(last, shown))


def _next(request: Request, serving: ServingState, who: Reviewer) -> Response:
    pair = next_question(serving, who.name)
    if pair is not None:
        return _sent_to(ticket=pair.ticket_id, about=pair.candidate)
    with serving.corpus.database.transaction() as connection:
        name = ticket_to_review(connection)
    if name is None:
        return signed_in_page(
            request, who, "review_done.html", place="review", when_to_stop=_when_to_stop(serving)
        )
    return _sent_to(ticket=name)


def _back_to(ticket: str, about: str = "") -> RedirectResponse:
    return _sent_to(ticket=ticket, about=about, again="true")


def _sent_to(**params: str) -> RedirectResponse:
    given = {name: value for name, value in params.items() if value}
    return RedirectResponse(f"/review?{urlencode(given)}", 303)


def _when_to_stop(serving: ServingState) -> str:
    with serving.corpus.database.transaction() as connection:
        bundle = serving.corpus.bundle
        unchanged = n_without_change(refits_of(connection, bundle.id, _MOST_REFITS))
        return when_to_stop(
            sampled(strata_in_use(connection, serving)), unchanged if can_refit(bundle) else None
        )


def _with(about: str, relations: Sequence[Relation], ticket: str, serving: ServingState) -> list[Relation]:
    """Return the nearest, and the candidate that is asked about where it is not among them any more."""
    if not about or any(one.ticket_id == about for one in relations):
        return list(relations)
    more = serving.corpus.kin_of(ticket, serving.settings.most_nearest).relations
    return [*relations, *(one for one in more if one.ticket_id == about)]


def _view(ticket_id: str, serving: ServingState) -> TicketView:
    return ticket_views(serving.corpus.stored([ticket_id]))[0]


def _questions(
    ticket_id: str, relations: Sequence[Relation], about: str, serving: ServingState, reviewer: str
) -> list[Question]:
    """Return the pairs in an order that tells nothing of how sure the model is, the one asked about first.

    What others answered is not shown, so that two people judge a pair each on their own.
    """
    asked = serving.corpus.stored([ticket_id])
    own, is_open = asked.one_by_field(0), ticket_views(asked)[0].is_open
    views = compared(own, relations, serving.corpus.kin)
    views.sort(key=lambda view: (view.ticket.name != about, stable_hash(f"{ticket_id}\n{view.ticket.name}")))
    with serving.corpus.database.transaction() as connection:
        stored = answers_of(connection, ticket_id, reviewer)
    chosen = {_other(one, ticket_id): _words(one, ticket_id) for one in stored}
    duplicate = _CHOICES["duplicate"][1]
    return [
        Question(n, view, words, words == duplicate and is_open and view.ticket.is_open)
        for n, view in enumerate(views, start=1)
        for words in [chosen.get(view.ticket.name, "")]
    ]


def _as_answer(ticket: str, candidate: str, choice: Choice) -> AnswerIn:
    if choice == "effect":
        return AnswerIn(source=ticket, target=candidate, answer=Kind.CAUSAL.value)
    kind = Kind.CAUSAL.value if choice == "cause" else choice
    return AnswerIn(source=candidate, target=ticket, answer=kind)


def _as_asked(stored: StoredAnswer, shown: Mapping[str, Sequence[ShownPair]]) -> tuple[str, str]:
    """Return the ticket of a pair that was asked about, and its candidate: a cause may be either of them."""
    target, source = stored.target, stored.source
    is_turned = any(one.candidate == target for one in shown.get(source, []))
    return (source, target) if is_turned else (target, source)


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
