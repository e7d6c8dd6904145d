"""The interface that all candidates implement."""

from typing import Protocol

from ticketkin.core.tables import FloatArray, IntArray, Visibility


class Ranker(Protocol):
    """Scores every ticket for a query: lexical search, an encoder, or a learned fusion."""

    @property
    def name(self) -> str:
        """The candidate's name, for example 'base' or 'fusion'."""

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        """Return similarities, shape (len(queries), n_tickets), higher means closer kin.

        Rows of `queries` are ticket rows. Entries outside `visibility.mask(queries)` are
        undefined: whoever reads the result masks them. Callers pass queries in blocks of a
        few hundred, so that memory stays at block x n_tickets.
        """

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the symmetric similarity of each pair, shape (n_pairs,)."""
