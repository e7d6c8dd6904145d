"""Pairs of texts in files: the JSON shapes that notebooks of this field write, read and written.

Three shapes are read: `{"texts1": […], "texts2": […], "labels": […]}` with "phases" (or
"phase_indicators"), "categories1" and "categories2" beside them; a list of `{"text1", "text2", "label"}`
(or "text_a", "text_b"); and `{"positive_pairs": […], "negative_pairs": […]}`, each pair a list of two texts
or an object. The first is written. The second may be a table too (CSV, XLSX, Parquet), and a label may
name a kind of kin: duplicate, related, causal (the first text is the cause) or none.

Whatever else a file holds is told by pair: nothing is guessed, and no pair is left out.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from reprlib import Repr
from typing import Any

import numpy as np

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import InputError, UnreadableFileError
from ticketkin.core.tables import BoolArray, IntArray, Kind
from ticketkin.tickets.reading import TABLE_ENDINGS, read_table
from ticketkin.tickets.reading.encodings import decode_file, without_surrogates
from ticketkin.tickets.redaction import redact

_LEFT_NAMES = ("text1", "text_a", "texts1", "sentence1")
_RIGHT_NAMES = ("text2", "text_b", "texts2", "sentence2")
_SHAPES = (
    'allowed are {"texts1", "texts2", "labels"}, a list of {"text1", "text2", "label"}, and '
    '{"positive_pairs", "negative_pairs"}'
)
_NOT_KIN = "none"
_KINDS = (*(kind.value for kind in Kind), _NOT_KIN)
_NUMBERS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
_MOST_TOLD = 5
_MOST_NAMES = 8
# Values are shown shortened: they may be long, or nested deeper than can be printed.
_short = Repr()
_short.maxstring = _short.maxother = 60


@dataclass(frozen=True)
class TextPairs:
    """Labelled pairs of texts; all of length n_pairs."""

    left: list[str]
    right: list[str]
    labels: IntArray
    """1 kin of any kind, 0 not kin."""
    phases: IntArray | None = None
    """1 easy, 2 medium, 3 hard."""
    left_categories: list[str] | None = None
    right_categories: list[str] | None = None
    kinds: list[str] | None = None
    """duplicate, related, causal or none, where the file names kinds."""

    def __len__(self) -> int:
        return len(self.labels)

    def digest(self) -> str:
        """Return the sha256 of texts and labels: a frozen test set is known by it.

        Texts are redacted first: a digest stands in reports, and of a small file it would give a number away.
        """
        digest = hashlib.sha256()
        for left, right, label in zip(self.left, self.right, self.labels.tolist(), strict=True):
            digest.update(json.dumps([redact(left), redact(right), label]).encode())
        return digest.hexdigest()

    def part(self, chosen: BoolArray) -> "TextPairs":
        """Return the chosen pairs."""
        rows = np.flatnonzero(chosen)

        def take(values: list[str] | None) -> list[str] | None:
            return None if values is None else [values[row] for row in rows]

        return replace(
            self,
            left=[self.left[row] for row in rows],
            right=[self.right[row] for row in rows],
            labels=self.labels[rows],
            phases=None if self.phases is None else self.phases[rows],
            left_categories=take(self.left_categories),
            right_categories=take(self.right_categories),
            kinds=take(self.kinds),
        )


def read_text_pairs(path: Path) -> TextPairs:
    """Return the pairs of a JSON file in any of the three shapes, or of a table.

    Raises UnreadableFileError for a file that is missing, damaged or of another shape, and InputError
    naming the pairs where a text, a label, a phase or a category is not one.
    """
    if not path.is_file():
        raise UnreadableFileError(f"{path}: no such file")
    if path.suffix.lower() in TABLE_ENDINGS:
        return _from_table(path)
    content = _json(path)
    if isinstance(content, list):
        return _from_records(content, path)
    if isinstance(content, dict) and {"texts1", "texts2", "labels"} <= content.keys():
        return _from_columns(content, path)
    if isinstance(content, dict) and content.keys() & {"positive_pairs", "negative_pairs"}:
        sides = [
            (_list(content.get(name, []), name, path), label)
            for name, label in (("positive_pairs", 1), ("negative_pairs", 0))
        ]
        return _from_records([_with_label(pair, label) for pairs, label in sides for pair in pairs], path)
    names = sorted(content) if isinstance(content, dict) else [type(content).__name__]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    shown = ", ".join(name[:40] for name in names[:_MOST_NAMES]) or "nothing"
    raise UnreadableFileError(f"{path} holds {shown}{more}; {_SHAPES}")


def _json(path: Path) -> Any:
    try:
        return json.loads(decode_file(path).text)
    except RecursionError as error:
        raise UnreadableFileError(f"{path} is nested too deeply; {_SHAPES}") from error
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{path} is no JSON file ({error}); {_SHAPES}") from error


def write_text_pairs(pairs: TextPairs, path: Path) -> None:
    """Write pairs as columns, atomically."""
    columns: dict[str, Any] = {
        "texts1": pairs.left,
        "texts2": pairs.right,
        "labels": pairs.kinds or pairs.labels.tolist(),
        "phases": None if pairs.phases is None else pairs.phases.tolist(),
        "categories1": pairs.left_categories,
        "categories2": pairs.right_categories,
    }
    write_json(path, {name: values for name, values in columns.items() if values is not None})


def _from_table(path: Path) -> TextPairs:
    table = read_table(path)
    if table.rejected:
        _raise_for([f"row {row} can't be read ({reason})" for row, reason in table.rejected], path)
    names = {name.strip().lower(): name for name in table.frame.columns}
    lacking = [
        " or ".join(wanted)
        for wanted in (_LEFT_NAMES, _RIGHT_NAMES, ("label",))
        if not names.keys() & set(wanted)
    ]
    if lacking:
        shown = ", ".join(name[:40] for name in table.frame.columns[:_MOST_NAMES])
        raise InputError(
            f"{path}: lacks the column {', and '.join(lacking)}; it has {shown}. A table of pairs has the "
            "columns text_a, text_b, label"
        )
    frame = table.frame.select(list(names.values())).rename(
        {original: name for name, original in names.items()}
    )
    return _from_records(list(frame.iter_rows(named=True)), path, _Rows("row", table.rows))


@dataclass(frozen=True)
class _Rows:
    """How faults name their pair: by its place in a list, or by its row in a table."""

    word: str = "pair"
    numbers: Sequence[int] = field(default=())

    def name(self, place: int) -> str:
        number = self.numbers[place] if self.numbers else place + 1
        return f"{self.word} {number}"


_PAIRS = _Rows()


def _with_label(pair: Any, label: int) -> Any:
    if isinstance(pair, Mapping):
        return {**pair, "label": label}
    if isinstance(pair, list) and len(pair) >= 2:
        return {"text1": pair[0], "text2": pair[1], "label": label}
    return pair


def _from_records(records: Sequence[Any], path: Path, rows: _Rows = _PAIRS) -> TextPairs:
    columns: dict[str, list[Any]] = {"texts1": [], "texts2": [], "labels": []}
    faults = []
    for place, record in enumerate(records):
        if not isinstance(record, Mapping):
            faults.append(f"{rows.name(place)} is {type(record).__name__}, not an object")
            continue
        columns["texts1"].append(next((record[n] for n in _LEFT_NAMES if n in record), None))
        columns["texts2"].append(next((record[n] for n in _RIGHT_NAMES if n in record), None))
        columns["labels"].append(record.get("label"))
    _raise_for(faults, path)
    return _from_columns(columns, path, rows)


def _from_columns(columns: Mapping[str, Any], path: Path, rows: _Rows = _PAIRS) -> TextPairs:
    left, right, given = (_list(columns[name], name, path) for name in ("texts1", "texts2", "labels"))
    lengths = {"texts1": len(left), "texts2": len(right), "labels": len(given)}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{path}: the columns differ in length: {lengths}")
    if not given:
        raise UnreadableFileError(f"{path} holds no pairs")
    labels = [_label(label) for label in given]
    named = any(isinstance(label, str) for label in labels)
    allowed: tuple[str | int, ...] = _KINDS if named else (0, 1)
    faults = []
    for place, (one, other, label) in enumerate(zip(left, right, labels, strict=True)):
        if not isinstance(one, str) or not isinstance(other, str):
            faults.append(f"{rows.name(place)} lacks a text")
        elif type(label) not in (str, int) or label not in allowed:
            shown, choice = _short.repr(given[place]), ", ".join(_KINDS) if named else "0 and 1"
            faults.append(f"{rows.name(place)} has the label {shown}, allowed are {choice}")
    _raise_for(faults, path)
    phases = columns.get("phases", columns.get("phase_indicators"))
    return TextPairs(
        left=[without_surrogates(text) for text in left],
        right=[without_surrogates(text) for text in right],
        labels=np.array([int(label not in (0, _NOT_KIN)) for label in labels], dtype=np.int64),
        phases=None if phases is None else _phases(phases, len(labels), path),
        left_categories=_optional(columns, "categories1", len(labels), path),
        right_categories=_optional(columns, "categories2", len(labels), path),
        kinds=labels if named else None,
    )


def _list(values: Any, name: str, path: Path) -> list[Any]:
    if not isinstance(values, list):
        raise InputError(f"{path}: {name} is {type(values).__name__}, not a list with a value for each pair")
    return values


def _label(label: Any) -> Any:
    """Return a label as 0, 1 or a word in lower case; whatever else as it is."""
    if isinstance(label, str):
        word = label.strip().lower()
        return _NUMBERS.get(word, word)
    if isinstance(label, float) and label in (0.0, 1.0):
        return int(label)
    return label


def _phases(values: Any, n: int, path: Path) -> IntArray:
    """Return phases 1 to 3; notebooks that count from 0 are shifted."""
    if not isinstance(values, list) or len(values) != n:
        held = f"{len(values)} values" if isinstance(values, list) else type(values).__name__
        raise InputError(f"{path}: phases must be {n} whole numbers, one for each pair; it holds {held}")
    _raise_for(
        (
            f"pair {place} has the phase {_short.repr(value)}, which is no whole number"
            for place, value in enumerate(values, start=1)
            if type(value) is not int
        ),
        path,
    )
    lowest, highest = min(values), max(values)
    shift = int(lowest == 0)
    if lowest < 0 or highest + shift > 3:
        raise InputError(
            f"{path}: phases run from {_short.repr(lowest)} to {_short.repr(highest)}; allowed are 1 to 3 or "
            "0 to 2"
        )
    return np.array(values, dtype=np.int64) + shift


def _optional(columns: Mapping[str, Any], name: str, n: int, path: Path) -> list[str] | None:
    values = columns.get(name)
    if values is None:
        return None
    if len(_list(values, name, path)) != n:
        raise InputError(f"{path}: {name} holds {len(values)} values for {n} pairs")
    _raise_for(
        (
            f"pair {place} has {_short.repr(value)} in {name}, which is no category"
            for place, value in enumerate(values, start=1)
            if isinstance(value, dict | list)
        ),
        path,
    )
    return ["" if value is None else without_surrogates(str(value)) for value in values]


def _raise_for(faults: Iterable[str], path: Path) -> None:
    listed = list(faults)
    if listed:
        more = f" and {len(listed) - _MOST_TOLD} more" if len(listed) > _MOST_TOLD else ""
        raise InputError(f"{path}: {'; '.join(listed[:_MOST_TOLD])}{more}")
