"""Parquet files: columns of any type as text."""

from collections import Counter
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.cells import cell_text
from ticketkin.tickets.reading.encodings import decode_bytes, is_utf8
from ticketkin.tickets.reading.table import RawTable, finished, unique_names


def read_parquet(path: Path) -> RawTable:
    """Return a Parquet file's rows as text. Raises UnreadableFileError for a damaged file.

    Runs in a process of its own, see `isolated`: a damaged file may end in a panic.
    """
    try:
        # Opened here, so that no sign in the name is taken for a pattern.
        with path.open("rb") as file:
            frame = pl.read_parquet(file, glob=False, hive_partitioning=False)
    except (PolarsError, OSError, ValueError) as error:
        reason = str(error).split("\n", 1)[0]
        raise UnreadableFileError(f"{path} is not a readable Parquet file: {reason}") from None
    repairs: Counter[str] = Counter()
    notes: list[str] = []
    columns = [_as_text(column, repairs, notes, path.name) for column in frame.get_columns()]
    frame = pl.DataFrame(
        [column.rename(name) for column, name in zip(columns, unique_names(frame.columns), strict=True)]
    )
    table = RawTable(
        frame=frame,
        rows=list(range(1, frame.height + 1)),
        n_records=frame.height,
        notes=notes,
        repairs=dict(repairs),
    )
    return finished(table, path.name)


def _as_text(column: pl.Series, repairs: Counter[str], notes: list[str], source: str) -> pl.Series:
    dtype = column.dtype
    if dtype == pl.Binary:
        return _decoded(column, repairs, notes, source)
    if dtype == pl.Duration:
        return column.dt.to_string("polars")
    if dtype.is_float():
        return column.fill_nan(None).cast(pl.String)
    if dtype.is_nested() or dtype == pl.Object:
        texts = [cell_text(value, column.name, repairs) for value in column.to_list()]
        return pl.Series(column.name, texts, pl.String)
    text = column.cast(pl.String, strict=False)
    if dtype == pl.String:
        n_nul = int(text.str.count_matches("\x00", literal=True).sum() or 0)
        if n_nul:
            repairs["nul_bytes"] += n_nul
            text = text.str.replace_all("\x00", "", literal=True)
    return text


def _decoded(column: pl.Series, repairs: Counter[str], notes: list[str], source: str) -> pl.Series:
    """Return a column of bytes as text; one that holds no text, such as images, is left out with a note."""
    values = column.to_list()
    n_filled = sum(value is not None for value in values)
    n_unreadable = sum(value is not None and not is_utf8(value) for value in values)
    if n_unreadable > n_filled / 2:
        notes.append(f"{source}: the column {column.name!r} holds bytes that are no text; it is left empty")
        repairs["binary_cells"] += n_filled
        return pl.Series(column.name, [None] * len(values), pl.String)
    repairs["undecodable_cells"] += n_unreadable
    texts = [None if value is None else decode_bytes(value) for value in values]
    return pl.Series(column.name, texts, pl.String)
