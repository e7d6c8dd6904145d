"""Retrieve, then classify: how good is what that reports, at the real base rate?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ticketkin.core.tables import BoolArray, IntArray
from ticketkin.evaluation.bootstrap import Float64Array, wilson_share
from ticketkin.relations.bands import Bands, likeliest_kin
from ticketkin.relations.pairs import KINDS, NONE


@dataclass(frozen=True)
class Retrieved:
    """The nearest tickets of some queries and what the classifier thinks; of shape (n, ...)."""

    query: IntArray
    """Ticket row of each pair's query."""
    candidate: IntArray
    probabilities: Float64Array
    """Not calibrated, shape (n_pairs, 4)."""
    similarities: Float64Array
    """Of the ranking, shape (n_pairs,)."""


def two_stage_quality(
    bands: Bands, found: Retrieved, kinds: IntArray, within_reach: Mapping[str, int]
) -> dict[str, Any]:
    """Return for each kind and band what is reported, precision, recall, and false alarms in 1,000 tickets.

    `within_reach` counts the queries (`n_queries`) and by kind the pairs that could have been told, retrieved
    or not: recall is of those, `n_true`. Precision has Wilson's 95 % interval. A pair that nobody linked
    counts as a false alarm, though some are kin that nobody marked.
    """
    calibrated = bands.calibrated(found.probabilities, found.similarities)
    likeliest = likeliest_kin(calibrated)
    n_queries = within_reach["n_queries"]
    quality: dict[str, Any] = {"n_queries": n_queries, "n_pairs": len(kinds)}
    for code, name in enumerate(KINDS):
        if name == NONE:
            continue
        true, n_true = kinds == code, within_reach[name]
        for band, thresholds in (("say", bands.say), ("suggest", bands.suggest)):
            threshold = thresholds.get(name)
            is_reported = np.zeros(len(kinds), dtype=np.bool_)
            if threshold is not None:
                is_reported = (likeliest == code) & (calibrated[:, code] >= threshold)
            quality[f"{name}_{band}"] = _band_quality(is_reported, true, n_true, n_queries)
    return quality


def _band_quality(is_reported: BoolArray, true: BoolArray, n_true: int, n_queries: int) -> Mapping[str, Any]:
    n_reported, n_right = int(is_reported.sum()), int((is_reported & true).sum())
    precision = wilson_share(n_right, n_reported)
    return {
        "n_said": n_reported,
        "n_right": n_right,
        "n_retrieved": int(true.sum()),
        "n_true": n_true,
        "precision": precision.value,
        "precision_low": precision.low,
        "precision_high": precision.high,
        "recall": n_right / n_true if n_true else None,
        "false_alarms_per_1000_tickets": 1000 * (n_reported - n_right) / max(1, n_queries),
    }
