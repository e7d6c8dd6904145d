"""The first step of a search: of each source, the stored tickets nearest to a query.

Sources are the embeddings, all words, and the words of the title. Exact search compares with every stored
ticket. Approximate search takes more tickets than needed from cells, compares these exactly, and reports its
recall of the exact result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.tables import BoolArray, Float64Array, FloatArray, IntArray
from ticketkin.lexical.neighbours import paired_cosines
from ticketkin.ranking.best import SAME, Nearest, best_places, highest, joined, newest_first
from ticketkin.ranking.cells import Cells
from ticketkin.ranking.columns import ENCODER, TicketColumns
from ticketkin.ranking.visible import VisibleTickets

LEXICAL, TITLE_WORDS = "lexical", "title_words"
"""Sources by words: title and description together, and the title alone."""
# Entries of a query x tickets block, so that a million tickets stay within a few hundred megabytes.
_BLOCK_ENTRIES = 25_000_000
_BLOCK_QUERIES = 128
_N_RECALL_QUERIES = 200
# Tickets that a query may not see are dropped, so the cells are asked for this many times as many.
_SPARE = 2
# The visibility check starts with the most similar tickets, this many times as many as needed.
_FIRST_LOOK = 4


@dataclass(frozen=True)
class Candidates:
    """What a query's pairs are scored against: stored tickets, which of them, and each source's best."""

    stored: TicketColumns
    """At least the tickets that are candidates of a query."""
    rows: IntArray
    """Rows of the retriever, ascending, shape (n_queries, k), -1 where there are fewer."""
    nearest: Mapping[str, Nearest]
    """By source."""
    places: IntArray
    """Rows of `stored`, beside `rows`: the same ones where `stored` holds every ticket."""
    listed: IntArray
    """Rows of `stored` that make up each query's own list, whichever of them `places` asks for."""


class Retrieving(Protocol):
    """What finds stored tickets: over one block of them, or over several."""

    def candidates(self, queries: TicketColumns, depth: int, nearest: Mapping[str, Nearest]) -> Candidates:
        """Return the `depth` best of every source in `nearest` together."""
        ...

    def nearest(
        self, queries: TicketColumns, n: int, as_of: IntArray | None, words: Sequence[str] = (LEXICAL,)
    ) -> dict[str, Nearest]:
        """Return the `n` best of each embedding that queries bring and of each source by `words`."""
        ...


class Retriever:
    """Finds the stored tickets nearest to queries, exactly or by cells; tickets can be appended."""

    def __init__(
        self,
        stored: TicketColumns,
        *,
        approximate: bool = False,
        cells: Mapping[str, Cells] | None = None,
        postings: dict[str, csr_matrix] | None = None,
        is_deleted: BoolArray | None = None,
    ) -> None:
        """`cells` and `postings`, by source, are what an earlier retriever made of the same tickets; what is
        missing of the latter is made when it is needed, and added there.

        Tickets that are deleted, shape (n_stored,), are never found.
        """
        self._stored = stored
        self._is_deleted = is_deleted
        self._cells = dict(cells or {})
        self._postings = {} if postings is None else postings
        self.recall: dict[str, float] = {}
        """Share of the exact 200 nearest that an approximate source gives, measured on stored tickets."""
        if approximate:
            self._cells = {name: Cells.of(vectors) for name, vectors in stored.embeddings.items()}
            self.recall = self._measured_recall()

    @property
    def stored(self) -> TicketColumns:
        """The tickets that can be found."""
        return self._stored

    @property
    def cells(self) -> dict[str, Cells]:
        """The cells of each approximate source."""
        return dict(self._cells)

    def append(self, more: TicketColumns) -> None:
        """Store more tickets, described by the same corpus state; rows of those that are there stay."""
        self._stored = self._stored.append(more)
        for name, cells in self._cells.items():
            cells.add(more.embeddings[name])
        self._postings = {}
        if self._is_deleted is not None:
            self._is_deleted = np.concatenate([self._is_deleted, np.zeros(len(more), dtype=np.bool_)])

    def candidates(self, queries: TicketColumns, depth: int, nearest: Mapping[str, Nearest]) -> Candidates:
        """Return the `depth` best of every source in `nearest` together.

        The encoder that only the second level reads proposes no candidate.
        """
        rows = proposed_rows(nearest, len(queries), depth)
        return Candidates(self._stored, rows, nearest, rows, rows)

    def nearest(
        self, queries: TicketColumns, n: int, as_of: IntArray | None, words: Sequence[str] = (LEXICAL,)
    ) -> dict[str, Nearest]:
        """Return the `n` best of each embedding that queries bring and of each source by `words`.

        `as_of`, microseconds since 1970 of shape (n_queries,), hides what opened later; what opened in the
        same instant is visible where its id comes first by `name_order`. None shows everything. A ticket
        never finds itself. Of tickets that are equally similar, the newest come first.
        """
        block = max(1, min(_BLOCK_QUERIES, _BLOCK_ENTRIES // max(1, len(self._stored))))
        sources = [*(name for name in self._stored.embeddings if name in queries.embeddings), *words]
        parts: dict[str, list[Nearest]] = {name: [] for name in sources}
        for start in range(0, max(1, len(queries)), block):
            rows = np.arange(start, min(start + block, len(queries)))
            part = queries if len(rows) == len(queries) else queries.take(rows)
            visible = self._visible(part, None if as_of is None else as_of[rows])
            for name in sources:
                parts[name].append(self._of_source(name, part, n, visible))
        return {name: joined(blocks) for name, blocks in parts.items()}

    def _visible(self, queries: TicketColumns, as_of: IntArray | None) -> VisibleTickets:
        return VisibleTickets(self._stored, self._is_deleted, queries, as_of)

    def _of_source(self, name: str, queries: TicketColumns, n: int, visible: VisibleTickets) -> Nearest:
        if name in (LEXICAL, TITLE_WORDS):
            return self._by_words(name, queries, n, visible)
        if name in self._cells:
            return self._by_cells(name, queries, n, visible)
        similarity = queries.embeddings[name] @ self._stored.embeddings[name].T
        chosen = np.full((len(queries), n), -1, dtype=np.int64)
        for query, values in enumerate(similarity):
            best = self._best_visible(values, query, n, visible)
            chosen[query, : len(best)] = best
        return self._ordered(name, queries, chosen, np.zeros(len(queries), dtype=np.int64))

    def _by_words(self, name: str, queries: TicketColumns, n: int, visible: VisibleTickets) -> Nearest:
        """Add up the postings of each query's words; tickets that share none are not looked at."""
        words = words_of(queries, name)
        if name not in self._postings:
            self._postings[name] = postings_of(self._stored, name)
        chosen = np.full((len(queries), n), -1, dtype=np.int64)
        n_visible = np.zeros(len(queries), dtype=np.int64)
        for query in range(len(queries)):
            values = _shared_weight(self._postings[name], words, query)
            # Where few share a word, the border of the best lies among all the others, at zero.
            sharing = np.flatnonzero(values > SAME)
            best = sharing[self._best_visible(values[sharing], query, n, visible, sharing)]
            chosen[query, : len(best)] = best
            n_visible[query] = n if len(best) == n else visible.count(query)
        return self._ordered(name, queries, chosen, n_visible)

    def _by_cells(self, name: str, queries: TicketColumns, n: int, visible: VisibleTickets) -> Nearest:
        """Ask the cells; a query that gets fewer visible tickets than there are is answered exactly."""
        vectors = self._stored.embeddings[name]
        proposed = self._cells[name].search(queries.embeddings[name], min(_SPARE * n, len(self._stored)))
        chosen = np.full((len(queries), n), -1, dtype=np.int64)
        for query, rows in enumerate(proposed):
            seen = np.sort(rows[rows >= 0])  # in the order they lie on the disk
            seen = seen[~visible.hides(query, seen)]
            own = queries.embeddings[name][query]
            if len(seen) < n and len(seen) < min(n, visible.count(query)):
                best = self._best_visible(vectors @ own, query, n, visible)
            else:
                best = self._best(seen, vectors[seen] @ own, n)
            chosen[query, : len(best)] = best
        return self._ordered(name, queries, chosen, np.zeros(len(queries), dtype=np.int64))

    def _best_visible(
        self,
        values: FloatArray | Float64Array,
        query: int,
        n: int,
        visible: VisibleTickets,
        rows: IntArray | None = None,
    ) -> IntArray:
        """Return the places of the `n` highest that a query may see, the newest on the border.

        `values` are those of all stored tickets, or of `rows`. Most queries see most tickets, so a few times
        `n` of the highest are looked at first.
        """
        n_highest = _FIRST_LOOK * n
        while n_highest < len(values):
            places, floor = highest(values, n_highest)
            places = places[~visible.hides(query, places if rows is None else rows[places])]
            best = self._best(places, values[places], n, rows)
            if len(best) == n and values[best].min() > floor + SAME:
                return best
            n_highest *= _FIRST_LOOK
        hidden = visible.hidden(query) if rows is None else visible.hides(query, rows)
        allowed = np.flatnonzero(~hidden)
        return self._best(allowed, values[allowed], n, rows)

    def _best(
        self, places: IntArray, values: FloatArray | Float64Array, n: int, rows: IntArray | None = None
    ) -> IntArray:
        """Return those of `places` with the `n` highest `values`, the newest of those on the border.

        They are places of `rows`, or stored rows themselves.
        """
        own = places if rows is None else rows[places]
        return places[best_places(values, self._stored.opened_at[own], self._stored.identity[own], n)]

    def _ordered(self, name: str, queries: TicketColumns, chosen: IntArray, n_left: IntArray) -> Nearest:
        """Return rows with the similarity of each pair by itself, sorted.

        Where a query has fewer than `n_left`, its others share no word with it: their similarity is known.
        """
        similarities = pair_similarities(name, queries, self._stored, chosen)
        is_left = np.arange(chosen.shape[1])[None, :] < n_left[:, None]
        beyond = np.where(is_left, 0.0, -np.inf)
        similarities = np.where(chosen >= 0, similarities, beyond).astype(np.float32)
        safe = np.maximum(chosen, 0)
        opened, identity = self._stored.opened_at, self._stored.identity
        if not len(self._stored):
            return Nearest(chosen, similarities)
        return newest_first(chosen, similarities, opened[safe], identity[safe])

    def _measured_recall(self) -> dict[str, float]:
        """Return the share of the exact nearest that the cells of a source give to stored tickets."""
        n_queries = min(_N_RECALL_QUERIES, len(self._stored))
        rows = np.unique(np.linspace(0, len(self._stored) - 1, n_queries).astype(np.int64))
        queries = self._stored.take(rows)
        n = min(200, len(self._stored) - 1)
        exact = Retriever(self._stored).nearest(queries, n, None, words=())
        visible = self._visible(queries, None)
        recall = {}
        for name in self._cells:
            approximate = self._by_cells(name, queries, n, visible).similarities
            border = exact[name].similarities[:, -1:] - SAME
            recall[name] = float((approximate >= border).mean()) if n else 1.0
        return recall


def _shared_weight(postings: csr_matrix, words: csr_matrix, query: int) -> Float64Array:
    """Return the similarity of a query to every stored ticket by words, shape (n_stored,)."""
    own, n_stored = slice(words.indptr[query], words.indptr[query + 1]), postings.shape[1]
    first, last = (postings.indptr[words.indices[own] + after] for after in (0, 1))
    parts = [slice(*ends) for ends in zip(first.tolist(), last.tolist(), strict=True) if ends[0] < ends[1]]
    if not parts:
        return np.zeros(n_stored)
    rows = np.concatenate([postings.indices[part] for part in parts])
    weights = np.concatenate([postings.data[part] for part in parts])
    weights *= np.repeat(words.data[own], last - first)
    counted = np.bincount(rows, weights, minlength=n_stored)
    return counted.astype(np.float64, copy=False)


def proposed_rows(nearest: Mapping[str, Nearest], n_queries: int, depth: int) -> IntArray:
    """Return the `depth` best of every proposing source together, ascending, padded with -1."""
    proposing = [source for name, source in nearest.items() if name != ENCODER]
    lists = [
        np.unique(np.concatenate([source.rows[query, :depth] for source in proposing]))
        for query in range(n_queries)
    ]
    lists = [rows[rows >= 0] for rows in lists]
    padded = np.full((n_queries, max([1, *(len(rows) for rows in lists)])), -1, dtype=np.int64)
    for query, rows in enumerate(lists):
        padded[query, : len(rows)] = rows
    return padded


def words_of(columns: TicketColumns, source: str) -> csr_matrix:
    """Return the weights of words in a source by words, shape (n_tickets, n_terms)."""
    return columns.lexical.whole if source == LEXICAL else columns.lexical.fields["title"]


def postings_of(stored: TicketColumns, source: str) -> csr_matrix:
    """Return the inverted index of a source by words: a row for each term, shape (n_terms, n_stored)."""
    return csr_matrix(words_of(stored, source).T)


def pair_similarities(name: str, queries: TicketColumns, stored: TicketColumns, rows: IntArray) -> FloatArray:
    """Return each pair's similarity in a source, shape of `rows` (n_queries, k); nonsense beside -1.

    It is computed of the two tickets by themselves, so that no other ticket can move its last digit.
    """
    safe = np.maximum(rows, 0)
    if name in (LEXICAL, TITLE_WORDS):
        place = np.repeat(np.arange(len(queries)), rows.shape[1])
        left, right = words_of(queries, name), words_of(stored, name)
        return np.minimum(paired_cosines(left, place, safe.ravel(), right), 1.0).reshape(rows.shape)
    similarities = np.empty(rows.shape, dtype=np.float32)
    for query, vector in enumerate(queries.embeddings[name]):
        similarities[query] = np.einsum("kd,d->k", stored.embeddings[name][safe[query]], vector)
    return similarities
