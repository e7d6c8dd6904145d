"""What the report draws and quotes beyond report.json."""

import shlex
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ticketkin.core.tables import IntArray, SplitName
from ticketkin.evaluation.borderline import borderline_test
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.verdict import Verdict
from ticketkin.reports.material import (
    EpochCurve,
    Floats,
    MaskedKind,
    Masking,
    PairExample,
    PairSimilarities,
    RecallCurve,
    ReportMaterial,
    StrengthCurve,
    TokenLengths,
    TrainingCurve,
)
from ticketkin.runs.stages import StageRun
from ticketkin.runs.values import RunValues
from ticketkin.tickets.redaction import NOT_RECOGNISED, recognised_kinds
from ticketkin.training.candidates import trained_candidates
from ticketkin.training.record import TrainingRecord
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.judging import Judged
from ticketkin.workflows.run_data import RunData

_N_EXAMPLES = 8
_MOST_FAMILIES = 8
_MOST_CHARACTERS = 600


def report_material(
    run: StageRun[Job],
    data: RunData,
    judged: Judged,
    verdict: Verdict,
    holdout: Mapping[str, tuple[RetrievalScores, PairScores]],
) -> ReportMaterial:
    """Return curves, histograms and the worst mistakes of the champion on the holdout, or by folds."""
    stored = run.values.read(artifact.PROFILE)
    threshold = judged.thresholds[verdict.champion].threshold
    scores = holdout[verdict.champion][1]
    false_alarms, misses = _worst(data, scores, threshold)
    borderline, nearest = borderline_test(scores, threshold)
    training, strengths = _training(data)
    return ReportMaterial(
        title=", ".join(path.name for path in run.job.tickets_from),
        is_synthetic=run.job.synthetic,
        pair_similarities={
            name: PairSimilarities(
                scores.similarities.astype(np.float64), scores.labels, judged.thresholds[name].threshold
            )
            for name, (_, scores) in holdout.items()
        },
        recall_curves={
            name: RecallCurve(*map(np.array, scores.recall_curve()))
            for name, scores in judged.retrieval.items()
        },
        training=training,
        strengths=strengths,
        lengths=TokenLengths(np.array(stored.lengths_tokens, dtype=np.int64), stored.profile.limit_tokens),
        false_alarms=false_alarms,
        misses=misses,
        borderline=borderline,
        borderline_pairs=_examples(data, scores, nearest[:_N_EXAMPLES]),
        command=_command(run),
        masking=_masking(run),
    )


def _masking(run: StageRun[Job]) -> Masking:
    return Masking(
        is_on=run.job.settings.tickets.redact,
        looked_for=tuple(MaskedKind(kind.placeholder, kind.description) for kind in recognised_kinds()),
        not_looked_for=NOT_RECOGNISED,
    )


def _command(run: StageRun[Job]) -> str:
    if run.job.synthetic:
        return "ticketkin demo"
    parts = ["ticketkin", "run", *(path.name for path in run.job.sources)]
    if run.job.pairs_file is not None:
        parts += ["--pairs", run.job.pairs_file.name]
    if run.job.test_pairs_file is not None:
        parts += ["--test-pairs", run.job.test_pairs_file.name]
    if run.job.links_file is not None:
        parts += ["--links", run.job.links_file.name]
    return f"{shlex.join(parts)} --config config.toml"


def _worst(
    data: RunData, scores: PairScores, threshold: float
) -> tuple[tuple[PairExample, ...], tuple[PairExample, ...]]:
    called_kin, kin = scores.similarities >= threshold, scores.labels == 1
    alarms = np.flatnonzero(called_kin & ~kin)
    alarms = alarms[np.argsort(-scores.similarities[alarms], kind="stable")][:_N_EXAMPLES]
    missed = np.flatnonzero(~called_kin & kin)
    missed = missed[np.argsort(scores.similarities[missed], kind="stable")][:_N_EXAMPLES]
    return _examples(data, scores, alarms), _examples(data, scores, missed)


def _examples(data: RunData, scores: PairScores, places: IntArray) -> tuple[PairExample, ...]:
    """Return the scored pairs at some places, as the report quotes them."""
    pairs = data.judging_pairs() if data.is_judged_in_folds else data.pairs_of(SplitName.HOLDOUT)
    return tuple(
        PairExample(
            left_id=data.tickets.ids[pairs.left[place]],
            left_text=data.texts[pairs.left[place]][:_MOST_CHARACTERS],
            right_id=data.tickets.ids[pairs.right[place]],
            right_text=data.texts[pairs.right[place]][:_MOST_CHARACTERS],
            similarity=float(scores.similarities[place]),
            label=int(scores.labels[place]),
        )
        for place in places
    )


def _training(data: RunData) -> tuple[dict[str, TrainingCurve], dict[str, StrengthCurve]]:
    training: dict[str, TrainingCurve] = {}
    strengths: dict[str, StrengthCurve] = {}
    for name in (candidate.name for candidate in trained_candidates()):
        record = data.training_record(name)
        if record is None:
            continue
        history, sweep = record.history, record.strength
        training[name] = TrainingCurve(
            np.array(history.learning_rate), np.array(history.loss), _epochs(record)
        )
        if sweep is not None:
            strengths[name] = StrengthCurve(np.array(sweep.strengths), np.array(sweep.mrr), sweep.chosen)
    return training, strengths


def _epochs(record: TrainingRecord) -> EpochCurve | None:
    judged = record.evaluations
    if not judged:
        return None
    best = max(range(len(judged)), key=lambda place: judged[place].value)

    def values(name: str) -> Floats:
        measured = [getattr(evaluation, name) for evaluation in judged]
        return np.array([value for value in measured if value is not None], dtype=np.float64)

    return EpochCurve(values("loss"), values("value"), values("spearman"), values("pearson"), best + 1)


def whole_material(values: RunValues) -> ReportMaterial:
    """Return the verdict's material with the kinds and the largest families of a run."""
    families = values.read(artifact.FAMILIES_JSON)
    return replace(
        values.read(artifact.MATERIAL),
        relations=values.read(artifact.RELATIONS_JSON),
        families=replace(families, families=families.families[:_MOST_FAMILIES]),
    )
