"""How far each source has sent its tickets."""

from typing import Annotated

from fastapi import APIRouter, Query

from ticketkin.service.problems import responses
from ticketkin.service.refusals import UnknownSourceError
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Administrator, Agent
from ticketkin.service.sync_schemas import SyncsOut
from ticketkin.store.audit import put_audit
from ticketkin.store.sync_ledger import forget_source, sync_states

router = APIRouter(prefix="/v1/syncs", tags=["tickets"])


@router.get("", responses=responses(401, 403, 429, 503))
def syncs(serving: Serving, _: Agent) -> SyncsOut:
    """Return how far each source has sent its tickets: whoever sends goes on from its cursor."""
    with serving.corpus.database.transaction() as connection:
        return SyncsOut(syncs=sync_states(connection))


@router.delete("", responses=responses(401, 403, 404, 422, 429, 503))
def forget(
    serving: Serving,
    administrator: Administrator,
    source: Annotated[str, Query(min_length=1, max_length=200, description="Its name.")],
) -> SyncsOut:
    """Forget how far a source has sent, so that it is sent from its beginning; its tickets stay."""
    with serving.corpus.database.transaction() as connection:
        if not forget_source(connection, source):
            raise UnknownSourceError(f"No source {source[:60]!r} has sent tickets; GET /v1/syncs names all")
        put_audit(connection, administrator.name, "forgot how far a source has sent")
    return syncs(serving, administrator)
