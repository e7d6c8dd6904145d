"""The leaderboard as a page and as a table."""

from dataclasses import asdict

import polars as pl

from ticketkin.core.checks import Outcome
from ticketkin.evaluation.leaderboard import ModelComparison, Recommendation, Row
from ticketkin.evaluation.metric_definitions import MetricDefinition, Place
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.model_decisions import ModelDecisions, decision_metrics
from ticketkin.reports.formatting import format_gain, format_metric
from ticketkin.reports.kinds import CellRow
from ticketkin.reports.page import render_page

_COSTS = {
    "dimension": "dimension",
    "bytes_a_ticket": "bytes a ticket",
    "texts_per_second": "texts/s",
    "size_mib": "MiB",
}
_CALLS = {
    "true_positive": "kin called kin",
    "false_positive": "strangers called kin",
    "false_negative": "kin missed",
    "true_negative": "strangers let be",
}
_NO_RECOMMENDATION = "Nobody has linked these tickets, so this table recommends no model."


def leaderboard_heads(comparison: ModelComparison, *, in_full: bool = False) -> list[str]:
    """Return the column heads after the model's name; short ones for a terminal."""
    primary = METRICS[comparison.primary]
    shown = (metric.title if in_full else metric.short_title for metric in _shown(comparison))
    return [*shown, f"difference in {primary.short_title}", "vs baseline", "p", *_COSTS.values()]


def leaderboard_cells(comparison: ModelComparison, row: Row) -> list[str]:
    """Return a row's cells as text, in the order of the heads."""
    return [
        *(format_metric(row.metrics[metric.name]) for metric in _shown(comparison)),
        "" if row.p_value is None else format_gain(row.difference),
        "" if row.p_value is None or row.percent is None else f"{row.percent:+.1f} %",
        "" if row.p_value is None else f"{row.p_value:.3f}",
        *(f"{getattr(row.cost, name):,.4g}" for name in _COSTS),
    ]


def _shown(comparison: ModelComparison) -> list[MetricDefinition]:
    """Return the metrics that have a column; where pairs alone judge, those of retrieval have no value."""
    place = Place.LEADERBOARD if comparison.n_queries else Place.PAIR_LEADERBOARD
    return [metric for metric in METRICS.shown_in(place) if metric.name in comparison.rows[0].metrics]


def decision_heads() -> list[str]:
    """Return the column heads, after the model's name, of what each model calls kin."""
    metrics = (metric.title for metric in decision_metrics())
    return ["threshold", *metrics, *_CALLS.values()]


def decision_cells(decisions: ModelDecisions) -> list[str]:
    """Return a model's calls as text, in the order of the heads."""
    shown = decision_metrics()
    return [
        f"{decisions.threshold:.3f}",
        *(format_metric(decisions.metrics[metric.name]) for metric in shown),
        *(f"{getattr(decisions.confusion, name):,}" for name in _CALLS),
    ]


def recommendation_words(comparison: ModelComparison) -> str:
    """Return which model to take and why, in plain sentences."""
    recommendation = comparison.recommendation
    if recommendation is None:
        return _NO_RECOMMENDATION
    row, best = recommendation.model, recommendation.best
    primary = METRICS[comparison.primary]
    words = [f"Recommended: {row.name}."]
    if row is best:
        words.append(f"It has the best {primary.short_title}{_over_baseline(recommendation, primary)}.")
    else:
        gap = format_gain(row.behind_best)
        words.append(
            f"By these links it can't be told from the best, {best.name} (difference in "
            f"{primary.short_title} {gap}){_faster(row, best)}."
        )
        if row is recommendation.baseline:
            words.append("No other model is measurably better.")
    if not row.is_licence_open:
        stated = f"is {row.cost.licence}" if row.cost.licence else "is not known here"
        words.append(f"Its licence {stated}: check that you may use it.")
    return " ".join(words)


def _over_baseline(recommendation: Recommendation, primary: MetricDefinition) -> str:
    if recommendation.model is recommendation.baseline:
        return ", and it is the model you have"
    name, gain = recommendation.baseline.name, format_gain(recommendation.model.difference)
    if recommendation.is_gain_proven:
        return f", and over {name} it gains {gain}"
    speed = _faster(recommendation.model, recommendation.baseline)
    return (
        f", but by these links it can't be told from {name}, the model you have (difference in "
        f"{primary.short_title} {gain}){speed}"
    )


def _faster(row: Row, other: Row) -> str:
    """Return how much faster or slower a model is than another, where that is sure; else nothing."""
    times = row.times_as_fast_as(other)
    if row.is_surely_faster_than(other):
        return f", and it encodes {times:.1f} times as many tickets in the same time"
    if other.is_surely_faster_than(row):
        return f", though it encodes only {times:.1f} times as many tickets"
    return ""


def leaderboard_html(comparison: ModelComparison) -> str:
    """Return the page."""
    heads = [*leaderboard_heads(comparison, in_full=True), "licence"]
    rows = []
    for row in comparison.rows:
        cells = [*leaderboard_cells(comparison, row), row.cost.licence or "not known here"]
        rows.append({"name": row.name, "cells": list(zip(heads, cells, strict=True))})
    return render_page(
        "leaderboard.html",
        comparison=comparison,
        heads=heads,
        rows=rows,
        decisions=_decision_rows(comparison),
        alarms=[check for check in comparison.checks if check.outcome is Outcome.FAILED],
        recommendation=recommendation_words(comparison),
    )


def _decision_rows(comparison: ModelComparison) -> list[CellRow]:
    heads = decision_heads()
    return [
        CellRow(row.name, list(zip(heads, decision_cells(comparison.decisions[row.name]), strict=True)))
        for row in comparison.rows
    ]


def leaderboard_table(comparison: ModelComparison) -> pl.DataFrame:
    """Return one row a model with a column for each number: metric, metric_low, metric_high."""
    rows = []
    for row in comparison.rows:
        flat: dict[str, str | float | None] = {"name": row.name}
        decisions = comparison.decisions[row.name]
        measured = row.metrics | {"difference": row.difference} | decisions.metrics
        for name, interval in measured.items():
            flat |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
        calls = {"threshold": decisions.threshold, **decisions.confusion.model_dump()}
        rows.append({**flat, "percent": row.percent, "p_value": row.p_value, **calls, **asdict(row.cost)})
    return pl.DataFrame(rows, infer_schema_length=None)
