"""Models side by side on the same queries; significance is corrected for the number of models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ticketkin.evaluation.bootstrap import (
    Float64Array,
    Interval,
    Resamples,
    mean_interval,
    percentile_interval,
)
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores

METRICS = ("mrr", "map", "ndcg_at_10", "recall_at_1", "recall_at_5", "recall_at_10", "recall_at_20")
PAIR_METRICS = ("roc_auc", "pr_auc", "spearman")


@dataclass(frozen=True)
class Row:
    """One model; intervals are of 95 %."""

    name: str
    metrics: dict[str, Interval]
    """Retrieval metrics where there are queries, and those of the fixed pairs; the first one ranks."""
    difference: Interval
    """Paired difference in the first metric to the baseline; 0 for the baseline itself."""
    p_value: float | None
    """Two-sided, by the bootstrap over kin groups, corrected by Holm's method; None for the baseline."""
    costs: Mapping[str, float]
    """texts_per_second, dimension, size_mib, as far as they were measured."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            **{name: interval.to_json() for name, interval in self.metrics.items()},
            "difference": self.difference.to_json(),
            "p_value": self.p_value,
            **self.costs,
        }


def leaderboard(
    retrieval: Mapping[str, RetrievalScores],
    pairs: Mapping[str, PairScores],
    costs: Mapping[str, Mapping[str, float]],
    baseline: str,
    n_bootstrap: int,
    seed: int,
) -> list[Row]:
    """Return one row a model, best MRR first; all were asked the same queries and pairs.

    With n_bootstrap resamples no p-value is below 1 / (n_bootstrap + 1) before its correction.
    """
    theirs = retrieval[baseline]
    resamples = Resamples.draw(theirs.clusters, n_bootstrap, seed)
    metrics, drawn = {}, {}
    differing = [n for n, scores in retrieval.items() if not np.array_equal(scores.queries, theirs.queries)]
    if differing:
        raise ValueError(f"{differing[0]} and {baseline} were evaluated on different queries")
    for name, scores in retrieval.items():
        found = {metric: mean_interval(scores.per_query(metric), resamples) for metric in METRICS}
        metrics[name] = found | {"roc_auc": pairs[name].roc_auc(n_bootstrap, seed)}
        values = scores.per_query("mrr")
        drawn[name] = np.r_[values.mean(), resamples.means(values)]
    return _rows(metrics, drawn, costs, baseline)


def pair_leaderboard(
    pairs: Mapping[str, PairScores],
    costs: Mapping[str, Mapping[str, float]],
    baseline: str,
    n_bootstrap: int,
    seed: int,
) -> list[Row]:
    """Return one row a model, best ROC-AUC first, from pairs alone; all were given the same pairs."""
    metrics, drawn = {}, {}
    for name, scores in pairs.items():
        found = scores.ranking_metrics(n_bootstrap, seed)
        metrics[name] = {metric: found[metric] for metric in PAIR_METRICS}
        drawn[name] = scores.roc_auc_resampled(n_bootstrap, seed)
    return _rows(metrics, drawn, costs, baseline)


def _rows(
    metrics: Mapping[str, dict[str, Interval]],
    drawn: Mapping[str, Float64Array],
    costs: Mapping[str, Mapping[str, float]],
    baseline: str,
) -> list[Row]:
    """Put rows together; `drawn` is each model's first metric, then that in every resample."""
    differences, p_values = {}, {}
    for name, values in drawn.items():
        gap = values - drawn[baseline]
        differences[name] = percentile_interval(float(gap[0]), gap[1:])
        if name != baseline:
            below, above = (gap[1:] <= 0).sum() + 1, (gap[1:] >= 0).sum() + 1
            p_values[name] = float(min(1.0, 2 * min(below, above) / len(gap)))
    corrected = holm(p_values)
    rows = [
        Row(name, metrics[name], differences[name], corrected.get(name), costs.get(name, {}))
        for name in metrics
    ]
    return sorted(rows, key=lambda row: -(next(iter(row.metrics.values())).value or 0.0))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values corrected for their number by the step-down method of Holm (1979)."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    corrected: dict[str, float] = {}
    largest = 0.0
    for place, name in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - place) * p_values[name]))
        corrected[name] = largest
    return corrected
