"""CSV and its kin, record by record: one broken quote costs one record, not all that follow it.

A quoted cell may run over many lines, so an opening quote without its closing one takes in the records
after it. Such a record shows itself: its end is no end of a quoted cell, or the lines inside it are whole
records. It is rejected alone, and reading goes on at the line after its first.
"""

import csv
from pathlib import Path

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.wording import number_of
from ticketkin.tickets.reading.delimited_layout import SAMPLE_BYTES, Layout, find_layout
from ticketkin.tickets.reading.delimited_records import Lines, Records
from ticketkin.tickets.reading.encodings import decode_file
from ticketkin.tickets.reading.table import RawTable, finished

_LONGEST_HEADER_LINES = 50
# How often a file may be read again in all, looking for the ends of such records.
_TIMES_READ_AGAIN = 4


def read_delimited(path: Path, encoding: str | None = None) -> RawTable:
    """Return the records of a CSV or TSV file; raises UnreadableFileError where there is no header."""
    content = decode_file(path, encoding)
    csv.field_size_limit(max(1 << 27, len(content.utf8) + 1))
    layout = find_layout(content, prefer="\t" if path.suffix.lower() == ".tsv" else ",")
    lines = Lines(content.lines(layout.start))
    notes = list(content.notes)
    header = _read_header(lines, layout, notes, path)
    collected = Records(
        lines,
        layout.delimiter,
        len(header),
        layout.anchor(len(header)),
        _TIMES_READ_AGAIN * (len(content.utf8) + SAMPLE_BYTES),
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


def _read_header(lines: Lines, layout: Layout, notes: list[str], path: Path) -> list[str]:
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
