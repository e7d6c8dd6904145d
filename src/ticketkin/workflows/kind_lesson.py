"""The data from which a run learns kinds of kin, and how each way of learning them is assessed."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ticketkin.core.progress import Progress
from ticketkin.core.tables import BoolArray, IntArray, SplitName
from ticketkin.core.threads import MOST_AT_ONCE
from ticketkin.relations.assessment import Assessment, Fit, Procedure, assess, feature_fit
from ticketkin.relations.block_folds import learnable_folds
from ticketkin.relations.choice import ChosenAnew
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.relations.cross_training import CrossTrainer
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.pairs import RelationPairs
from ticketkin.relations.record import ClassifierChoice, ModelQuality
from ticketkin.relations.settings import AUTO, RelationModel, RelationSettings
from ticketkin.workflows.candidates import champion_by_folds
from ticketkin.workflows.relation_material import Material

_ONE_REPEAT = (CROSS_ENCODER, AUTO)
"""Ways of learning for which every fold needs a training, or fits of all classifiers."""
_BY_FOLDS = (SplitName.TRAIN, SplitName.EVALUATION)
"""Splits that learn, and set the bands by folds."""


@dataclass(frozen=True)
class KindLesson:
    """What is learned from, and how it is assessed."""

    material: Material
    state: PairState
    pairs: RelationPairs
    features: PairFeatures
    work: Path
    """Folder in which cross-encoders keep their results, so that a killed assessment can continue."""
    progress: Progress

    @property
    def settings(self) -> RelationSettings:
        """How kinds are learned."""
        return self.material.data.job.settings.relations

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.material.data.job.settings.seed

    @cached_property
    def training(self) -> IntArray:
        """Places of the pairs that the kept model learns from, ascending.

        Both tickets lie in the training split; where the bands are set by folds, in that or the evaluation
        split.
        """
        return self._within(_BY_FOLDS if self.band_folds else (SplitName.TRAIN,))

    @cached_property
    def band_folds(self) -> list[tuple[IntArray, IntArray]]:
        """Places of pairs to learn from and to leave out, for each of the folds that set the bands.

        Where folds judged the ranking, it ranks every ticket without having learned from its kin, so that all
        but the holdout can set the bands, not only the evaluation split with its few links. Empty where a
        split judged, where the pairs can't be dealt to folds, where each fold would train a cross-encoder.
        """
        if self.settings.trains_cross_encoders or not champion_by_folds(self.material.data):
            return []
        places = self._within(_BY_FOLDS)
        kinds, blocks = self.pairs.kind[places], self.pairs.block[places]
        folds = learnable_folds(kinds, blocks, self.settings.folds, self.seed)
        if sum(len(left_out) for _, left_out in folds) < len(places):
            return []
        return [(places[learned], places[left_out]) for learned, left_out in folds]

    def _within(self, names: Collection[SplitName]) -> IntArray:
        """Return the places of pairs whose tickets both lie in some splits, ascending."""
        data = self.material.data
        inside = np.zeros(len(data.tickets), dtype=np.bool_)
        for name in names:
            inside[data.splits.rows(data.tickets, name)] = True
        return np.flatnonzero(inside[self.pairs.left] & inside[self.pairs.right])

    @cached_property
    def judging(self) -> BoolArray:
        """Which pairs judge, shape (n_pairs,): none with a ticket that the base has learned from."""
        may_judge = self.material.data.may_judge
        judging: BoolArray = may_judge[self.pairs.left] & may_judge[self.pairs.right]
        return judging

    def cross_trainer(self, n_labels: int = len(KINDS)) -> CrossTrainer:
        """Return what trains cross-encoders on these pairs, with a head of `n_labels`."""
        data = self.material.data
        settings = data.job.settings
        trainer = CrossTrainer.of(
            data.texts, self.pairs, self.settings.cross_encoder, settings.encoder, self.work, self.progress
        )
        trainer.say_whether_fresh(n_labels)
        return trainer

    def n_repeats(self, name: str) -> int:
        """Return how often the folds that assess a model are drawn."""
        return 1 if name in _ONE_REPEAT else self.settings.repeats

    def assessed(self, name: str, fit: Fit) -> Assessment:
        """Return what a way to fit says of every pair, out of fold."""
        return assess(
            Procedure(name, fit, 1 if name == CROSS_ENCODER else MOST_AT_ONCE),
            self.pairs,
            n_folds=self.settings.folds,
            n_repeats=self.n_repeats(name),
            seed=self.seed,
            progress=self.progress,
        )

    def quality(self, assessment: Assessment) -> ModelQuality:
        """Return quality, confusion and reliability of what was said out of fold of the pairs that judge."""
        n_bootstrap = self.material.data.job.settings.evaluation.n_bootstrap
        return assessment.of_pairs(self.judging).quality(n_bootstrap, self.seed)

    def model(self, name: RelationModel, without: str = "") -> Assessment:
        """Return what a model says of every pair, perhaps without a group of features."""
        if name == CROSS_ENCODER:
            return self.assessed(name, self.cross_trainer().fit)
        features = self.features.without(without) if without else self.features
        return self.assessed(name, feature_fit(name, features, self.pairs, self.settings.balance))

    def chosen(self) -> tuple[ClassifierChoice, Assessment]:
        """Return the classifier that the training pairs choose, and what the whole procedure says.

        In every fold that assesses it, choice and fit are made anew on the other folds.
        """
        names = tuple(dict.fromkeys(self.settings.choose_from))
        anew = ChosenAnew(names, self.features, self.pairs, self.settings.balance)
        choice = anew.choose(self.training, self.seed)
        assessment = self.assessed(AUTO, anew)
        return choice.model_copy(update={"in_folds": anew.in_folds()}), assessment
