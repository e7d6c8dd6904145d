"""Which stored tickets a query may see: what opened before it and is not deleted, but never itself."""

import numpy as np

from ticketkin.core.tables import BoolArray, IntArray
from ticketkin.ranking.columns import TicketColumns
from ticketkin.ranking.crowd import NO_TIME


class VisibleTickets:
    """What each of some queries may see of stored tickets, worked out for as few of them as is asked."""

    def __init__(
        self,
        stored: TicketColumns,
        is_deleted: BoolArray | None,
        queries: TicketColumns,
        as_of: IntArray | None,
    ) -> None:
        """`as_of`, microseconds since 1970 of shape (n_queries,), hides what opened later; None nothing."""
        self._stored, self._is_deleted = stored, is_deleted
        self._queries, self._as_of = queries, as_of
        self._whole: dict[int, BoolArray] = {}

    def hidden(self, query: int) -> BoolArray:
        """Return which stored tickets a query may not see, shape (n_stored,)."""
        if query not in self._whole:
            self._whole[query] = self._hides(query, None)
        return self._whole[query]

    def hides(self, query: int, rows: IntArray) -> BoolArray:
        """Return which of `rows` a query may not see, shape of `rows`."""
        return self._whole[query][rows] if query in self._whole else self._hides(query, rows)

    def count(self, query: int) -> int:
        """Return how many stored tickets a query may see."""
        return len(self._stored) - int(np.count_nonzero(self.hidden(query)))

    def _hides(self, query: int, rows: IntArray | None) -> BoolArray:
        stored = self._stored
        chosen = slice(None) if rows is None else rows
        hidden: BoolArray = np.asarray(stored.identity[chosen] == self._queries.identity[query])
        if self._is_deleted is not None:
            hidden |= self._is_deleted[chosen]
        if self._as_of is None or self._as_of[query] == NO_TIME:
            return hidden
        opened = stored.opened_at[chosen]
        hidden |= opened > self._as_of[query]
        at_once = np.flatnonzero(opened == self._as_of[query])
        if len(at_once):
            names = stored.ids[at_once if rows is None else rows[at_once]].astype(np.str_)
            hidden[at_once] |= _not_before(names, self._queries.ids[query])
        return hidden


def _not_before(names: "np.ndarray[tuple[int], np.dtype[np.str_]]", own: str) -> BoolArray:
    """Return which names don't come before `own` in `name_order`."""
    lengths = np.char.str_len(names)
    result: BoolArray = (lengths > len(own)) | ((lengths == len(own)) & (names >= own))
    return result
