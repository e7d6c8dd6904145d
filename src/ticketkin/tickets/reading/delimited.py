"""CSV and its kin, record by record: one broken quote costs one record, not all that follow it.

A quoted cell may run over many lines, so an opening quote without its closing one takes in the records
after it. Such a record shows itself: its end is no end of a quoted cell, or the lines inside it are whole
records. It is rejected alone, and reading goes on at the line after its first.
"""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import polars as pl

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.wording import number_of
from ticketkin.tickets.reading.encodings import DecodedFile, decode_file
from ticketkin.tickets.reading.table import RawTable, finished

_DELIMITERS = ",;\t|"
_SAMPLE_BYTES = 1 << 18
_SAMPLED_RECORDS = 200
# A well-formed record is only broken up when at least so many lines in it are whole records …
_LINES_THAT_PROVE = 3
# … and nearly all of them.
_SHARE_THAT_PROVES = 0.8
_LONGEST_HEADER_LINES = 50
# A record whose quotes are not doubled is sought within so many lines, one try after another.
_TOLERATED_LINES = (1, 4, 20, 100)
# How often a file may be read again in all, looking for the ends of such records.
_TIMES_READ_AGAIN = 4
_RECORDS_THAT_SHOW = 5
_ROWS_A_CHUNK = 50_000
_SEPARATOR_LINE = re.compile(rb"\s*\"?sep=(.)\"?[^\S\r\n]*(?:\r\n|\r|\n)", re.IGNORECASE)


def read_delimited(path: Path, encoding: str | None = None) -> RawTable:
    """Return the records of a CSV or TSV file; raises UnreadableFileError where there is no header."""
    content = decode_file(path, encoding)
    csv.field_size_limit(max(1 << 27, len(content.utf8) + 1))
    layout = _find_layout(content, prefer="\t" if path.suffix.lower() == ".tsv" else ",")
    lines = _Lines(content.lines(layout.start))
    notes = list(content.notes)
    header = _read_header(lines, layout, notes, path)
    collected = _Records(
        lines,
        layout.delimiter,
        len(header),
        layout.anchor(len(header)),
        _TIMES_READ_AGAIN * (len(content.utf8) + _SAMPLE_BYTES),
    )
    collected.read_all()
    if collected.suspects:
        numbers = ", ".join(map(str, collected.suspects[:5]))
        notes.append(
            f"{path.name}: a quoted cell of {number_of(len(collected.suspects), 'record')} holds lines that "
            f"look like records themselves; look at the quotes of record {numbers}"
        )
    table = RawTable(
        frame=collected.frame(),
        rows=collected.numbers,
        n_records=collected.n_records,
        n_blank=collected.n_blank,
        rejected=collected.rejected,
        notes=notes,
        repairs=content.repairs | collected.repairs,
    )
    return finished(table, path.name, header)


class _Lines:
    """Lines that can be given back; `taken` are those handed out since it was last emptied."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def give_back(self, n_kept: int) -> None:
        """Hand out again all lines taken but the first `n_kept`."""
        self._again.extendleft(reversed(self.taken[n_kept:]))
        del self.taken[n_kept:]


@dataclass(frozen=True)
class _Anchor:
    """What tells a record from a line of text: the column of ids or dates and the shapes of its values."""

    column: int
    shapes: frozenset[str]
    is_in_all: bool
    """Whether all records seen have it, so that a line without it is none."""


@dataclass(frozen=True)
class _Layout:
    """How a file is written, from its beginning."""

    delimiter: str
    start: int
    """Bytes before the first line to read."""
    n_lines_above: int
    """Lines above the header, such as the title of a report."""
    sample: str

    def anchor(self, width: int) -> _Anchor | None:
        """Return the anchor of records of `width` cells, as the sample shows it."""
        records = [cells for cells in self._well_formed() if len(cells) == width][1:]
        if len(records) < _RECORDS_THAT_SHOW:
            # A quote near the beginning may take in the rest: lines by themselves show more.
            alone = (csv.reader([line], delimiter=self.delimiter) for line in self.sample.splitlines())
            records = [cells for reader in alone for cells in reader if len(cells) == width][1:]
        # The leftmost, as the last line of a long cell goes on with the true columns at its right.
        for column in range(width):
            shapes = Counter(filter(None, (_shape(cells[column]) for cells in records)))
            common = {shape: count for shape, count in shapes.most_common(5) if count > 1}
            n_common = sum(common.values())
            if n_common >= max(2, 0.6 * len(records)):
                return _Anchor(column, frozenset(common), is_in_all=n_common > 0.98 * len(records))
        return None

    def _well_formed(self) -> Iterator[list[str]]:
        records = csv.reader(io.StringIO(self.sample, newline=""), delimiter=self.delimiter, strict=True)
        while True:
            try:
                yield next(records)
            except StopIteration:
                return
            except csv.Error:
                continue


def _find_layout(content: DecodedFile, prefer: str) -> _Layout:
    sample_bytes = content.utf8[:_SAMPLE_BYTES]
    separator = _SEPARATOR_LINE.match(sample_bytes)
    start = separator.end() if separator else 0
    sample = sample_bytes[start:].decode("utf-8", "ignore")
    if len(content.utf8) > _SAMPLE_BYTES:
        sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
    delimiters = sorted(_DELIMITERS, key=lambda delimiter: delimiter != prefer)
    if separator:
        delimiters = [separator[1].decode("ascii", "replace")]
    sampled = {delimiter: _sampled_records(sample, delimiter) for delimiter in delimiters}
    delimiter = max(delimiters, key=lambda delimiter: _regularity(sampled[delimiter]))
    return _Layout(delimiter, start, _n_lines_above(sampled[delimiter]), sample)


def _sampled_records(sample: str, delimiter: str) -> list[list[str]]:
    records = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    return [record for record in islice(records, _SAMPLED_RECORDS) if any(map(str.strip, record))]


def _regularity(records: list[list[str]]) -> float:
    """Return how much the records look like a table: many cells, as many in each, many in the first."""
    if not records:
        return 0.0
    [(width, count)] = Counter(map(len, records)).most_common(1)
    return count / len(records) * (1 - 1 / width) + (1 - 1 / len(records[0]))


def _n_lines_above(records: list[list[str]]) -> int:
    """Return how many records of one cell stand above a table of three columns or more."""
    if not records:
        return 0
    [(width, _)] = Counter(map(len, records)).most_common(1)
    above = 0
    while width >= 3 and above < len(records) - 1 and sum(map(bool, map(str.strip, records[above]))) < 2:
        above += 1
    return above


def _read_header(lines: _Lines, layout: _Layout, notes: list[str], path: Path) -> list[str]:
    above: list[str] = []
    records = csv.reader(lines, delimiter=layout.delimiter, strict=True)
    while True:
        lines.taken.clear()
        try:
            record = next(records)
        except StopIteration:
            raise UnreadableFileError(
                f"{path} holds no rows; export it again with its header and at least one ticket"
            ) from None
        except csv.Error:
            record = []
        if len(lines.taken) > _LONGEST_HEADER_LINES or (
            lines.taken and not record and lines.taken[0].strip()
        ):
            lines.give_back(1)
            record = next(csv.reader(lines.taken[:1], delimiter=layout.delimiter))
            notes.append(f"{path.name}: a quote in the header is not closed; its first line is the header")
        if not any(cell.strip() for cell in record):
            continue
        if len(above) < layout.n_lines_above:
            above.append(" ".join(record).strip())
            continue
        if above:
            notes.append(
                f"{path.name}: {number_of(len(above), 'line')} above the header left out: {above[0][:80]!r}"
            )
        return [name.strip() for name in record]


@dataclass
class _Records:
    """The records of a file, collected one after another."""

    lines: _Lines
    delimiter: str
    width: int
    anchor: _Anchor | None
    budget: int
    """Characters that may yet be read a second time to mend quotes; keeps the work linear in the file."""
    n_records: int = 0
    n_blank: int = 0
    numbers: list[int] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)
    suspects: list[int] = field(default_factory=list)
    _rows: list[list[str]] = field(default_factory=list)
    _chunks: list[pl.DataFrame] = field(default_factory=list)

    def read_all(self) -> None:
        """Read to the end of the file."""
        records = csv.reader(self.lines, delimiter=self.delimiter, strict=True)
        taken = self.lines.taken
        while True:
            taken.clear()
            record: list[str] | None
            try:
                record = next(records)
            except StopIteration:
                break
            except csv.Error:
                record = None
            self.n_records += 1
            if record is None:
                self._mend()
            elif len(taken) > 1:
                self._add_long(record)
            else:
                self._add(record)
        self._close_chunk()

    def frame(self) -> pl.DataFrame:
        """Return the rows; the columns are called 0, 1, 2 …"""
        schema = {str(place): pl.String() for place in range(self.width)}
        return pl.concat([pl.DataFrame(schema=schema), *self._chunks])

    def _add(self, record: list[str]) -> None:
        if len(record) != self.width:
            if not any(cell.strip() for cell in record):
                self.n_blank += 1
                return
            if len(record) < self.width or any(cell.strip() for cell in record[self.width :]):
                self._reject(f"{number_of(len(record), 'cell')} where the header has {self.width}")
                return
            self.repairs["trailing_empty_cells"] += 1
            del record[self.width :]
        self._rows.append(record)
        self.numbers.append(self.n_records)
        if len(self._rows) >= _ROWS_A_CHUNK:
            self._close_chunk()

    def _reject(self, reason: str) -> None:
        self.rejected.append((self.n_records, reason))

    def _close_chunk(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            self._chunks.append(
                pl.DataFrame(
                    [pl.Series(str(place), column, pl.String) for place, column in enumerate(columns)]
                )
            )
            self._rows = []

    def _add_long(self, record: list[str]) -> None:
        """Add a record of several lines, unless its quotes take in other records."""
        inside = self.lines.taken[1:]
        n_records_inside = sum(map(self._is_record, inside))
        if len(record) != self.width and any(map(self._begins_record, inside)):
            self._reject_broken()
            return
        if n_records_inside >= max(_LINES_THAT_PROVE, _SHARE_THAT_PROVES * len(inside)):
            self._reject_broken()
            return
        if n_records_inside:
            self.suspects.append(self.n_records)
        self._add(record)

    def _mend(self) -> None:
        """Add a record whose quotes are not as they should be, or reject it."""
        mended = self._read_with_quotes_inside()
        if mended is None:
            mended = self._read_line_alone()
            if mended is not None:
                self.lines.give_back(1)
        if mended is None:
            self._reject_broken()
            return
        self.repairs["quotes"] += 1
        self._add(mended)

    def _reject_broken(self) -> None:
        """Reject a record whose quoted cell has no end; go on at the next line that begins a record."""
        n_lines = 1
        while n_lines < len(self.lines.taken) or next(self.lines, None) is not None:
            line = self.lines.taken[n_lines]
            if self._begins_record(line):
                break
            n_lines += 1
        n_more = len(self.lines.taken) - n_lines
        self.lines.give_back(n_lines)
        self._reject(
            "a quote in it is not closed"
            + (f" and would take in {number_of(n_more, 'more line')}" if n_more > 1 else "")
        )

    def _read_line_alone(self) -> list[str] | None:
        """Return the first line's cells where it is a whole record, its quotes read as they come."""
        line = self.lines.taken[0].rstrip("\r\n")
        cells = next(csv.reader([f"{line}{self.delimiter}end"], delimiter=self.delimiter), [])
        return cells[:-1] if len(cells) == self.width + 1 and cells[-1] == "end" else None

    def _read_with_quotes_inside(self) -> list[str] | None:
        """Return the record where quotes inside cells are not doubled; only its lines stay taken."""
        taken = self.lines.taken
        for most_lines in _TOLERATED_LINES:
            while len(taken) < most_lines and next(self.lines, None) is not None:
                pass
            text = "".join(taken[:most_lines])
            self.budget -= len(text)
            if self.budget < 0:
                return None
            cells, end = _cells_with_quotes_inside(text, self.delimiter)
            if cells or len(taken) < most_lines:
                break
        if len(cells) != self.width:
            return None
        n_lines, length = 0, 0
        while length < end:
            length += len(taken[n_lines])
            n_lines += 1
        if any(map(self._begins_record, taken[1:n_lines])):
            return None
        self.lines.give_back(n_lines)
        return cells

    def _is_record(self, line: str) -> bool:
        """Return whether a line is a whole record by itself."""
        cells = self._cells_alone(line)
        if len(cells) != self.width or self.width < 2:
            return False
        if self.anchor is None:
            return self.width > 3
        return _shape(cells[self.anchor.column]) in self.anchor.shapes

    def _cells_alone(self, line: str) -> list[str]:
        if line.count(self.delimiter) < self.width - 1:
            return []
        return next(csv.reader([line], delimiter=self.delimiter), [])

    def _begins_record(self, line: str) -> bool:
        """Return whether a line looks like the first, or only, line of a record."""
        if self.anchor is None:
            return line.count(self.delimiter) >= self.width - 1
        cells = next(csv.reader([line], delimiter=self.delimiter), [])
        if len(cells) == self.width and not self.anchor.is_in_all:
            return True
        has_anchor = len(cells) > self.anchor.column + 1 or len(cells) == self.width
        return has_anchor and _shape(cells[self.anchor.column]) in self.anchor.shapes


def _shape(cell: str) -> str | None:
    """Return what ids of one system have in common, A-9 for DS-17; None for a cell without digits.

    Long numbers keep their length: INC0012345 is no "step 1".
    """
    shape = re.sub(r"\d{4,}|(\d+)|[^\W\d_]+", _shape_of_run, cell.strip())
    return shape if "9" in shape else None


def _shape_of_run(run: re.Match[str]) -> str:
    return "9" if run[1] else "9" * len(run[0]) if run[0].isdecimal() else "A"


def _cells_with_quotes_inside(text: str, delimiter: str) -> tuple[list[str], int]:
    """Return the cells of the first record and where it ends; a quote only closes before a delimiter.

    Returns no cells where a quoted cell has no end.
    """
    after = rf"(?=[{re.escape(delimiter)}\r\n]|\Z)"
    # Atomic, not possessive: before Python 3.11.5 a possessive group loses its place (CPython gh-106052).
    quoted = re.compile(rf'"((?>(?:[^"]++|""|"(?!{after}))*))"{after}')
    plain = re.compile(rf"[^{re.escape(delimiter)}\r\n]*+")
    cells, position = [], 0
    while True:
        is_quoted = text.startswith('"', position)
        match = (quoted if is_quoted else plain).match(text, position)
        if match is None:
            return [], 0
        cells.append(match[1].replace('""', '"') if is_quoted else match[0])
        position = match.end()
        if not text.startswith(delimiter, position):
            return cells, position + len(text[position : position + 1])
        position += 1
