"""Kinds of kin in a run: typed pairs, the classifier, and how well it tells them apart."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import Progress
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.core.wording import number_of
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.relations.assessment import FEWEST_OF_A_CLASS, Fit, assess, feature_fit
from ticketkin.relations.bands import Bands, ReportedBand
from ticketkin.relations.classifier import FeatureKindModel, KindModel, fit_classifier
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.relations.cross_training import CrossTrainer
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.gates import relation_gates
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.linked_kinds import LinkedKinds
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.pairs import RelationPairs, support_notes
from ticketkin.relations.record import (
    CauseQuality,
    KindsLearned,
    KindsNotLearned,
    ModelQuality,
    RelationRecord,
    SplitQuality,
    TwoStageQuality,
)
from ticketkin.relations.saving import FittedOn
from ticketkin.relations.scorer import KindScorer
from ticketkin.relations.settings import RelationModel
from ticketkin.relations.two_stage import Retrieved, two_stage_quality
from ticketkin.runs.stages import StageRun
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import champion_ranker, state_rows
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.relation_material import Material, described_pairs, fingerprints, relation_material
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_kin import retrieve_and_classify

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


@dataclass(frozen=True)
class _Lesson:
    """What is learned from, and how it is assessed."""

    material: Material
    state: PairState
    pairs: RelationPairs
    features: PairFeatures
    work: Path
    """Where cross-encoders keep what a killed assessment goes on with."""
    progress: Progress

    def cross_trainer(self) -> CrossTrainer:
        """Return what trains cross-encoders on these pairs."""
        data = self.material.data
        settings = data.job.settings
        return CrossTrainer.of(
            data.texts,
            self.pairs,
            settings.relations.cross_encoder,
            settings.encoder,
            self.work,
            self.progress,
        )

    def assessed(self, name: str, fit: Fit) -> ModelQuality:
        """Return quality, confusion and reliability of a way to fit, out of fold."""
        settings = self.material.data.job.settings
        assessment = assess(
            name,
            fit,
            self.pairs,
            n_folds=settings.relations.folds,
            # A cross-encoder is trained anew for each fold: one repeat is what that costs.
            n_repeats=1 if name == CROSS_ENCODER else settings.relations.repeats,
            seed=settings.seed,
            progress=self.progress,
        )
        return assessment.quality(settings.evaluation.n_bootstrap, settings.seed)

    def model(self, name: RelationModel, without: str = "") -> ModelQuality:
        """Return the quality of a model, perhaps without a group of features."""
        if name == CROSS_ENCODER:
            return self.assessed(name, self.cross_trainer().fit)
        features = self.features.without(without) if without else self.features
        balance = self.material.data.job.settings.relations.balance
        return self.assessed(name, feature_fit(name, features, self.pairs, balance))


def _learn(data: RunData, folder: Path, work: Path, progress: Progress) -> KindsLearned:
    settings = data.job.settings
    material = relation_material(data)
    pairs = material.pairs()
    state = PairState.fit(material.given, state_rows(data))
    notes = _notes_on(pairs)
    for line in notes:
        progress.say(f"  {line}")
    features = state.features(*described_pairs(state, material.given, pairs.left, pairs.right))
    lesson = _Lesson(material, state, pairs, features, work, progress)
    chosen = settings.relations.model
    names = dict.fromkeys((chosen, "majority", *settings.relations.compare))
    results = {name: lesson.model(name) for name in names}
    without: dict[str, Interval] = {
        group: lesson.model(chosen, group).macro_f1
        for group in _GROUPS
        if settings.relations.ablation and chosen != CROSS_ENCODER
    }
    record = KindsLearned(
        model=chosen,
        labels_from=data.links.labels_from,
        counts=pairs.counts,
        mixture_of_none=dict(pairs.mixture),
        contradictions=pairs.contradictions,
        contradiction_rule=settings.relations.contradictions,
        notes=notes[1:],
        n_folds=settings.relations.folds,
        n_repeats=settings.relations.repeats,
        seed=settings.seed,
        results=results,
        without=without,
        causes=_causes(lesson) if settings.relations.causes else None,
        two_stage=_keep(lesson, folder),
    )
    record = record.model_copy(update={"gates": relation_gates(record, FEWEST_OF_A_CLASS)})
    for line in _quality_notes(record):
        progress.say(f"  {line}")
    return record


def _causes(lesson: _Lesson) -> CauseQuality:
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
        f"{number_of(holdout.n_queries, 'holdout ticket')} with their nearest: {'; '.join(reported)} "
        "(a pair that nobody linked counts as wrong)",
    ]


def _keep(lesson: _Lesson, folder: Path) -> TwoStageQuality:
    """Fit on the training split, save it with its bands into `folder`, and return what those are worth.

    Evaluation tickets, met as a user meets them with their nearest others at the real base rate, set the
    bands; holdout tickets tell what they are worth.
    """
    data, pairs = lesson.material.data, lesson.pairs
    settings = data.job.settings
    in_train = np.zeros(len(data.tickets), dtype=np.bool_)
    in_train[data.splits.rows(data.tickets, SplitName.TRAIN)] = True
    chosen = np.flatnonzero(in_train[pairs.left] & in_train[pairs.right])
    if len(np.unique(pairs.kind[chosen])) < 2:
        raise NotEnoughDataError("The training split holds pairs of fewer than two kinds; add typed links")
    encoder, tickets = fingerprints(data)
    fitted_on = FittedOn(encoder, lesson.state.fingerprint, tickets)
    kinds = KindScorer(lesson.state, _kept_model(lesson, chosen, folder), Bands.silent(), fitted_on)
    ranker, linked = champion_ranker(data), _linked_kinds(data)
    evaluation, holdout = (
        _SplitPairs.of(lesson, ranker, kinds, linked, split)
        for split in (SplitName.EVALUATION, SplitName.HOLDOUT)
    )
    bands = Bands.fit(
        evaluation.retrieved.probabilities,
        evaluation.retrieved.similarities,
        evaluation.kinds,
        say_precision=settings.relations.say_precision,
        suggest_precision=settings.relations.suggest_precision,
        judged=[name for name, n in pairs.counts.items() if n >= FEWEST_OF_A_CLASS],
    )
    replace(kinds, bands=bands).save(folder)
    return TwoStageQuality(
        say_precision=settings.relations.say_precision,
        suggest_precision=settings.relations.suggest_precision,
        bands=bands,
        pairs_by_split={
            SplitName.TRAIN.value: _counts(pairs.kind[chosen]),
            SplitName.EVALUATION.value: evaluation.within_reach,
            SplitName.HOLDOUT.value: holdout.within_reach,
        },
        evaluation=evaluation.quality(bands),
        holdout=holdout.quality(bands),
    )


@dataclass(frozen=True)
class _SplitPairs:
    """The tickets of a split with their nearest others, as a user meets them."""

    n_queries: int
    retrieved: Retrieved
    kinds: IntArray
    """What each retrieved pair is by links."""
    within_reach: dict[str, int]
    """Linked pairs by kind, retrieved or not."""

    @classmethod
    def of(
        cls, lesson: _Lesson, ranker: Ranker, kinds: KindScorer, linked: LinkedKinds, split: SplitName
    ) -> "_SplitPairs":
        data = lesson.material.data
        queries = data.splits.rows(data.tickets, split)
        depth = data.job.settings.relations.depth
        retrieved = retrieve_and_classify(lesson.material, ranker, kinds, queries, depth, lesson.progress)
        return cls(
            len(queries),
            retrieved,
            linked.of_pairs(retrieved.query, retrieved.candidate),
            _kin_within_reach(data, linked, queries),
        )

    def quality(self, bands: Bands) -> SplitQuality:
        return two_stage_quality(bands, self.retrieved, self.kinds, self.within_reach, self.n_queries)


def _counts(kinds: IntArray) -> dict[str, int]:
    """Return pairs by kind."""
    return {name: int((kinds == code).sum()) for code, name in enumerate(KINDS)}


def _kept_model(lesson: _Lesson, places: IntArray, folder: Path) -> KindModel:
    """Return the run's model fitted on some pairs; a cross-encoder is written into `folder`."""
    settings, pairs = lesson.material.data.job.settings, lesson.pairs
    name = settings.relations.model
    if name == CROSS_ENCODER:
        return lesson.cross_trainer().keep(places, settings.seed, folder)
    fitted = fit_classifier(
        name,
        lesson.features.rows(places),
        pairs.kind[places],
        pairs.block[places],
        settings.seed,
        settings.relations.balance,
    )
    return FeatureKindModel(lesson.state, fitted)


def _linked_kinds(data: RunData) -> LinkedKinds:
    return LinkedKinds.of(data.tickets, data.links, data.groups, data.stated_kinds)


def _kin_within_reach(data: RunData, linked: LinkedKinds, queries: IntArray) -> dict[str, int]:
    """Return by kind how many pairs of a query and a ticket that it may see people linked."""
    order = data.visibility.order
    kinds = [
        kind
        for row in queries.tolist()
        for other, kind in linked.kin_of(row).items()
        if order is None or order[other] < order[row]
    ]
    return _counts(np.array(kinds, dtype=np.int64))


def _notes_on(pairs: RelationPairs) -> list[str]:
    """Return what must be known before any result: counts, rare kinds, directions, contradictions."""
    counts = ", ".join(f"{n:,} {name}" for name, n in pairs.counts.items())
    drawn = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in pairs.mixture.items())
    notes = [f"{counts} (strangers: {drawn})", *support_notes(pairs.counts, FEWEST_OF_A_CLASS)]
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
