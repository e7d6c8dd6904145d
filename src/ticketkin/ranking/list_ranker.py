"""A scorer of candidate lists as a ranker of all tickets of a run."""

from dataclasses import replace

import numpy as np

from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.ranking.candidate_lists import blocks
from ticketkin.ranking.columns import TicketColumns
from ticketkin.ranking.kept_candidates import KeptCandidates
from ticketkin.ranking.retriever import Candidates
from ticketkin.ranking.single_source import Scorer


class ListRanker:
    """Ranks the tickets of a run by the score of each candidate; what is no candidate follows by base cosine.

    A thin layer over retriever and scorer, which give the same results for new tickets. Scores lie from 0 to
    1.
    """

    def __init__(
        self, name: str, scorer: Scorer, columns: TicketColumns, lists: KeptCandidates | None = None
    ) -> None:
        """`columns` are the tickets of the run as the scorer describes them, `lists` theirs, if there are."""
        self.name = name
        self.scorer = scorer
        self._columns = columns
        self.lists = lists or KeptCandidates(scorer.state, columns, scorer.reach)

    @property
    def columns(self) -> TicketColumns:
        """The tickets of the run as the scorer describes them."""
        return self._columns

    def _scores(self, rows: IntArray, queries: TicketColumns, candidates: Candidates) -> FloatArray:
        """Return the score of each candidate of the tickets `rows`, shape (n_queries, k)."""
        return self.scorer.score(queries, candidates)

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        """Return scores for candidates, shape (n_queries, n_tickets); others lie below zero."""
        asked = self._columns.take(queries)
        candidates = self.lists.of(queries)
        base = self._columns.embeddings["base"]
        result: FloatArray = base[queries] @ base.T - np.float32(2.0)
        places, columns = np.nonzero(candidates.rows >= 0)
        scores = self._scores(queries, asked, candidates)
        result[places, candidates.rows[places, columns]] = scores[places, columns]
        return result

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the score of each pair: the later ticket is the query, the earlier one the candidate.

        Without times the score is the mean of both directions.
        """
        if not self.scorer.state.has_times:
            both = self._ask(left, right) + self._ask(right, left)
            return (both / 2).astype(np.float32)
        order = self._columns.order
        later = order[left] > order[right]
        return self._ask(np.where(later, left, right), np.where(later, right, left))

    def _ask(self, queries: IntArray, targets: IntArray) -> FloatArray:
        result = np.zeros(len(queries), dtype=np.float32)
        by_query = np.argsort(queries, kind="stable")
        for block in blocks(np.unique(queries)):
            inside = by_query[np.isin(queries[by_query], block)]
            place = np.searchsorted(block, queries[inside])
            column = np.arange(len(inside)) - np.searchsorted(place, place)
            rows = np.full((len(block), int(column.max()) + 1), -1, dtype=np.int64)
            rows[place, column] = targets[inside]
            asked = self._columns.take(block)
            candidates = replace(self.lists.of(block), rows=rows, places=rows)
            result[inside] = self._scores(block, asked, candidates)[place, column]
        return result
