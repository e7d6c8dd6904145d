"""The metadata beside every model: when it was made, from which data, and its metrics."""

from collections.abc import Mapping, Sequence

from ticketkin.core.artifacts import hash_path
from ticketkin.core.checks import Check
from ticketkin.encoders.untouched import UntouchedEncoder
from ticketkin.evaluation.schema import CandidateResult
from ticketkin.runs.artifacts import Place
from ticketkin.runs.values import RunValues
from ticketkin.training.record import (
    CandidateTraining,
    TrainingRecord,
    UntouchedModel,
    training_versions,
    utc_now,
)
from ticketkin.training.strength import StrengthSweep

METADATA = "training_metadata.json"


def data_hashes(values: RunValues, *stored: Place) -> dict[str, str]:
    """Return the SHA-256 of files of a run by their names."""
    return {str(one): hash_path(values.path(one)) for one in stored}


def chosen_by(record: TrainingRecord, sweep: StrengthSweep | None) -> dict[str, dict[str, float | None]]:
    """Return the metrics on the evaluation links by which strength and epoch of a training were chosen."""
    measured: dict[str, float | None] = {}
    best = max(record.evaluations, key=lambda evaluation: evaluation.value, default=None)
    if best is not None:
        measured = {"mrr": best.value, "pearson": best.pearson, "spearman": best.spearman}
    if sweep is not None:
        measured["mrr"] = sweep.mrr[sweep.strengths.index(sweep.chosen)]
    return {"evaluation": measured} if measured else {}


def model_metadata(
    training: CandidateTraining | None,
    base: UntouchedEncoder,
    result: CandidateResult,
    checks: Sequence[Check],
    hashes: Mapping[str, str],
) -> CandidateTraining | UntouchedModel:
    """Return the metadata of a model: its training and metrics; without a training, those of the `base`."""
    made_at, metrics = utc_now(), _metrics(result)
    if training is not None:
        return CandidateTraining.of(
            training, made_at=made_at, data_hashes=dict(hashes), metrics=metrics, checks=list(checks)
        )
    return UntouchedModel(
        candidate="base",
        base_model=base.name,
        base_fingerprint=base.fingerprint,
        **({"base_code": base.code} if base.code else {}),
        versions=training_versions(),
        made_at=made_at,
        data_hashes=dict(hashes),
        metrics=metrics,
        checks=list(checks),
    )


def _metrics(result: CandidateResult) -> dict[str, dict[str, float | None]]:
    """Return every metric on the evaluation links, and on the holdout where it was opened for the model."""
    return {
        split: {
            name: metric.value for name, metric in (scores.retrieval.metrics | scores.pairs.metrics).items()
        }
        for split, scores in (("evaluation", result.evaluation), ("holdout", result.holdout))
        if scores is not None
    }
