"""Pairs of texts in files: the JSON shapes that notebooks of this field write, read and written.

Three shapes are read: `{"texts1": […], "texts2": […], "labels": […]}` with "phases" (or
"phase_indicators"), "categories1" and "categories2" beside them; a list of `{"text1", "text2", "label"}`
(or "text_a", "text_b"); and `{"positive_pairs": […], "negative_pairs": […]}`, each pair a list of two texts
or an object. The first is written. The second may be a table too (CSV, XLSX, Parquet), and a label may
name a kind of kin: duplicate, related, causal (the first text is the cause) or none.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import InputError, UnreadableFileError
from ticketkin.core.tables import BoolArray, IntArray, Kind
from ticketkin.tickets.reading import TABLE_ENDINGS, read_table

_LEFT_NAMES = ("text1", "text_a", "texts1", "sentence1")
_RIGHT_NAMES = ("text2", "text_b", "texts2", "sentence2")
_SHAPES = (
    'allowed are {"texts1", "texts2", "labels"}, a list of {"text1", "text2", "label"}, and '
    '{"positive_pairs", "negative_pairs"}'
)
_NOT_KIN = "none"
_KINDS = (*(kind.value for kind in Kind), _NOT_KIN)
_MOST_TOLD = 5


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
        """Return the sha256 of texts and labels: a frozen test set is known by it."""
        digest = hashlib.sha256()
        for left, right, label in zip(self.left, self.right, self.labels.tolist(), strict=True):
            digest.update(json.dumps([left, right, label]).encode())
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
    naming the rows where a text or a label is not one.
    """
    if path.suffix.lower() in TABLE_ENDINGS:
        return _from_records([_numbered(row) for row in read_table(path).frame.iter_rows(named=True)], path)
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise UnreadableFileError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{path} is no JSON file ({error}); {_SHAPES}") from error
    if isinstance(content, list):
        return _from_records(content, path)
    if isinstance(content, dict) and {"texts1", "texts2", "labels"} <= content.keys():
        return _from_columns(content, path)
    if isinstance(content, dict) and content.keys() & {"positive_pairs", "negative_pairs"}:
        sides = [(content.get("positive_pairs", []), 1), (content.get("negative_pairs", []), 0)]
        records = [_with_label(pair, label) for pairs, label in sides for pair in pairs]
        return _from_records(records, path)
    found = ", ".join(sorted(map(str, content))) if isinstance(content, dict) else type(content).__name__
    raise UnreadableFileError(f"{path} holds {found or 'nothing'}; {_SHAPES}")


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


def _numbered(row: dict[str, Any]) -> dict[str, Any]:
    """Return a table's row with 0 and 1 as numbers, and its column names in lower case."""
    named = {name.strip().lower(): value for name, value in row.items()}
    label = str(named.get("label") or "").strip()
    return named | {"label": int(label) if label in ("0", "1") else label}


def _with_label(pair: Any, label: int) -> Any:
    if isinstance(pair, Mapping):
        return {**pair, "label": label}
    if isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) >= 2:
        return {"text1": pair[0], "text2": pair[1], "label": label}
    return pair


def _from_records(records: list[Any], path: Path) -> TextPairs:
    if not records:
        raise UnreadableFileError(f"{path} holds no pairs")
    columns: dict[str, list[Any]] = {"texts1": [], "texts2": [], "labels": []}
    faults = []
    for row, record in enumerate(records, start=1):
        if not isinstance(record, Mapping):
            faults.append(f"pair {row} is {type(record).__name__}, not an object")
            continue
        columns["texts1"].append(next((record[n] for n in _LEFT_NAMES if n in record), None))
        columns["texts2"].append(next((record[n] for n in _RIGHT_NAMES if n in record), None))
        columns["labels"].append(record.get("label"))
    _raise_for(faults, path)
    return _from_columns(columns, path)


def _from_columns(columns: Mapping[str, Any], path: Path) -> TextPairs:
    lengths = {name: len(columns[name]) for name in ("texts1", "texts2", "labels")}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{path}: the columns differ in length: {lengths}")
    if not lengths["labels"]:
        raise UnreadableFileError(f"{path} holds no pairs")
    named = any(isinstance(label, str) for label in columns["labels"])
    labels = [_kind(label) if named else label for label in columns["labels"]]
    allowed = _KINDS if named else (0, 1)
    faults = []
    for row, (left, right, label) in enumerate(
        zip(columns["texts1"], columns["texts2"], labels, strict=True), start=1
    ):
        if not isinstance(left, str) or not isinstance(right, str):
            faults.append(f"pair {row} lacks a text")
        elif isinstance(label, bool) or label not in allowed:
            told = ", ".join(map(str, _KINDS)) if named else "0 and 1"
            faults.append(f"pair {row} has the label {label!r}, allowed are {told}")
    _raise_for(faults, path)
    phases = columns.get("phases", columns.get("phase_indicators"))
    n = lengths["labels"]
    return TextPairs(
        left=list(columns["texts1"]),
        right=list(columns["texts2"]),
        labels=np.array([int(label not in (0, _NOT_KIN)) for label in labels], dtype=np.int64),
        phases=None if phases is None else _phases(phases, n, path),
        left_categories=_optional(columns, "categories1", n, path),
        right_categories=_optional(columns, "categories2", n, path),
        kinds=labels if named else None,
    )


def _kind(label: Any) -> Any:
    return label.strip().lower() if isinstance(label, str) else label


def _phases(values: Any, n: int, path: Path) -> IntArray:
    """Return phases 1 to 3; notebooks that count from 0 are shifted."""
    found = np.array(values)
    if found.shape != (n,) or found.dtype.kind not in "iu":
        raise InputError(f"{path}: phases must be {n} whole numbers, one for each pair")
    phases = found.astype(np.int64) + (found.min() == 0)
    if phases.min() < 1 or phases.max() > 3:
        raise InputError(
            f"{path}: phases run from {found.min()} to {found.max()}; allowed are 1 to 3 or 0 to 2"
        )
    return np.asarray(phases, dtype=np.int64)


def _optional(columns: Mapping[str, Any], name: str, n: int, path: Path) -> list[str] | None:
    values = columns.get(name)
    if values is None:
        return None
    if len(values) != n:
        raise InputError(f"{path}: {name} holds {len(values)} values for {n} pairs")
    return ["" if value is None else str(value) for value in values]


def _raise_for(faults: Sequence[str], path: Path) -> None:
    if faults:
        more = f" and {len(faults) - _MOST_TOLD} more" if len(faults) > _MOST_TOLD else ""
        raise InputError(f"{path}: {'; '.join(faults[:_MOST_TOLD])}{more}")
