"""Statistics of labelled pairs, in every resample at once; the registry in `metrics.py` names them.

A statistic takes a `PairSample` and returns its value on all pairs first, then in each resample, shape
(1 + n_resamples,); NaN where it can't be computed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ticketkin.core.tables import BoolArray, Float64Array, FloatArray, IntArray
from ticketkin.evaluation.bootstrap import Resamples
from ticketkin.evaluation.thresholds import precision_at_prevalence

# Statistics that sort all pairs do so in every resample; this many resamples settle two digits.
_MOST_SORTING_RESAMPLES = 200


@dataclass(frozen=True)
class PairSample:
    """Labelled pairs with the resamples that give a statistic its interval."""

    similarities: FloatArray
    labels: IntArray
    """1 kin, 0 not kin, shape (n_pairs,)."""
    resamples: Resamples
    grades: FloatArray | None = None
    """Of each pair in its file, NaN of a pair that has none; None where labels are 0 and 1 alone."""
    threshold: float | None = None
    """At or above it a pair is called kin; None where no metric needs one."""
    prevalence: float | None = None
    """Share of kin among the pairs that a user meets; None where no metric needs one."""

    @property
    def has_both_labels(self) -> bool:
        """True if there are kin and others."""
        return 0 < int(self.labels.sum()) < len(self.labels)

    @property
    def correlated(self) -> tuple[BoolArray, Float64Array]:
        """Which pairs similarity is correlated on, and with which values: graded ones, or all labels."""
        if self.grades is None:
            return np.ones(len(self.labels), dtype=np.bool_), self.labels.astype(np.float64)
        graded = ~np.isnan(self.grades)
        return graded, self.grades[graded].astype(np.float64)

    @cached_property
    def sorted_pairs(self) -> "SortedPairs":
        """The pairs by similarity."""
        return SortedPairs(self.similarities, self.labels)

    @cached_property
    def counts(self) -> "ConfusionCounts":
        """The four counts at the threshold, on all pairs first, then in each resample.

        Raises ValueError without a threshold.
        """
        if self.threshold is None:
            raise ValueError("these pairs have no threshold, so none of them is called kin or not")
        called, kin = self.similarities >= self.threshold, self.labels == 1
        cells = np.stack([called & kin, called & ~kin, ~called & kin, ~called & ~kin]).astype(np.float64)
        by_cluster = np.stack(
            [
                np.bincount(self.resamples.cluster_of, weights=cell, minlength=self.resamples.n_clusters)
                for cell in cells
            ]
        )
        drawn = (self.resamples.counts @ by_cluster.T).T
        return ConfusionCounts(*np.concatenate([cells.sum(axis=1)[:, None], drawn], axis=1))


PairStatistic = Callable[[PairSample], Float64Array]
Weighted = Callable[[Float64Array], float]


@dataclass(frozen=True)
class ConfusionCounts:
    """Counts at a threshold, each of shape (1 + n_resamples,)."""

    true_positive: Float64Array
    false_positive: Float64Array
    false_negative: Float64Array
    true_negative: Float64Array

    @property
    def recall(self) -> Float64Array:
        """Share of kin that are called kin."""
        return share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def false_positive_rate(self) -> Float64Array:
        """Share of other pairs that are called kin."""
        return share(self.false_positive, self.false_positive + self.true_negative)

    @property
    def accuracy(self) -> Float64Array:
        """Share of all pairs that are called rightly."""
        wrong = self.false_positive + self.false_negative
        right = self.true_positive + self.true_negative
        return share(right, right + wrong)


def share(part: Float64Array, whole: Float64Array) -> Float64Array:
    """Return part / whole, NaN where there is no whole."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan), dtype=np.float64)


def of_weights(statistic: Callable[[PairSample], Weighted]) -> PairStatistic:
    """Return a statistic from a function of the weight of each pair, evaluated anew in every resample.

    NaN throughout where the pairs are of one label only.
    """

    def drawn(sample: PairSample) -> Float64Array:
        if not sample.has_both_labels:
            return np.array([np.nan])
        weighted, resamples = statistic(sample), sample.resamples
        n_resamples = min(len(resamples.counts), _MOST_SORTING_RESAMPLES)
        return np.array(
            [
                weighted(np.ones(len(sample.labels))),
                *(weighted(resamples.item_weights(resample)) for resample in range(n_resamples)),
            ]
        )

    return drawn


def of_counts(statistic: Callable[[ConfusionCounts], Float64Array]) -> PairStatistic:
    """Return a statistic from a function of the counts at the threshold."""
    return lambda sample: statistic(sample.counts)


def constant(value: Callable[[PairSample], float | None]) -> PairStatistic:
    """Return a statistic that is the same in every resample."""

    def drawn(sample: PairSample) -> Float64Array:
        known = value(sample)
        return np.full(2, np.nan if known is None else known)

    return drawn


def stated_precision(sample: PairSample) -> Float64Array:
    """Return the precision where `sample.prevalence` of the pairs are kin. Raises ValueError without one."""
    if sample.prevalence is None:
        raise ValueError("these pairs state no prevalence")
    counts = sample.counts
    return precision_at_prevalence(counts.recall, counts.false_positive_rate, sample.prevalence)


def spearman_ceiling(sample: PairSample) -> float:
    """Return the highest Spearman correlation that so many pairs of each label, or grade, allow.

    It is below 1 as pairs of one label share a rank, and similarities do not.
    """
    _, values = sample.correlated
    shares = np.unique(values, return_counts=True)[1] / max(1, len(values))
    return float(np.sqrt(1 - (shares**3).sum())) if len(values) else 0.0


def pearson(sample: PairSample) -> Weighted:
    """Return Pearson's correlation of similarity and label, or grade, as a function of weights."""
    chosen, values = sample.correlated
    similarities = sample.similarities[chosen].astype(np.float64)
    return lambda weights: weighted_correlation(similarities, values, weights[chosen])


def spearman(sample: PairSample) -> Weighted:
    """Return the rank correlation of similarity and label, or grade, as a function of weights.

    Ranks are averaged within ties.
    """
    chosen, values = sample.correlated
    sides = [np.unique(side, return_inverse=True)[1] for side in (sample.similarities[chosen], values)]

    def correlation(weights: Float64Array) -> float:
        own = weights[chosen]
        left, right = (_weighted_ranks(side, own) for side in sides)
        return weighted_correlation(left, right, own)

    return correlation


def _weighted_ranks(tie: IntArray, weights: Float64Array) -> Float64Array:
    """Return the rank of each pair, averaged within its tie; `tie` counts the values from the lowest."""
    total = np.bincount(tie, weights=weights)
    middle: Float64Array = np.cumsum(total) - total / 2
    return middle[tie]


def separability(sample: PairSample) -> Weighted:
    """Return Cohen's d as a function of weights: mean similarity of kin less that of others, in pooled
    standard deviations."""
    kin, values = sample.labels == 1, sample.similarities.astype(np.float64)

    def distance(weights: Float64Array) -> float:
        sides = [_moments(values[side], weights[side]) for side in (kin, ~kin)]
        spread = np.sqrt((sides[0][1] + sides[1][1]) / 2)
        return float((sides[0][0] - sides[1][0]) / spread) if spread > 0 else float("nan")

    return distance


def _moments(values: Float64Array, weights: Float64Array) -> tuple[float, float]:
    total = weights.sum()
    if total <= 0:
        return float("nan"), float("nan")
    mean = float((weights * values).sum() / total)
    return mean, float((weights * (values - mean) ** 2).sum() / total)


def weighted_correlation(left: Float64Array, right: Float64Array, weights: Float64Array) -> float:
    """Return Pearson's correlation with item weights; NaN where one side is constant."""
    total = weights.sum()
    if total <= 0:
        return float("nan")
    a = left - (weights * left).sum() / total
    b = right - (weights * right).sum() / total
    spread = np.sqrt((weights * a * a).sum() * (weights * b * b).sum())
    return float((weights * a * b).sum() / spread) if spread > 0 else float("nan")


class SortedPairs:
    """Pairs sorted once, so that a weighted metric costs one pass."""

    def __init__(self, similarities: FloatArray | Float64Array, labels: IntArray) -> None:
        self._order = np.argsort(-similarities, kind="stable")
        ordered = similarities[self._order]
        self._kin = labels[self._order] == 1
        self._tie = np.r_[0, np.cumsum(np.diff(ordered) != 0)].astype(np.int64)
        self._n_ties = int(self._tie[-1]) + 1

    def _counts(self, weights: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return the weight of kin and not-kin in each tie, most similar first."""
        ordered = weights[self._order]
        kin = np.bincount(self._tie, weights=ordered * self._kin, minlength=self._n_ties)
        rest = np.bincount(self._tie, weights=ordered * ~self._kin, minlength=self._n_ties)
        return kin.astype(np.float64), rest.astype(np.float64)

    def roc_auc(self, weights: Float64Array) -> float:
        """Return the chance that a kin pair is more similar than another, ties counting half."""
        kin, rest = self._counts(weights)
        below = rest.sum() - np.cumsum(rest)
        total = kin.sum() * rest.sum()
        return float((kin * (below + rest / 2)).sum() / total) if total > 0 else float("nan")

    def average_precision(self, weights: Float64Array) -> float:
        """Return the area under precision and recall as a step function."""
        kin, rest = self._counts(weights)
        called = np.cumsum(kin + rest)
        precision = np.cumsum(kin) / np.where(called > 0, called, 1)
        return float((kin * precision).sum() / kin.sum()) if kin.sum() > 0 else float("nan")
