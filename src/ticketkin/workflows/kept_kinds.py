"""The model of kinds that a run keeps: its bands are set and judged on tickets it has not learned from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.core.threads import at_once
from ticketkin.relations.bands import Bands
from ticketkin.relations.cause_training import CauseTrainer
from ticketkin.relations.causes import WithCauses
from ticketkin.relations.classifier import FeatureKindModel, KindModel
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.relations.fitting import fit_classifier
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.linked_kinds import LinkedKinds
from ticketkin.relations.record import TRAIN_AND_EVALUATION, SplitQuality, TwoStageQuality
from ticketkin.relations.saving import FittedOn
from ticketkin.relations.scorer import KindScorer
from ticketkin.relations.settings import Classifier, RelationModel, RelationSettings
from ticketkin.relations.two_stage import Retrieved, two_stage_quality
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.kind_lesson import KindLesson
from ticketkin.workflows.relation_material import fingerprints
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_kin import retrieve_and_classify

_MOST_TICKETS = 5_000
"""Tickets from which on no more are asked to set the bands: each costs as much as a question in service."""


def keep_kinds(
    lesson: KindLesson,
    model: RelationModel,
    judged: Collection[str],
    folder: Path,
    causes: CauseTrainer | None = None,
) -> TwoStageQuality:
    """Fit `model`, save it with its bands in `folder`, and return what those are worth.

    With `causes` a cross-encoder of causes is trained on the same pairs and contributes to the causal kind.

    The bands are set on tickets with their nearest others, at the base rate that a user meets: on those of
    the evaluation split by the kept model or, where `lesson.band_folds` allow it, on those of the training
    split, too, each ticket by a model that learned from none of its pairs. Their quality is measured on
    holdout tickets. A kind that is not among `judged` gets no band. Raises NotEnoughDataError where fewer
    than two kinds are there to learn from.
    """
    data, pairs, settings = lesson.material.data, lesson.pairs, lesson.settings
    if len(np.unique(pairs.kind[lesson.training])) < 2:
        raise NotEnoughDataError("The training split holds pairs of fewer than two kinds; add typed links")
    encoder, tickets = fingerprints(data)
    fitted_on = FittedOn(encoder, lesson.state.fingerprint, tickets)
    fitted = _fitted(lesson, model, folder)
    if causes is not None:
        fitted = WithCauses(fitted, causes.keep(lesson.training, lesson.seed, folder))
    kept = KindScorer(lesson.state, fitted, Bands.silent(), fitted_on)
    linked = LinkedKinds.of(data.tickets, data.links, data.groups, data.stated_kinds)
    desk = _Desk(lesson, champion_ranker(data), linked)
    if lesson.band_folds and model != CROSS_ENCODER:
        setting = desk.met(_by_folds(lesson, model, kept))
    else:
        setting = desk.met([(kept, data.splits.rows(data.tickets, SplitName.EVALUATION))])
    holdout = desk.met([(kept, data.splits.rows(data.tickets, SplitName.HOLDOUT))])
    bands = _fitted_bands(setting, settings, judged)
    replace(kept, bands=bands).save(folder)
    return TwoStageQuality(
        say_precision=settings.say_precision,
        suggest_precision=settings.suggest_precision,
        bands=bands,
        pairs_by_split=_pairs_by_split(lesson, setting, holdout),
        evaluation=setting.quality(bands),
        holdout=holdout.quality(bands),
    )


def _pairs_by_split(lesson: KindLesson, setting: "_Met", holdout: "_Met") -> dict[str, dict[str, int]]:
    learned = {} if lesson.band_folds else {"train": _counts(lesson.pairs.kind[lesson.training])}
    name = TRAIN_AND_EVALUATION if lesson.band_folds else SplitName.EVALUATION.value
    return {**learned, name: setting.within_reach, SplitName.HOLDOUT.value: holdout.within_reach}


def _fitted_bands(setting: "_Met", settings: RelationSettings, judged: Collection[str]) -> Bands:
    return Bands.fit(
        setting.retrieved.probabilities,
        setting.retrieved.similarities,
        setting.kinds,
        say_precision=settings.say_precision,
        suggest_precision=settings.suggest_precision,
        judged=judged,
    )


@dataclass(frozen=True)
class _Met:
    """Some tickets with their nearest others, as a user meets them."""

    n_queries: int
    retrieved: Retrieved
    kinds: IntArray
    """What each retrieved pair is by links."""
    within_reach: dict[str, int]
    """Linked pairs by kind, retrieved or not."""

    def quality(self, bands: Bands) -> SplitQuality:
        return two_stage_quality(bands, self.retrieved, self.kinds, self.within_reach, self.n_queries)


@dataclass(frozen=True)
class _Desk:
    """Where tickets are met: the ranking that finds the nearest, and what people linked."""

    lesson: KindLesson
    ranker: Ranker
    linked: LinkedKinds

    def met(self, asked: Sequence[tuple[KindScorer, IntArray]]) -> _Met:
        """Return what is met by rows of tickets, each with the model that is asked about them."""
        lesson = self.lesson
        retrieved = Retrieved.joined(
            [
                retrieve_and_classify(
                    lesson.material, self.ranker, kinds, rows, lesson.settings.depth, lesson.progress
                )
                for kinds, rows in asked
            ]
        )
        queries = np.concatenate([rows for _, rows in asked])
        return _Met(
            len(queries),
            retrieved,
            self.linked.of_pairs(retrieved.query, retrieved.candidate),
            _kin_within_reach(lesson.material.data, self.linked, queries),
        )


def _by_folds(lesson: KindLesson, model: Classifier, kept: KindScorer) -> list[tuple[KindScorer, IntArray]]:
    """Return classifiers that each learned from all folds but one, and the tickets of that fold."""
    pairs, rows = lesson.pairs, _band_rows(lesson)
    # A ticket in no pair is a stranger to all models: the first is asked.
    fold_of_ticket = np.zeros(len(lesson.material.data.tickets), dtype=np.int64)
    for number, (_, left_out) in enumerate(lesson.band_folds):
        fold_of_ticket[pairs.left[left_out]] = fold_of_ticket[pairs.right[left_out]] = number
    fitted = at_once(lambda fold: _classifier(lesson, model, fold[0]), lesson.band_folds)
    return [
        (replace(kept, model=own), rows[fold_of_ticket[rows] == number]) for number, own in enumerate(fitted)
    ]


def _band_rows(lesson: KindLesson) -> IntArray:
    """Return the tickets that set the bands by folds: the evaluation split, training tickets beside it."""
    data = lesson.material.data
    evaluation = data.splits.rows(data.tickets, SplitName.EVALUATION)
    others = data.splits.rows(data.tickets, SplitName.TRAIN)
    others = others[data.may_judge[others]]
    n_more = max(0, _MOST_TICKETS - len(evaluation))
    if len(others) > n_more:
        others = np.random.default_rng(lesson.seed).choice(others, n_more, replace=False)
    return np.sort(np.concatenate([evaluation, others]))


def _counts(kinds: IntArray) -> dict[str, int]:
    """Return pairs by kind."""
    return {name: int((kinds == code).sum()) for code, name in enumerate(KINDS)}


def _fitted(lesson: KindLesson, name: RelationModel, folder: Path) -> KindModel:
    """Return a model fitted on the training pairs; a cross-encoder is written into `folder`."""
    if name == CROSS_ENCODER:
        return lesson.cross_trainer().keep(lesson.training, lesson.seed, folder)
    return _classifier(lesson, name, lesson.training)


def _classifier(lesson: KindLesson, name: Classifier, places: IntArray) -> FeatureKindModel:
    """Return a classifier fitted on some of the pairs."""
    features, kinds, blocks = (
        lesson.features.rows(places),
        lesson.pairs.kind[places],
        lesson.pairs.block[places],
    )
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
