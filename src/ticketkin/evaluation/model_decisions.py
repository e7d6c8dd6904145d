"""Which pairs a model calls kin, for a leaderboard: counts and shares at a threshold of its own."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.metric_definitions import PairMetric, Place, interval_of
from ticketkin.evaluation.metric_results import Confusion
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.thresholds import choose_threshold


@dataclass(frozen=True)
class ModelDecisions:
    """One model's calls on the fixed pairs."""

    threshold: float
    """From this similarity a pair is called kin; the median where each fold chose its own."""
    confusion: Confusion
    metrics: dict[str, Interval]
    """Those of `Place.DECISIONS` by name."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "threshold": self.threshold,
            "confusion": self.confusion.model_dump(),
            **{name: interval.to_json() for name, interval in self.metrics.items()},
        }


def decision_metrics() -> list[PairMetric]:
    """Return the metrics of pairs that are shown of a model's calls."""
    return [metric for metric in METRICS.shown_in(Place.DECISIONS) if isinstance(metric, PairMetric)]


def decide_at(scores: PairScores, threshold: float, n_bootstrap: int, seed: int) -> ModelDecisions:
    """Return the calls at a threshold that was chosen elsewhere."""
    return _decided(scores, threshold, threshold, n_bootstrap, seed)


def decide_in_folds(scores: PairScores, settings: EvaluationSettings, seed: int) -> ModelDecisions:
    """Return the calls where each fold of clusters is decided at the threshold that the others choose.

    So no pair is decided at a threshold that was chosen on it. If the other folds hold one label only, the
    threshold is chosen on all pairs.
    """
    clusters, places = np.unique(scores.clusters, return_inverse=True)
    fold_of = np.random.default_rng(seed).permutation(len(clusters)) % min(settings.folds, len(clusters))
    folds = fold_of[places]
    margins = np.empty(len(scores.labels), dtype=np.float32)
    thresholds = []
    for fold in np.unique(folds):
        others = folds != fold
        chosen_on = others if len(np.unique(scores.labels[others])) == 2 else np.ones_like(others)
        choice = choose_threshold(scores.similarities[chosen_on], scores.labels[chosen_on], settings)
        thresholds.append(choice.threshold)
        margins[~others] = scores.similarities[~others] - choice.threshold
    shifted = replace(scores, similarities=margins)
    return _decided(shifted, 0.0, float(np.median(thresholds)), settings.n_bootstrap, seed)


def _decided(scores: PairScores, at: float, shown: float, n_bootstrap: int, seed: int) -> ModelDecisions:
    sample = scores.sample(n_bootstrap, seed, at)
    metrics = decision_metrics()
    return ModelDecisions(
        shown, scores.confusion(at), {metric.name: interval_of(metric.draw(sample)) for metric in metrics}
    )
