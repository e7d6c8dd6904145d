"""The best of one source for a query: the most similar first, the newest of those that are alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import Float64Array, FloatArray, IntArray

SAME = 1e-6
"""Similarities closer than this are the same: the last digit of a dot product is no reason to prefer."""
# Size of the sample from which the n-th highest value is estimated, as a multiple of n.
_SAMPLED = 8


@dataclass(frozen=True)
class Nearest:
    """The best of one source for each query, most similar first."""

    rows: IntArray
    """Stored rows, shape (n_queries, n), -1 where there are fewer."""
    similarities: FloatArray
    """Shape (n_queries, n); at row -1, 0 for a visible ticket without a shared word, -inf for none."""


def highest(values: FloatArray | Float64Array, n: int) -> tuple[IntArray, float]:
    """Return the places of all values from a floor on, at least `n` of them, and that floor.

    The floor is guessed from a sample, which costs a fraction of finding the n-th highest of a million.
    """
    sample = values[:: max(1, len(values) // (_SAMPLED * n))]
    place = min(len(sample), -(-2 * n * len(sample) // len(values)))
    floor = float(np.partition(sample, len(sample) - place)[len(sample) - place])
    places = np.flatnonzero(values >= floor)
    if len(places) < n:
        floor = float(np.partition(values, len(values) - n)[len(values) - n])
        places = np.flatnonzero(values >= floor)
    return places, floor


def best_places(
    values: FloatArray | Float64Array, opened_at: IntArray, identity: IntArray, n: int
) -> IntArray:
    """Return the places of the `n` highest values, the newest of those that are alike on the border."""
    if len(values) <= n:
        return np.arange(len(values))
    border = -np.partition(-values, n - 1)[n - 1]
    is_sure = values > border + SAME
    surely = np.flatnonzero(is_sure)
    # All the others down to the border, too: in single precision a value may be neither above nor alike.
    alike = np.flatnonzero(~is_sure & (values >= border - SAME))
    newest = np.lexsort((identity[alike], -opened_at[alike]))
    return np.concatenate([surely, alike[newest[: n - len(surely)]]])


def newest_first(
    rows: IntArray, similarities: FloatArray, opened_at: IntArray, identity: IntArray
) -> Nearest:
    """Return rows by falling similarity, the newest first of those that are equal; shapes (n_queries, n)."""
    order = np.lexsort((identity, -opened_at, -similarities), axis=1)
    return Nearest(np.take_along_axis(rows, order, 1), np.take_along_axis(similarities, order, 1))


def joined(parts: Sequence[Nearest]) -> Nearest:
    """Return the lists of several blocks of queries as one."""
    return Nearest(
        np.concatenate([part.rows for part in parts]), np.concatenate([part.similarities for part in parts])
    )
