"""JSON and JSON Lines, record by record: what one record holds can't cost the others.

What a file holds decides, not its name: an array of objects, an object around such an array, an object a
line, or objects one after another.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.cells import cell_text
from ticketkin.tickets.reading.encodings import decode_file, without_surrogates
from ticketkin.tickets.reading.json_text import JsonText, kind_of
from ticketkin.tickets.reading.table import MOST_COLUMNS, RawTable, finished, unique_names


class _RepeatedKeys:
    """Builds objects and keeps what a repeated key would overwrite: the second 'a' is called a_2."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        self.count += len(pairs) - len(members)
        filled = sorted(pairs, key=lambda pair: pair[1] in (None, ""))
        return dict(
            zip(unique_names(name for name, _ in filled), (value for _, value in filled), strict=True)
        )


def read_json_records(path: Path, encoding: str | None = None) -> RawTable:
    """Return the records of a JSON or JSON Lines file.

    Raises UnreadableFileError where the file is no JSON, or JSON of another shape than records.
    """
    content = decode_file(path, encoding)
    repeated = _RepeatedKeys()
    # Numbers stay as they are written: no digit is lost, and none is too long.
    decoder = json.JSONDecoder(
        parse_int=str,
        parse_float=str,
        parse_constant=lambda name: None if name == "NaN" else name,
        object_pairs_hook=repeated,
        strict=False,
    )
    reader = JsonText(content.text, decoder)
    collected = _Collected()
    for record, reason in reader.records(path):
        collected.add(record, reason)
    if not collected.n_good:
        _refuse(path, reader, collected)
    frame = collected.frame()
    repairs = Counter(content.repairs) + collected.repairs
    repairs["repeated_keys"] += repeated.count
    table = RawTable(
        frame=frame,
        rows=collected.numbers,
        n_records=collected.n_records,
        rejected=collected.rejected,
        notes=[*content.notes, *reader.pages.notes(collected.n_records, path.name)],
        repairs=repairs,
    )
    return finished(table, path.name)


def _refuse(path: Path, reader: "JsonText", collected: "_Collected") -> None:
    if reader.is_lines and collected.rejected:
        number, reason = collected.rejected[0]
        raise UnreadableFileError(
            f"{path}: no line is valid JSON; expected one object a line (line {number}: {reason})"
        )
    if collected.rejected:
        number, reason = collected.rejected[0]
        raise UnreadableFileError(f"{path} is not valid JSON for tickets: record {number}: {reason}")
    raise UnreadableFileError(f"{path} holds no rows; export it again with at least one ticket")


class _Collected:
    """Cells by column, filled record by record."""

    def __init__(self) -> None:
        self.n_records = 0
        self.n_good = 0
        self.numbers: list[int] = []
        self.rejected: list[tuple[int, str]] = []
        self.repairs: Counter[str] = Counter()
        self._columns: dict[str, list[str | None]] = {}

    def add(self, record: Any, reason: str) -> None:
        self.n_records += 1
        if not reason and not isinstance(record, dict):
            reason = f"expected an object, got {kind_of(record)}"
        if reason:
            self.rejected.append((self.n_records, reason))
            return
        self.n_good += 1
        cells = _flatten(record, self.repairs)
        columns = self._columns
        for name in cells:
            if name not in columns:
                columns[name] = [None] * len(self.numbers)
        if len(columns) > MOST_COLUMNS:
            raise UnreadableFileError(
                f"The records have more than {MOST_COLUMNS:,} different keys, so these are no columns of a "
                "table; export an array of tickets with the same keys each"
            )
        self.numbers.append(self.n_records)
        for name, values in columns.items():
            values.append(cells.get(name))

    def frame(self) -> pl.DataFrame:
        """Return the rows, without NUL characters and halves of characters."""
        names = unique_names(without_surrogates(name).replace("\x00", "") for name in self._columns)
        if not names and self.numbers:
            # Records without any key are rows as well, to be counted as blank.
            return pl.DataFrame({"column_1": [None] * len(self.numbers)}, schema={"column_1": pl.String})
        return pl.DataFrame(
            [self._series(name, values) for name, values in zip(names, self._columns.values(), strict=True)]
        )

    def _series(self, name: str, values: Sequence[str | None]) -> pl.Series:
        try:
            series = pl.Series(name, values, pl.String)
        except UnicodeEncodeError:
            mended = [value and without_surrogates(value) for value in values]
            self.repairs["half_characters"] += sum(
                old != new for old, new in zip(values, mended, strict=True)
            )
            series = pl.Series(name, mended, pl.String)
        n_nul = int(series.str.count_matches("\x00", literal=True).sum() or 0)
        if n_nul:
            self.repairs["nul_bytes"] += n_nul
            series = series.str.replace_all("\x00", "", literal=True)
        return series


def _flatten(record: Mapping[str, Any], repairs: Counter[str]) -> dict[str, str | None]:
    """Return one level of cells; Jira keeps its columns one level down, in 'fields'."""
    fields = record.get("fields")
    if isinstance(fields, dict):
        record = {**{k: v for k, v in record.items() if k != "fields"}, **fields}
    return {name: cell_text(value, name, repairs) for name, value in record.items()}
