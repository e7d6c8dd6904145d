"""Tickets that a bundle answers from: stored whole, found by the bundle's ranking.

An index is a folder of segments, which are written once and never changed, and a manifest that names them
and the rows of each that are deleted. Whatever changes the index writes a segment beside the others and then
replaces the manifest in one step: a process killed at any moment leaves the index before or after the change.
"""

import copy
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import numpy as np
import polars as pl
from filelock import FileLock, Timeout
from pydantic import Field

from ticketkin.core.artifacts import atomic_path, write_json
from ticketkin.core.errors import (
    InputError,
    MissingInputError,
    OutputRefusedError,
    RunLockedError,
    UnreadableFileError,
)
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.records import read_record
from ticketkin.core.replacement import LOCK, is_leftover, sweep_leftovers
from ticketkin.core.tables import TICKETS_SCHEMA, BoolArray, IntArray, Tickets
from ticketkin.core.wording import number_of, percent
from ticketkin.lexical.vocabulary import stable_hash, stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.segmented import SegmentedRetriever
from ticketkin.ranking.single_source import Scorer
from ticketkin.serving.segment import (
    CELLS_FROM,
    REMEDY,
    Segment,
    SegmentRecord,
    StoredBlock,
    content_hashes,
    with_cells,
    write_segment,
)
from ticketkin.serving.stored_links import StoredLinks

_MANIFEST = "index.json"
_VERSION = 3
_SEGMENT = "segment-"
# More segments than these slow a search down, so the small ones are merged.
_MOST_SEGMENTS = 8
# A share of deleted rows from which they are worth writing everything anew.
_MOST_DELETED = 0.5
# A reader that meets a merge reads the manifest again.
_TRIES = 5


@dataclass(frozen=True)
class IndexChange:
    """What storing tickets changed."""

    n_added: int
    n_updated: int
    n_unchanged: int


@dataclass(frozen=True)
class _Listed:
    """A segment, and which of its rows are deleted."""

    segment: SegmentRecord
    deleted: list[Annotated[int, Field(ge=0)]]


@dataclass(frozen=True)
class _Manifest:
    version: int
    bundle: str
    segments: list[_Listed]


@dataclass(frozen=True)
class _Live:
    """An opened segment within the index."""

    segment: Segment
    is_deleted: BoolArray
    start: int
    """Row of the index at which it begins."""

    @property
    def rows(self) -> IntArray:
        """The rows of the segment that are not deleted."""
        return np.flatnonzero(~self.is_deleted)

    @property
    def listed(self) -> _Listed:
        return _Listed(self.segment.record, np.flatnonzero(self.is_deleted).tolist())

    @property
    def block(self) -> StoredBlock:
        return StoredBlock(self.segment.mapped, self.segment.columns)


class Index:
    """Stored tickets with their embeddings; what `put` and `delete` return from is on the disk.

    Rows count through all segments, deleted tickets included; they stay until the next change.
    """

    def __init__(self, folder: Path, scorer: Scorer, bundle_id: str, manifest: _Manifest) -> None:
        self._folder, self._scorer, self._bundle = folder, scorer, bundle_id
        self._manifest = manifest
        self._live: list[_Live] = []
        self._hold(manifest)

    @classmethod
    def open(cls, folder: Path, scorer: Scorer, bundle_id: str, *, create: bool = False) -> "Index":
        """Return the index in `folder`, an empty one where there is none and `create` is given.

        What a killed process left there is deleted. Raises MissingInputError where there is none, InputError
        for the index of another bundle, UnreadableFileError where it is damaged or of another version.
        """
        if not (folder / _MANIFEST).exists():
            _refuse_other_content(folder)
            if not create:
                raise MissingInputError(
                    f"There is no index at {folder}, so there are no tickets to compare with. Build one: "
                    "ticketkin index BUNDLE EXPORT"
                )
            return cls(folder, scorer, bundle_id, _Manifest(_VERSION, bundle_id, []))
        for last in [False] * (_TRIES - 1) + [True]:
            manifest = _read_manifest(folder, bundle_id)
            try:
                index = cls(folder, scorer, bundle_id, manifest)
            except UnreadableFileError:
                if last or _read_manifest(folder, bundle_id) == manifest:
                    raise
                continue  # another process merged segments meanwhile
            index._sweep_if_idle()
            return index
        raise AssertionError

    def __len__(self) -> int:
        return sum(len(live.rows) for live in self._live)

    @cached_property
    def retriever(self) -> SegmentedRetriever | None:
        """The search over the live tickets; None where there is none."""
        if not self._live:
            return None
        return SegmentedRetriever([live.segment.retriever(live.is_deleted) for live in self._live])

    @cached_property
    def newest_opening(self) -> int:
        """When the newest stored ticket opened, microseconds since 1970; 0 where no time is known."""
        return max([0, *(int(live.segment.columns.opened_at.max()) for live in self._live)])

    @property
    def recall(self) -> dict[str, float]:
        """Share of the exact nearest that each approximate source finds; empty where all is exact."""
        return {} if self.retriever is None else self.retriever.recall

    def put(self, given: EmbeddedTickets) -> IndexChange:
        """Store tickets; one that is there already is replaced, unless it says the same.

        After many, `tend` makes them quick to search. Raises RunLockedError while another process changes
        the index.
        """
        with self._writing():
            known = self._rows_of(stable_hashes(given.tickets.ids)) >= 0
            current = self.is_current(given.tickets)
            change = IndexChange(int((~known).sum()), int((known & ~current).sum()), int(current.sum()))
            if not current.all():
                self._store(given if not current.any() else given.take(np.flatnonzero(~current)))
            return change

    def delete(self, ids: list[str]) -> int:
        """Delete tickets by id; return how many there were. Raises as `put`."""
        return self.delete_hashed(stable_hashes(ids))

    def delete_hashed(self, identity: IntArray) -> int:
        """Delete tickets by the hashes of their ids, as `delete` does."""
        with self._writing():
            rows = self._rows_of(identity)
            rows = np.unique(rows[rows >= 0])
            if len(rows):
                self._forget_links(self.tickets(rows).ids)
                self._commit(self._without(rows))
                self._merge_where_due()
            return len(rows)

    def link(self, pairs: Iterable[tuple[str, str]]) -> int:
        """Store which tickets people know to be duplicates of each other, beside what their columns say.

        Returns how many pairs were new. Those that name a ticket that is not stored are left out. Raises as
        `put`.
        """
        with self._writing():
            given = list(pairs)
            names = list(dict.fromkeys(name for pair in given for name in pair))
            stored = dict(zip(names, (self._rows_of(stable_hashes(names)) >= 0).tolist(), strict=True))
            links = self.links.with_pairs(pair for pair in given if stored[pair[0]] and stored[pair[1]])
            n_new = len(links.pairs) - len(self.links.pairs)
            if n_new:
                self._keep_links(links)
            return n_new

    @cached_property
    def links(self) -> StoredLinks:
        """The duplicates given to `link`. Raises UnreadableFileError where their file is damaged."""
        return StoredLinks.read(self._folder, REMEDY)

    def replace_links(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Store these duplicates in place of those that were given to `link` before. Raises as `put`."""
        with self._writing():
            links = StoredLinks([]).with_pairs(pairs)
            if links.pairs != self.links.pairs:
                self._keep_links(links)

    def snapshot(self) -> "Index":
        """Return the index as it is now: what is read from it stays so while this one is changed."""
        return copy.copy(self)

    def _keep_links(self, links: StoredLinks) -> None:
        links.write(self._folder)
        self.__dict__["links"] = links

    def _forget_links(self, ids: list[str]) -> None:
        links = self.links.without(ids)
        if len(links.pairs) < len(self.links.pairs):
            self._keep_links(links)

    def tend(self, progress: Progress = SILENT) -> None:
        """Give large segments the cells that quick searches need, after much was stored. Raises as `put`.

        Until then a search in them is exact and takes the longer. A kill leaves the index as it was.
        """
        if self._first_without_cells() is None:
            return
        with self._writing():
            first = self._first_without_cells()
            if first is None:
                return
            if len(self._live) > first + 1:
                progress.say(f"merging {number_of(len(self._live) - first, 'part')} of the index")
                self._merge(first)
            progress.say(f"making {number_of(len(self._live[first].rows), 'ticket')} quick to search")
            self._with_cells(first)
            for name, recall in self.recall.items():
                progress.say(f"  {name}: {percent(recall, 1)} of the 200 nearest of an exact search")

    def _first_without_cells(self) -> int | None:
        """Return the segment from which on all should become one that has cells; None where all is well."""
        sizes = [len(live.rows) for live in self._live]
        with_cells = [place for place, live in enumerate(self._live) if live.segment.has_cells]
        first = with_cells[-1] + 1 if with_cells else 0
        if sum(sizes[first:]) < CELLS_FROM:
            return None
        # Where most tickets need new cells, one of all costs hardly more, and is searched once.
        return 0 if 2 * sum(sizes[first:]) > sum(sizes) else first

    def _with_cells(self, place: int) -> None:
        """Replace a segment by one with the same files and cells beside them."""
        live, name = self._live[place], _new_name()
        with atomic_path(self._folder / name) as folder:
            record = replace(with_cells(live.segment, folder), name=name)
        listed = [each.listed for each in self._live]
        listed[place] = replace(listed[place], segment=record)
        self._commit(listed)

    def compact(self) -> None:
        """Write all live tickets as one segment. Raises as `put`."""
        with self._writing():
            if len(self._live) > 1 or any(live.is_deleted.any() for live in self._live):
                self._merge(0)

    def check(self) -> None:
        """Read every file of the index. Raises UnreadableFileError naming one that changed."""
        StoredLinks.read(self._folder, REMEDY)
        for live in self._live:
            live.segment.check()

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
            return Tickets(pl.DataFrame(schema=dict(TICKETS_SCHEMA)))
        only = self._only_segment(rows)
        if only is not None:
            return Tickets(only.segment.frame(rows - only.start))
        order = np.argsort(rows, kind="stable")
        frames = [live.segment.frame(own) for live, own in self._by_segment(rows[order])]
        return Tickets(pl.concat(frames)[np.argsort(order).tolist()])

    def _only_segment(self, rows: IntArray) -> _Live | None:
        """Return the segment that holds all of some rows; None where several do, and for no rows."""
        if not len(rows):
            return None
        first, last = int(rows.min()), int(rows.max())
        inside = (one for one in self._live if one.start <= first and last < one.start + len(one.segment))
        return next(inside, None)

    def _by_segment(self, rows: IntArray) -> list[tuple[_Live, IntArray]]:
        """Return ascending rows as rows of each segment that has one; no rows are of the first segment."""
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

    def _hold(self, manifest: _Manifest) -> None:
        """Take over a manifest: segments that are open already stay open."""
        opened = {live.segment.record.name: live.segment for live in self._live}
        lives, start = [], 0
        for listed in manifest.segments:
            record = listed.segment
            segment = opened.get(record.name) or Segment(self._folder / record.name, record)
            is_deleted = np.zeros(len(segment), dtype=np.bool_)
            if listed.deleted and max(listed.deleted) >= len(segment):
                raise UnreadableFileError(f"{self._folder / _MANIFEST} is damaged (no such row). {REMEDY}")
            is_deleted[listed.deleted] = True
            lives.append(_Live(segment, is_deleted, start))
            start += len(segment)
        self._manifest, self._live = manifest, lives
        for cached in ("retriever", "newest_opening"):
            self.__dict__.pop(cached, None)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Own the index, with what other processes wrote before; what killed ones left is deleted."""
        with _lock(self._folder):
            self.__dict__.pop("links", None)  # a file of their own: the manifest does not tell of a change
            if (self._folder / _MANIFEST).exists():
                manifest = _read_manifest(self._folder, self._bundle)
                if manifest != self._manifest:
                    self._hold(manifest)
            self._sweep()
            yield

    def _store(self, given: EmbeddedTickets) -> None:
        replaced = self._rows_of(stable_hashes(given.tickets.ids))
        kept = self._without(replaced[replaced >= 0])
        block = StoredBlock(given, self._scorer.describe(given))
        self._commit([*kept, self._written([block], [np.arange(len(given.tickets))])])
        self._merge_where_due()

    def _without(self, rows: IntArray) -> list[_Listed]:
        """Return the segments with some more rows deleted; one without a live ticket is left out."""
        listed = []
        for live in self._live:
            is_deleted = live.is_deleted.copy()
            inside = rows[(rows >= live.start) & (rows < live.start + len(live.segment))]
            is_deleted[inside - live.start] = True
            if not is_deleted.all():
                listed.append(replace(live, is_deleted=is_deleted).listed)
        return listed

    def _written(self, blocks: list[StoredBlock], rows: list[IntArray]) -> _Listed:
        name = _new_name()
        with atomic_path(self._folder / name) as folder:
            record = replace(write_segment(folder, blocks, rows), name=name)
        return _Listed(record, [])

    def _commit(self, segments: list[_Listed]) -> None:
        """Replace the manifest in one step, then delete the segments that it does not name any more."""
        manifest = _Manifest(_VERSION, self._bundle, segments)
        write_json(self._folder / _MANIFEST, asdict(manifest))
        self._hold(manifest)
        self._sweep()

    def _merge_where_due(self) -> None:
        sizes = [len(live.rows) for live in self._live]
        n_rows = sum(len(live.segment) for live in self._live)
        if sum(sizes) < n_rows * (1 - _MOST_DELETED):
            self._merge(0)
        elif len(sizes) > _MOST_SEGMENTS:
            # As many of the last as are not much larger than all that come after them: a ticket is written
            # again a logarithmic number of times.
            due = [place for place in range(len(sizes) - 1) if sizes[place] <= 2 * sum(sizes[place + 1 :])]
            if due:
                self._merge(min(due))

    def _merge(self, first: int) -> None:
        """Write the segments from number `first` on as one; their order stays."""
        merged = self._live[first:]
        rows = [live.rows for live in merged]
        listed = self._written([live.block for live in merged], rows) if sum(map(len, rows)) else None
        self._commit([*(live.listed for live in self._live[:first]), *([listed] if listed else [])])

    def _sweep_if_idle(self) -> None:
        """Delete leftovers, where there are any and nobody is writing."""
        if not self._leftovers():
            return
        with suppress(RunLockedError, OutputRefusedError), self._writing():
            pass

    def _sweep(self) -> None:
        for path in self._leftovers():
            if not is_leftover(path.name):
                shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):
            sweep_leftovers(self._folder)

    def _leftovers(self) -> list[Path]:
        named = {listed.segment.name for listed in self._manifest.segments}
        if not self._folder.is_dir():
            return []
        return [
            path
            for path in self._folder.iterdir()
            if is_leftover(path.name) or (path.name.startswith(_SEGMENT) and path.name not in named)
        ]


def _read_manifest(folder: Path, bundle_id: str) -> _Manifest:
    path = folder / _MANIFEST
    manifest = read_record(path, _Manifest, REMEDY)
    if manifest.version != _VERSION:
        raise UnreadableFileError(
            f"The index {folder} is of version {manifest.version}, this release reads version {_VERSION}. "
            f"{REMEDY}"
        )
    if manifest.bundle != bundle_id:
        raise InputError(
            f"The index {folder} belongs to the bundle {manifest.bundle[:12]}…, this one is "
            f"{bundle_id[:12]}…: its embeddings are of other models. Give the bundle it was built with, or "
            "build an index for this one: ticketkin index BUNDLE EXPORT"
        )
    return manifest


def _new_name() -> str:
    return f"{_SEGMENT}{uuid4().hex[:8]}"


def _refuse_other_content(folder: Path) -> None:
    """Raise where a folder that is no index holds files of someone else."""
    if folder.exists() and not folder.is_dir():
        raise OutputRefusedError(f"{folder} is a file; an index is a folder, so choose another name")
    if folder.is_dir() and any(
        not is_leftover(path.name) and path.name != LOCK and not path.name.startswith(_SEGMENT)
        for path in folder.iterdir()
    ):
        raise OutputRefusedError(
            f"{folder} holds other files and no index; choose a new folder for the index"
        )


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise RunLockedError(
            f"The index {folder} is being changed by another process; try again when it is done"
        ) from None
    except (OSError, NotImplementedError) as error:
        raise OutputRefusedError(
            f"The index {folder} can't be changed: {getattr(error, 'strerror', None) or error}. Choose a "
            "folder where this user may write"
        ) from None
    try:
        yield
    finally:
        lock.release()
