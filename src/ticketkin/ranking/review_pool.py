"""The top pairs of several rankings, side by side: the pool of pairs to show to a person."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Visibility

_DEPTH = 2
"""Places of each ranking from which pairs enter the pool."""
_BLOCK_QUERIES, _BLOCK_ENTRIES = 256, 10_000_000


@dataclass(frozen=True)
class ReviewPool:
    """Pairs that some ranking puts near the top, each once; all arrays have shape (n_pairs,)."""

    source: IntArray
    """The ticket that was opened later; the one that asks."""
    target: IntArray
    """The older one."""
    places: Mapping[str, IntArray]
    """By ranking: the place of the target among all that the source may find, 1 is the best."""
    similarities: Mapping[str, FloatArray]
    """By ranking, in its own scale."""

    def __len__(self) -> int:
        return len(self.source)

    def take(self, rows: IntArray) -> "ReviewPool":
        """Return some of the pairs."""
        return ReviewPool(
            self.source[rows],
            self.target[rows],
            {name: values[rows] for name, values in self.places.items()},
            {name: values[rows] for name, values in self.similarities.items()},
        )


def pool_pairs(
    rankers: Mapping[str, Ranker],
    queries: IntArray,
    has_text: BoolArray,
    visibility: Visibility,
    progress: Progress = SILENT,
) -> ReviewPool:
    """Return what the rankings put at the top for some tickets, and the place that each gives to it.

    Tickets without a text, False in `has_text` of shape (n_tickets,), neither ask nor are answers. Without
    opening times a pair may be reached from both sides: the ticket further down in the file is its source.
    """
    asking = queries[has_text[queries]]
    size = max(1, min(_BLOCK_QUERIES, _BLOCK_ENTRIES // max(1, visibility.n_tickets)))
    starts = range(0, len(asking), size)
    parts = [
        _pool_of_block(rankers, asking[start : start + size], has_text, visibility)
        for start in track(starts, progress, "pool pairs to judge", len(starts))
    ]
    pool = ReviewPool(
        np.concatenate([np.zeros(0, dtype=np.int64), *(part.source for part in parts)]),
        np.concatenate([np.zeros(0, dtype=np.int64), *(part.target for part in parts)]),
        {
            name: np.concatenate([np.zeros(0, dtype=np.int64), *(part.places[name] for part in parts)])
            for name in rankers
        },
        {
            name: np.concatenate(
                [np.zeros(0, dtype=np.float32), *(part.similarities[name] for part in parts)]
            )
            for name in rankers
        },
    )
    return pool if visibility.order is not None else _each_once(pool)


def _pool_of_block(
    rankers: Mapping[str, Ranker], queries: IntArray, has_text: BoolArray, visibility: Visibility
) -> ReviewPool:
    allowed = visibility.mask(queries) & has_text[None, :]
    similarities = {}
    pooled = np.zeros_like(allowed)
    for name, ranker in rankers.items():
        own = np.where(allowed, ranker.similarities(queries, visibility), -np.inf).astype(np.float32)
        left = own.copy()
        for _ in range(_DEPTH):
            best = left.argmax(axis=1)[:, None]
            np.put_along_axis(pooled, best, values=True, axis=1)
            np.put_along_axis(left, best, -np.inf, axis=1)
        similarities[name] = own
    rows, targets = np.nonzero(pooled & allowed)
    places = {
        name: 1 + (own[rows] > own[rows, targets][:, None]).sum(axis=1, dtype=np.int64)
        for name, own in similarities.items()
    }
    own_of = {name: own[rows, targets] for name, own in similarities.items()}
    return ReviewPool(queries[rows], targets.astype(np.int64), places, own_of)


def _each_once(pool: ReviewPool) -> ReviewPool:
    """Keep a pair that was reached from both sides once, from the side that ranks it better."""
    low, high = np.minimum(pool.source, pool.target), np.maximum(pool.source, pool.target)
    total = np.sum([pool.places[name] for name in pool.places], axis=0) if len(pool) else np.zeros(0)
    order = np.lexsort((pool.source, total, low, high))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    kept = pool.take(np.sort(order[first]))
    return replace(
        kept, source=np.maximum(kept.source, kept.target), target=np.minimum(kept.source, kept.target)
    )
