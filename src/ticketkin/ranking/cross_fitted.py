"""Several rankers of one candidate, each used for the queries that it never saw in fitting."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import FloatArray, IntArray, Visibility


@dataclass(frozen=True)
class CrossFittedRanker:
    """Ranks each ticket by the ranker of its fold."""

    name: str
    rankers: Sequence[Ranker]
    fold_of_ticket: IntArray
    """Shape (n_tickets,), -1 for a ticket without kin, which no ranker was fitted on: the first one asks."""

    def _folds(self, rows: IntArray) -> list[tuple[Ranker, IntArray]]:
        """Return each ranker with the places of the rows that it asks for."""
        fold = np.maximum(self.fold_of_ticket[rows], 0)
        return [(self.rankers[number], np.flatnonzero(fold == number)) for number in np.unique(fold)]

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        """Return similarities, shape (len(queries), n_tickets)."""
        result = np.zeros((len(queries), len(self.fold_of_ticket)), dtype=np.float32)
        for ranker, places in self._folds(queries):
            result[places] = ranker.similarities(queries[places], visibility)
        return result

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the similarity of each pair, shape (n_pairs,): by a ranker that saw neither as kin.

        Where two tickets with kin lie in two folds, the mean of both rankers counts.
        """
        of_left, of_right = self.fold_of_ticket[left], self.fold_of_ticket[right]
        asking = [np.where(of_left >= 0, left, right), np.where(of_right >= 0, right, left)]
        total = np.zeros(len(left), dtype=np.float64)
        for rows in asking:
            for ranker, places in self._folds(rows):
                total[places] += ranker.pair_similarities(left[places], right[places])
        return (total / len(asking)).astype(np.float32)
