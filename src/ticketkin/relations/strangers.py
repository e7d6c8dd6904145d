"""Pairs that nobody linked, drawn beside the linked ones in three ways."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from ticketkin.core.tables import BoolArray, IntArray, Tickets
from ticketkin.lexical.neighbours import tfidf_neighbours
from ticketkin.pairs.mining import KinshipCodes

_DRAWS_PER_PAIR = 12
_N_NEIGHBOURS = 20
_SAME_HOUR = 3_600


@dataclass(frozen=True)
class StrangerPool:
    """Where strangers are drawn from."""

    tickets: Tickets
    order: IntArray
    component: IntArray
    block: IntArray
    kinship: KinshipCodes
    words: csr_matrix

    def allowed(self, left: IntArray, right: IntArray) -> BoolArray:
        """Return True for pairs of one block that nothing joins."""
        apart = (self.component[left] != self.component[right]) & ~self.kinship.related(left, right)
        return np.asarray(apart & (self.block[left] == self.block[right]), dtype=np.bool_)


def draw_strangers(
    pool: StrangerPool, n_wanted: int, generator: np.random.Generator, taken: set[tuple[int, int]]
) -> dict[str, IntArray]:
    """Return about a third of the wanted pairs from each way of drawing; what one lacks, chance fills."""
    n_wanted = max(0, n_wanted)
    near_in_time = "same_time" if pool.tickets.has_times else "same_category"
    ways = {"lexical": _lexical(pool), near_in_time: _same_time(pool, generator)}
    drawn: dict[str, IntArray] = {}
    for name, pairs in ways.items():
        drawn[name] = _new_pairs(pool, pairs[generator.permutation(len(pairs))], n_wanted // 3, taken)
    rest = n_wanted - sum(map(len, drawn.values()))
    drawn["random"] = _new_pairs(pool, _at_random(pool, rest * _DRAWS_PER_PAIR, generator), rest, taken)
    return drawn


def _new_pairs(pool: StrangerPool, pairs: IntArray, n: int, taken: set[tuple[int, int]]) -> IntArray:
    pairs = pairs[pool.allowed(pairs[:, 0], pairs[:, 1])]
    kept: list[tuple[int, int]] = []
    for a, b in pairs.tolist():
        key = (min(a, b), max(a, b))
        if len(kept) == n:
            break
        if key not in taken:
            taken.add(key)
            kept.append(key)
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def _at_random(pool: StrangerPool, n: int, generator: np.random.Generator) -> IntArray:
    """Draw pairs within blocks."""
    by_block = np.argsort(pool.block, kind="stable")
    starts = np.searchsorted(pool.block[by_block], pool.block, side="left")
    ends = np.searchsorted(pool.block[by_block], pool.block, side="right")
    left = generator.integers(0, len(pool.block), n)
    right = by_block[generator.integers(starts[left], ends[left])]
    pairs = np.stack([left, right], axis=1)[left != right]
    return np.asarray(pairs, dtype=np.int64)


def _lexical(pool: StrangerPool) -> IntArray:
    neighbours = tfidf_neighbours(pool.words, min(_N_NEIGHBOURS, max(1, len(pool.block) - 1))).indices
    rows, columns = np.nonzero(neighbours >= 0)
    return np.stack([rows, neighbours[rows, columns]], axis=1).astype(np.int64)


def _same_time(pool: StrangerPool, generator: np.random.Generator) -> IntArray:
    """Pair each ticket with the next few of its service within the hour; without times, of its category."""
    frame = pool.tickets.frame
    timed = pool.tickets.has_times
    context = frame["service"] if timed and frame["service"].n_unique() > 1 else frame["category"]
    codes = context.cast(pl.Categorical).to_physical().cast(pl.Int64).to_numpy()
    by = np.lexsort((pool.order, codes))
    seconds = frame["opened_at"].dt.epoch("s").to_numpy() if timed else None
    pairs: list[IntArray] = []
    for step in range(1, 6):
        left, right = by[:-step], by[step:]
        near = codes[left] == codes[right]
        if seconds is not None:
            near &= np.abs(seconds[right] - seconds[left]) <= _SAME_HOUR
        pairs.append(np.stack([left[near], right[near]], axis=1))
    joined = np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)
    return np.asarray(joined[generator.permutation(len(joined))], dtype=np.int64)
