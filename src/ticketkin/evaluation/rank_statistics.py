"""Statistics of one query each, from the ranks of its kin; the registry in `metrics.py` names them.

`ranks` holds for each query the ascending 1-based ranks of all its visible kin, at least one; every
function returns shape (n_queries,).
"""

from collections.abc import Callable, Sequence

import numpy as np

from ticketkin.core.tables import Float64Array, IntArray

Ranks = Sequence[IntArray]


def first_rank(ranks: Ranks) -> IntArray:
    """Return the rank of each query's nearest kin."""
    return np.array([kin[0] for kin in ranks], dtype=np.int64)


def reciprocal_rank(ranks: Ranks) -> Float64Array:
    """Return one over the rank of the nearest kin."""
    reciprocal: Float64Array = 1.0 / first_rank(ranks)
    return reciprocal


def average_precision(ranks: Ranks) -> Float64Array:
    """Return the mean precision at the rank of each of a query's kin."""
    return np.array([(np.arange(1, len(kin) + 1) / kin).mean() for kin in ranks])


def recall_at(k: int) -> Callable[[Ranks], Float64Array]:
    """Return the statistic that is 1 where at least one kin stands among the first k, else 0.

    This is the convention of duplicate-report retrieval; the mean is also called recall rate or hit rate.
    """
    return lambda ranks: (first_rank(ranks) <= k).astype(np.float64)


def ndcg_at(k: int) -> Callable[[Ranks], Float64Array]:
    """Return the normalised discounted cumulative gain among the first k (Järvelin and Kekäläinen 2002)."""

    def ndcg(kin: IntArray) -> float:
        ideal = np.arange(1, min(k, len(kin)) + 1)
        return float((1 / np.log2(kin[kin <= k] + 1)).sum() / (1 / np.log2(ideal + 1)).sum())

    return lambda ranks: np.array([ndcg(kin) for kin in ranks])
