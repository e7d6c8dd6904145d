"""Kinds of kin in a run: typed pairs, the classifier, and how well it tells them apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import Progress
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.relations.assessment import FEWEST_OF_A_CLASS
from ticketkin.relations.bands import ReportedBand
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.relations.gates import beats_guessing, relation_gates
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.pairs import RelationPairs, support_notes
from ticketkin.relations.record import (
    CauseQuality,
    ClassifierChoice,
    KindsLearned,
    KindsNotLearned,
    ModelQuality,
    RelationRecord,
)
from ticketkin.relations.settings import AUTO, RelationModel
from ticketkin.runs.stages import StageRun
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import state_rows
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.kept_kinds import keep_kinds
from ticketkin.workflows.kind_lesson import KindLesson
from ticketkin.workflows.relation_material import described_pairs, relation_material
from ticketkin.workflows.run_data import RunData

_BAND_VERBS: dict[ReportedBand, str] = {"say": "said", "suggest": "said or suggested"}
_GROUPS = ("embedding", "similarity", "fields", "values", "time")


def run_relations(run: StageRun[Job]) -> None:
    """Learn kinds where typed links allow it, and write `relations/`; else write why not.

    relations.json holds counts, quality and confusion of each model and the gates; beside it lies the
    classifier, fitted on the training split.
    """
    with run.writing(artifact.RELATIONS) as temporary:
        record: RelationRecord
        try:
            work = run.place(artifact.CROSS_ENCODER_WORK)
            record = _learn(RunData(run.values, run.job), temporary, work, run.progress)
        except NotEnoughDataError as error:
            run.progress.say(f"  kinds of kin were not learned: {error}")
            record = KindsNotLearned(reason=str(error))
        artifact.RELATIONS_JSON.write(temporary / "relations.json", record)


def _learn(data: RunData, folder: Path, work: Path, progress: Progress) -> KindsLearned:
    settings = data.job.settings.relations
    material = relation_material(data)
    pairs = material.pairs()
    state = PairState.fit(material.given, state_rows(data))
    notes = _notes_on(pairs)
    for line in notes:
        progress.say(f"  {line}")
    features = state.features(*described_pairs(state, material.given, pairs.left, pairs.right))
    lesson = KindLesson(material, state, pairs, features, work, progress)
    assessed = _Assessed.of(lesson)
    record = KindsLearned(
        model=assessed.kept,
        labels_from=data.links.labels_from,
        counts=pairs.counts,
        mixture_of_none=dict(pairs.mixture),
        contradictions=pairs.contradictions,
        contradiction_rule=settings.contradictions,
        notes=notes[1:],
        n_folds=settings.folds,
        n_repeats=lesson.n_repeats(assessed.reported),
        seed=lesson.seed,
        results=assessed.results,
        choice=assessed.choice,
        without=_ablation(lesson, assessed.kept) if settings.ablation else {},
        causes=_causes(lesson) if settings.causes else None,
        two_stage=keep_kinds(lesson, assessed.kept, assessed.kinds_to_judge(pairs.counts), folder),
    )
    record = record.model_copy(update={"gates": relation_gates(record, FEWEST_OF_A_CLASS)})
    for line in _quality_notes(record):
        progress.say(f"  {line}")
    return record


@dataclass(frozen=True)
class _Assessed:
    """The quality of each model, and which of them is kept."""

    kept: RelationModel
    reported: str
    """Whose quality is that of the kept one: its own, or that of choosing it."""
    results: dict[str, ModelQuality]
    choice: ClassifierChoice | None

    @classmethod
    def of(cls, lesson: KindLesson) -> "_Assessed":
        """Assess the kept model, the majority class, and what the settings compare."""
        settings = lesson.settings
        compared: list[RelationModel] = ["majority", *settings.compare]
        if settings.model != AUTO:
            names = dict.fromkeys([settings.model, *compared])
            return cls(settings.model, settings.model, {name: lesson.model(name) for name in names}, None)
        choice, quality = lesson.chosen()
        if settings.ablation:  # which is of one classifier, and compared with it
            compared.append(choice.chosen)
        results = {name: lesson.model(name) for name in dict.fromkeys(compared)}
        return cls(choice.chosen, AUTO, {AUTO: quality} | results, choice)

    def kinds_to_judge(self, counts: Mapping[str, int]) -> list[str]:
        """Return the kinds that may be said: enough pairs, and distinguished better than by guessing."""
        by_kind = self.results[self.reported].by_kind
        return [
            name
            for name, n in counts.items()
            if n >= FEWEST_OF_A_CLASS and beats_guessing(by_kind[name], counts)
        ]


def _ablation(lesson: KindLesson, name: RelationModel) -> dict[str, Interval]:
    """Return the macro F1 of a classifier without each group of features."""
    if name == CROSS_ENCODER:
        return {}
    return {group: lesson.model(name, group).macro_f1 for group in _GROUPS}


def _causes(lesson: KindLesson) -> CauseQuality:
    settings = lesson.material.data.job.settings
    return lesson.cross_trainer().assess_causes(settings.seed, settings.evaluation.n_bootstrap)


def _quality_notes(record: KindsLearned) -> list[str]:
    """Return how well the model tells kinds apart, and what of the holdout is said or suggested."""
    against = next(gate for gate in record.gates if gate.code == "relation_better_than_majority")
    holdout = record.two_stage.holdout
    reported = [
        f"{quality.n_reported:,} {kind} {verb}, {quality.n_right:,} right"
        for band, verb in _BAND_VERBS.items()
        for kind, quality in ((kind, holdout.of(kind, band)) for kind in holdout.by_kind)
        if quality.n_reported
    ]
    if not reported:
        target = record.two_stage.suggest_precision
        reported = [f"nothing is reported: no probability reached precision {target:.2f}"]
    return [
        f"{record.model}: {against.evidence}",
        f"{holdout.n_queries:,} holdout tickets with their nearest: {'; '.join(reported)} "
        "(a pair that nobody linked counts as wrong)",
    ]


def _notes_on(pairs: RelationPairs) -> list[str]:
    """Return what must be known before any result: counts, rare kinds, directions, contradictions."""
    counts = ", ".join(f"{n:,} {name}" for name, n in pairs.counts.items())
    drawn = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in pairs.mixture.items())
    notes = [f"{counts} (strangers: {drawn})", *support_notes(pairs.counts, FEWEST_OF_A_CLASS)]
    causal = pairs.kind == KINDS.index("causal")
    if causal.any():
        share = 100 * float(np.mean(pairs.forward[causal]))
        notes.append(f"the earlier ticket is the cause in {share:.0f} % of {int(causal.sum())} causal pairs")
    if pairs.n_apart_left_out:
        notes.append(
            f"{pairs.n_apart_left_out} pairs stated as none would join too many tickets and are left out"
        )
    if pairs.contradictions:
        notes.append(f"{len(pairs.contradictions)} pairs were given two kinds")
    return notes
