"""The record of a verdict, put together from what its stage decided and what earlier stages recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np

from ticketkin.core.checks import Check
from ticketkin.core.tables import SplitName
from ticketkin.evaluation.proof_results import Comparison
from ticketkin.evaluation.recorded import SplitCounts
from ticketkin.evaluation.schema import (
    SCHEMA_VERSION,
    CandidateResult,
    CheckResult,
    CriterionResult,
    EncoderRuntime,
    OpeningsResult,
    VerdictRecord,
    Warning,
)
from ticketkin.evaluation.verdict import Verdict
from ticketkin.runs.holdout_ledger import Looks
from ticketkin.runs.stages import StageRun
from ticketkin.training.candidates import CANDIDATES
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.pair_files import text_pairs
from ticketkin.workflows.proof_record import Proof
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_warnings import base_warning, warnings_of_run
from ticketkin.workflows.runtimes import judged_by
from ticketkin.workflows.versions import versions


@dataclass(frozen=True)
class Decision:
    """What the verdict stage decided, and what it measured to decide."""

    verdict: Verdict
    candidates: Mapping[str, CandidateResult]
    """By name, in the order of the table."""
    comparisons: Sequence[Comparison]
    checks: Sequence[Check]
    criteria: Sequence[CriterionResult]
    """Of readiness."""
    proof: Proof
    looks: Looks
    """How often the links that judge were opened."""


def verdict_record(run: StageRun[Job], data: RunData, decision: Decision) -> VerdictRecord:
    """Return the whole record of a verdict; paths of this machine still stand in it."""
    imported = run.values.read(artifact.IMPORT_SUMMARY)
    profile = run.values.read(artifact.PROFILE).profile
    links = run.values.read(artifact.LINK_SUMMARY)
    return VerdictRecord(
        schema_version=SCHEMA_VERSION,
        verdict=decision.verdict.result(holdout_opened_at=datetime.now(UTC).isoformat(timespec="seconds")),
        candidates={name: _with_training(run, data, name, one) for name, one in decision.candidates.items()},
        comparisons=list(decision.comparisons),
        cross_fitting=decision.proof.cross_fitting,
        power=decision.proof.power,
        learning_curve=decision.proof.learning_curve,
        warnings=[
            *base_warning(data.base_learned),
            *decision.verdict.warnings,
            *warnings_of_run(run.job, imported, profile, links),
            *_left_out_warnings(data),
        ],
        diagnostics=[CheckResult.of(check) for check in decision.checks],
        criteria=list(decision.criteria),
        cost=run.seconds,
        tickets=asdict(imported),
        links=links.model_dump(mode="json"),
        pairs=data.pair_account.model_dump(mode="json"),
        splits=_split_counts(data),
        profile=asdict(profile),
        encoder=asdict(run.values.read(artifact.BASE_ENCODER)),
        runtimes=[
            EncoderRuntime(encoder=name, judged_by=(by := judged_by(data, name)), serves=by)
            for name in decision.candidates
            if CANDIDATES[name].role == "encoder"
        ],
        openings=OpeningsResult.of(decision.looks),
        test_pairs_sha256=text_pairs(data, SplitName.HOLDOUT).digest(),
        synthetic=run.job.synthetic,
        seed=run.job.settings.seed,
        versions=versions(),
    )


def _with_training(
    run: StageRun[Job], data: RunData, name: str, candidate: CandidateResult
) -> CandidateResult:
    """Return a candidate's result with the record and the seconds of its training."""
    record = data.training_record(name)
    return candidate.model_copy(
        update={
            "training": None if record is None else record.model_dump(mode="json"),
            "cost_seconds": run.seconds.get("embed" if name == "base" else name),
        }
    )


def _split_counts(data: RunData) -> dict[str, SplitCounts]:
    counts = {}
    for name in SplitName:
        rows = data.splits.rows(data.tickets, name)
        counts[name.value] = SplitCounts(
            n_tickets=len(rows),
            n_with_kin=int(data.groups.has_kin[rows].sum()),
            n_kin_groups=len(np.unique(data.groups.group[rows][data.groups.has_kin[rows]])),
            n_queries=len(data.queries(name)),
        )
    return counts


def _left_out_warnings(data: RunData) -> list[Warning]:
    """Say which candidates that were asked for do not stand in the table, and why."""
    return [Warning(code=f"{one.candidate}_left_out", message=one.left_out) for one in data.left_out()]
