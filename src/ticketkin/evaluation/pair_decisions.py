"""Pair decisions: is this pair kin or not, at a threshold chosen elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.evaluation.bootstrap import (
    UNDEFINED,
    Float64Array,
    Interval,
    Resamples,
    percentile_interval,
    statistic_interval,
)
from ticketkin.evaluation.thresholds import precision_at_prevalence

# Ranking metrics sort all pairs in every resample; this many resamples settle two digits.
_MOST_RANKING_RESAMPLES = 200


@dataclass(frozen=True)
class PairScores:
    """Similarities and labels of the pairs; every metric is derived from them."""

    similarities: FloatArray
    labels: IntArray
    clusters: IntArray
    """Kin group of each pair's left ticket, the unit of the bootstrap."""

    def confusion(self, threshold: float) -> dict[str, int]:
        """Return the four counts at `threshold`."""
        said = self.similarities >= threshold
        kin = self.labels == 1
        return {
            "true_positive": int((said & kin).sum()),
            "false_positive": int((said & ~kin).sum()),
            "false_negative": int((~said & kin).sum()),
            "true_negative": int((~said & ~kin).sum()),
        }

    def to_json(self, threshold: float, prevalence: float, n_bootstrap: int, seed: int) -> dict[str, Any]:
        """Return counts and metrics with intervals, as in report.json; null where one class is missing."""
        n_kin = int(self.labels.sum())
        resamples = Resamples.draw(self.clusters, n_bootstrap, seed)
        share = n_kin / max(1, len(self.labels))
        ceiling = float(np.sqrt(3 * share * (1 - share)))
        metrics = {
            **self._ranking_metrics(resamples),
            **self._decision_metrics(threshold, prevalence, resamples),
            "spearman_ceiling": Interval(ceiling, ceiling, ceiling),
            "separability": self._separability(resamples),
            "threshold": Interval(threshold, threshold, threshold),
        }
        return {
            "n_positive": n_kin,
            "n_negative": len(self.labels) - n_kin,
            "confusion": self.confusion(threshold),
            "prevalence": prevalence,
            **{name: interval.to_json() for name, interval in metrics.items()},
        }

    def roc_auc(self, n_bootstrap: int, seed: int) -> Interval:
        """Return the area under the ROC curve with its interval; undefined where one class is missing."""
        return self.ranking_metrics(n_bootstrap, seed)["roc_auc"]

    def ranking_metrics(self, n_bootstrap: int, seed: int) -> dict[str, Interval]:
        """Return roc_auc, pr_auc, spearman and pearson with their intervals."""
        return self._ranking_metrics(Resamples.draw(self.clusters, n_bootstrap, seed))

    def roc_auc_resampled(self, n_bootstrap: int, seed: int) -> Float64Array:
        """Return the area, then the area in each resample; the same clusters are drawn for every model."""
        resamples = Resamples.draw(self.clusters, min(n_bootstrap, _MOST_RANKING_RESAMPLES), seed)
        curve = _SortedPairs(self.similarities, self.labels)
        drawn = [curve.roc_auc(resamples.item_weights(b)) for b in range(len(resamples.counts))]
        return np.array([curve.roc_auc(np.ones(len(self.labels))), *drawn])

    def _has_both(self) -> bool:
        return 0 < int(self.labels.sum()) < len(self.labels)

    def _ranking_metrics(self, resamples: Resamples) -> dict[str, Interval]:
        names = ("roc_auc", "pr_auc", "spearman", "pearson")
        if not self._has_both():
            return dict.fromkeys(names, UNDEFINED)
        fewer = Resamples(resamples.counts[:_MOST_RANKING_RESAMPLES], resamples.cluster_of)
        curve = _SortedPairs(self.similarities, self.labels)
        similarities, labels = self.similarities.astype(np.float64), self.labels.astype(np.float64)
        statistics: dict[str, Callable[[Float64Array], float]] = {
            "roc_auc": curve.roc_auc,
            "pr_auc": curve.average_precision,
            "spearman": curve.spearman,
            "pearson": lambda weights: weighted_correlation(similarities, labels, weights),
        }
        return {
            name: statistic_interval(statistic, fewer, len(labels)) for name, statistic in statistics.items()
        }

    def _decision_metrics(
        self, threshold: float, prevalence: float, resamples: Resamples
    ) -> dict[str, Interval]:
        said, kin = self.similarities >= threshold, self.labels == 1
        cells = np.stack([said & kin, said & ~kin, ~said & kin, ~said & ~kin]).astype(np.float64)
        sums = np.stack(
            [
                np.bincount(resamples.cluster_of, weights=cell, minlength=resamples.n_clusters)
                for cell in cells
            ]
        )
        drawn = resamples.counts @ sums.T
        values, resampled = _decisions(cells.sum(axis=1), prevalence), _decisions(drawn.T, prevalence)
        return {
            name: percentile_interval(float(values[name]), np.atleast_1d(resampled[name])) for name in values
        }

    def _separability(self, resamples: Resamples) -> Interval:
        """Distance of the mean similarities of kin and not-kin in pooled standard deviations (Cohen's d)."""
        if not self._has_both():
            return UNDEFINED
        kin, values = self.labels == 1, self.similarities.astype(np.float64)

        def distance(weights: Float64Array) -> float:
            sides = [_moments(values[side], weights[side]) for side in (kin, ~kin)]
            spread = np.sqrt((sides[0][1] + sides[1][1]) / 2)
            return float((sides[0][0] - sides[1][0]) / spread) if spread > 0 else float("nan")

        fewer = Resamples(resamples.counts[:_MOST_RANKING_RESAMPLES], resamples.cluster_of)
        return statistic_interval(distance, fewer, len(values))


def _moments(values: Float64Array, weights: Float64Array) -> tuple[float, float]:
    total = weights.sum()
    if total <= 0:
        return float("nan"), float("nan")
    mean = float((weights * values).sum() / total)
    return mean, float((weights * (values - mean) ** 2).sum() / total)


def _decisions(cells: Float64Array, prevalence: float) -> dict[str, Float64Array]:
    """Return threshold metrics from (true +, false +, false -, true -), each of any shape."""
    hits, alarms, misses, rest = cells

    def share(part: Float64Array, whole: Float64Array) -> Float64Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(whole > 0, part / whole, np.nan), dtype=np.float64)

    recall, rate = share(hits, hits + misses), share(alarms, alarms + rest)
    stated = precision_at_prevalence(recall, rate, prevalence)
    return {
        "f1": share(2 * hits, 2 * hits + alarms + misses),
        "precision": share(hits, hits + alarms),
        "recall": recall,
        "accuracy": share(hits + rest, hits + alarms + misses + rest),
        "false_positive_rate": rate,
        "precision_at_prevalence": stated,
    }


def weighted_correlation(left: Float64Array, right: Float64Array, weights: Float64Array) -> float:
    """Return Pearson's correlation with item weights; NaN where one side is constant."""
    total = weights.sum()
    if total <= 0:
        return float("nan")
    a = left - (weights * left).sum() / total
    b = right - (weights * right).sum() / total
    spread = np.sqrt((weights * a * a).sum() * (weights * b * b).sum())
    return float((weights * a * b).sum() / spread) if spread > 0 else float("nan")


class _SortedPairs:
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
        said = np.cumsum(kin + rest)
        precision = np.cumsum(kin) / np.where(said > 0, said, 1)
        return float((kin * precision).sum() / kin.sum()) if kin.sum() > 0 else float("nan")

    def spearman(self, weights: Float64Array) -> float:
        """Return the rank correlation of similarity and label, ranks averaged within ties."""
        kin, rest = self._counts(weights)
        both = kin + rest
        middle = np.cumsum(both) - both / 2
        values = np.r_[-middle, -middle]
        label = np.r_[np.ones(self._n_ties), np.zeros(self._n_ties)]
        return weighted_correlation(values, label, np.r_[kin, rest])
