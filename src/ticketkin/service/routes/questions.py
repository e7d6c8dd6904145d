"""What is a ticket to the stored ones?"""

from typing import Annotated

from fastapi import APIRouter, Query

from ticketkin.core.errors import InputError
from ticketkin.relations.bands import REPORTED_BANDS
from ticketkin.service.model_index import ModelIndex
from ticketkin.service.problems import responses
from ticketkin.service.question_schemas import KinAnswer, RelateIn, SuggestionsOut
from ticketkin.service.serving_state import Serving, ServingState
from ticketkin.service.signing_in import Agent
from ticketkin.service.ticket_schemas import Name
from ticketkin.serving.answers import Answer
from ticketkin.serving.incoming import Value
from ticketkin.store.suggestions import newest_suggestions

router = APIRouter(prefix="/v1", tags=["questions"])


@router.post("/relate", responses=responses(401, 403, 404, 413, 422, 429, 503))
def relate(asked: RelateIn, serving: Serving, _: Agent) -> KinAnswer:
    """Say what the nearest stored tickets are to a new ticket, or to a stored one, and why."""
    _check_nearest(asked.k, serving)
    model = serving.corpus.active
    if asked.ticket is not None:
        return _answer(model.kin_of(asked.ticket, asked.k), model, serving)
    title, _newline, description = (asked.text or "").strip().partition("\n")
    record: dict[str, Value] = {
        "title": title,
        "description": description,
        **asked.fields.model_dump(exclude_none=True),
    }
    if asked.as_of is not None:
        record["opened_at"] = asked.as_of
    return _answer(model.relate(record, asked.k), model, serving)


@router.get("/tickets/{name}/kin", responses=responses(401, 403, 404, 422, 429, 503))
def kin_of_ticket(
    name: Name,
    serving: Serving,
    _: Agent,
    k: Annotated[int, Query(ge=1, description="How many of the nearest tickets to look at.")] = 10,
) -> KinAnswer:
    """Say what the nearest stored tickets are to a stored one, as of when it opened."""
    _check_nearest(k, serving)
    model = serving.corpus.active
    return _answer(model.kin_of(name, k), model, serving)


def _check_nearest(k: int, serving: ServingState) -> None:
    most = serving.settings.most_nearest
    if k > most:
        raise InputError(f"k is {k:,}; at most {most:,} are allowed")


def _answer(answer: Answer, model: ModelIndex, serving: ServingState) -> KinAnswer:
    change = model.state.change
    return KinAnswer(
        ticket_id=answer.ticket_id,
        title=answer.title,
        relations=answer.relations,
        notes=answer.notes,
        bundle=answer.bundle,
        refit=answer.refit,
        change=change,
        question_id=serving.recorder.note(answer, change),
    )


@router.get("/suggestions", responses=responses(401, 403, 422, 429, 503))
def suggestions(
    serving: Serving, _: Agent, most: Annotated[int, Query(ge=1, le=200, description="How many.")] = 20
) -> SuggestionsOut:
    """Return what was said or suggested last of stored tickets, each pair once."""
    with serving.corpus.database.transaction() as connection:
        newest = newest_suggestions(connection, REPORTED_BANDS, most)
    return SuggestionsOut(suggestions=newest)
