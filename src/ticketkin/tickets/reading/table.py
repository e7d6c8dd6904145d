"""The one shape every reader returns, and what all readers do to it at the end."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import polars as pl

from ticketkin.core.wording import number_of
from ticketkin.tickets.cells import reference_text
from ticketkin.tickets.cleaning import WHITE_SPACE
from ticketkin.tickets.references import shown_of_hyperlink

# A version such as 1.0 is no number that lost its shape.
_NO_WHOLE_NUMBERS = re.compile(r"version|release", re.IGNORECASE)
_WHOLE_FLOAT = r"-?\d+\.0+"
# So programs write floats from 10^16 on; spreadsheets, which drop digits, write a capital E.
_LARGE_FLOAT = r"\d(?:\.\d+)?e\+\d\d"
_HEX_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MOST_COLUMNS = 5_000
"""Records with more different keys than this are no rows of a table; each key costs memory for every row."""
_TEXT_FORMULA = r'^="[^"]*"$|^=\s*(?i:hyperlink)\('
_MOST_SAMPLED = 1_000
# Shares of a column's values that must look like its header before the header is taken for a record.
_SHARE_LIKE_HEADER = 0.8
# What stands around a name in the header of a file joined to another: blanks, its byte order mark, quotes.
_AROUND_NAMES = ' \t\r\n\ufeff"'
_HEADER_AGAIN = "repeats the header"
_OTHER_HEADER = "is a header with the columns in another order"
_BELOW_OTHER_HEADER = "stands below a header with the columns in another order"


@dataclass(frozen=True)
class RawTable:
    """A file as strings, and an account of every record in it.

    Raises RuntimeError unless every record is a row, rejected or blank.
    """

    frame: pl.DataFrame
    """All columns are strings; null where the file has no value."""
    rows: list[int]
    """The number of each row's record in the file; the first record is 1, the header is none."""
    n_records: int
    """Records the reader saw, counted on the way in, whatever became of them."""
    n_blank: int = 0
    """Records without any content."""
    rejected: list[tuple[int, str]] = field(default_factory=list)
    """(record number, reason)."""
    notes: list[str] = field(default_factory=list)
    repairs: dict[str, int] = field(default_factory=dict)
    counts_from_1904: bool = False
    """True where cells that are numbers of days count from 1904, as old workbooks do."""

    def __post_init__(self) -> None:
        accounted = self.frame.height + len(self.rejected) + self.n_blank
        if self.n_records != accounted or len(self.rows) != self.frame.height:
            raise RuntimeError(
                f"{number_of(self.n_records, 'record was', 'records were')} read, but "
                f"{number_of(self.frame.height, 'row')} ({len(self.rows):,} numbered), "
                f"{len(self.rejected):,} rejected and {self.n_blank:,} blank are kept"
            )


def finished(table: RawTable, source: str, header: Sequence[str] | None = None) -> RawTable:
    """Return a reader's table as its users want it.

    `header` gives the names as the file writes them, for a frame whose columns have no names yet. Cells that
    are references become text, ids that lost their shape as numbers get it back, blank rows are counted, and
    rows that repeat the header, as files joined end to end have them, are rejected.
    """
    repairs = Counter(table.repairs)
    notes = list(table.notes)
    frame, kept, repeats = _without_header_rows(table, table.frame.columns if header is None else header)
    if header is not None:
        frame = frame.rename(dict(zip(frame.columns, _names_of(header, frame, notes, source), strict=True)))
    frame = frame.with_columns(
        [
            _whole_numbers(_references(_text_formulas(column, repairs), repairs), repairs)
            for column in _with_content(frame)
        ]
    )
    frame, rows, n_blank = without_blank_rows(frame, kept)
    if header is not None and _header_looks_like_data(frame, frame.columns):
        notes.append(
            f"{source}: the first line is taken as the names of the columns, but looks like a record: "
            f"{', '.join(frame.columns[:4])}"
        )
    return replace(
        table,
        frame=frame,
        rows=rows,
        n_blank=table.n_blank + n_blank,
        rejected=sorted([*table.rejected, *repeats]),
        notes=notes,
        repairs={name: count for name, count in repairs.items() if count},
    )


def _with_content(frame: pl.DataFrame) -> list[pl.Series]:
    """Return the columns that hold a cell with content.

    They are looked for at once: an export may have thousands of columns that nobody fills, and looking at one
    takes milliseconds.
    """
    has_content = frame.select(pl.all().str.contains(r"\S").any())
    return [column for column in frame.get_columns() if has_content[column.name].any()]


def without_blank_rows(frame: pl.DataFrame, rows: Sequence[int]) -> tuple[pl.DataFrame, list[int], int]:
    """Return the rows with content, their numbers, and how many rows have none."""
    if not frame.width or not frame.height:
        return frame.clear(), [], len(rows)
    has_content = frame.select(pl.any_horizontal(pl.all().str.contains(r"\S").fill_null(value=False)))
    content = has_content.to_series()
    n_blank = frame.height - int(content.sum())
    if not n_blank:
        return frame, list(rows), 0
    return frame.filter(content), pl.Series(rows, dtype=pl.Int64).filter(content).to_list(), n_blank


def unique_names(names: Iterable[str]) -> list[str]:
    """Return names without repeats: the second 'a' is a_2, a nameless third column is column_3."""
    written = [name.strip() or f"column_{place}" for place, name in enumerate(names, start=1)]
    taken = set(written)
    seen: Counter[str] = Counter()
    unique = []
    for name in written:
        seen[name] += 1
        chosen = name
        while seen[name] > 1 and chosen in taken:
            chosen = f"{name}_{seen[name]}"
            seen[name] += chosen in taken
        taken.add(chosen)
        unique.append(chosen)
    return unique


def masked(value: str) -> str | None:
    """Return the shape of a value with digits, such as INC9 or 9-9-9; None for one without digits."""
    if _HEX_ID.fullmatch(value):
        return "hex"
    shape = re.sub(r"\d+", "9", value)
    return shape if "9" in shape else None


def _names_of(header: Sequence[str], frame: pl.DataFrame, notes: list[str], source: str) -> list[str]:
    """Return a name for each column; of columns with one name, those with content come first."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        places.setdefault(name.strip(), []).append(place)
    repeated = {name: group for name, group in places.items() if name and len(group) > 1}
    columns = frame.get_columns()
    order = list(range(len(header)))
    for name, group in repeated.items():
        empty = [place for place in group if not columns[place].str.contains(r"\S").any()]
        filled = [place for place in group if place not in empty]
        order = [place for place in order if place not in group] + filled + empty
        notes.append(
            f"{source}: {number_of(len(group), 'column is', 'columns are')} called {name!r}, {len(filled)} "
            "of them have content" + (f"; all are kept as {name}, {name}_2 …" if len(filled) > 1 else "")
        )
    names = dict(zip(order, unique_names(header[place] for place in order), strict=True))
    return [names[place] if header[place].strip() else f"column_{place + 1}" for place in range(len(header))]


def _without_header_rows(
    table: RawTable, header: Sequence[str]
) -> tuple[pl.DataFrame, list[int], list[tuple[int, str]]]:
    """Return the rows that are no header, their numbers, and the others as rejected.

    Rows below a header whose names stand in another order are rejected too: their cells belong to other
    columns. Nothing is, where the header looks like a record: then its repeats are records.
    """
    frame = table.frame
    names = [name.strip(_AROUND_NAMES).lower() for name in header]
    if not any(names) or not frame.height:
        return frame, table.rows, []
    # Of all rows, few have the name of a column where the first named column has its values.
    column = frame.to_series(next(place for place, name in enumerate(names) if name))
    plain = column.fill_null("").str.strip_chars(_AROUND_NAMES).str.to_lowercase()
    headers = {}
    for place in plain.is_in([name for name in names if name]).arg_true().to_list():
        cells = [(cell or "").strip(_AROUND_NAMES).lower() for cell in frame.row(place)]
        if sorted(cells) == sorted(names):
            headers[place] = cells == names
    if not headers or _header_looks_like_data(frame, header):
        return frame, table.rows, []
    kept, rejected, in_order = [], [], True
    for place, number in enumerate(table.rows):
        if place in headers:
            in_order = headers[place]
            rejected.append((number, _HEADER_AGAIN if in_order else _OTHER_HEADER))
        elif in_order:
            kept.append(place)
        else:
            rejected.append((number, _BELOW_OTHER_HEADER))
    return frame[kept], [table.rows[place] for place in kept], rejected


def _text_formulas(column: pl.Series, repairs: Counter[str]) -> pl.Series:
    """Return the column with formulas that are texts as what they show.

    ="0012" is how exports keep a spreadsheet from reading a number, =HYPERLINK("…","INC1") a linked one.
    """
    formulas = column.filter(column.str.contains(_TEXT_FORMULA)).unique()
    new = {cell: shown_of_hyperlink(cell[2:-1] if cell[1] == '"' else cell) for cell in formulas}
    new = {cell: shown for cell, shown in new.items() if shown != cell}
    if not new:
        return column
    repairs["text_formulas"] += int(column.is_in(list(new)).sum())
    return column.replace(list(new), list(new.values()))


def _references(column: pl.Series, repairs: Counter[str]) -> pl.Series:
    """Return the column with references written as text, "{'link': …, 'value': 'abc'}", as what they mean."""
    start = column.str.strip_chars_start().str.slice(0, 2)
    maybe = (start.str.starts_with("{") | (start == "[{")).fill_null(value=False)
    if not maybe.any():
        return column
    values = column.to_list()
    for place in maybe.arg_true().to_list():
        text = reference_text(values[place], column.name)
        repairs["references"] += text != values[place]
        values[place] = text
    return pl.Series(column.name, values, pl.String)


def _whole_numbers(column: pl.Series, repairs: Counter[str]) -> pl.Series:
    """Return 12.0 as 12 and 1e+16 with its digits in a column of whole numbers.

    A missing value makes a table write ids as floats.
    """
    if _NO_WHOLE_NUMBERS.search(column.name):
        return column
    floats = column.str.contains(rf"^\s*(?:{_WHOLE_FLOAT}|{_LARGE_FLOAT})\s*$").fill_null(value=False)
    if not floats.any():
        return column
    written = column.str.strip_chars()
    numbers = rf"^(?:-?\d+|{_WHOLE_FLOAT}|{_LARGE_FLOAT}|(?i:nan|none|null|nat|n/a|<na>))?$"
    if not written.str.contains(numbers).fill_null(value=True).all():
        return column
    large = written.filter(written.str.contains(rf"^{_LARGE_FLOAT}$")).unique()
    digits = {cell: f"{Decimal(cell):f}" for cell in large}
    if any("." in number for number in digits.values()):
        return column
    repairs["whole_number_floats"] += int(floats.sum())
    return written.str.replace(r"\.0+$", "").replace(list(digits), list(digits.values()))


def _header_looks_like_data(frame: pl.DataFrame, header: Sequence[str]) -> bool:
    sample = frame.head(_MOST_SAMPLED)
    for place, name in enumerate(header):
        shape = masked(name)
        if shape is None:
            continue
        # Not by polars, which takes a millisecond to begin: thousands of times in a wide file.
        cells = sample.to_series(place).to_list()
        filled = [value for cell in cells if cell and (value := cell.strip(WHITE_SPACE))]
        if filled and sum(masked(value) == shape for value in filled) >= _SHARE_LIKE_HEADER * len(filled):
            return True
    return False
