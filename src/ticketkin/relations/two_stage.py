"""Quality of the two stages retrieval and classification together, at the real base rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import BoolArray, Float64Array, IntArray
from ticketkin.evaluation.bootstrap import wilson_share
from ticketkin.relations.bands import REPORTED_BANDS, Bands, likeliest_kin
from ticketkin.relations.kinds import KINDS, NONE
from ticketkin.relations.record import BandQuality, SplitQuality


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

    @classmethod
    def joined(cls, parts: Sequence["Retrieved"]) -> "Retrieved":
        """Return the pairs of all parts, in their order."""
        return cls(
            np.concatenate([part.query for part in parts]),
            np.concatenate([part.candidate for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.similarities for part in parts]),
        )


def two_stage_quality(
    bands: Bands, retrieved: Retrieved, kinds: IntArray, within_reach: Mapping[str, int], n_queries: int
) -> SplitQuality:
    """Return for each kind and band what is reported, precision, recall, and false alarms in 1,000 tickets.

    `within_reach` counts by kind the pairs of the `n_queries` queries that could have been reported,
    retrieved or not: recall is of those, `n_true`. Precision has Wilson's 95 % interval. A pair that nobody
    linked counts as a false alarm, though some are kin that nobody marked.
    """
    calibrated = bands.calibrated(retrieved.probabilities, retrieved.similarities)
    likeliest = likeliest_kin(calibrated)

    def reported(code: int, threshold: float | None) -> BoolArray:
        if threshold is None:
            return np.zeros(len(kinds), dtype=np.bool_)
        return np.asarray((likeliest == code) & (calibrated[:, code] >= threshold), dtype=np.bool_)

    by_kind = {
        name: {
            band: _band_quality(
                reported(code, bands.threshold(name, band)), kinds == code, within_reach[name], n_queries
            )
            for band in REPORTED_BANDS
        }
        for code, name in enumerate(KINDS)
        if name != NONE
    }
    return SplitQuality(n_queries=n_queries, n_pairs=len(kinds), by_kind=by_kind)


def _band_quality(is_reported: BoolArray, true: BoolArray, n_true: int, n_queries: int) -> BandQuality:
    n_reported, n_right = int(is_reported.sum()), int((is_reported & true).sum())
    precision = wilson_share(n_right, n_reported)
    return BandQuality(
        n_reported=n_reported,
        n_right=n_right,
        n_retrieved=int(true.sum()),
        n_true=n_true,
        precision=precision.value,
        precision_low=precision.low,
        precision_high=precision.high,
        recall=n_right / n_true if n_true else None,
        false_alarms_per_1000_tickets=1000 * (n_reported - n_right) / max(1, n_queries),
    )
