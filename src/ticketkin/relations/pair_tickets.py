"""Tickets as models of kinds read them."""

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from scipy.sparse import csr_matrix

from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.lexical.sparse_rows import take_rows
from ticketkin.ranking.columns import TicketColumns

Objects = npt.NDArray[Any]


@dataclass(frozen=True)
class TermRows:
    """n tickets in terms, each matrix of n rows of unit length."""

    words: csr_matrix
    """TF-IDF of the text."""
    characters: csr_matrix
    """TF-IDF of the title's character n-grams."""

    @classmethod
    def of(cls, columns: TicketColumns, rows: IntArray) -> "TermRows":
        """Return those of some tickets that a ranking described."""
        return cls(take_rows(columns.words, rows), take_rows(columns.characters, rows))


@dataclass(frozen=True)
class PairTickets:
    """n tickets as models of kinds read them, over one pair state; a ticket may be there more than once."""

    texts: Objects
    """Composed by the template, shape (n,)."""
    embeddings: FloatArray
    """Of the text, shape (n, d), unit length."""
    words: csr_matrix
    """TF-IDF of the text."""
    characters: csr_matrix
    """TF-IDF of the title's character n-grams."""
    values: IntArray
    """Hash of the value of each field, shape (n, n_fields), 0 where it is empty."""
    common: FloatArray
    """1 where the ticket holds a common value of the state, shape (n, n_common)."""
    parts: Objects
    """What the subcategory lists, a set of texts each, shape (n,)."""
    names: Objects
    """What other texts may call the ticket, a set of texts each, shape (n,)."""
    statements: Objects
    """Title and description, shape (n,)."""
    lengths: FloatArray
    """Logarithm of the length of the description in characters, shape (n,)."""
    opened_at: IntArray
    """Microseconds since 1970, shape (n,), NO_TIME where unknown."""

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: IntArray) -> "PairTickets":
        """Return some of the tickets, a row as often as it is named."""
        taken = {
            name: take_rows(column, rows) if isinstance(column, csr_matrix) else column[rows]
            for name, column in vars(self).items()
        }
        return PairTickets(**taken)
