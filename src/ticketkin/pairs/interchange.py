"""Pairs of texts in files: what notebooks of this field write (`shapes.py`), read, checked and written.

A label is 0 or 1, or names a kind of kin: duplicate, related, causal (the first text is the cause) or none.
Grades, such as 0 to 1 or 1 to 5, are read where it is said from which grade a pair is kin.

Whatever else a file holds is told by pair: nothing is guessed, no pair is left out, and columns that are not
read are named.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from reprlib import Repr
from typing import Any, Literal

import numpy as np

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import InputError
from ticketkin.core.tables import BoolArray, IntArray, Kind
from ticketkin.core.wording import number_of
from ticketkin.pairs.shapes import PairColumns, raise_for, read_columns
from ticketkin.tickets.reading.encodings import without_surrogates
from ticketkin.tickets.redaction import redact

_NOT_KIN = "none"
_KINDS = (*(kind.value for kind in Kind), _NOT_KIN)
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?")
_PHASE = re.compile(r"\d")
_HIGHEST_GRADE = 100
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
    notes: list[str] = field(default_factory=list)
    """What is to be said of the file."""

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


def read_text_pairs(path: Path, kin_from: float | None = None) -> TextPairs:
    """Return the pairs of a file in any of the shapes of `shapes.py`.

    `kin_from` is the grade from which a pair is kin, where labels are grades. Raises UnreadableFileError for
    a file that is missing, damaged or of another shape, and InputError naming the pairs where a text, a
    label, a phase or a category is not one.
    """
    given = read_columns(path)
    left, right = given.columns["left"], given.columns["right"]
    faults = (
        f"{given.rows.name(place)} lacks a text"
        for place, (one, other) in enumerate(zip(left, right, strict=True))
        if not isinstance(one, str) or not isinstance(other, str)
    )
    raise_for(faults, path)
    labels, kinds, notes = _labels(given, kin_from)
    of_both = _categories(given, "category")
    return TextPairs(
        left=[without_surrogates(text) for text in left],
        right=[without_surrogates(text) for text in right],
        labels=labels,
        phases=_phases(given),
        left_categories=_of_side(_categories(given, "left_category") or of_both, 0),
        right_categories=_of_side(_categories(given, "right_category") or of_both, 1),
        kinds=kinds,
        notes=[*notes, *_notes_on_unread(given)],
    )


def _notes_on_unread(given: PairColumns) -> list[str]:
    if not given.unread:
        return []
    names = sorted(given.unread)
    shown = ", ".join(name[:40] for name in names[:_MOST_NAMES])
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return [f"not read of {given.path.name}, being no text, label, phase or category: {shown}{more}"]


def _labels(given: PairColumns, kin_from: float | None) -> tuple[IntArray, list[str] | None, list[str]]:
    """Return 1 for kin and 0 for not kin, the kinds where the file names them, and what is to be said."""
    labels = [_label(label) for label in given.columns.get("label", [])]
    if "relationship" in given.columns:
        kinds = [_label(word) for word in given.columns["relationship"]]
        _check_labels(given, "relationship", kinds, _KINDS)
        if labels:
            _check_agreement(given, labels, kinds)
        return _as_array(kinds), kinds, []
    named = any(isinstance(label, str) for label in labels)
    if not named and kin_from is not None and not _are_plain(labels, kin_from):
        return _graded(given, labels, kin_from)
    _check_labels(given, "label", labels, _KINDS if named else (0, 1))
    return _as_array(labels), labels if named else None, []


def _as_array(labels: Sequence[str | int]) -> IntArray:
    return np.array([int(label not in (0, _NOT_KIN)) for label in labels], dtype=np.int64)


def _label(label: Any) -> Any:
    """Return a label as a number or a word in lower case; whatever else as it is."""
    if isinstance(label, str):
        word = label.strip().lower()
        if not _NUMBER.fullmatch(word):
            return word
        label = float(word)
    return int(label) if isinstance(label, float) and label in (0.0, 1.0) else label


def _check_labels(
    given: PairColumns, name: str, labels: Sequence[Any], allowed: tuple[str | int, ...]
) -> None:
    """Raise InputError naming the pairs whose label is not allowed, with a hint where they may be grades."""
    choice = "0 and 1" if allowed == (0, 1) else ", ".join(_KINDS)
    faults = [
        f"{given.rows.name(place)} has the {name} {_short.repr(given.columns[name][place])}, "
        f"allowed are {choice}"
        for place, label in enumerate(labels)
        if type(label) not in (str, int) or label not in allowed
    ]
    hint = ""
    if faults and all(map(_is_grade, labels)):
        hint = (
            f". If these are grades from {min(labels):g} to {max(labels):g}, say from which one a pair is "
            "kin: --set pairs.kin_from=GRADE with ticketkin run, or --kin-from GRADE with ticketkin pairs "
            "check, which writes labels of 0 and 1 with --out"
        )
    raise_for(faults, given.path, hint)


def _check_agreement(given: PairColumns, labels: Sequence[Any], kinds: Sequence[str]) -> None:
    """Raise InputError where the label of a pair and its relationship say different things."""
    raise_for(
        (
            f"{given.rows.name(place)} has the label {_short.repr(given.columns['label'][place])} and the "
            f"relationship {kind!r}; a relationship of kin goes with 1, 'none' with 0"
            for place, (label, kind) in enumerate(zip(labels, kinds, strict=True))
            if label not in (kind, int(kind != _NOT_KIN)) or isinstance(label, bool)
        ),
        given.path,
    )


def _is_grade(label: Any) -> bool:
    is_number = isinstance(label, int | float) and not isinstance(label, bool)
    return is_number and 0 <= label <= _HIGHEST_GRADE


def _are_plain(labels: Sequence[Any], kin_from: float) -> bool:
    """Return whether labels are 0 and 1 already, and no grades of a scale that goes further."""
    values = {label for label in labels if type(label) is int}
    return all(type(label) is int for label in labels) and values <= {0, 1} and (0 in values or kin_from <= 1)


def _graded(
    given: PairColumns, grades: Sequence[Any], kin_from: float
) -> tuple[IntArray, list[str] | None, list[str]]:
    """Return grades as labels, kin from `kin_from` on. Raises InputError where that parts nothing."""
    raise_for(
        (
            f"{given.rows.name(place)} has the grade {_short.repr(given.columns['label'][place])}; "
            f"allowed are numbers from 0 to {_HIGHEST_GRADE}"
            for place, grade in enumerate(grades)
            if not _is_grade(grade)
        ),
        given.path,
    )
    labels = (np.array(grades, dtype=np.float64) >= kin_from).astype(np.int64)
    scale = f"grades from {min(grades):g} to {max(grades):g}"
    if labels.all() or not labels.any():
        side = "every pair is" if labels.all() else "no pair is"
        raise InputError(f"{given.path}: {side} kin with pairs.kin_from={kin_from:g}; it holds {scale}")
    n_kin = int(labels.sum())
    note = f"{scale} are read as kin from {kin_from:g} on: {n_kin:,} kin, {len(labels) - n_kin:,} not kin"
    return labels, None, [f"{given.path.name}: {note}"]


def _phases(given: PairColumns) -> IntArray | None:
    """Return phases 1 to 3, None where the file has none; notebooks that count from 0 are shifted."""
    if "phase" not in given.columns:
        return None
    values = _of_each_pair(given, "phase")
    if given.is_table:
        values = [int(value) if _PHASE.fullmatch(value or "") else value for value in values]
    raise_for(
        (
            f"{given.rows.name(place)} has the phase {_short.repr(value)}, which is no whole number"
            for place, value in enumerate(values)
            if type(value) is not int
        ),
        given.path,
    )
    lowest, highest = min(values), max(values)
    shift = int(lowest == 0)
    if lowest < 0 or highest + shift > 3:
        raise InputError(
            f"{given.path}: phases run from {_short.repr(lowest)} to {_short.repr(highest)}; "
            "allowed are 1 to 3 or 0 to 2"
        )
    return np.array(values, dtype=np.int64) + shift


def _categories(given: PairColumns, name: str) -> list[tuple[str, str]]:
    """Return the categories of both texts of each pair, from a column of one or of two for it; or nothing."""
    if name not in given.columns:
        return []
    values = [value if isinstance(value, list) else [value, value] for value in _of_each_pair(given, name)]
    raise_for(
        (
            f"{given.rows.name(place)} has {_short.repr(given.columns[name][place])} in "
            f"{given.written[name]}, which is no category"
            for place, value in enumerate(values)
            if len(value) != 2 or any(isinstance(part, dict | list) for part in value)
        ),
        given.path,
    )
    named = [["" if part is None else without_surrogates(str(part)) for part in value] for value in values]
    return [(one, other) for one, other in named]


def _of_side(categories: list[tuple[str, str]], side: Literal[0, 1]) -> list[str] | None:
    return [of_both[side] for of_both in categories] or None


def _of_each_pair(given: PairColumns, name: str) -> list[Any]:
    """Return a column. Raises InputError where it has not a value for each pair."""
    values, n = given.columns[name], len(given.columns["left"])
    if len(values) != n:
        raise InputError(
            f"{given.path}: {given.written[name]} holds {number_of(len(values), 'value')} for "
            f"{number_of(n, 'pair')}"
        )
    return values


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
