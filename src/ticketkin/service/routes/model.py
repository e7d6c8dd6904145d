"""What answers, what was proven of it, and who did what."""

from typing import Annotated

from fastapi import APIRouter, Query

from ticketkin.service.access_schemas import AuditOut
from ticketkin.service.drift_schemas import DriftOut
from ticketkin.service.model_schemas import EmbeddingOut, ModelChoice, ModelOut, ModelsOut
from ticketkin.service.model_switching import switch_model
from ticketkin.service.problems import responses
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Administrator, Agent
from ticketkin.store.audit import newest_audit

router = APIRouter(prefix="/v1", tags=["model"])


@router.get("/model", responses=responses(401, 403, 429))
def model(serving: Serving, _: Agent) -> ModelOut:
    """Return what answers, and what was proven of it when it was made."""
    answering = serving.corpus.active
    bundle, report = answering.bundle, answering.report
    record = bundle.record
    return ModelOut(
        bundle=bundle.id,
        refit=answering.kin.refit_number,
        made_by=bundle.manifest.ticketkin,
        base_model=record.base_model,
        champion=record.champion,
        verdict=report.verdict.first_line,
        grounds=report.verdict.grounds,
        readiness=report.readiness.tier,
        is_synthetic=report.synthetic,
        learned_until=record.learned_until,
        kinds="learned" if record.kinds.is_learned else f"not learned: {record.kinds.reason}",
        embeddings=[EmbeddingOut(name=one.name, runtime=one.runtime) for one in record.embeddings],
        n_forward_passes=record.n_forward_passes,
        parity=serving.readiness().parity,
    )


@router.get("/models", responses=responses(401, 403, 429, 503))
def models(serving: Serving, _: Agent) -> ModelsOut:
    """Return the models that stand side by side, and which of them answers."""
    with serving.corpus.database.transaction() as connection:
        return ModelsOut.of(connection)


@router.post("/model", responses=responses(401, 403, 409, 413, 422, 429, 503))
def choose_model(chosen: ModelChoice, serving: Serving, administrator: Administrator) -> ModelsOut:
    """Let a model answer that stands ready: a new one, or the one before.

    Every process follows within two seconds. Models are added and removed by the command line.
    """
    with serving.corpus.database.transaction() as connection:
        switch_model(connection, chosen.bundle, administrator.name)
    serving.corpus.follow()
    with serving.corpus.database.transaction() as connection:
        return ModelsOut.of(connection)


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
    return AuditOut(entries=entries)
