"""Tickets as the scorer reads them, in columns: made alike for stored tickets and for a new one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_matrix, vstack

from ticketkin.core.tables import Float64Array, FloatArray, IntArray, Tickets
from ticketkin.lexical.bm25 import FieldRows
from ticketkin.lexical.sparse_rows import take_rows
from ticketkin.ranking.crowd import CrowdNeighbours
from ticketkin.tickets.templates import Signatures

Texts = npt.NDArray[Any]
ENCODER = "encoder"
"""The embedding that the second level alone reads."""


@dataclass(frozen=True)
class EmbeddedTickets:
    """Tickets with their texts and embeddings: what a corpus state is fitted on, and what it describes."""

    tickets: Tickets
    texts: list[str]
    """Composed by the template, n_tickets of them."""
    embeddings: Mapping[str, FloatArray]
    """By encoder name, each (n_tickets, d), unit length."""

    @cached_property
    def titles(self) -> list[str]:
        """The title of each ticket."""
        return self.tickets.frame["title"].to_list()

    def take(self, rows: IntArray) -> "EmbeddedTickets":
        """Return some of the tickets."""
        return EmbeddedTickets(
            Tickets(self.tickets.frame[rows.tolist()]),
            [self.texts[row] for row in rows],
            {name: vectors[rows] for name, vectors in self.embeddings.items()},
        )

    @classmethod
    def joined(cls, parts: "Sequence[EmbeddedTickets]") -> "EmbeddedTickets":
        """Return the tickets of one or more parts that hold the same embeddings, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            Tickets(pl.concat([part.tickets.frame for part in parts])),
            [text for part in parts for text in part.texts],
            {name: np.concatenate([part.embeddings[name] for part in parts]) for name in parts[0].embeddings},
        )


@dataclass(frozen=True)
class TextRows:
    """The composed texts of n tickets, read only where they are asked for: those of a million are large."""

    source: Callable[[IntArray], list[str]]
    """Returns the texts of some rows of the source that holds them."""
    rows: IntArray
    """Row of each ticket there, shape (n,)."""

    @classmethod
    def of(cls, texts: list[str]) -> "TextRows":
        """Return texts that are in memory."""
        return cls(lambda rows: [texts[row] for row in rows.tolist()], np.arange(len(texts)))

    def take(self, rows: IntArray) -> "TextRows":
        """Return those of some of the tickets."""
        return TextRows(self.source, self.rows[rows])

    def append(self, other: "TextRows") -> "TextRows":
        """Return these and then those of `other`."""
        n_own = len(self.rows)

        def both(rows: IntArray) -> list[str]:
            texts = np.empty(len(rows), dtype=object)
            is_own = rows < n_own
            texts[is_own] = self.read(rows[is_own])
            texts[~is_own] = other.read(rows[~is_own] - n_own)
            read: list[str] = texts.tolist()
            return read

        return TextRows(both, np.arange(n_own + len(other.rows)))

    def read(self, rows: IntArray) -> list[str]:
        """Return the texts of some of the tickets."""
        return self.source(self.rows[rows])


@dataclass(frozen=True)
class TicketColumns:
    """n tickets over one corpus state: everything that scoring a pair of them needs."""

    ids: Texts
    """Ticket ids, shape (n,), objects."""
    identity: IntArray
    """Hash of each id, shape (n,)."""
    opened_at: IntArray
    """Microseconds since 1970, shape (n,), NO_TIME where unknown."""
    place: Float64Array
    """Days, or the place in filing order, shape (n,), NaN where unknown."""
    values: IntArray
    """Hash of the value of each agreement field, shape (n, n_fields), 0 where empty."""
    lengths: FloatArray
    """Logarithm of the length of the text in characters, shape (n,)."""
    signatures: Signatures
    """Of the text: equal in most places where two were written by one template."""
    lexical: FieldRows
    words: csr_matrix
    """TF-IDF of the text."""
    characters: csr_matrix
    """TF-IDF of the title's character n-grams."""
    embeddings: Mapping[str, FloatArray]
    """By encoder name, each (n, d), unit length."""
    texts: TextRows
    """Composed by the template."""
    crowd_row: IntArray
    """Each ticket's own row in the crowd, shape (n,), -1 where it is not in it."""
    crowding: Mapping[str, CrowdNeighbours] = field(default_factory=dict)
    """By encoder name."""

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def order(self) -> IntArray:
        """Place of each ticket in opening order, shape (n,), as `Tickets.visibility` has it."""
        opened, ids = self.opened_at.tolist(), self.ids.tolist()
        filed = sorted(range(len(self)), key=lambda row: (opened[row], *name_order(ids[row])))
        order = np.empty(len(self), dtype=np.int64)
        order[filed] = np.arange(len(self))
        return order

    def take(self, rows: IntArray) -> "TicketColumns":
        """Return some of the tickets, a row as often as it is named."""
        return replace(
            self,
            ids=self.ids[rows],
            identity=self.identity[rows],
            opened_at=self.opened_at[rows],
            place=self.place[rows],
            values=self.values[rows],
            lengths=self.lengths[rows],
            signatures=self.signatures[rows],
            lexical=self.lexical.take(rows),
            words=take_rows(self.words, rows),
            characters=take_rows(self.characters, rows),
            embeddings={name: vectors[rows] for name, vectors in self.embeddings.items()},
            texts=self.texts.take(rows),
            crowd_row=self.crowd_row[rows],
            crowding={name: near.take(rows) for name, near in self.crowding.items()},
        )

    def append(self, other: "TicketColumns") -> "TicketColumns":
        """Return these tickets and then those of `other`, described by the same corpus state."""
        return TicketColumns(
            ids=np.concatenate([self.ids, other.ids]),
            identity=np.concatenate([self.identity, other.identity]),
            opened_at=np.concatenate([self.opened_at, other.opened_at]),
            place=np.concatenate([self.place, other.place]),
            values=np.concatenate([self.values, other.values]),
            lengths=np.concatenate([self.lengths, other.lengths]),
            signatures=np.concatenate([self.signatures, other.signatures]),
            lexical=self.lexical.append(other.lexical),
            words=csr_matrix(vstack([self.words, other.words], format="csr")),
            characters=csr_matrix(vstack([self.characters, other.characters], format="csr")),
            embeddings={
                name: np.concatenate([vectors, other.embeddings[name]])
                for name, vectors in self.embeddings.items()
            },
            texts=self.texts.append(other.texts),
            crowd_row=np.concatenate([self.crowd_row, other.crowd_row]),
            crowding={name: near.append(other.crowding[name]) for name, near in self.crowding.items()},
        )


def name_order(ticket_id: str) -> tuple[int, str]:
    """Return what decides between tickets opened in the same instant: 'T2' comes before 'T10'."""
    return len(ticket_id), ticket_id
