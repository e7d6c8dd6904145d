"""Choosing among options by ranks of few kin groups, where the best of several is mostly the luckiest."""

import numpy as np

from ticketkin.core.tables import Float64Array, IntArray


def choose_option(reciprocal_ranks: Float64Array, clusters: IntArray) -> int:
    """Return which option to take: the first, unless the best is better by more than one standard error.

    `reciprocal_ranks` has the shape (n_options, n_queries); the error is that of the paired difference over
    the kin groups in `clusters`, shape (n_queries,).
    """
    best = int(reciprocal_ranks.mean(axis=1).argmax())
    if not best:
        return 0
    gain = reciprocal_ranks[best] - reciprocal_ranks[0]
    _, group = np.unique(clusters, return_inverse=True)
    sums = np.bincount(group, gain - gain.mean())
    n_groups = len(sums)
    error = float(np.sqrt((sums**2).sum() * n_groups / max(1, n_groups - 1))) / len(gain)
    return best if gain.mean() > error * (1 + 1e-9) else 0
