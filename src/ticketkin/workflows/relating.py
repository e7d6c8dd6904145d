"""Kinds of kin in a run: typed pairs, the classifier, and how well it tells them apart."""

from pathlib import Path

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import Progress
from ticketkin.core.wording import number_of
from ticketkin.relations.assessment import FEWEST_OF_A_CLASS
from ticketkin.relations.bands import ReportedBand
from ticketkin.relations.cause_training import FEWEST_CAUSES, CauseTrainer
from ticketkin.relations.cross_training import N_CAUSE_LABELS
from ticketkin.relations.gates import relation_gates
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.pairs import RelationPairs, support_notes
from ticketkin.relations.record import CauseQuality, KindsLearned, KindsNotLearned, RelationRecord
from ticketkin.runs.stages import StageRun
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import state_rows, training_state
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.cross_judging import label_free_corpus
from ticketkin.workflows.kept_kinds import keep_kinds
from ticketkin.workflows.kind_assessment import AssessedKinds
from ticketkin.workflows.kind_lesson import KindLesson
from ticketkin.workflows.relation_material import Material, described_pairs, relation_material
from ticketkin.workflows.run_data import RunData

_BAND_VERBS: dict[ReportedBand, str] = {"say": "said", "suggest": "said or suggested"}
_STRANGERS = {
    "told": "stated as such",
    "lexical": "alike in words",
    "same_time": "filed within an hour",
    "same_category": "of one category",
    "random": "drawn at random",
}


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
    state = _pair_state(data, material)
    notes = _notes_on(pairs)
    lesson = KindLesson(
        material,
        state,
        pairs,
        state.features(*described_pairs(state, material, pairs.left, pairs.right)),
        work,
        progress,
    )
    notes += _notes_on_judging(lesson)
    for line in notes:
        progress.say(f"  {line}")
    assessed = AssessedKinds.of(lesson)
    causes = assessed.causes(lesson) if settings.causes else None
    left_out = _why_causes_are_not_read(lesson, causes)
    reading = (
        CauseTrainer(lesson.cross_trainer(N_CAUSE_LABELS)) if causes is not None and not left_out else None
    )
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
        without=assessed.ablation(lesson) if settings.ablation else {},
        causes=causes,
        causes_left_out=left_out,
        two_stage=keep_kinds(lesson, assessed.kept, assessed.kinds_to_judge, folder, reading),
    )
    record = record.model_copy(update={"gates": relation_gates(record, FEWEST_OF_A_CLASS)})
    for line in _quality_notes(record):
        progress.say(f"  {line}")
    return record


def _pair_state(data: RunData, material: Material) -> PairState:
    """Return the state over the tickets that the statistics of the ranking are fitted on.

    So a ticket is described in words once for both. Where folds judge, they are all tickets, and no label
    shapes them.
    """
    if data.is_judged_in_folds:
        return PairState.fit(material.given, np.arange(len(data.tickets)), label_free_corpus(data).state)
    return PairState.fit(material.given, state_rows(data), training_state(data))


def _notes_on_judging(lesson: KindLesson) -> list[str]:
    """Return how many pairs judge, where some don't. Raises NotEnoughDataError where too few kinds do."""
    judging, kinds = lesson.judging, lesson.pairs.kind
    if judging.all():
        return []
    called = lesson.material.data.base_learned.name
    if len(np.unique(kinds[judging])) < 2:
        raise NotEnoughDataError(
            f"the base, {called}, learned from tickets of nearly all typed pairs: of "
            f"{number_of(len(kinds), 'pair')} {int(judging.sum()):,} are left to judge by"
        )
    return [
        f"{number_of(int((~judging).sum()), 'pair holds', 'pairs hold')} a ticket that the base, {called}, "
        f"learned from, or its kin: they train and judge nothing; {int(judging.sum()):,} judge"
    ]


def _why_causes_are_not_read(lesson: KindLesson, causes: CauseQuality | None) -> str:
    """Return why no cross-encoder of causes is kept though it was asked for, "" where one is."""
    if causes is None:
        return ""
    if not causes.helps:
        return f"the causal kind gains nothing beyond doubt (PR-AUC {causes.gain})"
    n_causal = int((lesson.pairs.kind[lesson.training] == KINDS.index("causal")).sum())
    if n_causal < FEWEST_CAUSES:
        learned_from = number_of(n_causal, "causal pair")
        return f"the training split holds {learned_from}, {FEWEST_CAUSES} are needed to learn from"
    return ""


def _quality_notes(record: KindsLearned) -> list[str]:
    """Return how well the model tells kinds apart, and what of the holdout is said or suggested."""
    against = next(gate for gate in record.gates if gate.code == "relation_better_than_majority")
    holdout = record.two_stage.holdout
    reported = [
        f"{kind} {verb} of {number_of(quality.n_reported, 'pair')}, {quality.n_right:,} right"
        for band, verb in _BAND_VERBS.items()
        for kind, quality in ((kind, holdout.of(kind, band)) for kind in holdout.by_kind)
        if quality.n_reported
    ]
    if not reported:
        target = record.two_stage.suggest_precision
        reported = [f"nothing is reported: no probability reached precision {target:.2f}"]
    return [
        f"how well {record.judged_name} tells kinds apart: {against.evidence}",
        f"of {number_of(holdout.n_queries, 'holdout ticket')} and their nearest: {'; '.join(reported)} "
        "(a pair that nobody linked counts as wrong)",
    ]


def _notes_on(pairs: RelationPairs) -> list[str]:
    """Return what must be known before any result: counts, rare kinds, directions, contradictions."""
    counts = ", ".join(f"{n:,} {name}" for name, n in pairs.counts.items())
    drawn = ", ".join(f"{n:,} {_STRANGERS.get(name, name)}" for name, n in pairs.mixture.items())
    notes = [
        f"pairs to learn from: {counts}; of those of none {drawn}",
        *support_notes(pairs.counts, FEWEST_OF_A_CLASS),
    ]
    causal = pairs.kind == KINDS.index("causal")
    if causal.any():
        share = 100 * float(np.mean(pairs.forward[causal]))
        notes.append(
            f"the earlier ticket is the cause in {share:.0f} % of "
            f"{number_of(int(causal.sum()), 'causal pair')}"
        )
    if pairs.n_apart_left_out:
        notes.append(
            f"{number_of(pairs.n_apart_left_out, 'pair')} stated as none would join too many tickets: "
            "left out"
        )
    if pairs.contradictions:
        notes.append(f"{number_of(len(pairs.contradictions), 'pair was', 'pairs were')} given two kinds")
    return notes
