"""Models side by side on the same queries; significance is corrected for the number of models."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ticketkin.core.artifacts import plain
from ticketkin.core.checks import Check
from ticketkin.core.tables import Float64Array
from ticketkin.encoders.presets import OPEN_LICENCES
from ticketkin.evaluation.bootstrap import Interval, Resamples
from ticketkin.evaluation.metric_definitions import MetricDefinition, PairMetric, Place, interval_of
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.model_decisions import ModelDecisions
from ticketkin.evaluation.multiplicity import holm
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores

_FASTER = 1.5
"""Less than that a machine that does other things makes of two models that are equally fast."""
_LITTLE = 0.01
"""Largest loss in the primary metric that is accepted for speed, where it is not measurable."""


@dataclass(frozen=True)
class ModelCost:
    """What a model costs for each ticket, and whether one may use it."""

    texts_per_second: float
    """Encoded alone on this machine: read the ratios."""
    size_mib: float
    dimension: int
    bytes_a_ticket: float
    """Of the stored embedding."""
    architecture: str
    """What decides how much there is to compute: two models of one are equally fast, whatever was timed."""
    licence: str = ""
    """Empty where neither its model card nor a preset states one."""


@dataclass(frozen=True)
class Row:
    """One model; intervals are of 95 %."""

    name: str
    metrics: dict[str, Interval]
    """Retrieval metrics where there are queries, and those of the fixed pairs, by name."""
    difference: Interval
    """Paired difference in the primary metric to the baseline; 0 for the baseline itself."""
    p_value: float | None
    """Two-sided, by the bootstrap over kin groups, corrected by Holm's method; None for the baseline."""
    percent: float | None
    """The difference as a share of the baseline's value, in per cent; None where that is 0 or unknown."""
    behind_best: Interval
    """Paired difference in the primary metric to the first row, below zero where worse; 0 for that row."""
    cost: ModelCost

    @property
    def is_licence_open(self) -> bool:
        """Whether a company may use the model without asking, as far as its licence is known."""
        return self.cost.licence in OPEN_LICENCES

    def times_as_fast_as(self, other: "Row") -> float:
        """Return how many new tickets it encodes in the time in which another encodes one, as timed."""
        return self.cost.texts_per_second / other.cost.texts_per_second

    def is_surely_faster_than(self, other: "Row") -> bool:
        """Whether it is faster for sure: of another architecture, and at least 1.5 times as fast as timed.

        Speed is timed once, on a few texts and a machine that may do other things meanwhile.
        """
        differs = self.cost.architecture != other.cost.architecture
        return differs and self.times_as_fast_as(other) >= _FASTER

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            **{name: interval.to_json() for name, interval in self.metrics.items()},
            "difference": self.difference.to_json(),
            "p_value": self.p_value,
            "percent": self.percent,
            "behind_best": self.behind_best.to_json(),
            **asdict(self.cost),
        }


@dataclass(frozen=True)
class Recommendation:
    """The model to take, and what it is measured against."""

    model: Row
    best: Row
    baseline: Row

    @property
    def is_gain_proven(self) -> bool:
        """Whether the baseline is measurably worse than the best model."""
        return _is_worse(self.baseline)

    def to_json(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "model": self.model.name,
            "behind_best": self.model.behind_best.to_json(),
            "times_as_fast_as_best": round(self.model.times_as_fast_as(self.best), 2),
            "licence": self.model.cost.licence,
            "is_licence_open": self.model.is_licence_open,
        }


@dataclass(frozen=True)
class ModelComparison:
    """The leaderboard and what could not be compared."""

    rows: list[Row]
    skipped: dict[str, str]
    """Reason by model."""
    baseline: str
    judged_on: str
    """What all models were asked: the evaluation links, or a file of pairs."""
    primary: str
    """The metric that ranks and whose differences are shown."""
    n_queries: int
    """0 where pairs alone judge."""
    n_pairs: int
    n_clusters: int
    labels_from: str
    test_pairs_sha256: str
    decisions: dict[str, ModelDecisions]
    """What each row calls kin at its threshold, by its name."""
    threshold_from: str
    """What the thresholds were chosen on."""
    checks: list[Check]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        recommended = self.recommendation
        return {
            **{name: value for name, value in vars(self).items() if name != "decisions"},
            "rows": [row.to_json() | {"decisions": self.decisions[row.name].to_json()} for row in self.rows],
            "checks": [plain(check) for check in self.checks],
            "recommendation": None if recommended is None else recommended.to_json(),
        }

    @property
    def recommendation(self) -> Recommendation | None:
        """The model to take; None for silver labels, which prove nothing.

        The baseline stays unless the best is measurably better: the whole interval of the paired difference
        lies above zero. Another model replaces this choice if it is surely faster (of another architecture,
        and at least 1.5 times as fast), not measurably worse than the best and at most .01 below it. Among
        several, an open licence comes first, then the speed, and of those that are about as fast the best.
        """
        if self.labels_from == "silver":
            return None
        baseline = next(row for row in self.rows if row.name == self.baseline)
        best = self.rows[0]
        start = best if _is_worse(baseline) else baseline
        pool = [start, *(row for row in self.rows if _may_replace(row, start))]
        fastest = max(pool, key=lambda row: (row.is_licence_open, row.cost.texts_per_second))
        as_fast = [
            row
            for row in pool
            if row.is_licence_open == fastest.is_licence_open and not fastest.is_surely_faster_than(row)
        ]
        return Recommendation(start if start in as_fast else as_fast[0], best, baseline)


def _is_worse(row: Row) -> bool:
    return row.behind_best.high is not None and row.behind_best.high < 0


def _may_replace(row: Row, start: Row) -> bool:
    behind = row.behind_best.value
    return (
        row.is_surely_faster_than(start) and behind is not None and behind >= -_LITTLE and not _is_worse(row)
    )


def leaderboard(
    retrieval: Mapping[str, RetrievalScores],
    pairs: Mapping[str, PairScores],
    costs: Mapping[str, ModelCost],
    baseline: str,
    n_bootstrap: int,
    seed: int,
) -> list[Row]:
    """Return one row a model, best in the primary metric first; all were asked the same queries and pairs.

    With n_bootstrap resamples no p-value is below 1 / (n_bootstrap + 1) before its correction.
    """
    theirs = retrieval[baseline]
    differing = [n for n, scores in retrieval.items() if not np.array_equal(scores.queries, theirs.queries)]
    if differing:
        raise ValueError(f"{differing[0]} and {baseline} were evaluated on different queries")
    resamples = Resamples.draw(theirs.clusters, n_bootstrap, seed)
    drawn = {
        name: {metric.name: metric.draw(scores.ranks, resamples) for metric in METRICS.retrieval}
        | _pair_draws(pairs[name], Place.LEADERBOARD, n_bootstrap, seed)
        for name, scores in retrieval.items()
    }
    return _rows(drawn, METRICS.primary, costs, baseline)


def pair_leaderboard(
    pairs: Mapping[str, PairScores],
    costs: Mapping[str, ModelCost],
    baseline: str,
    n_bootstrap: int,
    seed: int,
) -> list[Row]:
    """Return one row a model from pairs alone, best in their primary metric first; all had the same pairs."""
    drawn = {
        name: _pair_draws(scores, Place.PAIR_LEADERBOARD, n_bootstrap, seed) for name, scores in pairs.items()
    }
    return _rows(drawn, METRICS.primary_of_pairs, costs, baseline)


def _pair_draws(scores: PairScores, place: Place, n_bootstrap: int, seed: int) -> dict[str, Float64Array]:
    """Return the metrics of pairs that a leaderboard shows; none of them may need a threshold."""
    sample = scores.sample(n_bootstrap, seed)
    shown = [metric for metric in METRICS.shown_in(place) if isinstance(metric, PairMetric)]
    return {metric.name: metric.draw(sample) for metric in shown}


def _rows(
    drawn: Mapping[str, Mapping[str, Float64Array]],
    primary: MetricDefinition,
    costs: Mapping[str, ModelCost],
    baseline: str,
) -> list[Row]:
    """Put rows together from each model's metrics: the value, then that in every resample."""
    differences, p_values = {}, {}
    best = min(drawn, key=lambda name: _place(interval_of(drawn[name][primary.name]).value, primary))
    for name, values in drawn.items():
        gap = values[primary.name] - drawn[baseline][primary.name]
        differences[name] = interval_of(gap)
        if name != baseline:
            below, above = (gap[1:] <= 0).sum() + 1, (gap[1:] >= 0).sum() + 1
            p_values[name] = float(min(1.0, 2 * min(below, above) / len(gap)))
    corrected = holm(p_values)
    rows = [
        Row(
            name,
            {metric: interval_of(value) for metric, value in values.items()},
            differences[name],
            corrected.get(name),
            _percent(differences[name], drawn[baseline][primary.name][0]),
            interval_of(primary.improvement(values[primary.name] - drawn[best][primary.name])),
            costs[name],
        )
        for name, values in drawn.items()
    ]
    # A value that could not be computed comes last, whichever direction is better.
    return sorted(rows, key=lambda row: _place(row.metrics[primary.name].value, primary))


def _percent(difference: Interval, of: float) -> float | None:
    if difference.value is None or not np.isfinite(of) or of == 0:
        return None
    return float(100 * difference.value / abs(of))


def _place(value: float | None, primary: MetricDefinition) -> float:
    return np.inf if value is None else -float(primary.improvement(np.array(value)))
