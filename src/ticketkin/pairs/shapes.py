"""The shapes in which files hold labelled pairs, brought to columns; what they hold is judged elsewhere.

Read are `{"texts1": […], "texts2": […], "labels": […]}`; a list of `{"text1", "text2", "label"}`, or the same
list under "relationship_pairs"; `{"positive_pairs": […], "negative_pairs": […]}`, each pair a list of two
texts or an object; and tables (CSV, XLSX, Parquet) with a column for each of these names. A column or field
that is none of those below is named in `unread`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ticketkin.core.errors import InputError, UnreadableFileError
from ticketkin.tickets.reading import TABLE_ENDINGS, read_table
from ticketkin.tickets.reading.encodings import decode_file

_NAMES: Mapping[str, tuple[str, ...]] = {
    "left": ("text1", "text_a", "texts1", "sentence1"),
    "right": ("text2", "text_b", "texts2", "sentence2"),
    "label": ("label", "labels"),
    "relationship": ("relationship", "relationships"),
    "phase": ("phase", "phases", "phase_indicator", "phase_indicators"),
    "left_category": ("category1", "category_a", "categories1"),
    "right_category": ("category2", "category_b", "categories2"),
    "category": ("category", "categories"),
}
"""What a pair has -> how files call it. A `category` is that of both texts, or a list of two."""

_LISTS_OF_PAIRS = ("relationship_pairs", "positive_pairs", "negative_pairs")
_KNOWN = frozenset(name for names in _NAMES.values() for name in names)
_SHAPES = (
    'allowed are {"texts1", "texts2", "labels"}, a list of {"text1", "text2", "label"}, the same under '
    '"relationship_pairs", and {"positive_pairs", "negative_pairs"}'
)
_MOST_FAULTS = 5
_MOST_NAMES = 8


@dataclass(frozen=True)
class RowNames:
    """How faults name their pair: by its place in a list, or by its row in a table."""

    word: str = "pair"
    numbers: Sequence[int] = field(default=())

    def name(self, place: int) -> str:
        """Return how the pair at `place`, from 0 on, is called."""
        number = self.numbers[place] if self.numbers else place + 1
        return f"{self.word} {number}"


@dataclass(frozen=True)
class PairColumns:
    """What a file holds, each a list with a value for each pair; unchecked but for their length."""

    path: Path
    columns: Mapping[str, list[Any]]
    """By the names of `_NAMES`; a column that the file lacks is absent."""
    written: Mapping[str, str]
    """How the file calls each column."""
    unread: list[str]
    """Columns and fields that are none of these."""
    rows: RowNames = RowNames()
    is_table: bool = False
    """Whether every value is a text."""

    def __post_init__(self) -> None:
        lengths = {self.written[name]: len(values) for name, values in self.columns.items()}
        texts = {name: lengths[self.written[name]] for name in ("left", "right") if name in self.columns}
        n = max(texts.values(), default=0)
        for name in ("left", "right", "label", "relationship"):
            if name in self.columns and len(self.columns[name]) != n:
                raise InputError(f"{self.path}: the columns differ in length: {lengths}")
        if not n:
            raise UnreadableFileError(f"{self.path} holds no pairs")


def read_columns(path: Path) -> PairColumns:
    """Return the columns of a file of pairs.

    Raises UnreadableFileError for a file that is missing, damaged or of another shape, and InputError naming
    the pairs that are none.
    """
    if not path.is_file():
        raise UnreadableFileError(f"{path}: no such file")
    if path.suffix.lower() in TABLE_ENDINGS:
        return _of_table(path)
    content = _json(path)
    if isinstance(content, list):
        return _of_records(content, path)
    if isinstance(content, dict):
        lists = [name for name in _LISTS_OF_PAIRS if name in content]
        if lists == ["relationship_pairs"]:
            records = _list(content[lists[0]], lists[0], path)
            return _of_records(records, path, unread=_others(content, lists))
        if lists and "relationship_pairs" not in lists:
            pairs = [
                _with_label(pair, label, place, path)
                for name, label in (("positive_pairs", 1), ("negative_pairs", 0))
                for place, pair in enumerate(_list(content.get(name, []), name, path), start=1)
            ]
            return _of_records(pairs, path, unread=_others(content, lists))
        if content.keys() >= {"texts1", "texts2"} and content.keys() & {"labels", "relationships"}:
            return _of_lists(content, path)
    names = sorted(content) if isinstance(content, dict) else [type(content).__name__]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    shown = ", ".join(name[:40] for name in names[:_MOST_NAMES]) or "nothing"
    raise UnreadableFileError(f"{path} holds {shown}{more}; {_SHAPES}")


def raise_for(faults: Iterable[str], path: Path, hint: str = "") -> None:
    """Raise InputError with the first of the faults, how many more there are and a hint, if there is one."""
    listed = list(faults)
    if listed:
        more = f" and {len(listed) - _MOST_FAULTS} more" if len(listed) > _MOST_FAULTS else ""
        raise InputError(f"{path}: {'; '.join(listed[:_MOST_FAULTS])}{more}{hint}")


def _json(path: Path) -> Any:
    try:
        return json.loads(decode_file(path).text)
    except RecursionError as error:
        raise UnreadableFileError(f"{path} is nested too deeply; {_SHAPES}") from error
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{path} is no JSON file ({error}); {_SHAPES}") from error


def _of_table(path: Path) -> PairColumns:
    table = read_table(path)
    if table.rejected:
        raise_for([f"row {row} can't be read ({reason})" for row, reason in table.rejected], path)
    names = {name.strip().lower(): name for name in table.frame.columns}
    lacking = [
        " or ".join(wanted)
        for wanted in (_NAMES["left"], _NAMES["right"], ("label", "relationship"))
        if not names.keys() & set(wanted)
    ]
    if lacking:
        shown = ", ".join(name[:40] for name in table.frame.columns[:_MOST_NAMES])
        raise InputError(
            f"{path}: lacks the column {', and '.join(lacking)}; it has {shown}. A table of pairs has the "
            "columns text_a, text_b, label"
        )
    given = {name: table.frame[original].to_list() for name, original in names.items()}
    return _named(given, path, [], RowNames("row", table.rows), is_table=True)


def _of_lists(content: Mapping[str, Any], path: Path) -> PairColumns:
    given = {
        name: _list(values, name, path)
        for name, values in content.items()
        # Phases and categories may be null.
        if name in _KNOWN and (values is not None or name in ("texts1", "texts2", "labels"))
    }
    return _named(given, path, [name for name in content if name not in _KNOWN])


def _of_records(records: Sequence[Any], path: Path, unread: Sequence[str] = ()) -> PairColumns:
    raise_for(
        (
            f"pair {place} is {type(record).__name__}, not an object"
            for place, record in enumerate(records, start=1)
            if not isinstance(record, Mapping)
        ),
        path,
    )
    fields = dict.fromkeys(name for record in records for name in record)
    given = {name: [record.get(name) for record in records] for name in fields}
    missing = {name: [None] * len(records) for name in ("text1", "text2", "label")}
    needed = {"text1": _NAMES["left"], "text2": _NAMES["right"], "label": ("label", "relationship")}
    given |= {name: missing[name] for name in missing if not fields.keys() & set(needed[name])}
    return _named(given, path, [*unread, *(name for name in fields if name not in _KNOWN)])


def _named(
    given: Mapping[str, list[Any]],
    path: Path,
    unread: Sequence[str],
    rows: RowNames | None = None,
    *,
    is_table: bool = False,
) -> PairColumns:
    """Return the known columns under their names here; records may mix two names of one."""
    columns, written = {}, {}
    for name, spellings in _NAMES.items():
        present = [spelling for spelling in spellings if spelling in given]
        if present:
            columns[name] = _first_of([given[spelling] for spelling in present])
            written[name] = present[0]
    others = [name for name in given if name not in _KNOWN and name not in unread]
    return PairColumns(path, columns, written, [*unread, *others], rows or RowNames(), is_table)


def _first_of(spelled: Sequence[list[Any]]) -> list[Any]:
    """Return for each pair the first value that is there: one record may say text1, the next text_a."""
    if len(spelled) == 1:
        return spelled[0]
    return [
        next((value for value in values if value is not None), None) for values in zip(*spelled, strict=True)
    ]


def _with_label(pair: Any, label: int, place: int, path: Path) -> Any:
    """Return a pair of the positive or the negative ones as an object with its label."""
    side = "positive_pairs" if label else "negative_pairs"
    if isinstance(pair, Mapping):
        own = pair.get("label", label)
        if own != label:
            raise InputError(f"{path}: pair {place} of {side} has the label {own!r:.40}; leave it out there")
        return {**pair, "label": label}
    if isinstance(pair, list) and len(pair) == 2:
        return {"text1": pair[0], "text2": pair[1], "label": label}
    if isinstance(pair, list) and len(pair) > 2:
        raise InputError(f"{path}: pair {place} of {side} is a list of {len(pair)}; a pair is two texts")
    return pair


def _others(content: Mapping[str, Any], read: Sequence[str]) -> list[str]:
    return [name for name in content if name not in read]


def _list(values: Any, name: str, path: Path) -> list[Any]:
    if not isinstance(values, list):
        raise InputError(f"{path}: {name} is {type(values).__name__}, not a list with a value for each pair")
    return values
