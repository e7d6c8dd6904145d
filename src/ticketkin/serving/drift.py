"""Whether tickets still are as they were when a model was made: their words, lengths, fields and scores.

A bundle keeps counts of the newest tickets of its run, `drift.json`: no text, and of field values hashes
alone. The same counts of tickets that came later are compared with them by the population stability index.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ticketkin.core.artifacts import write_json
from ticketkin.core.records import read_record
from ticketkin.core.tables import Float64Array, FloatArray, IntArray, Tickets
from ticketkin.evaluation.stability import Stability, cell_counts, stability, tenths
from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.lexical.vocabulary import stable_hash
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.retriever import Retrieving
from ticketkin.ranking.single_source import Scorer
from ticketkin.serving.manifest import COPY_AGAIN

DRIFT = "drift.json"
MOST_COMPARED = 5_000
"""Newest tickets of a run that are kept as counts."""
MOST_SCORED = 200
"""Of them, those whose nearest ticket is scored."""
FEWEST_COMPARED = 50
"""Fewer tickets say nothing of a distribution."""
LIKELY_KIN = 0.5
"""Probability from which on a nearest ticket counts as likely kin."""
COMPARED_FIELDS = ("category", "subcategory", "service", "configuration_item", "assignment_group", "priority")
_MOST_FREQUENT = 12
_BLOCK_QUERIES = 16
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class NumberCounts:
    """Counts of a number of each ticket."""

    edges: list[float]
    """Ascending; a value on an edge belongs to the cell below it."""
    counts: list[Count]
    mean: float
    median: float

    @classmethod
    def of(cls, values: Float64Array, edges: Sequence[float] | None = None) -> "NumberCounts":
        """Count values between edges, by default those that cut them into tenths."""
        cuts = list(tenths(values) if edges is None else edges)
        return cls(cuts, cell_counts(values, cuts), float(values.mean()), float(np.median(values)))


@dataclass(frozen=True)
class ValueCounts:
    """Counts of the values of a field."""

    known: list[int]
    """Hashes of the values that at least two tickets have, the most frequent first."""
    counts: list[Count]
    """Counts: each of the most frequent values, then all other known values, unknown values, no value."""

    @classmethod
    def of(cls, values: Sequence[str]) -> "ValueCounts":
        """Count the values of the tickets of a run."""
        by_size = Counter(value for value in values if value).most_common()
        known = [stable_hash(value) for value, n_tickets in by_size if n_tickets > 1]
        return cls(known, _counted(values, known))

    @property
    def unknown_share(self) -> float:
        """Share of the tickets whose value no other ticket of the run has."""
        return self.counts[-2] / max(1, sum(self.counts))

    def counted(self, values: Sequence[str]) -> "ValueCounts":
        """Count the values of other tickets in the same cells."""
        return ValueCounts(self.known, _counted(values, self.known))


@dataclass(frozen=True)
class DriftReference:
    """What the newest tickets of a run were like."""

    n_tickets: Annotated[int, Field(ge=1)]
    rare_words: NumberCounts
    """Share of a ticket's distinct words that occur in at most one of the tickets learned from."""
    length: NumberCounts
    """Characters of the text."""
    fields: dict[str, ValueCounts]
    best_score: NumberCounts | None
    """Of the nearest ticket; None where it was not scored, as for a ranking that reads pairs."""
    likely_kin: NumberCounts | None
    """1 where the nearest ticket is likely kin, else 0; None where scores are no probabilities."""


@dataclass(frozen=True)
class Shift:
    """One quantity, before and now."""

    quantity: str
    """words, length, nearest, likely_kin, or the name of a field."""
    before: float
    """Words: mean share of rare ones; length: median characters; a field: share of tickets with a value that
    no other ticket had; nearest: median score; likely_kin: share of tickets that have one.
    """
    now: float
    stability: Stability
    examples: tuple[str, ...] = ()
    """Of a field, values that are new, or more frequent than before, the most frequent first."""


def write_drift_reference(folder: Path, reference: DriftReference) -> None:
    """Write drift.json into the folder of a bundle."""
    write_json(folder / DRIFT, asdict(reference))


def read_drift_reference(folder: Path) -> DriftReference | None:
    """Return the counts in a bundle; None where an earlier release made it, which kept none.

    Raises UnreadableFileError where they are damaged.
    """
    path = folder / DRIFT
    return read_record(path, DriftReference, COPY_AGAIN) if path.exists() else None


def drift_reference(
    tickets: Tickets,
    texts: Sequence[str],
    words: TermStatistics,
    best_scores: Float64Array | None,
    *,
    are_probabilities: bool,
) -> DriftReference:
    """Count what tickets of a run are like.

    `words` are the statistics of the tickets that were learned from, `best_scores` (n_scored,) those of the
    nearest ticket of some of them.
    """
    frame = tickets.frame
    fields = {name: frame[name].to_list() for name in COMPARED_FIELDS if frame[name].n_unique() > 1}
    is_scored = best_scores is not None and len(best_scores) >= FEWEST_COMPARED
    scores = best_scores if is_scored else None
    return DriftReference(
        n_tickets=len(tickets),
        rare_words=NumberCounts.of(rare_word_shares(texts, words)),
        length=NumberCounts.of(_lengths(texts)),
        fields={name: ValueCounts.of(values) for name, values in fields.items()},
        best_score=None if scores is None else NumberCounts.of(scores),
        likely_kin=None if scores is None or not are_probabilities else _likely(scores),
    )


def shifts(
    reference: DriftReference,
    tickets: Tickets,
    texts: Sequence[str],
    words: TermStatistics,
    best_scores: Float64Array,
) -> list[Shift]:
    """Compare tickets that came later, the quantities in the order of `DriftReference`.

    `best_scores` (n_scored,) are those of the nearest ticket of some of them.
    """
    compared = [
        _number_shift("words", reference.rare_words, rare_word_shares(texts, words), of_means=True),
        _number_shift("length", reference.length, _lengths(texts)),
        *(_field_shift(name, before, tickets) for name, before in reference.fields.items()),
    ]
    if reference.best_score is not None and len(best_scores) >= FEWEST_COMPARED:
        compared.append(_number_shift("nearest", reference.best_score, best_scores))
        if reference.likely_kin is not None:
            now = _likely(best_scores)
            moved = stability(reference.likely_kin.counts, now.counts)
            compared.append(Shift("likely_kin", reference.likely_kin.mean, now.mean, moved))
    return compared


def rare_word_shares(texts: Sequence[str], words: TermStatistics) -> Float64Array:
    """Return the share of each text's different words that at most one text learned from holds, (n_texts,).

    So a text that was learned from is measured like a new one, since the one text may be itself. The share of
    a text without words is 0.
    """
    rows = words.rows(texts)
    # log(1 + n) + 1 of no text, log((1 + n) / 2) + 1 of one, log((1 + n) / 3) + 1 of two; the middle is safe.
    is_rare_term = words.idf > words.unseen_idf - (np.log(2.0) + np.log(3.0)) / 2
    is_rare = np.ones(rows.nnz, dtype=np.bool_)
    has_column = rows.indices < len(words.idf)
    is_rare[has_column] = is_rare_term[rows.indices[has_column]]
    n_before = np.concatenate([[0], np.cumsum(is_rare)])
    n_rare = n_before[rows.indptr[1:]] - n_before[rows.indptr[:-1]]
    shares: Float64Array = n_rare / np.maximum(1, np.diff(rows.indptr))
    return shares


def best_scores(scorer: Scorer, retriever: Retrieving, given: EmbeddedTickets) -> Float64Array:
    """Return the score of the nearest ticket of each one that has any, in the order of `given`."""
    best: list[float] = []
    for start in range(0, len(given.tickets), _BLOCK_QUERIES):
        rows = np.arange(start, min(start + _BLOCK_QUERIES, len(given.tickets)))
        queries = scorer.describe(given.take(rows))
        candidates = scorer.candidates(retriever, queries)
        best.extend(_best_of(scorer.score(queries, candidates), candidates.rows))
    return np.array(best, dtype=np.float64)


def _best_of(scores: FloatArray, rows: IntArray) -> list[float]:
    hidden = np.where(rows >= 0, scores, -np.inf)
    best = hidden.max(axis=1, initial=-np.inf)
    known: list[float] = best[np.isfinite(best)].tolist()
    return known


def _counted(values: Sequence[str], known: Sequence[int]) -> list[int]:
    place = {value: n for n, value in enumerate(known[:_MOST_FREQUENT])}
    n_single = len(place)
    others = set(known[_MOST_FREQUENT:])
    counts = [0] * (n_single + 3)
    for value, n_tickets in Counter(values).items():
        hashed = stable_hash(value)
        other = n_single if hashed in others else n_single + 1
        counts[place.get(hashed, other) if value else n_single + 2] += n_tickets
    return counts


def _lengths(texts: Sequence[str]) -> Float64Array:
    return np.array([len(text) for text in texts], dtype=np.float64)


def _likely(scores: Float64Array) -> NumberCounts:
    return NumberCounts.of((scores >= LIKELY_KIN).astype(np.float64), [0.5])


def _number_shift(name: str, before: NumberCounts, values: Float64Array, *, of_means: bool = False) -> Shift:
    now = NumberCounts.of(values, before.edges)
    moved = stability(before.counts, now.counts)
    if of_means:
        return Shift(name, before.mean, now.mean, moved)
    return Shift(name, before.median, now.median, moved)


def _field_shift(name: str, before: ValueCounts, tickets: Tickets) -> Shift:
    values = tickets.frame[name].to_list()
    now = before.counted(values)
    shift = stability(before.counts, now.counts)
    examples = _more_frequent(before, values) if shift.has_shifted else ()
    return Shift(name, before.unknown_share, now.unknown_share, shift, examples)


def _more_frequent(before: ValueCounts, values: Sequence[str]) -> tuple[str, ...]:
    """Return up to three values whose share has grown most."""
    n_before, n_now = max(1, sum(before.counts)), max(1, len(values))
    earlier: Mapping[int, int] = dict(zip(before.known[:_MOST_FREQUENT], before.counts, strict=False))
    grown = {
        value: n_tickets / n_now - earlier.get(stable_hash(value), 0) / n_before
        for value, n_tickets in Counter(value for value in values if value).items()
    }
    first = sorted(grown, key=lambda value: -grown[value])[:3]
    return tuple(value for value in first if grown[value] > 0)
