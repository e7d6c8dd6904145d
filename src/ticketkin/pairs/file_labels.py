"""Labels of pairs in files: 0 and 1, kinds of kin, or grades."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from reprlib import Repr
from typing import Any

import numpy as np

from ticketkin.core.errors import InputError
from ticketkin.core.tables import FloatArray, IntArray, Kind
from ticketkin.pairs.shapes import PairColumns, raise_for

_NOT_KIN = "none"
_KINDS = (*(kind.value for kind in Kind), _NOT_KIN)
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?")
_HIGHEST_GRADE = 100
# Values are shown shortened: they may be long, or nested deeper than can be printed.
_short = Repr()
_short.maxstring = _short.maxother = 60


@dataclass(frozen=True)
class FileLabels:
    """What a file states of its pairs."""

    kin: IntArray
    """1 kin of any kind, 0 not kin."""
    kinds: list[str] | None = None
    """duplicate, related, causal or none, where the file names kinds."""
    grades: FloatArray | None = None
    """As the file has them, where its labels are grades."""
    notes: Sequence[str] = ()
    """What is to be said of them."""


def read_labels(given: PairColumns, kin_from: float | None) -> FileLabels:
    """Return the labels of a file; `kin_from` is the grade from which a pair is kin.

    Raises InputError naming the pairs whose label is none, or where grades part nothing.
    """
    labels = [_label(label) for label in given.columns.get("label", [])]
    if "relationship" in given.columns:
        kinds = [_label(word) for word in given.columns["relationship"]]
        _check_labels(given, "relationship", kinds, _KINDS)
        if labels:
            _check_agreement(given, labels, kinds)
        return FileLabels(_as_array(kinds), kinds)
    named = any(isinstance(label, str) for label in labels)
    if not named and kin_from is not None and not _are_plain(labels, kin_from):
        return _graded(given, labels, kin_from)
    _check_labels(given, "label", labels, _KINDS if named else (0, 1))
    return FileLabels(_as_array(labels), labels if named else None)


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


def _graded(given: PairColumns, grades: Sequence[Any], kin_from: float) -> FileLabels:
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
    values = np.array(grades, dtype=np.float64)
    labels = (values >= kin_from).astype(np.int64)
    scale = f"grades from {min(grades):g} to {max(grades):g}"
    if labels.all() or not labels.any():
        side = "every pair is" if labels.all() else "no pair is"
        raise InputError(f"{given.path}: {side} kin with pairs.kin_from={kin_from:g}; it holds {scale}")
    n_kin = int(labels.sum())
    note = f"{scale} are read as kin from {kin_from:g} on: {n_kin:,} kin, {len(labels) - n_kin:,} not kin"
    return FileLabels(labels, None, values.astype(np.float32), [f"{given.path.name}: {note}"])
