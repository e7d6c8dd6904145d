"""The leaderboard as a page and as a table."""

from typing import Any

import polars as pl

from ticketkin.evaluation.leaderboard import ModelComparison, Row
from ticketkin.evaluation.metrics import METRICS, MetricDefinition, Place
from ticketkin.reports.formatting import format_gain, format_metric
from ticketkin.reports.page import render_page

_COSTS = {
    "dimension": "dimension",
    "bytes_a_ticket": "bytes a ticket",
    "texts_per_second": "texts/s",
    "size_mib": "MiB",
}


def leaderboard_heads(comparison: ModelComparison) -> list[str]:
    """Return the column heads after the model's name."""
    primary = METRICS[comparison.primary]
    shown = (metric.short_title for metric in _shown(comparison))
    return [*shown, f"difference in {primary.short_title}", "p", *_COSTS.values()]


def leaderboard_cells(comparison: ModelComparison, row: Row) -> list[str]:
    """Return a row's cells as text, in the order of the heads."""
    primary = METRICS[comparison.primary]
    return [
        *(format_metric(row.metrics[metric.name], metric.format) for metric in _shown(comparison)),
        "" if row.p_value is None else format_gain(row.difference, primary.format),
        "" if row.p_value is None else f"{row.p_value:.3f}",
        *("" if name not in row.costs else f"{row.costs[name]:,.4g}" for name in _COSTS),
    ]


def _shown(comparison: ModelComparison) -> list[MetricDefinition]:
    """Return the metrics that have a column; where pairs alone judge, those of retrieval have no value."""
    place = Place.LEADERBOARD if comparison.n_queries else Place.PAIR_LEADERBOARD
    return [metric for metric in METRICS.shown_in(place) if metric.name in comparison.rows[0].metrics]


def leaderboard_html(comparison: ModelComparison) -> str:
    """Return the page."""
    heads = leaderboard_heads(comparison)
    rows = [
        {"name": row.name, "cells": list(zip(heads, leaderboard_cells(comparison, row), strict=True))}
        for row in comparison.rows
    ]
    return render_page("leaderboard.html", comparison=comparison, heads=heads, rows=rows)


def leaderboard_table(comparison: ModelComparison) -> pl.DataFrame:
    """Return one row a model with a column for each number: metric, metric_low, metric_high."""
    rows = []
    for row in comparison.rows:
        flat: dict[str, Any] = {"name": row.name}
        for name, interval in (*row.metrics.items(), ("difference", row.difference)):
            flat |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
        rows.append({**flat, "p_value": row.p_value, **row.costs})
    return pl.DataFrame(rows, infer_schema_length=None)
