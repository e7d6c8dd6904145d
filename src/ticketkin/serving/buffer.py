"""Tickets that are searched from memory until there are enough of them for a segment on the disk."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from ticketkin.core.tables import BoolArray, IntArray
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets, TicketColumns
from ticketkin.ranking.retriever import Retriever
from ticketkin.serving.segment import RowsByHash, content_hashes
from ticketkin.serving.segment_writing import StoredBlock


@dataclass(frozen=True)
class Buffer:
    """An immutable block of tickets in memory that is read like a `Segment`; `append` returns a new one."""

    block: StoredBlock
    content: IntArray
    """`content_hashes` of the tickets."""
    number: IntArray
    """Hash of each ticket's number."""

    has_cells = False
    """Few tickets are searched exactly."""

    @classmethod
    def of(cls, block: StoredBlock) -> "Buffer":
        """Return a buffer of described tickets."""
        tickets = block.given.tickets
        return cls(block, content_hashes(tickets), stable_hashes(tickets.frame["number"].to_list()))

    def append(self, other: "Buffer") -> "Buffer":
        """Return these tickets and then those of `other`."""
        both = StoredBlock(
            EmbeddedTickets.joined([self.block.given, other.block.given]),
            self.columns.append(other.columns),
        )
        content = np.concatenate([self.content, other.content])
        return Buffer(both, content, np.concatenate([self.number, other.number]))

    def __len__(self) -> int:
        return len(self.content)

    @property
    def columns(self) -> TicketColumns:
        """The tickets as the ranking describes them."""
        return self.block.columns

    def without_identity(self, hashes: IntArray) -> "Buffer | None":
        """Return the tickets whose ids have none of some hashes; None where there is none left."""
        kept = np.flatnonzero(~np.isin(self.columns.identity, hashes))
        if not len(kept):
            return None
        if len(kept) == len(self):
            return self
        block = StoredBlock(self.block.given.take(kept), self.columns.take(kept))
        return Buffer(block, self.content[kept], self.number[kept])

    @cached_property
    def _by_identity(self) -> RowsByHash:
        return RowsByHash(self.columns.identity)

    @cached_property
    def _by_number(self) -> RowsByHash:
        return RowsByHash(self.number)

    def rows_by_identity(self, hashes: IntArray) -> IntArray:
        """Return the row of the ticket with each hash of an id, shape of `hashes`, -1 where there is none."""
        return self._by_identity.rows(hashes)

    def rows_by_number(self, hashes: IntArray) -> IntArray:
        """Return a row of a ticket with each hash of a number, -1 where there is none."""
        return self._by_number.rows(hashes)

    def frame(self, rows: IntArray) -> pl.DataFrame:
        """Return some tickets by field."""
        taken: pl.DataFrame = self.block.given.tickets.frame[rows.tolist()]
        return taken

    def take(self, rows: IntArray) -> EmbeddedTickets:
        """Return some tickets as they were given."""
        return self.block.given.take(rows)

    def retriever(self, is_deleted: BoolArray) -> Retriever:
        """Return the search over the tickets that are not deleted."""
        return Retriever(self.columns, is_deleted=is_deleted if is_deleted.any() else None)

    def check(self) -> None:
        """Do nothing: no part of a buffer lies on the disk, where it could be damaged."""
