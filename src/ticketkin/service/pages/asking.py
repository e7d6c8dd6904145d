"""Ask: a ticket by its text or its number, and what the stored ones are to it."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict

from ticketkin.core.tables import Tickets
from ticketkin.service.pages.kin_view import AnswerView, answer_view
from ticketkin.service.pages.rendering import signed_in_page
from ticketkin.service.pages.wording import FIELD_TITLES
from ticketkin.service.question_schemas import RelateIn
from ticketkin.service.routes.questions import relate
from ticketkin.service.serving_state import Serving, ServingState
from ticketkin.service.signing_in import Agent
from ticketkin.service.ticket_schemas import Fields, Text
from ticketkin.serving.incoming import new_ticket
from ticketkin.store.keys import Identity
from ticketkin.tickets.references import looks_like_id

router = APIRouter(include_in_schema=False)


class AskForm(BaseModel):
    """What a person types."""

    model_config = ConfigDict(extra="forbid")

    text: Text = ""
    category: Text = ""
    subcategory: Text = ""
    service: Text = ""
    configuration_item: Text = ""
    assignment_group: Text = ""
    priority: Text = ""

    @property
    def fields(self) -> dict[str, str]:
        """What is known beside the text."""
        return {name: value for name in FIELD_TITLES if (value := getattr(self, name).strip())}


@router.get("/")
@router.get("/ask")
def ask_page(
    request: Request,
    serving: Serving,
    who: Agent,
    ticket: Annotated[str | None, Query(min_length=1, max_length=1_000)] = None,
) -> HTMLResponse:
    """Show the question, and the answer about a stored ticket where its id or number is given."""
    answer = None if ticket is None else _about_stored(ticket, serving, who)
    return _page(request, who, AskForm(text=ticket or ""), answer)


@router.post("/ask")
def answer_page(
    request: Request, serving: Serving, who: Agent, asked: Annotated[AskForm, Form()]
) -> HTMLResponse:
    """Answer about a ticket, by its text or by the id or number of a stored one."""
    text = asked.text.strip()
    is_stored = serving.corpus.kin.index.row_of(text) is not None
    if is_stored or (looks_like_id(text) and not asked.fields):
        return _page(request, who, asked, _about_stored(text, serving, who))
    return _page(request, who, asked, _about_new(text, asked.fields, serving, who))


def _page(request: Request, who: Identity, asked: AskForm, answer: AnswerView | None) -> HTMLResponse:
    values = {"asked": asked, "given": asked.fields, "fields": FIELD_TITLES, "answer": answer}
    return signed_in_page(request, who, "ask.html", place="ask", **values)


def _about_stored(name: str, serving: ServingState, who: Identity) -> AnswerView:
    answer = relate(RelateIn(ticket=name), serving, who)
    return answer_view(serving.corpus.stored([answer.ticket_id]), answer, serving.corpus.kin)


def _about_new(text: str, fields: dict[str, str], serving: ServingState, who: Identity) -> AnswerView:
    answer = relate(RelateIn(text=text, fields=Fields(**fields)), serving, who)
    return answer_view(_as_read(text, fields, serving), answer, serving.corpus.kin)


def _as_read(text: str, fields: dict[str, str], serving: ServingState) -> Tickets:
    """Return a new ticket cleaned and masked, as it was compared."""
    bundle = serving.corpus.bundle
    return new_ticket(text, fields, bundle.ticket_settings, bundle.pseudonymising).tickets
