"""What a metric is: its name and meaning, which values are better, where it is shown, how it is drawn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np

from ticketkin.core.tables import Float64Array
from ticketkin.evaluation import pair_statistics as pair
from ticketkin.evaluation import rank_statistics as rank
from ticketkin.evaluation.bootstrap import Interval, Resamples, percentile_interval


class Place(StrEnum):
    """A table with a column for each of some metrics. report.json and the report's full tables show all."""

    REPORT = "report"
    """The candidates side by side, in report.html."""
    TERMINAL = "terminal"
    """The candidates side by side, on the terminal."""
    REPEATS = "repeats"
    """Means over several splits, on the terminal and in repeats.json."""
    PROGRESS = "progress"
    """The line of a candidate while a run goes on."""
    LEADERBOARD = "leaderboard"
    """Models compared on the links of a run."""
    PAIR_LEADERBOARD = "pair leaderboard"
    """Models compared on a file of pairs."""
    DECISIONS = "decisions"
    """What each compared model calls kin at its threshold."""


class Role(StrEnum):
    """What a metric decides."""

    PRIMARY = "primary"
    """It ranks candidates: a challenger must gain in it."""
    GUARD = "guard"
    """A challenger must not be worse in it."""


class Direction(StrEnum):
    """Which values are better."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, kw_only=True)
class MetricDefinition:
    """What holds for metrics of both parts."""

    name: str
    """Its key in report.json, unique among all metrics."""
    title: str
    """As people write it: `Recall@10`."""
    description: str
    """What it means, in one line without a full stop."""
    head: str = ""
    """Its column head where room is short; empty: the title."""
    direction: Direction = Direction.HIGHER
    role: Role | None = None
    places: frozenset[Place] = frozenset()

    @property
    def short_title(self) -> str:
        """Return the column head."""
        return self.head or self.title

    @property
    def part(self) -> str:
        """The part of a split's results that holds the metric: `retrieval` or `pairs`."""
        raise NotImplementedError

    def improvement(self, difference: Float64Array) -> Float64Array:
        """Return a difference of values, challenger less baseline, so that above zero is better."""
        return -difference if self.direction is Direction.LOWER else difference

    def best(self, values: Sequence[float]) -> float | None:
        """Return the best of `values`; None where there is none, or no direction is better."""
        if not values or self.direction is Direction.NEITHER:
            return None
        return min(values) if self.direction is Direction.LOWER else max(values)


@dataclass(frozen=True, kw_only=True)
class RetrievalMetric(MetricDefinition):
    """A mean over queries."""

    per_query: Callable[[rank.Ranks], Float64Array]
    """Of the ranks of each query's kin, shape (n_queries,)."""

    @property
    def part(self) -> str:
        """Return `retrieval`."""
        return "retrieval"

    def draw(self, ranks: rank.Ranks, resamples: Resamples) -> Float64Array:
        """Return the mean, then the mean in each resample, shape (1 + n_resamples,); NaN without queries."""
        if not len(ranks):
            return np.array([np.nan])
        values = self.per_query(ranks)
        drawn: Float64Array = np.r_[values.mean(), resamples.means(values)]
        return drawn


@dataclass(frozen=True, kw_only=True)
class PairMetric(MetricDefinition):
    """A statistic of labelled pairs."""

    statistic: pair.PairStatistic
    """Of a sample of pairs: its value, then that in each resample, shape (1 + n_resamples,)."""

    @property
    def part(self) -> str:
        """Return `pairs`."""
        return "pairs"

    def draw(self, sample: pair.PairSample) -> Float64Array:
        """Return the value, then the value in each resample, shape (1 + n_resamples,)."""
        return self.statistic(sample)


_M = TypeVar("_M", bound=MetricDefinition)


def interval_of(drawn: Float64Array) -> Interval:
    """Return the 95 % interval of a value followed by that in each resample."""
    return percentile_interval(float(drawn[0]), drawn[1:])


class MetricRegistry:
    """All metrics, in the order in which tables show them."""

    def __init__(self, retrieval: Sequence[RetrievalMetric], pairs: Sequence[PairMetric]) -> None:
        """Raises ValueError for a name that two metrics bear, or for another number of primaries than one
        in each part."""
        self.retrieval = tuple(retrieval)
        self.pairs = tuple(pairs)
        names = [metric.name for metric in self]
        if len(set(names)) < len(names):
            raise ValueError(f"two metrics have one name among {', '.join(names)}")
        for part in (self.retrieval, self.pairs):
            if sum(metric.role is Role.PRIMARY for metric in part) != 1:
                raise ValueError("each part of the results has exactly one primary metric")

    def __iter__(self) -> Iterator[MetricDefinition]:
        yield from self.retrieval
        yield from self.pairs

    def __getitem__(self, name: str) -> MetricDefinition:
        """Return a metric by its name. Raises ValueError for an unknown one."""
        return _by_name(name, tuple(self))

    def get(self, name: str) -> MetricDefinition | None:
        """Return a metric by its name, or None."""
        return next((metric for metric in self if metric.name == name), None)

    def of_retrieval(self, name: str) -> RetrievalMetric:
        """Return a metric of retrieval by its name. Raises ValueError for an unknown one."""
        return _by_name(name, self.retrieval)

    def shown_in(self, place: Place) -> list[MetricDefinition]:
        """Return the metrics that have a column in a table."""
        return [metric for metric in self if place in metric.places]

    @property
    def primary(self) -> RetrievalMetric:
        """The metric of retrieval that decides."""
        return next(metric for metric in self.retrieval if metric.role is Role.PRIMARY)

    @property
    def primary_of_pairs(self) -> PairMetric:
        """The metric that ranks models where pairs alone judge."""
        return next(metric for metric in self.pairs if metric.role is Role.PRIMARY)

    @property
    def guards(self) -> list[RetrievalMetric]:
        """The metrics of retrieval in which a challenger must not be worse."""
        return [metric for metric in self.retrieval if metric.role is Role.GUARD]


def _by_name(name: str, metrics: Sequence[_M]) -> _M:
    chosen = next((metric for metric in metrics if metric.name == name), None)
    if chosen is None:
        known = ", ".join(metric.name for metric in metrics)
        raise ValueError(f"unknown metric {name!r}; known: {known}")
    return chosen
