"""A block of stored tickets on the disk, written once: the tickets, what scoring reads of them, and cells.

Large arrays stay on the disk and are mapped into memory: what a search reads of them are the rows of its
candidates. Nothing in a segment names code.
"""

import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import Field
from scipy.sparse import csr_matrix, vstack

from ticketkin.core.arrays import AnyArray, damaged
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Tickets
from ticketkin.core.wording import number_of
from ticketkin.lexical.bm25 import FieldRows
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.cells import Cells
from ticketkin.ranking.columns import EmbeddedTickets, TextRows, TicketColumns
from ticketkin.ranking.crowd import CrowdNeighbours
from ticketkin.ranking.retriever import Retriever, postings_of

REMEDY = "Delete the folder and build the index again: ticketkin index BUNDLE EXPORT"
_TICKETS, _POSTINGS = "tickets.arrow", "postings"
TEXT = "_text"
"""The column of the composed texts beside those of the tickets."""
_PLAIN = ("identity", "opened_at", "place", "values", "lengths", "crowd_row")
# Files above this are mapped and not read, and their checksum is not taken at every start.
_MAPPED_BYTES = 4 << 20
_BLOCK_BYTES = 1 << 20
# From so many tickets on the inverted index of the words is kept, and cells answer for each embedding.
_KEEPS_POSTINGS = 5_000
CELLS_FROM = 30_000
Size = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class FileRecord:
    """What a file of a segment must be."""

    n_bytes: Size
    checksum: Size
    """CRC-32."""


@dataclass(frozen=True)
class SegmentRecord:
    """What the manifest of an index says about a segment."""

    name: Annotated[str, Field(pattern=r"^segment-[0-9a-f]{8}$")]
    n_tickets: Annotated[int, Field(ge=1)]
    given: list[str]
    """Embeddings that the tickets came with."""
    described: list[str]
    """Embeddings that the ranking reads."""
    crowds: list[str]
    """Of these, the ones whose crowd is known."""
    widths: dict[str, Size]
    """Columns of each sparse matrix."""
    recall: dict[str, Annotated[float, Field(ge=0, le=1)]]
    """Of each embedding that cells answer for."""
    files: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")], FileRecord]


@dataclass(frozen=True)
class StoredBlock:
    """Tickets as they are stored: as they were given, and as the ranking describes them."""

    given: EmbeddedTickets
    columns: TicketColumns


def content_hashes(tickets: Tickets) -> IntArray:
    """Return a hash of everything a ticket says, shape (n_tickets,); where it stood in a file is left out."""
    rows = tickets.frame.drop("source_row").select(pl.all().cast(pl.String).fill_null("\x00")).iter_rows()
    return stable_hashes("\x1f".join(row) for row in rows)


class Segment:
    """A written segment, opened for reading; it stays readable where another process merges it away."""

    def __init__(self, folder: Path, record: SegmentRecord) -> None:
        """Raises UnreadableFileError where a file is missing or is not what `record` says."""
        self.folder, self.record = folder, record
        self._arrays: dict[str, AnyArray] = {}
        for name, file in record.files.items():
            path = folder / name
            _check_size(path, file)
            if file.n_bytes <= _MAPPED_BYTES:
                _check_content(path, file)
            if path.suffix == ".npy":
                self._arrays[path.stem] = _open_array(path, file)
        self._table = _open_table(folder / _TICKETS, len(self))
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
            _check_size(self.folder / name, file)
            _check_content(self.folder / name, file)

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
    def _by_identity(self) -> IntArray:
        return np.argsort(self.columns.identity, kind="stable")

    @cached_property
    def _by_number(self) -> IntArray:
        return np.argsort(self.number, kind="stable")

    def rows_by_identity(self, hashes: IntArray) -> IntArray:
        """Return the row of the ticket with each hash of an id, shape of `hashes`, -1 where there is none."""
        return _rows_of(hashes, self.columns.identity, self._by_identity)

    def rows_by_number(self, hashes: IntArray) -> IntArray:
        """Return a row of a ticket with each hash of a number, -1 where there is none."""
        return _rows_of(hashes, self.number, self._by_number)

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
    def _postings(self) -> csr_matrix:
        return self._matrix(_POSTINGS) if _POSTINGS in self.record.widths else postings_of(self.columns)

    @cached_property
    def _cells(self) -> dict[str, Cells]:
        cells = {}
        for name in self.record.recall:
            path = self.folder / _cells_file(name)
            if not path.exists():  # another process has merged the segment since it was opened
                return {}
            _check_content(path, self.record.files[path.name])  # it is read whole, by code that trusts it
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
        if name == _POSTINGS:
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


def write_segment(folder: Path, blocks: Sequence[StoredBlock], rows: Sequence[IntArray]) -> SegmentRecord:
    """Write chosen rows of some blocks into `folder`, one array at a time, and return the record of it.

    The blocks come with the same embeddings, described by the same corpus state.
    """
    folder.mkdir(parents=True)
    parts = list(zip(blocks, rows, strict=True))
    first = blocks[0]
    pieces = [
        block.given.tickets.frame[own.tolist()].with_columns(_texts(block, own)) for block, own in parts
    ]
    frame = pl.concat(pieces).rechunk()
    # Plain strings in one piece, which are taken from the disk row by row.
    _write_table(folder / _TICKETS, frame)
    tickets = Tickets(frame)
    _save(folder, "content", content_hashes(tickets))
    _save(folder, "number", stable_hashes(tickets.frame["number"].to_list()))
    for name in _PLAIN:
        _save(folder, name, np.concatenate([getattr(block.columns, name)[own] for block, own in parts]))
    for name, near in first.columns.crowding.items():
        both = [(block.columns.crowding[name], own) for block, own in parts]
        _save(folder, f"near_{name}", np.concatenate([crowd.similarities[own] for crowd, own in both]))
        _save(folder, f"members_{name}", np.concatenate([crowd.members[own] for crowd, own in both]))
        del near
    for name in {**first.given.embeddings, **first.columns.embeddings}:
        _save_embedding(folder, name, parts)
    widths = {}
    for name, _ in _matrices(first.columns):
        both_matrices = [(dict(_matrices(block.columns))[name], own) for block, own in parts]
        joined = csr_matrix(vstack([matrix[own] for matrix, own in both_matrices], format="csr"))
        _save_matrix(folder, name, joined)
        widths[name] = int(joined.shape[1])
        if name == "whole" and len(tickets) >= _KEEPS_POSTINGS:
            _save_matrix(folder, _POSTINGS, csr_matrix(joined.T))
            widths[_POSTINGS] = int(joined.shape[1])
    return SegmentRecord(
        name="segment-00000000",
        n_tickets=len(tickets),
        given=list(first.given.embeddings),
        described=list(first.columns.embeddings),
        crowds=list(first.columns.crowding),
        widths=widths,
        recall={},
        files=_file_records(folder),
    )


def _write_table(path: Path, frame: pl.DataFrame) -> None:
    import pyarrow as pa

    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    with pa.OSFile(str(path), "wb") as stream, pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)


def with_cells(segment: Segment, folder: Path) -> SegmentRecord:
    """Write the files of a segment and cells for each embedding that the ranking reads into `folder`.

    Returns the record of it, with the measured share of the nearest that the cells find. Files are linked
    where the file system can, since they never change.
    """
    folder.mkdir(parents=True)
    for name in segment.record.files:
        try:
            os.link(segment.folder / name, folder / name)
        except OSError:
            shutil.copyfile(segment.folder / name, folder / name)
    retriever = Retriever(segment.columns, approximate=True)
    files = dict(segment.record.files)
    for name, cells in retriever.cells.items():
        path = folder / _cells_file(name)
        cells.save(path)
        files[path.name] = _file_record(path)
    return replace(segment.record, recall=retriever.recall, files=files)


def _cells_file(name: str) -> str:
    return f"cells_{name}.faiss"


def _matrices(columns: TicketColumns) -> Iterator[tuple[str, csr_matrix]]:
    yield "whole", columns.lexical.whole
    for name, matrix in columns.lexical.fields.items():
        yield f"field_{name}", matrix
    yield "words", columns.words
    yield "characters", columns.characters


def _texts(block: StoredBlock, rows: IntArray) -> pl.Series:
    return pl.Series(TEXT, [block.given.texts[row] for row in rows.tolist()], dtype=pl.String)


def _save(folder: Path, name: str, array: AnyArray) -> None:
    np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)


def _save_embedding(folder: Path, name: str, parts: Sequence[tuple[StoredBlock, IntArray]]) -> None:
    """Write an embedding block by block: of a million tickets it is larger than what should be in memory."""
    sources = [(_embedding_of(block, name), own) for block, own in parts]
    shape = (sum(len(own) for _, own in sources), sources[0][0].shape[1])
    written = np.lib.format.open_memmap(
        folder / f"embedding_{name}.npy", mode="w+", dtype=np.float32, shape=shape
    )
    place = 0
    step = max(1, 64 * _BLOCK_BYTES // (4 * max(1, shape[1])))
    for vectors, own in sources:
        for start in range(0, len(own), step):
            block = own[start : start + step]
            written[place : place + len(block)] = vectors[block]
            place += len(block)
    written.flush()


def _embedding_of(block: StoredBlock, name: str) -> FloatArray:
    given: Mapping[str, FloatArray] = block.given.embeddings
    return given[name] if name in given else block.columns.embeddings[name]


def _save_matrix(folder: Path, name: str, matrix: csr_matrix) -> None:
    # Of one type, else every product would convert the larger one.
    kind = np.int32 if matrix.nnz < np.iinfo(np.int32).max else np.int64
    _save(folder, f"{name}_starts", matrix.indptr.astype(kind))
    _save(folder, f"{name}_columns", matrix.indices.astype(kind))
    _save(folder, f"{name}_weights", matrix.data.astype(np.float32))


def _file_records(folder: Path) -> dict[str, FileRecord]:
    return {path.name: _file_record(path) for path in sorted(folder.iterdir())}


def _file_record(path: Path) -> FileRecord:
    return FileRecord(path.stat().st_size, _checksum(path))


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            value = zlib.crc32(block, value)
    return value


def _check_size(path: Path, file: FileRecord) -> None:
    if not path.is_file():
        raise UnreadableFileError(f"{path} is missing: the index is not complete. {REMEDY}")
    if path.stat().st_size != file.n_bytes:
        raise damaged(
            path, ValueError(f"{number_of(path.stat().st_size, 'byte')} of {file.n_bytes:,}"), REMEDY
        )


def _check_content(path: Path, file: FileRecord) -> None:
    if _checksum(path) != file.checksum:
        raise damaged(path, ValueError("its content changed"), REMEDY)


def _rows_of(hashes: IntArray, stored: IntArray, order: IntArray) -> IntArray:
    place = np.searchsorted(stored, hashes, sorter=order).clip(max=len(stored) - 1)
    rows = order[place]
    return np.where(stored[rows] == hashes, rows, -1)
