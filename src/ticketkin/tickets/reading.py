"""Files to tables of plain text, whatever wrote them.

Every cell becomes a string or null; types are decided later, column by column, because exports lie
about them. Rows that can't be read are returned with their number and the reason.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from ticketkin.core.errors import UnreadableFileError, UnsafeArtifactError
from ticketkin.tickets.cells import cell_text

_ENCODINGS = ("utf-8-sig", "cp1252")
_DELIMITERS = ",;\t|"
# A sheet that unpacks to more than this, or by more than this factor, is taken for a zip bomb.
_LARGEST_UNPACKED_BYTES = 2 << 30
_LARGEST_RATIO = 200
_PICKLES = {".pkl", ".pickle", ".joblib", ".pt", ".bin"}


@dataclass(frozen=True)
class RawTable:
    """A file as strings: `frame` all-string columns, `rows` the 1-based record number of each row."""

    frame: pl.DataFrame
    rows: list[int]
    rejected: list[tuple[int, str]] = field(default_factory=list)
    """(record number, reason)."""
    notes: list[str] = field(default_factory=list)
    repairs: dict[str, int] = field(default_factory=dict)
    n_blank: int = 0
    """Records without any content."""

    @property
    def n_records(self) -> int:
        """Records of the file, whatever became of them."""
        return self.frame.height + len(self.rejected) + self.n_blank


def read_table(path: Path) -> RawTable:
    """Return the content of a CSV, JSON, JSON Lines, XLSX or Parquet file as strings.

    Raises UnreadableFileError for a missing, empty, damaged or unknown file, UnsafeArtifactError
    for a pickle. Rows are numbered as a person counts them: the first record is 1.
    """
    if not path.is_file():
        raise UnreadableFileError(f"{path}: no such file")
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        raise UnsafeArtifactError(
            f"{path}: {suffix} files can run code when opened; export CSV or JSON instead"
        )
    reader = _READERS.get(suffix)
    if reader is None:
        raise UnreadableFileError(
            f"{path}: files of the kind {suffix or 'without a suffix'} are not read; allowed are "
            + ", ".join(_READERS)
        )
    if path.stat().st_size == 0:
        raise UnreadableFileError(f"{path} is empty; export it again with its header row")
    table = reader(path)
    if not table.frame.width or (not table.frame.height and not table.rejected):
        raise UnreadableFileError(f"{path} holds no rows; export it again with at least one ticket")
    return table


def _decode(path: Path) -> tuple[str, list[str], dict[str, int]]:
    content = path.read_bytes()
    repairs: dict[str, int] = {}
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16"), [f"{path.name}: read as UTF-16"], repairs
    n_nul = content.count(b"\x00")
    if n_nul:
        repairs["nul_bytes"] = n_nul
        content = content.replace(b"\x00", b"")
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        notes = [] if encoding == "utf-8-sig" else [f"{path.name}: not UTF-8, read as Windows-1252"]
        return text, notes, repairs
    return content.decode("latin-1"), [f"{path.name}: not UTF-8, read as Latin-1"], repairs


def _read_csv(path: Path) -> RawTable:
    text, notes, repairs = _decode(path)
    csv.field_size_limit(1 << 27)
    header_line = text.lstrip().split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=header_line.count)
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = _unique_names([name.strip() for name in next(records)])
        rows: list[list[str]] = []
        numbers: list[int] = []
        rejected: list[tuple[int, str]] = []
        n_blank = 0
        for number, record in enumerate(records, start=1):
            if not any(cell.strip() for cell in record):
                n_blank += 1
                continue
            if len(record) != len(header):
                rejected.append((number, f"{len(record)} cells where the header has {len(header)}"))
                continue
            rows.append(record)
            numbers.append(number)
    except (csv.Error, StopIteration) as error:
        raise UnreadableFileError(f"{path} is not a readable CSV: {error}") from None
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
    return RawTable(frame, numbers, rejected, notes, repairs, n_blank)


def _unique_names(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for place, name in enumerate(names, start=1):
        name = name or f"column_{place}"  # noqa: PLW2901 - a nameless column still needs a name
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return unique


def _read_json(path: Path) -> RawTable:
    text, notes, repairs = _decode(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        if "\n{" in text.strip():
            return _read_json_lines(path)
        raise UnreadableFileError(
            f"{path} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    if isinstance(content, dict):
        for key in ("result", "records", "issues", "bugs"):
            if isinstance(content.get(key), list):
                content = content[key]
                break
    if not isinstance(content, list):
        raise UnreadableFileError(
            f"{path}: JSON must be an array of tickets, or an object with "
            f"'result' or 'records'; got {type(content).__name__}"
            + (f" with {', '.join(list(content)[:8])}" if isinstance(content, dict) else "")
        )
    return _from_records(enumerate(content, start=1), notes, repairs)


def _read_json_lines(path: Path) -> RawTable:
    text, notes, repairs = _decode(path)
    rejected: list[tuple[int, str]] = []
    records: list[tuple[int, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                records.append((number, json.loads(line)))
            except json.JSONDecodeError as error:
                rejected.append((number, f"not valid JSON: {error.msg}"))
    if not records:
        raise UnreadableFileError(f"{path}: no line is valid JSON; expected one object a line")
    table = _from_records(records, notes, repairs)
    return RawTable(table.frame, table.rows, rejected + table.rejected, table.notes, table.repairs)


def _from_records(records: Iterable[tuple[int, Any]], notes: list[str], repairs: dict[str, int]) -> RawTable:
    columns: dict[str, list[str | None]] = {}
    numbers: list[int] = []
    rejected: list[tuple[int, str]] = []
    for number, record in records:
        if not isinstance(record, dict):
            rejected.append((number, f"expected an object, got {type(record).__name__}"))
            continue
        flat = _flatten(record)
        for name in flat:
            if name not in columns:
                columns[name] = [None] * len(numbers)
        numbers.append(number)
        for name, values in columns.items():
            values.append(flat.get(name))
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    if frame.height and any("\x00" in value for value in _strings(frame)):
        repairs = {**repairs, "nul_bytes": sum(value.count("\x00") for value in _strings(frame))}
        frame = frame.with_columns(pl.all().str.replace_all("\x00", "", literal=True))
    return RawTable(frame, numbers, rejected, notes, repairs)


def _strings(frame: pl.DataFrame) -> Iterable[str]:
    return (value for column in frame for value in column if value)


def _flatten(record: Mapping[str, Any]) -> dict[str, str | None]:
    """Return one level of cells; Jira keeps its columns one level down, in 'fields'."""
    fields = record.get("fields")
    if isinstance(fields, dict):
        record = {**{k: v for k, v in record.items() if k != "fields"}, **fields}
    return {str(name): cell_text(value, str(name)) for name, value in record.items()}


def _read_xlsx(path: Path) -> RawTable:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
    except zipfile.BadZipFile:
        raise UnreadableFileError(f"{path} is not a readable XLSX file; save it again, or as .csv") from None
    ratio = unpacked / max(1, path.stat().st_size)
    if unpacked > _LARGEST_UNPACKED_BYTES or (ratio > _LARGEST_RATIO and unpacked > (64 << 20)):
        raise UnreadableFileError(
            f"{path} would unpack to {unpacked >> 20:,} MiB, {ratio:,.0f} times its size; refused as "
            "a zip bomb. Save it as CSV if it is genuine"
        )
    import fastexcel

    try:
        book = fastexcel.read_excel(str(path))
        if not book.sheet_names:
            raise UnreadableFileError(f"{path} holds no sheet")
        frame = book.load_sheet(0, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        raise UnreadableFileError(f"{path} is not a readable XLSX file: {error}") from None
    notes = (
        [f"{path.name}: read the first of {len(book.sheet_names)} sheets, {book.sheet_names[0]!r}"]
        if len(book.sheet_names) > 1
        else []
    )
    frame.columns = _unique_names([name.strip() for name in frame.columns])
    return RawTable(frame, list(range(1, frame.height + 1)), notes=notes)


def _read_parquet(path: Path) -> RawTable:
    try:
        frame = pl.read_parquet(path)
    except (PolarsError, OSError) as error:
        raise UnreadableFileError(f"{path} is not a readable Parquet file: {error}") from None
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    frame = frame.with_columns(
        [
            pl.Series(name, [cell_text(value, name) for value in frame[name].to_list()], pl.String)
            for name in nested
        ]
    ).with_columns(pl.all().cast(pl.String))
    return RawTable(frame, list(range(1, frame.height + 1)))


_READERS: Mapping[str, Callable[[Path], RawTable]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".xlsx": _read_xlsx,
    ".parquet": _read_parquet,
}
TABLE_ENDINGS = tuple(ending for ending in _READERS if ending != ".json")
"""Files that can only be tables; JSON has other shapes too."""
