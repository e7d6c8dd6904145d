"""Intervals by resampling kin groups.

Tickets of one kin group are not independent: resampling pairs or queries would make every interval
too narrow. Whole groups are drawn with replacement (Field and Welsh, "Bootstrapping clustered
data", 2007), and two candidates are always compared on the same draws.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import Float64Array, IntArray

# Below this many clusters a percentile interval is too narrow to lean on.
FEW_CLUSTERS = 20
# As 95 % intervals.
MOST_BY_CHANCE = 0.05


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; None where it can't be computed."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """Return `0.644 [0.610, 0.680]`, or a dash where there is no value."""
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def to_json(self) -> dict[str, float | None]:
        """Return {value, low, high}."""
        return {"value": self.value, "low": self.low, "high": self.high}


UNDEFINED = Interval(None, None, None)


def wilson_share(n: int, total: int) -> Interval:
    """Return a share with Wilson's 95 % interval (Wilson 1927); undefined of nothing."""
    from scipy.stats import binomtest

    if not total:
        return UNDEFINED
    interval = binomtest(n, total).proportion_ci(method="wilson")
    return Interval(n / total, float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Resamples:
    """How often each cluster is drawn in each resample, shape (n_bootstrap, n_clusters)."""

    counts: Float64Array
    cluster_of: IntArray
    """Cluster number of each item, shape (n_items,)."""

    @classmethod
    def draw(cls, clusters: IntArray, n_bootstrap: int, seed: int) -> "Resamples":
        """Draw whole clusters with replacement; `clusters` names the cluster of each item."""
        _, cluster_of = np.unique(clusters, return_inverse=True)
        n_clusters = int(cluster_of.max()) + 1 if len(cluster_of) else 0
        generator = np.random.default_rng(seed)
        if not n_clusters:
            return cls(np.zeros((n_bootstrap, 0)), cluster_of.astype(np.int64))
        shares = np.full(n_clusters, 1 / n_clusters)
        counts = generator.multinomial(n_clusters, shares, size=n_bootstrap).astype(np.float64)
        return cls(counts, cluster_of.astype(np.int64))

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.counts.shape[1])

    def item_weights(self, resample: int) -> Float64Array:
        """Return the weight of each item in one resample, shape (n_items,)."""
        weights: Float64Array = self.counts[resample][self.cluster_of]
        return weights

    def means(self, values: Float64Array) -> Float64Array:
        """Return the mean of `values` (n_items,) in each resample, shape (n_bootstrap,)."""
        sums = np.bincount(self.cluster_of, weights=values, minlength=self.n_clusters)
        sizes = np.bincount(self.cluster_of, minlength=self.n_clusters)
        means: Float64Array = (self.counts @ sums) / np.maximum(self.counts @ sizes, 1e-12)
        return means


def percentile_interval(value: float, resampled: Float64Array) -> Interval:
    """Return `value` with the 2.5th and 97.5th percentile of its resamples; NaN ones are left out."""
    finite = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or not len(finite):
        return UNDEFINED
    low, high = np.percentile(finite, [2.5, 97.5])
    return Interval(float(value), float(min(low, value)), float(max(high, value)))


def mean_interval(values: Float64Array, resamples: Resamples) -> Interval:
    """Return the mean of per-query values with its cluster-bootstrapped interval."""
    if not len(values):
        return UNDEFINED
    return percentile_interval(float(values.mean()), resamples.means(values))


def statistic_interval(
    statistic: Callable[[Float64Array], float], resamples: Resamples, n_items: int
) -> Interval:
    """Return the interval of any statistic of item weights, evaluated at all ones for the value."""
    value = statistic(np.ones(n_items))
    drawn = np.array([statistic(resamples.item_weights(b)) for b in range(len(resamples.counts))])
    return percentile_interval(value, drawn)


@dataclass(frozen=True)
class PairedGain:
    """How much a challenger gains over a baseline on the same queries."""

    challenger: str
    baseline: str
    metric: str
    gain: Interval
    n_queries: int
    n_clusters: int
    p_value: float
    """How likely equally good candidates differ as much (`sign_flip_p_value`)."""

    @property
    def is_above_zero(self) -> bool:
        """True if the whole interval lies above zero."""
        return self.gain.low is not None and self.gain.low > 0

    @property
    def is_beyond_chance(self) -> bool:
        """True if so great a difference is rare among equally good candidates."""
        return self.p_value <= MOST_BY_CHANCE

    @property
    def is_gain(self) -> bool:
        """True if the interval lies above zero and the difference is beyond chance."""
        return self.is_above_zero and self.is_beyond_chance

    @property
    def is_loss(self) -> bool:
        """True if the whole interval lies below zero."""
        return self.gain.high is not None and self.gain.high < 0
