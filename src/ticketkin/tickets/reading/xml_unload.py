"""ServiceNow's XML: an unload (`<unload><incident action="INSERT_OR_UPDATE">…`) or a list exported as XML."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError

import polars as pl

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.cells import cell_text
from ticketkin.tickets.reading.table import MOST_COLUMNS, RawTable, finished

# Deeper elements are no cells of a record, and building them costs memory for nothing.
_DEEPEST = 100


def read_xml_unload(path: Path, encoding: str | None = None) -> RawTable:
    """Return the records of an XML unload: of the element with ticket columns there are most of.

    Records of other tables, and those the unload deletes, are rejected. A reference shows its display value,
    in columns of links and times its value. Raises UnreadableFileError for XML that declares entities, is
    damaged before its first record, or holds no records.
    """
    del encoding  # XML names its own
    collected = _Collected()
    fault = ""
    try:
        with path.open("rb") as file:
            for record in _records(file):
                collected.add(record)
    except _RefusedError as error:
        raise UnreadableFileError(f"{path}: {error}") from None
    except (ParseError, ValueError, LookupError) as error:
        fault = f"not valid XML: {error}"
    if not collected.n_records:
        raise UnreadableFileError(
            f"{path}: {fault or 'holds no records'}; expected ServiceNow's XML, an element a ticket and "
            "in it an element a column"
        )
    if fault:
        collected.add_fault(fault)
    return finished(collected.table(), path.name)


def _local_name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


class _RefusedError(Exception):
    """XML that asks for more than records."""


def _records(file: BinaryIO) -> Iterator[Element]:
    """Return the children of the root one by one; each is emptied when the next is asked for."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    depth = 0
    root: Element | None = None
    try:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                root = element if root is None else root
                depth += 1
                if depth > _DEEPEST:
                    raise _RefusedError(f"elements are nested deeper than {_DEEPEST} levels; export it again")
                continue
            depth -= 1
            if depth == 1 and root is not None:
                yield element
                root.clear()
    except DefusedXmlException:
        raise _RefusedError(
            "declares a document type or entities, which may read other files or fill the memory; export it "
            "from ServiceNow again"
        ) from None


class _Collected:
    """Records by the name of their element, until it is known which of them are the tickets."""

    def __init__(self) -> None:
        self.n_records = 0
        self._columns: dict[str, dict[str, dict[int, str]]] = {}
        self._numbers: dict[str, list[int]] = {}
        self._rejected: list[tuple[int, str]] = []
        self._repairs: Counter[str] = Counter()

    def add(self, record: Element) -> None:
        """Add one child of the root."""
        self.n_records += 1
        table = _local_name(record)
        if record.get("action", "").upper() == "DELETE":
            self._rejected.append((self.n_records, f"the unload deletes this {table}"))
            return
        numbers = self._numbers.setdefault(table, [])
        columns = self._columns.setdefault(table, {})
        for cell in record:
            text = self._text(cell)
            values = columns.setdefault(_local_name(cell), {})
            place = len(numbers)
            if place not in values or not values[place]:
                values[place] = text
            elif text:
                values[place] = f"{values[place]}, {text}"
        if len(columns) > MOST_COLUMNS:
            raise _RefusedError(f"a {table} has more than {MOST_COLUMNS:,} columns; export a list of tickets")
        numbers.append(self.n_records)

    def add_fault(self, reason: str) -> None:
        """Add what can't be read at the end of the file."""
        self.n_records += 1
        self._rejected.append((self.n_records, reason))

    def _text(self, cell: Element) -> str:
        value = "".join(cell.itertext()) if len(cell) else cell.text or ""
        shown = cell.get("display_value")
        if shown is None:
            return value
        reference: dict[str, Any] = {"display_value": shown, "value": value.strip()}
        return cell_text(reference, cell.tag, self._repairs) or ""

    def _likeness(self, table: str) -> tuple[bool, int]:
        """Return what tells tickets from the records unloaded with them, such as journal entries."""
        return bool({"number", "short_description"} & self._columns[table].keys()), len(self._numbers[table])

    def table(self) -> RawTable:
        """Return the records of the most frequent element; the others are rejected."""
        main = max(self._numbers, key=self._likeness, default="")
        numbers = self._numbers.get(main, [])
        places = range(len(numbers))
        frame = pl.DataFrame(
            [
                pl.Series(name, [values.get(place) for place in places], pl.String)
                for name, values in self._columns.get(main, {}).items()
            ]
        )
        others = [
            (number, f"is a {tag}, where most records are a {main}")
            for tag, group in self._numbers.items()
            if tag != main
            for number in group
        ]
        if not frame.width:
            others += [(number, "has no columns in it") for number in numbers]
            numbers = []
        return RawTable(
            frame=frame,
            rows=numbers,
            n_records=self.n_records,
            rejected=self._rejected + others,
            repairs=dict(self._repairs),
        )
