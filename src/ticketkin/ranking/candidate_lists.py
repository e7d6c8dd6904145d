"""The candidate lists of many queries with the features of every pair, computed once.

None of it depends on a label: whatever is fitted, and on whichever kin, starts from the same lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.tables import BoolArray, FloatArray, IntArray
from ticketkin.ranking.columns import TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.pair_features import WORD_SOURCES, feature_names, pair_features
from ticketkin.ranking.retriever import Candidates, Retriever, proposed_rows
from ticketkin.ranking.scorer import TUNED, Reach, candidates_of

_BLOCK_QUERIES = 128


@dataclass(frozen=True)
class CandidateLists:
    """For each query its candidates, one after another: query i has those from start[i] to start[i + 1]."""

    queries: IntArray
    """Ticket rows, shape (n_queries,)."""
    start: IntArray
    """Shape (n_queries + 1,)."""
    rows: IntArray
    """Ticket rows of the candidates, shape (n_pairs,)."""
    features: FloatArray
    """Shape (n_pairs, n_features)."""
    by_untuned: BoolArray
    """Which pairs a source other than the embedding TUNED proposes, shape (n_pairs,)."""

    @cached_property
    def query_of_pair(self) -> IntArray:
        """Place of each pair's query, shape (n_pairs,)."""
        return np.repeat(np.arange(len(self.queries)), np.diff(self.start))

    def take(self, places: IntArray) -> "CandidateLists":
        """Return the lists of some of the queries, by their places."""
        pairs = [np.arange(self.start[place], self.start[place + 1]) for place in places]
        chosen = np.concatenate([np.zeros(0, dtype=np.int64), *pairs])
        start = np.cumsum([0, *(len(part) for part in pairs)])
        return CandidateLists(
            self.queries[places], start, self.rows[chosen], self.features[chosen], self.by_untuned[chosen]
        )

    def without_tuned(self, names: Sequence[str]) -> "CandidateLists":
        """Return the lists as they are without the embedding TUNED; `names` are those of the features."""
        kept = [column for column, name in enumerate(names) if not f"{name}_".startswith(f"{TUNED}_")]
        before = np.concatenate([[0], np.cumsum(self.by_untuned)])
        return CandidateLists(
            self.queries,
            before[self.start],
            self.rows[self.by_untuned],
            self.features[self.by_untuned][:, kept],
            self.by_untuned[self.by_untuned],
        )

    def kin(self, groups: IntArray) -> BoolArray:
        """Return which pairs are kin, shape (n_pairs,); `groups` numbers the kin group of each ticket."""
        same: BoolArray = groups[self.rows] == groups[self.queries][self.query_of_pair]
        return same


def blocks(queries: IntArray) -> list[IntArray]:
    """Return the queries cut into blocks."""
    return [queries[start : start + _BLOCK_QUERIES] for start in range(0, len(queries), _BLOCK_QUERIES)]


def candidate_lists(
    state: CorpusState,
    columns: TicketColumns,
    queries: IntArray,
    depth: int,
    progress: Progress = SILENT,
    label: str = "candidate lists",
) -> CandidateLists:
    """Return the lists of `queries`, rows of `columns`: `depth` of each source, as a new ticket gets them."""
    retriever = Retriever(columns)

    def lists(block: IntArray) -> CandidateLists:
        asked = columns.take(block)
        candidates = candidates_of(state, retriever, asked, Reach(depth, WORD_SOURCES))
        there = candidates.rows >= 0
        start = np.cumsum(np.concatenate([np.zeros(1, dtype=np.int64), there.sum(axis=1)]))
        return CandidateLists(
            block,
            start,
            candidates.rows[there],
            pair_features(state, asked, candidates)[there],
            _by_untuned(candidates, depth)[there],
        )

    nothing: FloatArray = np.zeros((0, len(feature_names(state))), dtype=np.float32)
    empty = CandidateLists(
        queries[:0],
        np.zeros(1, dtype=np.int64),
        np.zeros(0, dtype=np.int64),
        nothing,
        np.zeros(0, dtype=np.bool_),
    )
    parts = blocks(queries)
    return joined([empty, *(lists(block) for block in track(parts, progress, label, len(parts)))])


def joined(parts: Sequence[CandidateLists]) -> CandidateLists:
    """Return the lists of several, one after another."""
    sizes = np.concatenate([np.diff(part.start) for part in parts])
    return CandidateLists(
        np.concatenate([part.queries for part in parts]),
        np.cumsum(np.concatenate([np.zeros(1, dtype=np.int64), sizes])),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.by_untuned for part in parts]),
    )


def _by_untuned(candidates: Candidates, depth: int) -> BoolArray:
    """Return which candidates a source other than TUNED proposes, shape of `candidates.rows`."""
    if TUNED not in candidates.nearest:
        return np.ones(candidates.rows.shape, dtype=np.bool_)
    untuned = {name: nearest for name, nearest in candidates.nearest.items() if name != TUNED}
    proposed = proposed_rows(untuned, len(candidates.rows), depth)
    return np.stack([np.isin(own, rows) for own, rows in zip(candidates.rows, proposed, strict=True)])
