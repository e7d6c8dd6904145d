"""Pairs of texts in files: what notebooks of this field write (`shapes.py`), read, checked and written.

A label is 0 or 1, or names a kind of kin: duplicate, related, causal (the first text is the cause) or none.
Grades, such as 0 to 1 or 1 to 5, are read where it is said from which grade a pair is kin.

Whatever else a file holds is told by pair: nothing is guessed, no pair is left out, and columns that are not
read are named.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from reprlib import Repr
from typing import Any, Literal

import numpy as np

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import InputError
from ticketkin.core.tables import BoolArray, FloatArray, IntArray
from ticketkin.core.wording import number_of
from ticketkin.pairs.file_labels import read_labels
from ticketkin.pairs.shapes import PairColumns, raise_for, read_columns
from ticketkin.tickets.reading.encodings import without_surrogates
from ticketkin.tickets.redaction import redact

_PHASE = re.compile(r"\d")
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
    grades: FloatArray | None = None
    """As the file has them, where its labels are grades."""
    notes: list[str] = field(default_factory=list)
    """What is to be said of the file."""

    def __len__(self) -> int:
        return len(self.labels)

    def digest(self) -> str:
        """Return the sha256 of texts and labels: a frozen test set is known by it.

        Texts are redacted first: a digest stands in reports, and of a small file it would give a number away.
        """
        digest = hashlib.sha256()
        masked = {text: redact(text) for text in {*self.left, *self.right}}  # a ticket is in many pairs
        for left, right, label in zip(self.left, self.right, self.labels.tolist(), strict=True):
            digest.update(json.dumps([masked[left], masked[right], label]).encode())
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
            grades=None if self.grades is None else self.grades[rows],
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
    labels = read_labels(given, kin_from)
    of_both = _categories(given, "category")
    return TextPairs(
        left=[without_surrogates(text) for text in left],
        right=[without_surrogates(text) for text in right],
        labels=labels.kin,
        phases=_phases(given),
        left_categories=_of_side(_categories(given, "left_category") or of_both, 0),
        right_categories=_of_side(_categories(given, "right_category") or of_both, 1),
        kinds=labels.kinds,
        grades=labels.grades,
        notes=[*labels.notes, *_notes_on_unread(given)],
    )


def _notes_on_unread(given: PairColumns) -> list[str]:
    if not given.unread:
        return []
    names = sorted(given.unread)
    shown = ", ".join(name[:40] for name in names[:_MOST_NAMES])
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return [f"not read of {given.path.name}, being no text, label, phase or category: {shown}{more}"]


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
