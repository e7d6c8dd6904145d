"""The model of kinds that a run keeps: fitted on the training split, its bands set and judged on others."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.relations.bands import Bands
from ticketkin.relations.cause_training import CauseTrainer
from ticketkin.relations.causes import WithCauses
from ticketkin.relations.classifier import FeatureKindModel, KindModel
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.relations.fitting import fit_classifier
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.linked_kinds import LinkedKinds
from ticketkin.relations.record import SplitQuality, TwoStageQuality
from ticketkin.relations.saving import FittedOn
from ticketkin.relations.scorer import KindScorer
from ticketkin.relations.settings import RelationModel, RelationSettings
from ticketkin.relations.two_stage import Retrieved, two_stage_quality
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.kind_lesson import KindLesson
from ticketkin.workflows.relation_material import fingerprints
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_kin import retrieve_and_classify


def keep_kinds(
    lesson: KindLesson,
    model: RelationModel,
    judged: Collection[str],
    folder: Path,
    causes: CauseTrainer | None = None,
) -> TwoStageQuality:
    """Fit `model` on the training split, save it with its bands in `folder`, and return what those are worth.

    With `causes` a cross-encoder of causes is trained on the same pairs and contributes to the causal kind.

    The bands are set on evaluation tickets with their nearest others, at the base rate that a user meets;
    their quality is measured on holdout tickets. A kind that is not among `judged` gets no band. Raises
    NotEnoughDataError where the training split holds fewer than two kinds.
    """
    data, pairs, settings = lesson.material.data, lesson.pairs, lesson.settings
    if len(np.unique(pairs.kind[lesson.training])) < 2:
        raise NotEnoughDataError("The training split holds pairs of fewer than two kinds; add typed links")
    encoder, tickets = fingerprints(data)
    fitted_on = FittedOn(encoder, lesson.state.fingerprint, tickets)
    fitted = _fitted(lesson, model, folder)
    if causes is not None:
        fitted = WithCauses(fitted, causes.keep(lesson.training, lesson.seed, folder))
    kinds = KindScorer(lesson.state, fitted, Bands.silent(), fitted_on)
    ranker = champion_ranker(data)
    linked = LinkedKinds.of(data.tickets, data.links, data.groups, data.stated_kinds)
    evaluation, holdout = (
        _SplitPairs.of(lesson, ranker, kinds, linked, split)
        for split in (SplitName.EVALUATION, SplitName.HOLDOUT)
    )
    bands = _fitted_bands(evaluation, settings, judged)
    replace(kinds, bands=bands).save(folder)
    return TwoStageQuality(
        say_precision=settings.say_precision,
        suggest_precision=settings.suggest_precision,
        bands=bands,
        pairs_by_split={
            SplitName.TRAIN.value: _counts(pairs.kind[lesson.training]),
            SplitName.EVALUATION.value: evaluation.within_reach,
            SplitName.HOLDOUT.value: holdout.within_reach,
        },
        evaluation=evaluation.quality(bands),
        holdout=holdout.quality(bands),
    )


def _fitted_bands(evaluation: "_SplitPairs", settings: RelationSettings, judged: Collection[str]) -> Bands:
    return Bands.fit(
        evaluation.retrieved.probabilities,
        evaluation.retrieved.similarities,
        evaluation.kinds,
        say_precision=settings.say_precision,
        suggest_precision=settings.suggest_precision,
        judged=judged,
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
        cls, lesson: KindLesson, ranker: Ranker, kinds: KindScorer, linked: LinkedKinds, split: SplitName
    ) -> "_SplitPairs":
        data = lesson.material.data
        queries = data.splits.rows(data.tickets, split)
        depth = lesson.settings.depth
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


def _fitted(lesson: KindLesson, name: RelationModel, folder: Path) -> KindModel:
    """Return a model fitted on the training split; a cross-encoder is written into `folder`."""
    places, pairs = lesson.training, lesson.pairs
    if name == CROSS_ENCODER:
        return lesson.cross_trainer().keep(places, lesson.seed, folder)
    features, kinds, blocks = lesson.features.rows(places), pairs.kind[places], pairs.block[places]
    fitted = fit_classifier(name, features, kinds, blocks, lesson.seed, lesson.settings.balance)
    return FeatureKindModel(lesson.state, fitted)


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
