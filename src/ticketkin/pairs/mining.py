"""Hard negatives: tickets that look alike and are not kin.

Candidates come from the nearest neighbours by embedding and by words. Those that share a kin group, a
problem record or a parent are left out, those that any chain of links joins, and those that resemble the
anchor almost as much as its own positive: unmarked duplicates, most of the time (positive-aware mining,
Moreira et al., "NV-Retriever", 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Links, Tickets, field_codes
from ticketkin.tickets.kin import link_components

# A stranger need not be the nearest of all to be hard: among so many there are enough that are near, and a
# query costs the same in a file of any size.
_MOST_CANDIDATES = 25_000
_BLOCK_QUERIES = 1_024


def dense_neighbours(
    embeddings: FloatArray,
    rows: IntArray,
    k: int,
    progress: Progress = SILENT,
    queries: IntArray | None = None,
) -> IntArray:
    """Return for each query its `k` nearest others among `rows`, shape (n_queries, k), padded -1.

    Exact up to 25,000 rows; of more, so many are candidates, spread evenly over the file. `queries` are
    rows, all of `rows` by default.
    """
    import faiss

    asked = rows if queries is None else queries
    neighbours = np.full((len(asked), k), -1, dtype=np.int64)
    if len(rows) < 2:
        return neighbours
    n_candidates = min(len(rows), _MOST_CANDIDATES)
    candidates = rows[np.linspace(0, len(rows) - 1, n_candidates).astype(np.int64)]
    index = faiss.IndexFlatIP(embeddings.shape[1])
    index.add(np.ascontiguousarray(embeddings[candidates], dtype=np.float32))
    starts = range(0, len(asked), _BLOCK_QUERIES)
    for start in track(starts, progress, "dense neighbours", len(starts)):
        part = asked[start : start + _BLOCK_QUERIES]
        query = np.ascontiguousarray(embeddings[part], dtype=np.float32)
        _, nearest = index.search(query, min(k + 1, n_candidates))
        for place, (own, row) in enumerate(zip(part, candidates[nearest], strict=True), start=start):
            others = row[row != own][:k]
            neighbours[place, : len(others)] = others
    return neighbours


@dataclass(frozen=True)
class KinshipCodes:
    """Codes that no negative pair may share; -1 means none."""

    codes: IntArray
    """Kin group, component of links, problem and parent of each ticket, shape (n_tickets, 4)."""

    @classmethod
    def of(cls, tickets: Tickets, groups: IntArray, links: Links) -> "KinshipCodes":
        """Collect what every ticket shares with its kin; a related or causal link is no stranger's either."""
        columns = [groups, link_components(tickets, links)]
        columns += [field_codes(tickets.frame[name]) for name in ("problem", "parent")]
        return cls(np.stack(columns, axis=1))

    def related(self, left: IntArray, right: IntArray) -> BoolArray:
        """Return True where a pair shares a kin group, links, problem or parent; arrays broadcast."""
        a, b = self.codes[left], self.codes[right]
        shared: BoolArray = ((a == b) & (a >= 0)).any(axis=-1)
        return shared


def mine_negatives(
    anchors: IntArray,
    positives: IntArray,
    candidates: Sequence[IntArray],
    embeddings: FloatArray,
    kinship: KinshipCodes,
    n_negatives: int,
    margin: float,
) -> IntArray:
    """Return the hardest allowed negatives of each (anchor, positive), shape (n, n_negatives), padded -1.

    `candidates` are arrays of shape (n, k): neighbours of each anchor, padded -1. A candidate more
    similar to the anchor than `margin` x the positive is taken for unmarked kin and left out.
    """
    chosen = np.full((len(anchors), n_negatives), -1, dtype=np.int64)
    for place, (anchor, positive) in enumerate(zip(anchors, positives, strict=True)):
        pool = np.unique(np.concatenate([c[place] for c in candidates]))
        pool = pool[(pool >= 0) & (pool != anchor)]
        pool = pool[~kinship.related(np.full(len(pool), anchor), pool)]
        if not len(pool):
            continue
        similarity = embeddings[pool] @ embeddings[anchor]
        # A positive may be far away in words: then only what is truly near the anchor is suspect.
        limit = max(float(embeddings[anchor] @ embeddings[positive]) * margin, 0.5)
        allowed = similarity < limit
        pool, similarity = pool[allowed], similarity[allowed]
        best = np.argsort(-similarity, kind="stable")[:n_negatives]
        chosen[place, : len(best)] = pool[best]
    return chosen
