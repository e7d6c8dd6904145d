"""What makes up for rare kinds while a classifier is fitted: weights, or their pairs again."""

from typing import Literal

import numpy as np

from ticketkin.core.tables import Float64Array, IntArray

Balance = Literal["weights", "oversample", "none"]


def sample_weights(kinds: IntArray, balance: Balance) -> Float64Array:
    """Return the weight of each pair, shape (n_pairs,): the rarer its kind the more, or 1."""
    if balance != "weights":
        return np.ones(len(kinds))
    counts = np.bincount(kinds)
    present = np.count_nonzero(counts)
    weights: Float64Array = len(kinds) / (present * counts[kinds])
    return weights


def oversampled(kinds: IntArray, seed: int) -> IntArray:
    """Return rows in which every kind stands as often as the most frequent one, ascending.

    Each row of a kind is repeated as often as any other of it, or once more. The rows must be training pairs
    only: a copy of a test pair would be known to the model.
    """
    generator = np.random.default_rng(seed)
    most = int(np.bincount(kinds).max())
    rows = []
    for kind in np.unique(kinds):
        own = np.flatnonzero(kinds == kind)
        further = generator.choice(own, most % len(own), replace=False)
        rows.append(np.concatenate([np.tile(own, most // len(own)), further]))
    return np.sort(np.concatenate(rows)).astype(np.int64)
