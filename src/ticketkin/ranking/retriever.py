"""The first step of a search: of each source, the stored tickets nearest to a query.

Sources are the embeddings and the words. The exact way compares with every stored ticket; the approximate
one walks a graph (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
Hierarchical Navigable Small World graphs", 2018) and knows how much of the exact answer it gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.tables import BoolArray, FloatArray, IntArray
from ticketkin.lexical.neighbours import paired_cosines
from ticketkin.ranking.columns import ENCODER, TicketColumns, name_order
from ticketkin.ranking.crowd import NO_TIME

LEXICAL = "lexical"
# Similarities closer than this are one and the same: the last digit of a dot product is no reason to prefer.
_SAME = 1e-6
# Entries of a query x tickets block, so that a million tickets stay within a few hundred megabytes.
_BLOCK_ENTRIES = 25_000_000
_BLOCK_QUERIES = 128
_GRAPH_NEIGHBOURS = 32
_BUILD_DEPTH, _SEARCH_DEPTH = 200, 400
_N_RECALL_QUERIES = 200
# Of a graph's answers, those a query may not see are dropped: it is asked for this many times as many.
_SPARE = 2


@dataclass(frozen=True)
class Nearest:
    """The best of one source for each query, most similar first."""

    rows: IntArray
    """Stored rows, shape (n_queries, n), -1 where there are fewer."""
    similarities: FloatArray
    """Shape (n_queries, n); beside -1, 0 for a visible ticket without a shared word, -inf for none left."""


@dataclass(frozen=True)
class Candidates:
    """What a query's pairs are scored against: stored tickets, which of them, and each source's best."""

    stored: TicketColumns
    rows: IntArray
    """Stored rows, ascending, shape (n_queries, k), -1 where there are fewer."""
    nearest: Mapping[str, Nearest]
    """By source."""


class Retriever:
    """Finds the stored tickets nearest to queries, exactly or by graphs; tickets can be appended."""

    def __init__(self, stored: TicketColumns, *, approximate: bool = False) -> None:
        self._stored = stored
        self._graphs: dict[str, Any] = {}
        self._index_words()
        self.recall: dict[str, float] = {}
        """Share of the exact 200 nearest that an approximate source gives, measured on stored tickets."""
        if approximate:
            self._graphs = {name: _graph(vectors) for name, vectors in stored.embeddings.items()}
            self.recall = self._measured_recall()

    @property
    def stored(self) -> TicketColumns:
        """The tickets that can be found."""
        return self._stored

    @property
    def sources(self) -> list[str]:
        """Names of the sources: every embedding, then the words."""
        return [*self._stored.embeddings, LEXICAL]

    def append(self, more: TicketColumns) -> None:
        """Store more tickets, described by the same corpus state; rows of those that are there stay."""
        self._stored = self._stored.append(more)
        for name, graph in self._graphs.items():
            graph.add(np.ascontiguousarray(more.embeddings[name]))
        self._index_words()

    def _index_words(self) -> None:
        self._words = csr_matrix(self._stored.lexical.whole.T)

    def candidates(self, queries: TicketColumns, depth: int, n: int, as_of: IntArray | None) -> Candidates:
        """Return the `depth` best of every source together, with each source's `n` best, as `nearest`.

        The encoder that only the second level reads proposes no candidate.
        """
        nearest = self.nearest(queries, n, as_of)
        proposing = [source for name, source in nearest.items() if name != ENCODER]
        lists = [
            np.unique(np.concatenate([source.rows[query, :depth] for source in proposing]))
            for query in range(len(queries))
        ]
        lists = [rows[rows >= 0] for rows in lists]
        padded = np.full((len(queries), max([1, *(len(rows) for rows in lists)])), -1, dtype=np.int64)
        for query, rows in enumerate(lists):
            padded[query, : len(rows)] = rows
        return Candidates(self._stored, padded, nearest)

    def nearest(self, queries: TicketColumns, n: int, as_of: IntArray | None) -> dict[str, Nearest]:
        """Return each source's `n` best for each query.

        `as_of`, microseconds since 1970 of shape (n_queries,), hides what opened later; what opened in the
        same instant is visible where its id comes first by `name_order`. None shows everything. A ticket
        never finds itself. Of tickets that are equally similar, the newest come first.
        """
        block = max(1, min(_BLOCK_QUERIES, _BLOCK_ENTRIES // max(1, len(self._stored))))
        parts: dict[str, list[Nearest]] = {name: [] for name in self.sources}
        for start in range(0, max(1, len(queries)), block):
            rows = np.arange(start, min(start + block, len(queries)))
            part = queries.take(rows)
            hidden = self._hidden(part, None if as_of is None else as_of[rows])
            for name in self.sources:
                parts[name].append(self._of_source(name, part, n, hidden))
        return {name: _joined(found) for name, found in parts.items()}

    def _hidden(self, queries: TicketColumns, as_of: IntArray | None) -> BoolArray:
        """Return what each query may not see, shape (n_queries, n_stored)."""
        stored = self._stored
        hidden: BoolArray = stored.identity[None, :] == queries.identity[:, None]
        if as_of is None:
            return hidden
        for query in np.flatnonzero(as_of != NO_TIME):
            hidden[query] |= stored.opened_at > as_of[query]
            at_once = np.flatnonzero(stored.opened_at == as_of[query])
            own = name_order(queries.ids[query])
            hidden[query, at_once] |= np.array(
                [name_order(other) >= own for other in stored.ids[at_once]], bool
            )
        return hidden

    def _of_source(self, name: str, queries: TicketColumns, n: int, hidden: BoolArray) -> Nearest:
        if name in self._graphs:
            return self._by_graph(name, queries, n, hidden)
        if name == LEXICAL:
            similarity = (queries.lexical.whole @ self._words).toarray()
        else:
            similarity = queries.embeddings[name] @ self._stored.embeddings[name].T
        similarity[hidden] = -np.inf
        chosen = np.full((len(queries), n), -1, dtype=np.int64)
        for query, values in enumerate(similarity):
            best = self._best(values, n, floor=_SAME if name == LEXICAL else -np.inf)
            chosen[query, : len(best)] = best
        return self._ordered(name, queries, chosen, (~hidden).sum(axis=1))

    def _best(self, values: FloatArray, n: int, floor: float) -> IntArray:
        """Return the `n` highest of one query that lie above `floor`, the newest of those on the border."""
        allowed = np.flatnonzero(values > floor)
        if len(allowed) <= n:
            return allowed
        inside = values[allowed]
        border = -np.partition(-inside, n - 1)[n - 1]
        surely = allowed[inside > border + _SAME]
        alike = allowed[np.abs(inside - border) <= _SAME]
        newest = np.lexsort((self._stored.identity[alike], -self._stored.opened_at[alike]))
        return np.concatenate([surely, alike[newest[: n - len(surely)]]])

    def _by_graph(self, name: str, queries: TicketColumns, n: int, hidden: BoolArray) -> Nearest:
        """Ask the graph; a query that gets fewer visible tickets than there are is answered exactly."""
        asked = min(_SPARE * n, len(self._stored))
        _, rows = self._graphs[name].search(np.ascontiguousarray(queries.embeddings[name]), asked)
        chosen = np.full((len(queries), n), -1, dtype=np.int64)
        visible = (~hidden).sum(axis=1)
        for query, proposed in enumerate(rows):
            seen = proposed[proposed >= 0]
            seen = seen[~hidden[query, seen]][:n]
            if len(seen) < min(n, visible[query]):
                values = self._stored.embeddings[name] @ queries.embeddings[name][query]
                values[hidden[query]] = -np.inf
                seen = self._best(values, n, floor=-np.inf)
            chosen[query, : len(seen)] = seen
        return self._ordered(name, queries, chosen, visible)

    def _ordered(self, name: str, queries: TicketColumns, chosen: IntArray, visible: IntArray) -> Nearest:
        """Return rows with the similarity of each pair by itself, sorted; `visible` counts what each sees."""
        similarities = pair_similarities(name, queries, self._stored, chosen)
        there = chosen >= 0
        # The others of a query share no word with it: their similarity is known without looking.
        n_left = visible if name == LEXICAL else np.zeros_like(visible)
        is_left = np.arange(chosen.shape[1])[None, :] < n_left[:, None]
        beyond = np.where(is_left, 0.0, -np.inf)
        similarities = np.where(there, similarities, beyond).astype(np.float32)
        safe = np.maximum(chosen, 0)
        order = np.lexsort(
            (self._stored.identity[safe], -self._stored.opened_at[safe], -similarities), axis=1
        )
        return Nearest(np.take_along_axis(chosen, order, 1), np.take_along_axis(similarities, order, 1))

    def _measured_recall(self) -> dict[str, float]:
        """Return the share of the exact nearest that each graph gives to stored tickets."""
        n_queries = min(_N_RECALL_QUERIES, len(self._stored))
        rows = np.unique(np.linspace(0, len(self._stored) - 1, n_queries).astype(np.int64))
        queries = self._stored.take(rows)
        n = min(200, len(self._stored) - 1)
        graphs, exact = self._graphs, Retriever(self._stored).nearest(queries, n, None)
        hidden = self._hidden(queries, None)
        recall = {}
        for name in graphs:
            approximate = self._by_graph(name, queries, n, hidden).similarities
            border = exact[name].similarities[:, -1:] - _SAME
            recall[name] = float((approximate >= border).mean()) if n else 1.0
        return recall


def pair_similarities(name: str, queries: TicketColumns, stored: TicketColumns, rows: IntArray) -> FloatArray:
    """Return each pair's similarity in a source, shape of `rows` (n_queries, k); nonsense beside -1.

    It is computed of the two tickets by themselves, so that no other ticket can move its last digit.
    """
    safe = np.maximum(rows, 0)
    if name == LEXICAL:
        place = np.repeat(np.arange(len(queries)), rows.shape[1])
        left, right = queries.lexical.whole, stored.lexical.whole
        return np.minimum(paired_cosines(left, place, safe.ravel(), right), 1.0).reshape(rows.shape)
    found = np.empty(rows.shape, dtype=np.float32)
    for query, vector in enumerate(queries.embeddings[name]):
        found[query] = np.einsum("kd,d->k", stored.embeddings[name][safe[query]], vector)
    return found


def _joined(parts: list[Nearest]) -> Nearest:
    return Nearest(
        np.concatenate([part.rows for part in parts]), np.concatenate([part.similarities for part in parts])
    )


def _graph(vectors: FloatArray) -> Any:
    """Return an HNSW graph over unit vectors, asked by inner product."""
    import faiss

    graph = faiss.IndexHNSWFlat(vectors.shape[1], _GRAPH_NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = _BUILD_DEPTH
    graph.hnsw.efSearch = _SEARCH_DEPTH
    graph.add(np.ascontiguousarray(vectors))
    return graph
