"""What is a ticket to the stored ones?"""

from typing import Annotated

from fastapi import APIRouter, Query

from ticketkin.core.errors import InputError
from ticketkin.service.problems import responses
from ticketkin.service.schemas import KinAnswer, Name, RelateIn
from ticketkin.service.serving_state import Serving, ServingState
from ticketkin.serving.answers import Answer
from ticketkin.serving.incoming import Value

router = APIRouter(prefix="/v1", tags=["questions"])


@router.post("/relate", responses=responses(401, 403, 404, 413, 422, 429, 503))
def relate(asked: RelateIn, serving: Serving) -> KinAnswer:
    """Say what the nearest stored tickets are to a new ticket, or to a stored one, and why."""
    _check_nearest(asked.k, serving)
    if asked.ticket is not None:
        return _answer(serving.corpus.kin_of(asked.ticket, asked.k), serving)
    title, _, description = (asked.text or "").strip().partition("\n")
    record: dict[str, Value] = {
        "title": title,
        "description": description,
        **asked.fields.model_dump(exclude_none=True),
    }
    if asked.as_of is not None:
        record["opened_at"] = asked.as_of
    return _answer(serving.corpus.relate(record, asked.k), serving)


@router.get("/tickets/{name}/kin", responses=responses(401, 403, 404, 422, 429, 503))
def kin_of_ticket(
    name: Name,
    serving: Serving,
    k: Annotated[int, Query(ge=1, description="How many of the nearest tickets to look at.")] = 10,
) -> KinAnswer:
    """Say what the nearest stored tickets are to a stored one, as of when it opened."""
    _check_nearest(k, serving)
    return _answer(serving.corpus.kin_of(name, k), serving)


def _check_nearest(k: int, serving: ServingState) -> None:
    most = serving.settings.most_nearest
    if k > most:
        raise InputError(f"k is {k:,}; at most {most:,} are allowed")


def _answer(answer: Answer, serving: ServingState) -> KinAnswer:
    return KinAnswer(
        ticket_id=answer.ticket_id,
        title=answer.title,
        relations=answer.relations,
        notes=answer.notes,
        bundle=serving.corpus.bundle.id,
        change=serving.corpus.state.change,
    )
