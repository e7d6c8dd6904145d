"""What answers, what was proven of it, and who did what."""

from typing import Annotated

from fastapi import APIRouter, Query

from ticketkin.service.drift_schemas import DriftOut
from ticketkin.service.problems import responses
from ticketkin.service.schemas import AuditEntryOut, AuditOut, EmbeddingOut, ModelOut
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Administrator, Agent
from ticketkin.store.audit import newest_audit

router = APIRouter(prefix="/v1", tags=["model"])


@router.get("/model", responses=responses(401, 403, 429))
def model(serving: Serving, _: Agent) -> ModelOut:
    """Return what answers, and what was proven of it when it was made."""
    bundle, report = serving.corpus.bundle, serving.report
    record = bundle.record
    return ModelOut(
        bundle=bundle.id,
        made_by=bundle.manifest.ticketkin,
        base_model=record.base_model,
        champion=record.champion,
        verdict=report.verdict.first_line,
        grounds=report.verdict.grounds,
        readiness=report.readiness.tier,
        is_synthetic=report.synthetic,
        learned_until=record.learned_until,
        kinds="learned" if record.kinds.is_learned else f"not learned: {record.kinds.reason}",
        embeddings=[
            EmbeddingOut(name=one.name, reads=one.reads, runtime=one.runtime) for one in record.embeddings
        ],
        n_forward_passes=record.n_forward_passes,
        parity=serving.readiness().parity,
    )


@router.get("/drift", responses=responses(401, 403, 429, 503))
def drift(serving: Serving, _: Agent) -> DriftOut:
    """Return whether the newest stored tickets still are like those that the model was made from."""
    return DriftOut.of(serving.drift.drift())


@router.get("/audit", responses=responses(401, 403, 422, 429, 503))
def audit(
    serving: Serving,
    _: Administrator,
    most: Annotated[int, Query(ge=1, le=1_000, description="How many.")] = 100,
) -> AuditOut:
    """Return who did what, the newest first."""
    with serving.corpus.database.transaction() as connection:
        entries = newest_audit(connection, most)
    return AuditOut(entries=[AuditEntryOut(**vars(entry)) for entry in entries])
