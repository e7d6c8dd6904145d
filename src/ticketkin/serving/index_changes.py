"""How the segments of an index change: one process at a time, and whole at every instant.

A segment is written beside the others, then the manifest that names it replaces the old one in one step.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ticketkin.core.artifacts import atomic_path, write_json
from ticketkin.core.errors import OutputRefusedError, RunLockedError
from ticketkin.core.replacement import is_leftover, sweep_leftovers
from ticketkin.core.tables import IntArray
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.single_source import Scorer
from ticketkin.serving.index_manifest import (
    MANIFEST,
    VERSION,
    IndexManifest,
    ListedSegment,
    leftovers,
    new_segment_name,
    read_manifest,
    writing_lock,
)
from ticketkin.serving.segment_files import REMEDY
from ticketkin.serving.segment_writing import StoredBlock, write_segment
from ticketkin.serving.stored_links import StoredLinks
from ticketkin.serving.stored_tickets import StoredTickets

FEW_SEGMENTS = 3
"""So many are left when all is stored: each one costs a search some milliseconds."""
# While many tickets are being stored, there may be more: merging at every batch would write them too often.
_MOST_SEGMENTS = 8
# A share of deleted rows from which they are worth writing everything anew.
_MOST_DELETED = 0.5


class ChangingTickets(StoredTickets):
    """Stored tickets, and the steps that every change of them is made of; see `Index`."""

    def __init__(self, folder: Path, scorer: Scorer, bundle_id: str, manifest: IndexManifest) -> None:
        super().__init__(folder, manifest)
        self._scorer, self._bundle = scorer, bundle_id

    @cached_property
    def links(self) -> StoredLinks:
        """The duplicates given to `link`. Raises UnreadableFileError where their file is damaged."""
        return StoredLinks.read(self._folder, REMEDY)

    def _keep_links(self, links: StoredLinks) -> None:
        links.write(self._folder)
        self.__dict__["links"] = links

    def _forget_links(self, ids: list[str]) -> None:
        links = self.links.without(ids)
        if len(links.pairs) < len(self.links.pairs):
            self._keep_links(links)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Own the index, with what other processes wrote before; what killed ones left is deleted.

        What was held in memory is on the disk then.
        """
        with writing_lock(self._folder):
            self.__dict__.pop("links", None)  # another file: the manifest shows no change of it
            if (self._folder / MANIFEST).exists():
                manifest = read_manifest(self._folder, self._bundle)
                if manifest != self._manifest:
                    self._take_over(manifest)
            self._sweep()
            self._write_buffer()
            yield

    def _write_buffer(self) -> None:
        """Write what is held in memory as a segment."""
        if self._buffer is None:
            return
        segments = [live for live in self._live if live.segment is not self._buffer]
        written = self._written([self._buffer.block], [np.arange(len(self._buffer))])
        self._commit([*(live.listed for live in segments if not live.is_deleted.all()), written])
        self._merge_where_due()

    def _store(self, given: EmbeddedTickets) -> None:
        replaced = self._rows_of(stable_hashes(given.tickets.ids))
        kept = self._without(replaced[replaced >= 0])
        block = StoredBlock(given, self._scorer.describe(given))
        self._commit([*kept, self._written([block], [np.arange(len(given.tickets))])])
        self._merge_where_due()

    def _without(self, rows: IntArray) -> list[ListedSegment]:
        """Return the segments with some more rows deleted; one without a live ticket is left out."""
        remaining = [live.without(rows - live.start) for live in self._live]
        return [live.listed for live in remaining if not live.is_deleted.all()]

    def _written(self, blocks: list[StoredBlock], rows: list[IntArray]) -> ListedSegment:
        name = new_segment_name()
        with atomic_path(self._folder / name) as folder:
            record = replace(write_segment(folder, blocks, rows), name=name)
        return ListedSegment(record, [])

    def _commit(self, segments: list[ListedSegment]) -> None:
        """Replace the manifest in one step, then delete the segments that it does not name any more."""
        manifest = IndexManifest(VERSION, self._bundle, segments)
        write_json(self._folder / MANIFEST, asdict(manifest))
        self._buffer = None  # its tickets are on the disk by now, since `_writing` writes them first
        self._take_over(manifest)
        self._sweep()

    def _merge_where_due(self) -> None:
        sizes = [len(live.rows) for live in self._live]
        n_rows = sum(len(live.segment) for live in self._live)
        if sum(sizes) < n_rows * (1 - _MOST_DELETED):
            self._merge(0)
        elif len(sizes) > _MOST_SEGMENTS:
            due = self._due()
            if due:
                self._merge(min(due))

    def _merge_to_few(self) -> None:
        while len(self._live) > FEW_SEGMENTS:
            self._merge(min(self._due(), default=len(self._live) - 2))

    def _due(self) -> list[int]:
        """Return the segments that are not much larger than all later ones together.

        Where such are merged, a ticket is rewritten only a logarithmic number of times.
        """
        sizes = [len(live.rows) for live in self._live]
        return [place for place in range(len(sizes) - 1) if sizes[place] <= 2 * sum(sizes[place + 1 :])]

    def _merge(self, first: int) -> None:
        """Write the segments from number `first` on as one; their order stays."""
        merged = self._live[first:]
        rows = [live.rows for live in merged]
        listed = self._written([live.block for live in merged], rows) if sum(map(len, rows)) else None
        self._commit([*(live.listed for live in self._live[:first]), *([listed] if listed else [])])

    def _sweep_if_idle(self) -> None:
        """Delete leftovers, where there are any and nobody is writing."""
        if not leftovers(self._folder, self._manifest):
            return
        with suppress(RunLockedError, OutputRefusedError), self._writing():
            pass

    def _sweep(self) -> None:
        for path in leftovers(self._folder, self._manifest):
            if not is_leftover(path.name):
                shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):
            sweep_leftovers(self._folder)
