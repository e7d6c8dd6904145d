"""Search over several blocks of stored tickets as if they were one."""

from collections.abc import Mapping, Sequence

import numpy as np

from ticketkin.core.tables import IntArray
from ticketkin.ranking.best import Nearest, best_places, newest_first
from ticketkin.ranking.columns import TicketColumns
from ticketkin.ranking.retriever import LEXICAL, Candidates, Retriever, proposed_rows


class SegmentedRetriever:
    """Finds what one retriever over all tickets would find; rows of a part follow those of the part before.

    Only the candidates are passed on for scoring, so that its memory and time grow with their number.
    """

    def __init__(self, parts: Sequence[Retriever]) -> None:
        """`parts` are one or more."""
        self._parts = list(parts)
        self._starts = np.cumsum([0, *(len(part.stored) for part in parts)]).astype(np.int64)

    @property
    def recall(self) -> dict[str, float]:
        """The lowest measured recall of each approximate source; empty where every search is exact."""
        names = {name for part in self._parts for name in part.recall}
        return {name: min(part.recall[name] for part in self._parts if name in part.recall) for name in names}

    def candidates(self, queries: TicketColumns, depth: int, nearest: Mapping[str, Nearest]) -> Candidates:
        """Return what `Retriever.candidates` would; `stored` holds the candidates alone."""
        rows = proposed_rows(nearest, len(queries), depth)
        # Where there is no candidate (-1), any ticket fills the place.
        chosen = np.unique(np.maximum(rows, 0))
        places = np.where(rows >= 0, np.searchsorted(chosen, rows), -1)
        return Candidates(self.take(chosen), rows, nearest, places, places)

    def take(self, rows: IntArray) -> TicketColumns:
        """Return some tickets by ascending rows."""
        pieces = [part.stored.take(own) for part, own in zip(self._parts, self._by_part(rows), strict=True)]
        filled = [piece for piece in pieces if len(piece)] or pieces[:1]
        taken = filled[0]
        for piece in filled[1:]:
            taken = taken.append(piece)
        return taken

    def nearest(
        self, queries: TicketColumns, n: int, as_of: IntArray | None, words: Sequence[str] = (LEXICAL,)
    ) -> dict[str, Nearest]:
        """Return each source's `n` best for each query, as `Retriever.nearest`."""
        nearest = [part.nearest(queries, n, as_of, words) for part in self._parts]
        if len(nearest) == 1:
            return nearest[0]
        return {name: self._merged([one[name] for one in nearest], n) for name in nearest[0]}

    def _merged(self, nearest: Sequence[Nearest], n: int) -> Nearest:
        """Return the best of all parts."""
        starts = self._starts[:-1]
        pairs = list(zip(nearest, starts, self._parts, strict=True))
        rows = np.concatenate([np.where(one.rows >= 0, one.rows + start, -1) for one, start, _ in pairs], 1)
        similarities = np.concatenate([one.similarities for one in nearest], axis=1)
        opened = np.concatenate([part.stored.opened_at[np.maximum(one.rows, 0)] for one, _, part in pairs], 1)
        identity = np.concatenate(
            [part.stored.identity[np.maximum(one.rows, 0)] for one, _, part in pairs], 1
        )
        chosen = np.empty((len(rows), n), dtype=np.int64)
        for query in range(len(rows)):
            there = np.flatnonzero(rows[query] >= 0)
            best = there[
                best_places(similarities[query, there], opened[query, there], identity[query, there], n)
            ]
            # The remaining places: first the zeros (visible, no shared word), then the missing tickets.
            rest = np.flatnonzero(rows[query] < 0)
            rest = rest[np.argsort(-similarities[query, rest], kind="stable")]
            chosen[query] = np.concatenate([best, rest])[:n]
        take = np.take_along_axis
        return newest_first(
            take(rows, chosen, 1),
            take(similarities, chosen, 1),
            take(opened, chosen, 1),
            take(identity, chosen, 1),
        )

    def _by_part(self, rows: IntArray) -> list[IntArray]:
        """Return ascending rows as rows of each part."""
        cuts = np.searchsorted(rows, self._starts)
        return [
            rows[first:last] - start
            for first, last, start in zip(cuts[:-1], cuts[1:], self._starts[:-1], strict=True)
        ]
