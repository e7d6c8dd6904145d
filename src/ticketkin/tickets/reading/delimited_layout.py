"""How a delimited file is written: its delimiter, what stands above its header, what shows a record."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ticketkin.tickets.reading.encodings import DecodedFile

_DELIMITERS = ",;\t|"
SAMPLE_BYTES = 1 << 18
_SAMPLED_RECORDS = 200
_RECORDS_THAT_SHOW = 5
_SEPARATOR_LINE = re.compile(rb"\s*\"?sep=(.)\"?[^\S\r\n]*(?:\r\n|\r|\n)", re.IGNORECASE)


@dataclass(frozen=True)
class Anchor:
    """What tells a record from a line of text: the column of ids or dates and the shapes of its values."""

    column: int
    shapes: frozenset[str]
    is_in_all: bool
    """Whether all records seen have it, so that a line without it is none."""


@dataclass(frozen=True)
class Layout:
    """How a file is written, from its beginning."""

    delimiter: str
    start: int
    """Bytes before the first line to read."""
    n_lines_above: int
    """Lines above the header, such as the title of a report."""
    sample: str

    def anchor(self, width: int) -> Anchor | None:
        """Return the anchor of records of `width` cells, as the sample shows it."""
        records = [cells for cells in self._well_formed() if len(cells) == width][1:]
        if len(records) < _RECORDS_THAT_SHOW:
            # A quote near the beginning may take in the rest: lines by themselves show more.
            alone = (csv.reader([line], delimiter=self.delimiter) for line in self.sample.splitlines())
            records = [cells for reader in alone for cells in reader if len(cells) == width][1:]
        # The leftmost, as the last line of a long cell goes on with the true columns at its right.
        for column in range(width):
            shapes = Counter(filter(None, (shape_of(cells[column]) for cells in records)))
            common = {shape: count for shape, count in shapes.most_common(5) if count > 1}
            n_common = sum(common.values())
            if n_common >= max(2, 0.6 * len(records)):
                return Anchor(column, frozenset(common), is_in_all=n_common > 0.98 * len(records))
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


def find_layout(content: DecodedFile, prefer: str) -> Layout:
    """Return how a file is written; among equally likely delimiters it is `prefer`."""
    sample_bytes = content.utf8[:SAMPLE_BYTES]
    separator = _SEPARATOR_LINE.match(sample_bytes)
    start = separator.end() if separator else 0
    sample = sample_bytes[start:].decode("utf-8", "ignore")
    if len(content.utf8) > SAMPLE_BYTES:
        sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
    delimiters = sorted(_DELIMITERS, key=lambda delimiter: delimiter != prefer)
    if separator:
        delimiters = [separator[1].decode("ascii", "replace")]
    sampled = {delimiter: _sampled_records(sample, delimiter) for delimiter in delimiters}
    delimiter = max(delimiters, key=lambda delimiter: _regularity(sampled[delimiter]))
    return Layout(delimiter, start, _n_lines_above(sampled[delimiter]), sample)


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


def shape_of(cell: str) -> str | None:
    """Return what ids of one system have in common, A-9 for DS-17; None for a cell without digits.

    Long numbers keep their length: INC0012345 is no "step 1".
    """
    shape = re.sub(r"\d{4,}|(\d+)|[^\W\d_]+", _shape_of_run, cell.strip())
    return shape if "9" in shape else None


def _shape_of_run(run: re.Match[str]) -> str:
    return "9" if run[1] else "9" * len(run[0]) if run[0].isdecimal() else "A"
