"""The leaderboard as a page and as a table."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.metrics import METRICS, MetricDefinition, Place
from ticketkin.reports.formatting import format_gain, format_metric
from ticketkin.reports.page import render_page

_COSTS = {
    "dimension": "dimension",
    "bytes_a_ticket": "bytes a ticket",
    "texts_per_second": "texts/s",
    "size_mib": "MiB",
}


def leaderboard_heads(comparison: Mapping[str, Any]) -> list[str]:
    """Return the column heads after the model's name; `comparison` is the content of leaderboard.json."""
    primary = METRICS[comparison["primary"]]
    shown = (metric.short_title for metric in _shown(comparison))
    return [*shown, f"difference in {primary.short_title}", "p", *_COSTS.values()]


def leaderboard_cells(comparison: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """Return a row's cells as text, in the order of the heads."""
    p_value, primary = row["p_value"], METRICS[comparison["primary"]]
    return [
        *(format_metric(Interval.from_json(row[m.name]), m.format) for m in _shown(comparison)),
        "" if p_value is None else format_gain(Interval.from_json(row["difference"]), primary.format),
        "" if p_value is None else f"{p_value:.3f}",
        *("" if row.get(name) is None else f"{row[name]:,.4g}" for name in _COSTS),
    ]


def _shown(comparison: Mapping[str, Any]) -> list[MetricDefinition]:
    """Return the metrics that have a column; a leaderboard of an earlier version may lack some."""
    place = Place.LEADERBOARD if comparison["n_queries"] else Place.PAIR_LEADERBOARD
    return [metric for metric in METRICS.shown_in(place) if metric.name in comparison["rows"][0]]


def leaderboard_html(comparison: Mapping[str, Any]) -> str:
    """Return the page; `comparison` is the content of leaderboard.json."""
    heads = leaderboard_heads(comparison)
    rows = [
        {"name": row["name"], "cells": list(zip(heads, leaderboard_cells(comparison, row), strict=True))}
        for row in comparison["rows"]
    ]
    return render_page("leaderboard.html", comparison=comparison, heads=heads, rows=rows)


def leaderboard_table(comparison: Mapping[str, Any]) -> pl.DataFrame:
    """Return one row a model with a column for each number: metric, metric_low, metric_high."""
    rows = []
    for row in comparison["rows"]:
        flat: dict[str, Any] = {}
        for name, value in row.items():
            if isinstance(value, Mapping):
                flat |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
            else:
                flat[name] = value
        rows.append(flat)
    return pl.DataFrame(rows, infer_schema_length=None)
