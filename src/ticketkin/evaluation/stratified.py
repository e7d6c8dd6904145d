"""A share estimated from answers on a random sample of each stratum, with its interval.

Each answered item has a weight: the inverse of the probability with which it was drawn, n_population /
n_answered. The interval joins the strata's Wilson intervals by the method of variance estimates recovery
(Zou, Huang and Zhang, "A note on confidence interval estimation for a linear function of binomial
proportions", Computational Statistics and Data Analysis 53, 2009), which holds for few answers and for shares
next to 0 and 1, where a normal interval does not. Each is shortened by the finite population correction
(Cochran, "Sampling Techniques", 1977): a stratum in which every item was answered has no uncertainty.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ticketkin.evaluation.bootstrap import UNDEFINED, Interval, wilson_share

_Z = 1.96


@dataclass(frozen=True)
class SampledStratum:
    """A part of a population, and what a simple random sample of it showed."""

    n_population: int
    n_answered: int
    n_right: int

    def __post_init__(self) -> None:
        if not 0 <= self.n_right <= self.n_answered <= self.n_population:
            raise ValueError(
                f"{self.n_right} right of {self.n_answered} answered of {self.n_population}: each number "
                "must be at most the next"
            )


def stratified_share(strata: Sequence[SampledStratum]) -> Interval:
    """Return the share of right ones in the whole population with its 95 % interval.

    A stratum of which nothing is known may have any share: it counts as one half, from 0 to 1. Undefined
    where no stratum has an answer.
    """
    total = sum(one.n_population for one in strata)
    if not any(one.n_answered for one in strata):
        return UNDEFINED
    value = below = above = 0.0
    for one in strata:
        weight = one.n_population / total
        share, low, high = _bounds(one)
        value += weight * share
        below += (weight * (share - low)) ** 2
        above += (weight * (high - share)) ** 2
    return Interval(value, max(0.0, value - math.sqrt(below)), min(1.0, value + math.sqrt(above)))


def more_answers_needed(strata: Sequence[SampledStratum], within: float) -> int:
    """Return about how many more answers bring the interval to `within` on either side, 0 where it is there.

    As of a simple random sample with the share that is known so far; before the first answer, as of one half.
    """
    known = stratified_share(strata)
    if is_within(known, within):
        return 0
    n_population = sum(one.n_population for one in strata)
    n_answered = sum(one.n_answered for one in strata)
    share = 0.5 if known.value is None else known.value
    variance = max(share * (1 - share), within * (1 - within))  # a share of 0 or 1 is not yet certain
    wanted = _Z**2 * variance / within**2
    of_finite = math.ceil(wanted / (1 + (wanted - 1) / n_population)) if n_population else 0
    return min(max(1, of_finite - n_answered), n_population - n_answered)


def is_within(known: Interval, within: float) -> bool:
    """Return whether both ends of an interval lie so near to its value."""
    if known.value is None or known.low is None or known.high is None:
        return False
    return max(known.value - known.low, known.high - known.value) <= within


def _bounds(stratum: SampledStratum) -> tuple[float, float, float]:
    known = wilson_share(stratum.n_right, stratum.n_answered)
    if known.value is None or known.low is None or known.high is None:
        return 0.5, 0.0, 1.0
    left = stratum.n_population - stratum.n_answered
    correction = math.sqrt(left / max(1, stratum.n_population - 1))
    return (
        known.value,
        known.value - correction * (known.value - known.low),
        known.value + correction * (known.high - known.value),
    )
