"""Statistics of labelled pairs, in every resample at once; the registry in `metrics.py` names them.

A statistic takes a `PairSample` and returns its value on all pairs first, then in each resample, shape
(1 + n_resamples,); NaN where it can't be computed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ticketkin.core.tables import Float64Array, FloatArray, IntArray
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
    threshold: float | None = None
    """At or above it a pair is called kin; None where no metric needs one."""
    prevalence: float | None = None
    """Share of kin among the pairs that a user meets; None where no metric needs one."""

    @property
    def has_both_labels(self) -> bool:
        """True if there are kin and others."""
        return 0 < int(self.labels.sum()) < len(self.labels)

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
    """Return the highest Spearman correlation that labels of 0 and 1 allow at this share of kin."""
    kin = int(sample.labels.sum()) / max(1, len(sample.labels))
    return float(np.sqrt(3 * kin * (1 - kin)))


def pearson(sample: PairSample) -> Weighted:
    """Return Pearson's correlation of similarity and label as a function of weights."""
    similarities, labels = sample.similarities.astype(np.float64), sample.labels.astype(np.float64)
    return lambda weights: weighted_correlation(similarities, labels, weights)


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

    def __init__(self, similarities: FloatArray, labels: IntArray) -> None:
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

    def spearman(self, weights: Float64Array) -> float:
        """Return the rank correlation of similarity and label, ranks averaged within ties."""
        kin, rest = self._counts(weights)
        both = kin + rest
        middle = np.cumsum(both) - both / 2
        values = np.r_[-middle, -middle]
        label = np.r_[np.ones(self._n_ties), np.zeros(self._n_ties)]
        return weighted_correlation(values, label, np.r_[kin, rest])
