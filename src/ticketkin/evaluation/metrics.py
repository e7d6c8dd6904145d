"""The one registry of metrics: what each is called, what it means, how it is computed, where it is shown.

To add a metric, add one entry to `_RETRIEVAL` or `_PAIRS`. report.json and its schema, the tables of the
report, the leaderboards, the tables on the terminal and the list in the docs derive from the registry.
"""

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


_SIDE_BY_SIDE = frozenset({Place.REPORT, Place.TERMINAL, Place.REPEATS, Place.LEADERBOARD})

_RETRIEVAL = (
    RetrievalMetric(
        name="mrr",
        title="MRR",
        description="1 when kin always come first, 0.5 when they come second",
        per_query=rank.reciprocal_rank,
        role=Role.PRIMARY,
        places=_SIDE_BY_SIDE | {Place.PROGRESS},
    ),
    RetrievalMetric(
        name="recall_at_1",
        title="Recall@1",
        head="R@1",
        description="share of tickets whose first result is kin",
        per_query=rank.recall_at(1),
        role=Role.GUARD,
        places=_SIDE_BY_SIDE,
    ),
    RetrievalMetric(
        name="recall_at_5",
        title="Recall@5",
        head="R@5",
        description="share of tickets with kin in the first five",
        per_query=rank.recall_at(5),
    ),
    RetrievalMetric(
        name="recall_at_10",
        title="Recall@10",
        head="R@10",
        description="share of tickets with kin in the first ten",
        per_query=rank.recall_at(10),
        role=Role.GUARD,
        places=_SIDE_BY_SIDE | {Place.PROGRESS},
    ),
    RetrievalMetric(
        name="recall_at_20",
        title="Recall@20",
        head="R@20",
        description="share of tickets with kin in the first twenty",
        per_query=rank.recall_at(20),
    ),
    RetrievalMetric(
        name="map",
        title="MAP",
        description="mean precision at the rank of each kin; unlike MRR it asks for all of them",
        per_query=rank.average_precision,
        places=frozenset({Place.LEADERBOARD}),
    ),
    RetrievalMetric(
        name="ndcg_at_10",
        title="nDCG@10",
        description="gain of the kin in the first ten, less the later they come; 1 is the best order",
        per_query=rank.ndcg_at(10),
        places=frozenset({Place.LEADERBOARD}),
    ),
)

_PAIRS = (
    PairMetric(
        name="roc_auc",
        title="ROC-AUC",
        description="chance that kin score above strangers; .5 is guessing",
        statistic=pair.of_weights(lambda sample: sample.sorted_pairs.roc_auc),
        role=Role.PRIMARY,
        places=_SIDE_BY_SIDE | {Place.PAIR_LEADERBOARD},
    ),
    PairMetric(
        name="pr_auc",
        title="PR-AUC",
        description="mean precision over all thresholds (average precision)",
        statistic=pair.of_weights(lambda sample: sample.sorted_pairs.average_precision),
        places=frozenset({Place.PAIR_LEADERBOARD}),
    ),
    PairMetric(
        name="spearman",
        title="Spearman",
        description="rank correlation of similarity and label (or grade); of two labels it says what ROC-AUC "
        "says",
        statistic=pair.of_weights(pair.spearman),
        places=frozenset({Place.PAIR_LEADERBOARD}),
    ),
    PairMetric(
        name="spearman_ceiling",
        title="Spearman ceiling",
        description="the highest Spearman correlation that so many pairs of each label (or grade) allow",
        statistic=pair.constant(pair.spearman_ceiling),
        direction=Direction.NEITHER,
    ),
    PairMetric(
        name="pearson",
        title="Pearson",
        description="linear correlation of similarity and label (or grade)",
        statistic=pair.of_weights(pair.pearson),
    ),
    PairMetric(
        name="f1",
        title="F1",
        description="balance of kin found and calls that are right",
        statistic=pair.of_counts(
            lambda n: pair.share(
                2 * n.true_positive, 2 * n.true_positive + n.false_positive + n.false_negative
            )
        ),
        places=frozenset({Place.REPORT, Place.DECISIONS}),
    ),
    PairMetric(
        name="precision",
        title="Precision",
        description="share of the pairs called kin that are kin, among these pairs",
        statistic=pair.of_counts(lambda n: pair.share(n.true_positive, n.true_positive + n.false_positive)),
        places=frozenset({Place.DECISIONS}),
    ),
    PairMetric(
        name="recall",
        title="Recall",
        description="share of the kin that are called kin",
        statistic=pair.of_counts(lambda n: n.recall),
        places=frozenset({Place.DECISIONS}),
    ),
    PairMetric(
        name="accuracy",
        title="Accuracy",
        description="share of the pairs that are called rightly",
        statistic=pair.of_counts(lambda n: n.accuracy),
        places=frozenset({Place.DECISIONS}),
    ),
    PairMetric(
        name="false_positive_rate",
        title="False positive rate",
        description="share of the other pairs that are called kin; lower is better",
        statistic=pair.of_counts(lambda n: n.false_positive_rate),
        places=frozenset({Place.DECISIONS}),
        direction=Direction.LOWER,
    ),
    PairMetric(
        name="precision_at_prevalence",
        title="Precision at prevalence",
        description="share of the pairs called kin that are kin, where kin are as rare as `prevalence` says",
        statistic=pair.stated_precision,
    ),
    PairMetric(
        name="separability",
        title="Separability",
        description="distance of the mean similarities of kin and not kin, in pooled standard deviations",
        statistic=pair.of_weights(pair.separability),
    ),
    PairMetric(
        name="threshold",
        title="Threshold",
        description="the similarity from which a pair is called kin, chosen on evaluation pairs",
        statistic=pair.constant(lambda sample: sample.threshold),
        direction=Direction.NEITHER,
        places=frozenset({Place.REPEATS}),
    ),
)

METRICS = MetricRegistry(_RETRIEVAL, _PAIRS)

# Sentences for people are made of it: "of 100 tickets, 84 find kin in the first ten".
IN_FIRST_TEN = METRICS.of_retrieval("recall_at_10")
