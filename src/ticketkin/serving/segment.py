"""A block of stored tickets on the disk, written once: the tickets, what scoring reads of them, and cells.

Large arrays stay on the disk and are mapped into memory: a search reads only the rows of its candidates.
Nothing in a segment names code.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from ticketkin.core.arrays import AnyArray, damaged
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Tickets
from ticketkin.core.wording import number_of
from ticketkin.lexical.bm25 import FieldRows
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.cells import Cells
from ticketkin.ranking.columns import EmbeddedTickets, TextRows, TicketColumns
from ticketkin.ranking.crowd import CrowdNeighbours
from ticketkin.ranking.retriever import LEXICAL, TITLE_WORDS, Retriever
from ticketkin.serving.segment_files import (
    POSTINGS,
    REMEDY,
    TEXT,
    TICKETS,
    FileRecord,
    SegmentRecord,
    cells_file,
    check_content,
    check_size,
)

_WORDS = {LEXICAL: "whole", TITLE_WORDS: "field_title"}
"""The matrix of each source by words."""
# Files above this are mapped and not read, and their checksum is not taken at every start.
_MAPPED_BYTES = 4 << 20


def content_hashes(tickets: Tickets) -> IntArray:
    """Return a hash of everything a ticket says, shape (n_tickets,); where it stood in a file is left out."""
    rows = tickets.frame.drop("source_row").select(pl.all().cast(pl.String).fill_null("\x00")).iter_rows()
    return stable_hashes("\x1f".join(row) for row in rows)


class RowsByHash:
    """Finds the row that holds a hash; the hashes are sorted once for many lookups."""

    def __init__(self, stored: IntArray) -> None:
        """`stored` (n,) are the hashes by row, at least one."""
        self._stored, self._order = stored, np.argsort(stored, kind="stable")

    def rows(self, hashes: IntArray) -> IntArray:
        """Return a row with each hash, shape of `hashes`, -1 where there is none."""
        place = np.searchsorted(self._stored, hashes, sorter=self._order).clip(max=len(self._stored) - 1)
        rows = self._order[place]
        return np.where(self._stored[rows] == hashes, rows, -1)


class Segment:
    """A written segment, opened for reading; it stays readable where another process merges it away."""

    def __init__(self, folder: Path, record: SegmentRecord) -> None:
        """Raises UnreadableFileError where a file is missing or is not what `record` says."""
        self.folder, self.record = folder, record
        self._arrays: dict[str, AnyArray] = {}
        for name, file in record.files.items():
            path = folder / name
            check_size(path, file)
            if file.n_bytes <= _MAPPED_BYTES:
                check_content(path, file)
            if path.suffix == ".npy":
                self._arrays[path.stem] = _open_array(path, file)
        self._table = _open_table(folder / TICKETS, len(self))
        self._fields = self._table.drop_columns([TEXT])

    def __len__(self) -> int:
        return self.record.n_tickets

    @property
    def has_cells(self) -> bool:
        """Whether cells answer for its embeddings; a ranking by words alone needs none."""
        return bool(self.record.recall) or not self.record.described

    def check(self) -> None:
        """Read every file. Raises UnreadableFileError naming one that changed."""
        for name, file in self.record.files.items():
            check_size(self.folder / name, file)
            check_content(self.folder / name, file)

    @cached_property
    def ids(self) -> AnyArray:
        """Ticket ids, shape (n_tickets,), objects."""
        return np.array(self._table["ticket_id"].to_pylist(), dtype=object)

    @cached_property
    def content(self) -> IntArray:
        """`content_hashes` of the tickets."""
        return self._array("content", "i", (len(self),))

    @cached_property
    def number(self) -> IntArray:
        """Hash of each ticket's number."""
        return self._array("number", "i", (len(self),))

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
        taken = pl.from_arrow(self._fields.take(rows))
        assert isinstance(taken, pl.DataFrame)  # noqa: S101 - of a table
        return taken

    def embedding(self, name: str) -> FloatArray:
        """Return an embedding of all tickets, shape (n_tickets, d)."""
        return self._array(f"embedding_{name}", "f", (len(self), None))

    def take(self, rows: IntArray) -> EmbeddedTickets:
        """Return some tickets as they were given."""
        embeddings = {name: np.asarray(self.embedding(name)[rows]) for name in self.record.given}
        return EmbeddedTickets(Tickets(self.frame(rows)), self.texts(rows), embeddings)

    @property
    def mapped(self) -> EmbeddedTickets:
        """All tickets as they were given; their embeddings stay on the disk."""
        frame = pl.from_arrow(self._fields)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - of a table
        embeddings = {name: self.embedding(name) for name in self.record.given}
        return EmbeddedTickets(Tickets(frame), self._table[TEXT].to_pylist(), embeddings)

    @cached_property
    def columns(self) -> TicketColumns:
        """The tickets as the ranking describes them."""
        n = len(self)
        fields = [name.removeprefix("field_") for name in self.record.widths if name.startswith("field_")]
        return TicketColumns(
            ids=self.ids,
            identity=self._array("identity", "i", (n,)),
            opened_at=self._array("opened_at", "i", (n,)),
            place=self._array("place", "f", (n,)),
            values=self._array("values", "i", (n, None)),
            lengths=self._array("lengths", "f", (n,)),
            signatures=self._array("signatures", "u", (n, None)),
            lexical=FieldRows(
                self._matrix("whole"), {name: self._matrix(f"field_{name}") for name in fields}
            ),
            words=self._matrix("words"),
            characters=self._matrix("characters"),
            embeddings={name: self.embedding(name) for name in self.record.described},
            texts=TextRows(self.texts, np.arange(n)),
            crowd_row=self._array("crowd_row", "i", (n,)),
            crowding={
                name: CrowdNeighbours(
                    self._array(f"near_{name}", "f", (n, None)),
                    self._array(f"members_{name}", "i", (n, None)),
                )
                for name in self.record.crowds
            },
        )

    def texts(self, rows: IntArray) -> list[str]:
        """Return the composed texts of some tickets."""
        texts: list[str] = self._table[TEXT].take(rows).to_pylist()
        return texts

    @cached_property
    def _postings(self) -> dict[str, csr_matrix]:
        """The inverted indexes that are kept, by source; retrievers add those that they make."""
        kept = {source: POSTINGS[matrix] for source, matrix in _WORDS.items()}
        return {source: self._matrix(name) for source, name in kept.items() if name in self.record.widths}

    @cached_property
    def _cells(self) -> dict[str, Cells]:
        cells = {}
        for name in self.record.recall:
            path = self.folder / cells_file(name)
            if not path.exists():  # another process has merged the segment since it was opened
                return {}
            check_content(path, self.record.files[path.name])  # it is read whole, by code that trusts it
            cells[name] = Cells.load(path, (len(self), self.columns.embeddings[name].shape[1]), REMEDY)
        return cells

    def retriever(self, is_deleted: BoolArray) -> Retriever:
        """Return the search over the tickets that are not deleted."""
        hides = is_deleted if is_deleted.any() else None
        retriever = Retriever(self.columns, cells=self._cells, postings=self._postings, is_deleted=hides)
        retriever.recall = dict(self.record.recall)
        return retriever

    def _array(self, name: str, kind: str, shape: Sequence[int | None]) -> AnyArray:
        path = self.folder / f"{name}.npy"
        if name not in self._arrays:
            raise UnreadableFileError(f"{self.folder} lacks {path.name}. {REMEDY}")
        array = self._arrays[name]
        fits = array.ndim == len(shape) and all(
            wanted in (None, length) for wanted, length in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype.kind != kind:
            raise damaged(path, ValueError(f"it holds {array.dtype} of shape {array.shape}"), REMEDY)
        return array

    def _matrix(self, name: str) -> csr_matrix:
        n_rows, n_columns = len(self), self.record.widths[name]
        if name in POSTINGS.values():
            n_rows, n_columns = n_columns, n_rows
        starts = self._array(f"{name}_starts", "i", (n_rows + 1,))
        columns = self._array(f"{name}_columns", "i", (None,))
        weights = self._array(f"{name}_weights", "f", (len(columns),))
        if int(starts[-1]) != len(columns):
            raise damaged(self.folder / f"{name}_starts.npy", ValueError("it does not fit"), REMEDY)
        return csr_matrix((weights, columns, starts), shape=(n_rows, n_columns), copy=False)


def _open_array(path: Path, file: FileRecord) -> AnyArray:
    """Return the array in a file, a large one mapped."""
    mode: Literal["r"] | None = "r" if file.n_bytes > _MAPPED_BYTES else None
    try:
        return np.asarray(np.load(path, mmap_mode=mode, allow_pickle=False))
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise damaged(path, ValueError("it holds no array"), REMEDY) from error


def _open_table(path: Path, n_tickets: int) -> Any:
    """Return the tickets and their texts, mapped: rows are read as they are asked for."""
    import pyarrow as pa

    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        table.validate()
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, ValueError("it holds no table"), REMEDY) from error
    if table.num_rows != n_tickets or not {TEXT, "ticket_id"} <= set(table.column_names):
        raise damaged(path, ValueError(f"it does not hold {number_of(n_tickets, 'ticket')}"), REMEDY)
    return table
