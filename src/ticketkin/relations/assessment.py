"""How well a model tells kinds apart: repeated folds that share no ticket, every class always present."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.stage_settings import LARGEST_SEED
from ticketkin.core.tables import BoolArray, Float64Array, IntArray
from ticketkin.core.threads import MOST_AT_ONCE, at_once
from ticketkin.core.wording import number_of
from ticketkin.evaluation.bootstrap import Interval, Resamples, mean_interval, percentile_interval
from ticketkin.relations.balance import Balance
from ticketkin.relations.block_folds import block_folds
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.fitting import fit_classifier
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pairs import RelationPairs
from ticketkin.relations.record import DirectionByTime, KindQuality, ModelQuality, ReliabilityBin
from ticketkin.relations.settings import Classifier

_N_BINS = 10
FEWEST_OF_A_CLASS = 10


@dataclass(frozen=True)
class Assessment:
    """Out-of-fold predictions of one model over all repeats, and what they are worth."""

    model: str
    probabilities: list[Float64Array]
    """For each repeat, shape (n_pairs, 4)."""
    kinds: IntArray
    blocks: IntArray
    forward: BoolArray
    """Of causal pairs, True where the earlier ticket is the cause."""

    def of_pairs(self, chosen: BoolArray) -> "Assessment":
        """Return the predictions for some of the pairs."""
        said = [values[chosen] for values in self.probabilities]
        return Assessment(self.model, said, self.kinds[chosen], self.blocks[chosen], self.forward[chosen])

    def direction_by_time(self) -> DirectionByTime:
        """Return how many causes are detected, mean over repeats, and in what share the earlier is the cause.

        That share is how often "the earlier caused the later" is right where a cause is predicted.
        """
        causal = KINDS.index("causal")
        detected = [(self.kinds == causal) & (p.argmax(axis=1) == causal) for p in self.probabilities]
        n_detected = float(np.mean([hits.sum() for hits in detected]))
        n_right = float(np.mean([(hits & self.forward).sum() for hits in detected]))
        return DirectionByTime(
            n_detected=n_detected, share_right=n_right / n_detected if n_detected else None
        )

    def quality(self, n_bootstrap: int, seed: int) -> ModelQuality:
        """Return F1, precision and recall over all kinds and of each, Brier score, reliability, direction.

        Scores are means over repeats, their 95 % interval by the bootstrap over blocks. A kind without a
        pair counts nothing and has no value.
        """
        resamples = Resamples.draw(self.blocks, n_bootstrap, seed)
        scores = [
            _ClassScores.of(self.kinds, values.argmax(axis=1), resamples) for values in self.probabilities
        ]
        present = [code for code in range(len(KINDS)) if (self.kinds == code).any()]

        def interval(metric: Callable[[_ClassScores], Float64Array]) -> Interval:
            means = np.mean([metric(one) for one in scores], axis=0)
            return percentile_interval(float(means[0]), means[1:])

        def of_kind(code: int) -> KindQuality:
            n = int((self.kinds == code).sum())
            if not n:
                return KindQuality(n=0, precision=None, recall=None, f1=None)
            return KindQuality(
                n=n,
                precision=interval(lambda scores: scores.precision[:, code]),
                recall=interval(lambda scores: scores.recall[:, code]),
                f1=interval(lambda scores: scores.f1[:, code]),
            )

        return ModelQuality(
            macro_f1=interval(lambda scores: scores.macro_f1(present)),
            weighted_f1=interval(lambda scores: scores.weighted_f1(present)),
            brier=self._brier(resamples),
            by_kind={name: of_kind(code) for code, name in enumerate(KINDS)},
            confusion=self.confusion().tolist(),
            reliability={kind: self.reliability(kind) for kind in KINDS},
            direction_by_time=self.direction_by_time(),
        )

    def _brier(self, resamples: Resamples) -> Interval:
        """Return the mean squared error of all probabilities, summed over kinds (Brier 1950)."""
        truth = np.eye(len(KINDS))[self.kinds]
        error = np.mean([((values - truth) ** 2).sum(axis=1) for values in self.probabilities], axis=0)
        return mean_interval(error, resamples)

    def confusion(self) -> Float64Array:
        """Return pairs by true kind (rows) and predicted kind (columns), mean over repeats, shape (4, 4)."""
        counts = np.zeros((len(KINDS), len(KINDS)))
        for values in self.probabilities:
            np.add.at(counts, (self.kinds, values.argmax(axis=1)), 1)
        mean: Float64Array = counts / len(self.probabilities)
        return mean

    def reliability(self, kind: str) -> list[ReliabilityBin]:
        """Return predicted and true shares for each tenth of the probability of a kind that holds a pair."""
        code = KINDS.index(kind)
        predicted = np.concatenate([values[:, code] for values in self.probabilities])
        true = np.tile(self.kinds == code, len(self.probabilities))
        bins = np.minimum((predicted * _N_BINS).astype(np.int64), _N_BINS - 1)
        return [
            ReliabilityBin(
                predicted=float(predicted[bins == place].mean()),
                true=float(true[bins == place].mean()),
                n=float((bins == place).sum() / len(self.probabilities)),
            )
            for place in range(_N_BINS)
            if (bins == place).any()
        ]


@dataclass(frozen=True)
class _ClassScores:
    """Scores of each kind, of all pairs and then of each resample, shape (1 + n_resamples, n_kinds)."""

    precision: Float64Array
    recall: Float64Array
    f1: Float64Array
    n_true: Float64Array
    """Pairs of each kind."""

    @classmethod
    def of(cls, truth: IntArray, predicted: IntArray, resamples: Resamples) -> "_ClassScores":
        n = len(KINDS)
        cell = resamples.cluster_of * n * n + truth * n + predicted
        of_cluster = np.bincount(cell, minlength=resamples.n_clusters * n * n).reshape(-1, n * n)
        drawn = np.concatenate([np.ones((1, resamples.n_clusters)), resamples.counts])
        counts = (drawn @ of_cluster).reshape(-1, n, n)
        hits, n_predicted, n_true = np.diagonal(counts, 0, 1, 2), counts.sum(axis=1), counts.sum(axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.where(n_predicted > 0, hits / n_predicted, 0.0)
            recall = np.where(n_true > 0, hits / n_true, 0.0)
            f1 = np.where(n_predicted + n_true > 0, 2 * hits / (n_predicted + n_true), 0.0)
        return cls(precision, recall, f1, n_true)

    def macro_f1(self, present: list[int]) -> Float64Array:
        """Return the mean over the kinds that there are."""
        mean: Float64Array = self.f1[:, present].mean(axis=1)
        return mean

    def weighted_f1(self, present: list[int]) -> Float64Array:
        """Return the mean over the kinds that there are, each by its pairs."""
        n_true = self.n_true[:, present]
        mean: Float64Array = (self.f1[:, present] * n_true).sum(axis=1) / n_true.sum(axis=1).clip(min=1e-12)
        return mean


Fit = Callable[[IntArray, int], Callable[[IntArray], Float64Array]]
"""Fits a model on some pairs (places) with a seed; returns a function for other pairs' probabilities."""


def feature_fit(
    name: Classifier, features: PairFeatures, pairs: RelationPairs, balance: Balance = "weights"
) -> Fit:
    """Return how a classifier over features is fitted, tuned and balanced inside the pairs it is given."""

    def fit(places: IntArray, seed: int) -> Callable[[IntArray], Float64Array]:
        fitted = fit_classifier(
            name, features.rows(places), pairs.kind[places], pairs.block[places], seed, balance
        )
        return lambda others: fitted.probabilities(features.rows(others))

    return fit


@dataclass(frozen=True)
class Procedure:
    """A way to fit a model of kinds, by its name."""

    name: str
    fit: Fit
    n_at_once: int = MOST_AT_ONCE
    """Fits that may go on at once: 1 for a model that takes the whole machine."""


def assess(
    procedure: Procedure,
    pairs: RelationPairs,
    *,
    n_folds: int = 5,
    n_repeats: int = 3,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Assessment:
    """Return a model's out-of-fold probabilities by repeated stratified folds of blocks.

    Raises NotEnoughDataError where fewer than two kinds have enough pairs for the folds.
    """
    usable = [code for code in range(len(KINDS)) if (pairs.kind == code).sum() >= n_folds]
    if len(usable) < 2:
        raise NotEnoughDataError(
            f"{number_of(len(usable), 'kind has', 'kinds have')} at least {number_of(n_folds, 'pair')}, and "
            "two are needed to tell kinds apart; add typed links with --links FILE --link-columns "
            "source,target,kind"
        )
    n_blocks = len(np.unique(pairs.block))
    if n_blocks < n_folds:
        raise NotEnoughDataError(
            f"The tickets of these pairs fall into {number_of(n_blocks, 'part')} that no pair joins, and "
            f"{number_of(n_folds, 'fold')} need as many; lower relations.folds, or add links between other "
            "tickets"
        )
    seeds = [(seed + repeat) % (LARGEST_SEED + 1) for repeat in range(n_repeats)]
    folds = [
        (repeat, train, test)
        for repeat, drawn in enumerate(seeds)
        for train, test in block_folds(pairs.kind, pairs.block, n_folds, drawn)
    ]
    by_repeat = [np.zeros((len(pairs), len(KINDS))) for _ in seeds]

    def judge(fold: tuple[int, IntArray, IntArray]) -> None:
        repeat, train, test = fold
        by_repeat[repeat][test] = procedure.fit(train, seeds[repeat])(test)

    at_once(judge, folds, progress, f"{procedure.name}, repeated folds", procedure.n_at_once)
    return Assessment(procedure.name, by_repeat, pairs.kind, pairs.block, pairs.forward)
