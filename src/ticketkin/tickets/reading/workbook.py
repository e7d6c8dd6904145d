"""XLSX workbooks: every sheet with tickets, from the header on."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ticketkin.core.errors import InputError, UnreadableFileError
from ticketkin.core.wording import number_of
from ticketkin.tickets.mapping import find_mapping, normalise_name
from ticketkin.tickets.reading.archive import check_archive
from ticketkin.tickets.reading.table import RawTable, finished, without_blank_rows

# The header is sought in so many rows: titles, dates and filters of a report stand above it.
_HEADER_ROWS = 50
# A sheet without any column of the tickets and with fewer rows is a title page, a legend or a pivot table.
_ROWS_OF_AN_ASIDE = 50


@dataclass(frozen=True)
class _Sheet:
    """A sheet below its header; columns have no names yet."""

    name: str
    header: list[str]
    n_rows_above: int
    frame: pl.DataFrame

    @property
    def names(self) -> list[str]:
        """The column names in one spelling, sorted."""
        return sorted(map(_spelled, self.header))

    def places_by_name(self) -> list[int]:
        """Return the places of the columns in the order of `names`."""
        return sorted(range(len(self.header)), key=lambda place: (_spelled(self.header[place]), place))


def _spelled(name: str) -> str:
    return normalise_name(name) or name


def read_workbook(path: Path) -> RawTable:
    """Return the rows of all sheets that have the header of the first sheet of tickets.

    Rows of sheets with another header are rejected, those of small sheets that share no column noted. Runs in
    a process of its own, see `isolated`. Raises UnreadableFileError for a damaged or oversized file.
    """
    facts = check_archive(path)
    sheets = [sheet for sheet in _sheets(path) if sheet.header]
    if not sheets:
        raise UnreadableFileError(f"{path} holds no rows; export it again with at least one ticket")
    main = _main_sheet(sheets)
    notes = _hidden_rows_note(path, facts.n_hidden_rows)
    parts, rows, rejected, n_records = [], [], [], 0
    for sheet in sheets:
        numbers = list(range(n_records + 1, n_records + sheet.frame.height + 1))
        if sheet.names == main.names:
            parts.append(_in_order_of(main, sheet))
            rows += numbers
            if sheet.n_rows_above:
                notes.append(
                    f"{path.name}: {number_of(sheet.n_rows_above, 'row is', 'rows are')} not read above the "
                    f"header of {sheet.name!r}"
                )
        elif not set(sheet.names) & set(main.names) and sheet.frame.height < _ROWS_OF_AN_ASIDE:
            notes.append(
                f"{path.name}: the sheet {sheet.name!r} ({number_of(sheet.frame.height, 'row')}) is no table "
                "of tickets"
            )
            continue
        else:
            lacking = ", ".join(sorted(set(main.names) ^ set(sheet.names))[:4]) or "repeated columns"
            reason = f"sheet {sheet.name!r} has another header than {main.name!r} (differs in {lacking})"
            rejected += [(number, reason) for number in numbers]
            notes.append(f"{path.name}: {number_of(len(numbers), 'row is', 'rows are')} not read: {reason}")
        if len(sheets) > 1:
            notes.append(f"{path.name}: the sheet {sheet.name!r} begins with row {n_records + 1:,}")
        n_records += len(numbers)
    if facts.counts_from_1904:
        notes.append(f"{path.name}: the workbook counts days from 1904, and so do numbers read as times")
    table = RawTable(
        pl.concat(parts),
        rows,
        n_records,
        rejected=rejected,
        notes=notes,
        counts_from_1904=facts.counts_from_1904,
    )
    return finished(table, path.name, main.header)


def _hidden_rows_note(path: Path, n_hidden: int) -> list[str]:
    if not n_hidden:
        return []
    return [f"{path.name}: {number_of(n_hidden, 'hidden row is', 'hidden rows are')} read too"]


def _sheets(path: Path) -> list[_Sheet]:
    import fastexcel

    try:
        book = fastexcel.read_excel(str(path))
        return [
            _below_header(name, book.load_sheet(place, header_row=None, dtypes="string").to_polars())
            for place, name in enumerate(book.sheet_names)
        ]
    except fastexcel.FastExcelError as error:
        raise UnreadableFileError(f"{path} is not a readable XLSX file: {error}") from None


def _below_header(name: str, cells: pl.DataFrame) -> _Sheet:
    """Return the sheet from the row after its header; without columns that have neither name nor content."""
    cells = cells.rename({old: str(place) for place, old in enumerate(cells.columns)})
    if not cells.height:
        return _Sheet(name, [], 0, cells)
    filled = [sum(bool((cell or "").strip()) for cell in row) for row in cells.head(_HEADER_ROWS).iter_rows()]
    # A title fills a cell or two, a merged heading the first cell of each group.
    place = next(
        place for place, count in enumerate(filled) if count > max(filled) / 2 or count == max(filled)
    )
    header = [(cell or "").strip() for cell in cells.row(place)]
    body, _, _ = without_blank_rows(cells[place + 1 :], range(cells.height - place - 1))
    kept = [
        column
        for column, title in zip(cells.columns, header, strict=True)
        if title or body[column].str.contains(r"\S").any()
    ]
    above = sum(count > 0 for count in filled[:place])
    return _Sheet(name, [header[int(column)] for column in kept], above, cells[place + 1 :].select(kept))


def _main_sheet(sheets: list[_Sheet]) -> _Sheet:
    """Return the first sheet with columns of tickets, else the first with rows."""
    for sheet in sheets:
        try:
            find_mapping(sheet.header, {})
        except InputError:
            continue
        if sheet.frame.height:
            return sheet
    return next((sheet for sheet in sheets if sheet.frame.height), sheets[0])


def _in_order_of(main: _Sheet, sheet: _Sheet) -> pl.DataFrame:
    """Return the sheet's columns in the main sheet's order; equal names in their own order."""
    places = dict(zip(main.places_by_name(), sheet.places_by_name(), strict=True))
    columns = sheet.frame.get_columns()
    return pl.DataFrame([columns[places[place]].rename(str(place)) for place in range(len(columns))])
