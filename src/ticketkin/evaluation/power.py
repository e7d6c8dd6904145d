"""The smallest gain that the kin groups can prove, and how many more would prove the observed gain."""

from dataclasses import dataclass
from math import ceil

from ticketkin.evaluation.bootstrap import MOST_BY_CHANCE, PairedGain

FEWEST_KIN_GROUPS = 80
"""With fewer evaluation kin groups a split proves too little. With this many it proves a gain of .10 in MRR
in four of five cases (`python benchmarks/power.py`).
"""
_MOST_TIMES_MORE = 10
"""A gain that needs more additional kin groups than this multiple of those at hand counts as none."""
_Z_OF_INTERVAL, _Z_OF_POWER = 1.96, 0.84


def is_within_reach(n_more_kin_groups: int | None, n_kin_groups: int) -> bool:
    """Return whether a realistic number of additional kin groups would prove the observed gain."""
    return bool(n_more_kin_groups) and (n_more_kin_groups or 0) <= _MOST_TIMES_MORE * n_kin_groups


@dataclass(frozen=True)
class Power:
    """What the links at hand can prove."""

    n_kin_groups: int
    smallest_provable_gain: float | None
    """In the primary metric: four of five such studies would prove it; None where it can't be told, or where
    so few prove nothing."""
    n_more_kin_groups: int | None
    """Kin groups to add before the gain that was seen is proven as surely; 0 where there are enough,
    None where nothing was gained.
    """

    @classmethod
    def of(cls, gain: PairedGain) -> "Power":
        """Take the error of a gain from its interval; it falls with the root of the number of kin groups.

        With few kin groups the interval is too narrow: if the exact test does not confirm a gain, the error
        is at least the one that follows from its p-value (which says nothing of the error where nothing was
        gained). A skewed interval that includes zero proves no gain, so the error is then at least that of
        its lower side. The primary metric ends at 1: where only more than that could be proven, nothing can.
        """
        from scipy.stats import norm

        value, low, high = gain.gain.value, gain.gain.low, gain.gain.high
        if value is None or low is None or high is None or high <= low:
            return cls(gain.n_clusters, None, None)
        error = (high - low) / (2 * _Z_OF_INTERVAL)
        if value > 0 and MOST_BY_CHANCE < gain.p_value < 1:
            error = max(error, abs(value) / float(norm.isf(gain.p_value / 2)))
        if low <= 0 < value:
            error = max(error, (value - low) / _Z_OF_INTERVAL)
        smallest = (_Z_OF_INTERVAL + _Z_OF_POWER) * error
        provable = smallest if smallest < 1 else None
        if value <= 0:
            return cls(gain.n_clusters, provable, None)
        needed = ceil(gain.n_clusters * (smallest / value) ** 2)
        return cls(gain.n_clusters, provable, max(0, needed - gain.n_clusters))
