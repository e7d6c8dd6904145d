"""BM25F for a query that is itself a ticket.

Robertson, Zaragoza and Taylor, "Simple BM25 Extension to Multiple Weighted Fields" (2004): term counts
of all fields are added, each divided by its field's relative length and multiplied by its weight, and
saturate together. Both sides are tickets here, so both get the same weights and unit length: the
similarity is symmetric, lies in [0, 1], and a long ticket does not win by its length. On three trackers
that beats the one-sided BM25 sum over fields (docs/experiments.md).

Document frequencies and mean lengths are fitted once, and then frozen: what a ticket weighs does not
change with the tickets that come later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, vstack

from ticketkin.core.arrays import AnyArray, load_arrays, save_arrays
from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.lexical.neighbours import paired_cosines
from ticketkin.lexical.sparse_rows import row_sums, take_rows, with_weights
from ticketkin.lexical.vocabulary import MOST_TERMS, Vocabulary
from ticketkin.lexical.words import count_terms, tokenize

# Repeats matter more than in web search: a ticket that says a word five times is about it.
_K1 = 4.0
_B = 0.75
_ARRAYS = "lexical.safetensors"


@dataclass(frozen=True)
class FieldRows:
    """Tickets as BM25F weights, each matrix of shape (n_tickets, n_columns), rows of unit length, float32."""

    whole: csr_matrix
    """All fields together."""
    fields: Mapping[str, csr_matrix]
    """Each field alone."""

    def take(self, rows: IntArray) -> "FieldRows":
        """Return some of the tickets."""
        fields = {name: take_rows(matrix, rows) for name, matrix in self.fields.items()}
        return FieldRows(take_rows(self.whole, rows), fields)

    def append(self, other: "FieldRows") -> "FieldRows":
        """Return these tickets and then those of `other`."""
        fields = {name: _stacked(matrix, other.fields[name]) for name, matrix in self.fields.items()}
        return FieldRows(_stacked(self.whole, other.whole), fields)


@dataclass(frozen=True)
class FieldStatistics:
    """What BM25F knows of a corpus: document frequencies and mean field lengths, frozen."""

    vocabulary: Vocabulary
    idf: FloatArray
    """Of each term of the vocabulary, shape (n_terms,)."""
    unseen_idf: float
    """Of a term that no ticket of the corpus held."""
    mean_lengths: Mapping[str, float]
    """Terms in a field, in its mean, at least 1."""
    weights: Mapping[str, float]

    @classmethod
    def fit(cls, fields: Mapping[str, Sequence[str]], weights: Mapping[str, float]) -> "FieldStatistics":
        """Count the texts of each field, all of length n_tickets. Their order does not matter."""
        columns: dict[str, int] = {}
        counts = {name: count_terms(fields[name], columns) for name in weights}
        for matrix in counts.values():
            matrix.resize((matrix.shape[0], len(columns)))
        total = csr_matrix(sum(counts.values()))
        frequency = np.bincount(total.indices, minlength=len(columns))
        terms = np.array(list(columns), dtype=object)
        # The most frequent; the name decides between two alike.
        kept = sorted(range(len(terms)), key=lambda column: (-frequency[column], terms[column]))[:MOST_TERMS]
        vocabulary = Vocabulary.of(terms[kept].tolist(), counts_unseen=True)
        by_column = np.zeros(len(vocabulary.keys), dtype=np.int64)
        np.maximum.at(by_column, vocabulary.columns(terms[kept].tolist()), frequency[kept])
        n_tickets = total.shape[0]
        lengths = {name: float(matrix.sum()) / max(1, n_tickets) for name, matrix in counts.items()}
        return cls(
            vocabulary,
            _idf(n_tickets, by_column),
            float(_idf(n_tickets, np.zeros(1, dtype=np.int64))[0]),
            {name: max(1.0, length) for name, length in lengths.items()},
            dict(weights),
        )

    def rows(self, fields: Mapping[str, Sequence[str]]) -> FieldRows:
        """Return the weights of tickets, fitted on or not; `fields` holds the texts of every field."""
        relative = {
            name: _by_relative_length(self.vocabulary.count(fields[name], tokenize), length)
            for name, length in self.mean_lengths.items()
        }
        total = csr_matrix(sum(self.weights[name] * matrix for name, matrix in relative.items()))
        return FieldRows(
            self._weighted(total), {name: self._weighted(matrix) for name, matrix in relative.items()}
        )

    def same_as(self, other: "FieldStatistics") -> bool:
        """Return whether `rows` of both are the same of any texts."""
        return (
            self.unseen_idf == other.unseen_idf
            and self.mean_lengths == other.mean_lengths
            and self.weights == other.weights
            and np.array_equal(self.vocabulary.keys, other.vocabulary.keys)
            and np.array_equal(self.idf, other.idf)
        )

    def _weighted(self, relative: csr_matrix) -> csr_matrix:
        """Return saturated counts x idf as rows of unit length, float32; empty rows stay zero."""
        counts = relative.data.astype(np.float32, copy=False)
        idf = np.full(len(counts), self.unseen_idf, dtype=np.float32)
        seen = relative.indices < len(self.idf)
        idf[seen] = self.idf[relative.indices[seen]]
        return of_unit_length(with_weights(relative, counts / (_K1 + counts) * idf))

    def save(self, folder: Path) -> None:
        """Write plain arrays into `folder`; they hold no word of any ticket."""
        arrays: dict[str, AnyArray] = {
            "keys": self.vocabulary.keys,
            "idf": self.idf,
            "unseen_idf": np.array([self.unseen_idf]),
        }
        for name, length in self.mean_lengths.items():
            arrays |= {f"{name}_length": np.array([length]), f"{name}_weight": np.array([self.weights[name]])}
        save_arrays(folder / _ARRAYS, arrays)

    @classmethod
    def load(cls, folder: Path, fields: Iterable[str], remedy: str) -> "FieldStatistics":
        """Return the statistics of `fields` saved in `folder`.

        Raises UnreadableFileError with `remedy` where they are missing, damaged or of other fields.
        """
        arrays = load_arrays(folder / _ARRAYS, remedy)
        vocabulary = Vocabulary.from_arrays(arrays, "keys", counts_unseen=True)
        lengths = {name: float(arrays.get(f"{name}_length", np.float64, (1,))[0]) for name in fields}
        weights = {name: float(arrays.get(f"{name}_weight", np.float64, (1,))[0]) for name in lengths}
        if min(lengths.values()) < 1 or min(weights.values()) < 0:
            raise arrays.damaged("a mean length lies below 1 or a weight below 0")
        return cls(
            vocabulary,
            arrays.get("idf", np.float32, (len(vocabulary.keys),)),
            float(arrays.get("unseen_idf", np.float64, (1,))[0]),
            lengths,
            weights,
        )


class LexicalRanker:
    """Ranks tickets by the cosine of their BM25F weights."""

    name = "lexical"

    def __init__(self, statistics: FieldStatistics, rows: FieldRows) -> None:
        """`rows` were made by `statistics`."""
        self.statistics = statistics
        self.rows = rows
        self._transposed = csr_matrix(rows.whole.T)

    @classmethod
    def build(cls, fields: Mapping[str, Sequence[str]], weights: Mapping[str, float]) -> "LexicalRanker":
        """Index the texts of each field (all of length n_tickets) with their own statistics."""
        statistics = FieldStatistics.fit(fields, weights)
        return cls(statistics, statistics.rows(fields))

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        """Return cosines in [0, 1], shape (len(queries), n_tickets), 0 where no word is shared."""
        cosines: FloatArray = (self.rows.whole[queries] @ self._transposed).toarray()
        return cosines

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the cosine of each pair, shape of `left`."""
        return np.minimum(paired_cosines(self.rows.whole, left, right), 1.0)


def of_unit_length(matrix: csr_matrix) -> csr_matrix:
    """Return the rows at unit length, float32; empty rows stay zero."""
    length = np.sqrt(row_sums(matrix, matrix.data * matrix.data))
    return _scaled(matrix, 1 / np.maximum(length, 1e-9))


def _scaled(matrix: csr_matrix, factors: AnyArray) -> csr_matrix:
    """Return the rows times their factors.

    Their columns stay in order, as they do not in a product with a diagonal matrix: what reads rows out of
    order takes memory and time for all columns.
    """
    weights = matrix.data * np.repeat(factors, np.diff(matrix.indptr))
    return with_weights(matrix, weights.astype(np.float32, copy=False))


def _stacked(upper: csr_matrix, lower: csr_matrix) -> csr_matrix:
    return csr_matrix(vstack([upper, lower], format="csr"))


def _by_relative_length(counts: csr_matrix, mean_length: float) -> csr_matrix:
    """Divide a field's term counts by its length relative to the mean, tempered by b."""
    lengths = row_sums(counts, counts.data)
    return _scaled(counts, 1 / (1 - _B + _B * lengths / mean_length))


def _idf(n_tickets: int, frequency: IntArray) -> FloatArray:
    idf: FloatArray = np.log1p((n_tickets - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
    return idf
