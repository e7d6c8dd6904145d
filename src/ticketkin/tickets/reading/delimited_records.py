"""The records of a delimited file, one after another; a broken one is mended or rejected alone."""

import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from ticketkin.core.wording import number_of
from ticketkin.tickets.reading.delimited_layout import Anchor, shape_of

# A well-formed record is only broken up when at least so many lines in it are whole records …
_LINES_THAT_PROVE = 3
# … and nearly all of them.
_SHARE_THAT_PROVES = 0.8
# A record whose quotes are not doubled is sought within so many lines, one try after another.
_TOLERATED_LINES = (1, 4, 20, 100)
_ROWS_A_CHUNK = 50_000


class Lines:
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


@dataclass
class Records:
    """The records of a file, collected one after another."""

    lines: Lines
    delimiter: str
    width: int
    anchor: Anchor | None
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
        return shape_of(cells[self.anchor.column]) in self.anchor.shapes

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
        return has_anchor and shape_of(cells[self.anchor.column]) in self.anchor.shapes


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
