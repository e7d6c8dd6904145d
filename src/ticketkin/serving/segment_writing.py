"""How a segment is written: chosen rows of blocks of tickets, one array at a time; and cells beside it."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, vstack

from ticketkin.core.arrays import AnyArray
from ticketkin.core.tables import FloatArray, IntArray, Tickets
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets, TicketColumns
from ticketkin.ranking.retriever import Retriever
from ticketkin.serving.segment import Segment, content_hashes
from ticketkin.serving.segment_files import (
    POSTINGS,
    TEXT,
    TICKETS,
    SegmentRecord,
    cells_file,
    file_record,
    file_records,
)

_PLAIN = ("identity", "opened_at", "place", "values", "lengths", "signatures", "crowd_row")
# An embedding is written in blocks of about so many bytes.
_EMBEDDING_BYTES = 64 << 20
# From so many tickets on the inverted index of the words is kept, and cells answer for each embedding.
_KEEPS_POSTINGS = 5_000
CELLS_FROM = 30_000


@dataclass(frozen=True)
class StoredBlock:
    """Tickets as they are stored: as they were given, and as the ranking describes them."""

    given: EmbeddedTickets
    columns: TicketColumns


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
    _write_table(folder / TICKETS, frame)
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
        if name in POSTINGS and len(tickets) >= _KEEPS_POSTINGS:
            _save_matrix(folder, POSTINGS[name], csr_matrix(joined.T))
            widths[POSTINGS[name]] = int(joined.shape[1])
    return SegmentRecord(
        name="segment-00000000",
        n_tickets=len(tickets),
        given=list(first.given.embeddings),
        described=list(first.columns.embeddings),
        crowds=list(first.columns.crowding),
        widths=widths,
        recall={},
        files=file_records(folder),
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
        path = folder / cells_file(name)
        cells.save(path)
        files[path.name] = file_record(path)
    return replace(segment.record, recall=retriever.recall, files=files)


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
    """Write an embedding block by block: for a million tickets it is too large to hold in memory."""
    sources = [(_embedding_of(block, name), own) for block, own in parts]
    shape = (sum(len(own) for _, own in sources), sources[0][0].shape[1])
    written = np.lib.format.open_memmap(
        folder / f"embedding_{name}.npy", mode="w+", dtype=np.float32, shape=shape
    )
    place = 0
    step = max(1, _EMBEDDING_BYTES // (4 * max(1, shape[1])))
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
    # Both index arrays get the same type, else every product would convert the larger one.
    kind = np.int32 if matrix.nnz < np.iinfo(np.int32).max else np.int64
    _save(folder, f"{name}_starts", matrix.indptr.astype(kind))
    _save(folder, f"{name}_columns", matrix.indices.astype(kind))
    _save(folder, f"{name}_weights", matrix.data.astype(np.float32))
