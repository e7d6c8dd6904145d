"""Comparison of the two tickets of a pair, as columns of features."""

import numpy as np

from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.lexical.neighbours import paired_cosines
from ticketkin.ranking.crowd import NO_TIME
from ticketkin.relations.pair_tickets import PairTickets

_FAR_DAYS = 10_000.0
_MICROSECONDS_A_DAY = 86_400_000_000


def similarities(earlier: PairTickets, later: PairTickets) -> FloatArray:
    """Return how alike texts and titles are, and the lengths of the descriptions, shape (n, 5)."""
    rows = np.arange(len(earlier))
    columns = [
        np.einsum("ij,ij->i", earlier.embeddings, later.embeddings),
        paired_cosines(earlier.words, rows, rows, later.words),
        paired_cosines(earlier.characters, rows, rows, later.characters),
        later.lengths - earlier.lengths,
        np.minimum(earlier.lengths, later.lengths),
    ]
    return np.stack(columns, axis=1)


def field_features(earlier: PairTickets, later: PairTickets) -> FloatArray:
    """Return which fields agree, which disagree, what subcategories share, and who names whom."""
    both = (earlier.values != 0) & (later.values != 0)
    same = earlier.values == later.values
    shared = [len(a & b) / max(1, len(a | b)) for a, b in zip(earlier.parts, later.parts, strict=True)]
    naming = np.stack([shared, _names_other(earlier, later), _names_other(later, earlier)], axis=1)
    columns: FloatArray = np.concatenate([both & same, both & ~same, naming], axis=1, dtype=np.float32)
    return columns


def _names_other(one: PairTickets, other: PairTickets) -> list[bool]:
    """Return whether the text of `one` names `other` by its id or number."""
    return [
        any(name in text for name in names) for text, names in zip(one.statements, other.names, strict=True)
    ]


def time_features(earlier: IntArray, later: IntArray) -> FloatArray:
    """Return how far apart the two opened; a time that is not known counts as far."""
    known = (earlier != NO_TIME) & (later != NO_TIME)
    apart = np.abs(np.where(known, later, 0) - np.where(known, earlier, 0)) / _MICROSECONDS_A_DAY
    days = np.where(known, np.minimum(apart, _FAR_DAYS), _FAR_DAYS)
    return np.stack([np.log1p(days), days < 1 / 24, days < 1], axis=1).astype(np.float32)
