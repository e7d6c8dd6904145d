"""Refits of the ranking: what came of each, and the way back to the bundle's own weights."""

from typing import Annotated

from fastapi import APIRouter, Query

from ticketkin.service.problems import responses
from ticketkin.service.refit_schemas import RefitsOut
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Administrator, Agent
from ticketkin.store.audit import put_audit
from ticketkin.store.refits import withdraw_refits

router = APIRouter(prefix="/v1/refits", tags=["model"])


@router.get("", responses=responses(401, 403, 422, 429, 503))
def refits(
    serving: Serving, _: Agent, most: Annotated[int, Query(ge=1, le=1_000, description="How many.")] = 20
) -> RefitsOut:
    """Return the refits of the bundle that answers, the newest first, and when the next one is due."""
    with serving.corpus.database.transaction() as connection:
        return RefitsOut.of(connection, serving.corpus.bundle, most)


@router.delete("", responses=responses(401, 403, 429, 503))
def withdraw(serving: Serving, administrator: Administrator) -> RefitsOut:
    """Let the bundle's own weights answer again, until a further refit is no worse than they are."""
    bundle = serving.corpus.bundle
    with serving.corpus.database.transaction() as connection:
        if withdraw_refits(connection, bundle.id):
            put_audit(connection, administrator.name, "withdrew the refits of the model")
    serving.corpus.follow()
    with serving.corpus.database.transaction() as connection:
        return RefitsOut.of(connection, bundle, 20)
