"""Candidate lists of the tickets of a run, kept for whoever asks for the same ticket again."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.ranking.best import Nearest
from ticketkin.ranking.columns import TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.retriever import Candidates, Retriever
from ticketkin.ranking.scorer import Reach, candidates_of

_MOST_KEPT = 5_000
"""Tickets whose lists are kept, some ten kilobytes each."""


@dataclass(frozen=True)
class _List:
    """The candidates of one ticket."""

    rows: IntArray
    """Shape (k,), without padding."""
    nearest: Mapping[str, tuple[IntArray, FloatArray]]
    """Rows and similarities of each source, both of shape (n,)."""


class KeptCandidates:
    """Makes the candidate list of a ticket once: judging, bands and pairs to review ask for many twice."""

    def __init__(self, state: CorpusState, columns: TicketColumns, reach: Reach) -> None:
        """`columns` are the tickets of the run as `state` describes them."""
        self._state, self._columns, self._reach = state, columns, reach
        self._retriever = Retriever(columns)
        self._lists: dict[int, _List] = {}

    def of(self, rows: IntArray) -> Candidates:
        """Return the lists of the tickets `rows`, a ticket as often as it is named."""
        asked = rows.tolist()
        missing = [row for row in dict.fromkeys(asked) if row not in self._lists]
        n_room = max(0, _MOST_KEPT - len(self._lists))
        fresh: dict[int, _List] = {}
        if missing or not asked:
            made = self._made(np.array(missing, dtype=np.int64))
            is_whole = len(missing) == len(asked)
            needed = missing[:n_room] if is_whole else missing
            fresh = {row: _list_of(made, place) for place, row in enumerate(needed)}
            self._lists |= {row: fresh[row] for row in missing[:n_room]}
            if is_whole:
                return made
        return self._joined([fresh[row] if row in fresh else self._lists[row] for row in asked])

    def forget(self) -> None:
        """Drop what was kept, for whoever measures how long an answer takes."""
        self._lists.clear()

    def _made(self, rows: IntArray) -> Candidates:
        return candidates_of(self._state, self._retriever, self._columns.take(rows), self._reach)

    def _joined(self, lists: list[_List]) -> Candidates:
        rows = np.full((len(lists), max(1, *(len(one.rows) for one in lists))), -1, dtype=np.int64)
        for place, one in enumerate(lists):
            rows[place, : len(one.rows)] = one.rows
        nearest = {
            source: Nearest(
                np.stack([one.nearest[source][0] for one in lists]),
                np.stack([one.nearest[source][1] for one in lists]),
            )
            for source in lists[0].nearest
        }
        return Candidates(self._columns, rows, nearest, rows, rows)


def _list_of(made: Candidates, place: int) -> _List:
    rows = made.rows[place]
    return _List(
        rows[rows >= 0].copy(),
        {
            source: (own.rows[place].copy(), own.similarities[place].copy())
            for source, own in made.nearest.items()
        },
    )
