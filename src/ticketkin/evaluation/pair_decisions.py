"""Pair decisions: is this pair kin or not, at a threshold chosen elsewhere."""

from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.evaluation.bootstrap import Resamples
from ticketkin.evaluation.metric_definitions import interval_of
from ticketkin.evaluation.metric_results import Confusion, Metric, PairDecisions
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.pair_statistics import PairSample


@dataclass(frozen=True)
class PairScores:
    """Similarities and labels of the pairs; every metric is derived from them."""

    similarities: FloatArray
    labels: IntArray
    clusters: IntArray
    """Kin group of each pair's left ticket, the unit of the bootstrap."""
    grades: FloatArray | None = None
    """Of each pair in its file, NaN of a pair that has none; None where labels are 0 and 1 alone."""

    @property
    def n_graded(self) -> int:
        """How many of the pairs have a grade."""
        return 0 if self.grades is None else int((~np.isnan(self.grades)).sum())

    def sample(
        self, n_bootstrap: int, seed: int, threshold: float | None = None, prevalence: float | None = None
    ) -> PairSample:
        """Return the pairs with resamples of their clusters, the same for every model on the same pairs."""
        resamples = Resamples.draw(self.clusters, n_bootstrap, seed)
        return PairSample(self.similarities, self.labels, resamples, self.grades, threshold, prevalence)

    def confusion(self, threshold: float) -> Confusion:
        """Return the four counts at `threshold`."""
        called = self.similarities >= threshold
        kin = self.labels == 1
        return Confusion(
            true_positive=int((called & kin).sum()),
            false_positive=int((called & ~kin).sum()),
            false_negative=int((~called & kin).sum()),
            true_negative=int((~called & ~kin).sum()),
        )

    def measured(self, threshold: float, prevalence: float, n_bootstrap: int, seed: int) -> PairDecisions:
        """Return counts and metrics with intervals, as in report.json; null where one class is missing."""
        n_kin = int(self.labels.sum())
        sample = self.sample(n_bootstrap, seed, threshold, prevalence)
        return PairDecisions(
            n_positive=n_kin,
            n_negative=len(self.labels) - n_kin,
            confusion=self.confusion(threshold),
            n_graded=self.n_graded,
            prevalence=prevalence,
            metrics={metric.name: Metric.of(interval_of(metric.draw(sample))) for metric in METRICS.pairs},
        )
