"""Tickets that a bundle answers from: stored whole, found by the bundle's ranking.

An index is a folder of segments, which are written once and never changed, and a manifest that names them and
the rows of each that are deleted. Whatever changes the index writes a segment beside the others and then
replaces the manifest in one step: a process killed at any moment leaves the index before or after the change.
A caller that can supply its tickets again may have a few of them held in memory meanwhile, which is much
faster.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.errors import (
    MissingInputError,
    UnreadableFileError,
)
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import IntArray
from ticketkin.core.wording import number_of, percent
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.single_source import Scorer
from ticketkin.serving.buffer import Buffer
from ticketkin.serving.index_changes import FEW_SEGMENTS, ChangingTickets
from ticketkin.serving.index_manifest import (
    MANIFEST,
    VERSION,
    IndexManifest,
    new_segment_name,
    read_manifest,
    refuse_other_content,
)
from ticketkin.serving.segment_files import REMEDY
from ticketkin.serving.segment_writing import CELLS_FROM, StoredBlock, with_cells
from ticketkin.serving.stored_links import StoredLinks

# When there are this many tickets in memory, they are written to the disk.
_FULL_BUFFER = 256
# How often a reader reads the manifest at most, if other processes merge segments meanwhile.
_TRIES = 5


@dataclass(frozen=True)
class IndexChange:
    """What storing tickets changed."""

    n_added: int
    n_updated: int
    n_unchanged: int


class Index(ChangingTickets):
    """Stored tickets with their embeddings; what `put` and `delete` return from is on the disk.

    Rows count through all segments, deleted tickets included; they stay until the next change.
    """

    @classmethod
    def open(cls, folder: Path, scorer: Scorer, bundle_id: str, *, create: bool = False) -> "Index":
        """Return the index in `folder`, an empty one where there is none and `create` is given.

        What a killed process left there is deleted. Raises MissingInputError where there is none, InputError
        for the index of another bundle, UnreadableFileError where it is damaged or of another version.
        """
        if not (folder / MANIFEST).exists():
            refuse_other_content(folder)
            if not create:
                raise MissingInputError(
                    f"There is no index at {folder}, so there are no tickets to compare with. Build one: "
                    "ticketkin index BUNDLE EXPORT"
                )
            return cls(folder, scorer, bundle_id, IndexManifest(VERSION, bundle_id, []))
        for last in [False] * (_TRIES - 1) + [True]:
            manifest = read_manifest(folder, bundle_id)
            try:
                index = cls(folder, scorer, bundle_id, manifest)
            except UnreadableFileError:
                if last or read_manifest(folder, bundle_id) == manifest:
                    raise
                continue  # another process merged segments meanwhile
            index._sweep_if_idle()
            return index
        raise AssertionError

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

    def hold(self, given: EmbeddedTickets) -> None:
        """Store tickets as `put` does, a few of them in memory alone until there are enough for the disk.

        They are found at once; a process that ends before `is_on_disk` must be given them again. Raises as
        `put`.
        """
        due = np.flatnonzero(~self.is_current(given.tickets))
        if not len(due):
            return
        if len(due) >= _FULL_BUFFER:
            self.put(given)
            return
        fresh = given.take(due)
        added = Buffer.of(StoredBlock(fresh, self._scorer.describe(fresh)))
        before = None if self._buffer is None else self._buffer.without_identity(added.columns.identity)
        written = [live for live in self._live if live.segment is not self._buffer]
        self._buffer = added if before is None else before.append(added)
        self._set_live(written)
        if len(self._buffer) >= _FULL_BUFFER:
            self.write_held()

    def write_held(self) -> None:
        """Write what is held in memory to the disk. Raises as `put`."""
        if self._buffer is not None:
            with self._writing():
                pass  # entering it writes the buffer

    @property
    def is_on_disk(self) -> bool:
        """Whether all that was stored is on the disk."""
        return self._buffer is None

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

    def replace_links(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Store these duplicates in place of those that were given to `link` before. Raises as `put`."""
        links = StoredLinks([]).with_pairs(pairs)
        if links.pairs == self.links.pairs:
            return
        with self._writing():
            self._keep_links(links)

    def snapshot(self) -> "Index":
        """Return the index as it is now: reads from the snapshot stay the same while this index changes."""
        return copy.copy(self)

    def tend(self, progress: Progress = SILENT) -> bool:
        """Make few segments of many, and give large ones cells, after tickets were stored. Raises as `put`.

        Until then each segment costs a search some milliseconds, and one in a large segment is exact and
        takes the longer. A kill leaves the index as it was. Return whether there was anything to do.
        """
        n_written = sum(live.segment is not self._buffer for live in self._live)
        if self._first_without_cells() is None and n_written <= FEW_SEGMENTS:
            return False
        with self._writing():
            self._merge_to_few()
            first = self._first_without_cells()
            if first is None:
                return True
            if len(self._live) > first + 1:
                progress.say(f"merging {number_of(len(self._live) - first, 'part')} of the index")
                self._merge(first)
            progress.say(f"making {number_of(len(self._live[first].rows), 'ticket')} quick to search")
            self._with_cells(first)
            for name, recall in self.recall.items():
                progress.say(f"  {name}: {percent(recall, 1)} of the 200 nearest of an exact search")
        return True

    def _first_without_cells(self) -> int | None:
        """Return the number of the first segment to merge into one with cells; None where none needs it."""
        sizes = [len(live.rows) for live in self._live]
        with_cells = [place for place, live in enumerate(self._live) if live.segment.has_cells]
        first = with_cells[-1] + 1 if with_cells else 0
        if sum(sizes[first:]) < CELLS_FROM:
            return None
        # If most tickets need new cells, one segment of all costs hardly more, and is searched once.
        return 0 if 2 * sum(sizes[first:]) > sum(sizes) else first

    def _with_cells(self, place: int) -> None:
        """Replace a segment by one with the same files and cells beside them."""
        live, name = self._live[place], new_segment_name()
        with atomic_path(self._folder / name) as folder:
            record = replace(with_cells(live.written, folder), name=name)
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
