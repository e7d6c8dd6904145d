"""What people say of pairs of tickets."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ticketkin.service.answer_schemas import AnswerIn, AnswersOut
from ticketkin.service.problems import responses
from ticketkin.service.refusals import UnknownAnswerError
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Agent, Reviewer
from ticketkin.store.answers import (
    StoredAnswer,
    count_answers,
    newest_answers,
    put_answer,
    reviewed_pairs,
    withdraw_answer,
)
from ticketkin.store.audit import put_audit
from ticketkin.workflows.artifacts import without_formulas

router = APIRouter(prefix="/v1", tags=["answers"])
_REFUSALS = responses(401, 403, 404, 422, 429, 503)
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}


@router.post("/answers", responses=_REFUSALS)
def answer(given: AnswerIn, serving: Serving, reviewer: Reviewer) -> StoredAnswer:
    """Keep what a person says of two stored tickets; it counts at once, as a link of that kind or as none."""
    source, target = serving.corpus.named_apart(given.source, given.target)
    with serving.corpus.database.transaction() as connection:
        stored = put_answer(connection, source, target, given.answer, reviewer.name)
        put_audit(connection, reviewer.name, f"answered {given.answer}", pairs=1)
    serving.links_changed()
    return stored


@router.delete("/answers/{answer_id}", responses=_REFUSALS)
def take_back(answer_id: UUID, serving: Serving, reviewer: Reviewer) -> AnswersOut:
    """Take an answer back; what was said of the pair before it counts again."""
    with serving.corpus.database.transaction() as connection:
        if not withdraw_answer(connection, answer_id):
            raise UnknownAnswerError(f"There is no answer {answer_id} that could be taken back")
        put_audit(connection, reviewer.name, "took back an answer", pairs=1)
    serving.links_changed()
    return _answers(serving, 20)


@router.get("/answers", responses=_REFUSALS)
def answers(
    serving: Serving, _: Agent, most: Annotated[int, Query(ge=1, le=1_000, description="How many.")] = 20
) -> AnswersOut:
    """Return how many pairs have which answer, and the newest answers."""
    return _answers(serving, most)


@router.get("/answers.csv", responses=_REFUSALS | _CSV, response_class=Response)
def answers_as_csv(serving: Serving, _: Reviewer) -> Response:
    """Return each pair with its last answer, as `ticketkin run --reviewed` reads it."""
    with serving.corpus.database.transaction() as connection:
        pairs = reviewed_pairs(connection)
    return Response(without_formulas(pairs).write_csv(), media_type="text/csv; charset=utf-8")


def _answers(serving: Serving, most: int) -> AnswersOut:
    with serving.corpus.database.transaction() as connection:
        newest, counts = newest_answers(connection, most), count_answers(connection)
    return AnswersOut(counts=counts, newest=newest)
