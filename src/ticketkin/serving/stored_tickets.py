"""The segments of an index as one table of stored tickets, for reading."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.tables import BoolArray, IntArray, Tickets
from ticketkin.lexical.vocabulary import stable_hash, stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.retriever import Retriever
from ticketkin.ranking.segmented import SegmentedRetriever
from ticketkin.serving.buffer import Buffer
from ticketkin.serving.index_manifest import MANIFEST, IndexManifest, ListedSegment
from ticketkin.serving.segment import Segment, content_hashes
from ticketkin.serving.segment_files import REMEDY
from ticketkin.serving.segment_writing import StoredBlock


@dataclass(frozen=True)
class LiveSegment:
    """An opened segment, or the buffer, within the index."""

    segment: Segment | Buffer
    is_deleted: BoolArray
    start: int
    """Row of the index at which it begins."""

    @cached_property
    def retriever(self) -> Retriever:
        """The search over its tickets that are not deleted."""
        return self.segment.retriever(self.is_deleted)

    @property
    def rows(self) -> IntArray:
        """The rows of the segment that are not deleted."""
        return np.flatnonzero(~self.is_deleted)

    def without(self, rows: IntArray) -> "LiveSegment":
        """Return it with some rows deleted; rows below zero or beyond its end belong to other segments."""
        own = rows[(rows >= 0) & (rows < len(self.segment))]
        if self.is_deleted[own].all():
            return self
        is_deleted = self.is_deleted.copy()
        is_deleted[own] = True
        return replace(self, is_deleted=is_deleted)

    @property
    def written(self) -> Segment:
        """The segment, which is no buffer: whoever changes the disk has written that first."""
        assert isinstance(self.segment, Segment)  # noqa: S101 - see `ChangingTickets._writing`
        return self.segment

    @property
    def listed(self) -> ListedSegment:
        """What the manifest says of it."""
        return ListedSegment(self.written.record, np.flatnonzero(self.is_deleted).tolist())

    @property
    def block(self) -> StoredBlock:
        """Its tickets, as they are written again."""
        return StoredBlock(self.written.mapped, self.written.columns)


class StoredTickets:
    """The tickets of live segments, read by row or by name.

    Rows count through all segments, deleted tickets included.
    """

    def __init__(self, folder: Path, manifest: IndexManifest) -> None:
        """Raises UnreadableFileError where a segment is not what the manifest says."""
        self._folder = folder
        self._live: list[LiveSegment] = []
        self._buffer: Buffer | None = None
        """Tickets that are not on the disk yet; they follow all others."""
        self._take_over(manifest)

    def _take_over(self, manifest: IndexManifest) -> None:
        """Answer from the segments of a manifest; those that are open already stay open."""
        opened = {
            live.segment.record.name: live.segment for live in self._live if isinstance(live.segment, Segment)
        }
        lives, start = [], 0
        for listed in manifest.segments:
            record = listed.segment
            segment = opened.get(record.name) or Segment(self._folder / record.name, record)
            is_deleted = np.zeros(len(segment), dtype=np.bool_)
            if listed.deleted and max(listed.deleted) >= len(segment):
                raise UnreadableFileError(f"{self._folder / MANIFEST} is damaged (no such row). {REMEDY}")
            is_deleted[listed.deleted] = True
            lives.append(LiveSegment(segment, is_deleted, start))
            start += len(segment)
        self._manifest = manifest
        self._set_live(lives)

    def _set_live(self, written: list[LiveSegment]) -> None:
        """Answer from these segments and the buffer, whose tickets come last and replace older versions."""
        lives = written
        if self._buffer is not None:
            identity = self._buffer.columns.identity
            lives = [live.without(live.segment.rows_by_identity(identity)) for live in written]
            start = written[-1].start + len(written[-1].segment) if written else 0
            lives.append(LiveSegment(self._buffer, np.zeros(len(self._buffer), dtype=np.bool_), start))
        self._live = lives
        for cached in ("retriever", "newest_opening"):
            self.__dict__.pop(cached, None)

    def __len__(self) -> int:
        return sum(len(live.rows) for live in self._live)

    @cached_property
    def retriever(self) -> SegmentedRetriever | None:
        """The search over the live tickets; None where there is none."""
        if not self._live:
            return None
        return SegmentedRetriever([live.retriever for live in self._live])

    @cached_property
    def newest_opening(self) -> int:
        """When the newest stored ticket opened, microseconds since 1970; 0 where no time is known."""
        return max([0, *(int(live.segment.columns.opened_at.max()) for live in self._live)])

    @property
    def recall(self) -> dict[str, float]:
        """Share of the exact nearest that each approximate source finds; empty where all is exact."""
        return {} if self.retriever is None else self.retriever.recall

    def is_current(self, tickets: Tickets) -> BoolArray:
        """Return for each ticket whether it is stored exactly as it is given, shape (n_tickets,)."""
        stored = np.zeros(len(tickets), dtype=np.int64)
        rows = self._rows_of(stable_hashes(tickets.ids))
        for live in self._live:
            inside = np.flatnonzero((rows >= live.start) & (rows < live.start + len(live.segment)))
            stored[inside] = live.segment.content[rows[inside] - live.start]
        current: BoolArray = (rows >= 0) & (stored == content_hashes(tickets))
        return current

    def row_of(self, name: str) -> int | None:
        """Return the row of a live ticket by its id or number."""
        asked = np.array([stable_hash(name)], dtype=np.int64)
        row = int(self._rows_of(asked)[0])
        if row >= 0 or not name:
            return row if row >= 0 else None
        for live in reversed(self._live):
            own = live.segment.rows_by_number(asked)
            own = own[own >= 0]
            if len(own) and not live.is_deleted[own[0]]:
                return live.start + int(own[0])
        return None

    def all_tickets(self) -> Tickets:
        """Return every live ticket, in the order of rows."""
        rows = [live.start + live.rows for live in self._live]
        return self.tickets(np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64))

    def embedded(self, rows: IntArray) -> EmbeddedTickets:
        """Return tickets as they were given, with texts and embeddings, in the order of `rows`."""
        only = self._only_segment(rows)
        if only is not None:
            return only.segment.take(rows - only.start)
        order = np.argsort(rows, kind="stable")
        taken = [live.segment.take(own) for live, own in self._by_segment(rows[order])]
        joined = EmbeddedTickets.joined(taken)
        return joined if (order[1:] > order[:-1]).all() else joined.take(np.argsort(order))

    def tickets(self, rows: IntArray) -> Tickets:
        """Return tickets in the order of `rows`."""
        if not self._live:
            return Tickets.none()
        only = self._only_segment(rows)
        if only is not None:
            return Tickets(only.segment.frame(rows - only.start))
        order = np.argsort(rows, kind="stable")
        frames = [live.segment.frame(own) for live, own in self._by_segment(rows[order])]
        return Tickets(pl.concat(frames)[np.argsort(order).tolist()])

    def _only_segment(self, rows: IntArray) -> LiveSegment | None:
        """Return the segment that holds all of some rows; None where several do, and for no rows."""
        if not len(rows):
            return None
        first, last = int(rows.min()), int(rows.max())
        inside = (one for one in self._live if one.start <= first and last < one.start + len(one.segment))
        return next(inside, None)

    def _by_segment(self, rows: IntArray) -> list[tuple[LiveSegment, IntArray]]:
        """Return ascending rows by segment, as rows within it; for no rows, the first segment with none."""
        parts = []
        for live in self._live:
            first, last = np.searchsorted(rows, [live.start, live.start + len(live.segment)])
            if last > first:
                parts.append((live, rows[first:last] - live.start))
        return parts or [(live, rows) for live in self._live[:1]]

    def _rows_of(self, identity: IntArray) -> IntArray:
        """Return the row of the live ticket with each hash of an id, -1 where there is none."""
        rows = np.full(len(identity), -1, dtype=np.int64)
        for live in self._live:
            own = live.segment.rows_by_identity(identity)
            there = (own >= 0) & ~live.is_deleted[own]
            rows[there] = own[there] + live.start
        return rows
