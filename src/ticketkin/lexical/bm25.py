"""BM25F for a query that is itself a ticket.

Robertson, Zaragoza and Taylor, "Simple BM25 Extension to Multiple Weighted Fields" (2004): term counts
of all fields are added, each divided by its field's relative length and multiplied by its weight, and
saturate together. Both sides are tickets here, so both get the same weights and unit length: the
similarity is symmetric, lies in [0, 1], and a long ticket does not win by its length. On three trackers
that beats the one-sided BM25 sum over fields (docs/experiments.md).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_matrix, diags

from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.lexical.neighbours import paired_cosines
from ticketkin.lexical.words import count_terms

# Repeats matter more than in web search: a ticket that says a word five times is about it.
_K1 = 4.0
_B = 0.75


class LexicalRanker:
    """Ranks tickets by the cosine of their BM25F weights."""

    name = "lexical"

    def __init__(self, whole: csr_matrix, fields: Mapping[str, csr_matrix]) -> None:
        self._whole = whole
        self._transposed = csr_matrix(whole.T)
        self._fields = dict(fields)

    @classmethod
    def build(cls, fields: Mapping[str, Sequence[str]], weights: Mapping[str, float]) -> "LexicalRanker":
        """Index the texts of each field (all of length n_tickets)."""
        vocabulary: dict[str, int] = {}
        counts = {name: count_terms(texts, vocabulary) for name, texts in fields.items()}
        for matrix in counts.values():
            matrix.resize((matrix.shape[0], len(vocabulary)))
        relative = {name: _by_relative_length(matrix) for name, matrix in counts.items()}
        total = csr_matrix(sum(weights[name] * matrix for name, matrix in relative.items()))
        idf = _inverse_document_frequency(total)
        return cls(_weighted(total, idf), {name: _weighted(m, idf) for name, m in relative.items()})

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        """Return cosines in [0, 1], shape (len(queries), n_tickets), 0 where no word is shared."""
        found: FloatArray = (self._whole[queries] @ self._transposed).toarray()
        return found

    def field_similarities(self, queries: IntArray, candidates: IntArray) -> dict[str, FloatArray]:
        """Return each field's own cosine, shape of `candidates` (n_queries, k)."""
        left = np.repeat(queries, candidates.shape[1])
        right = candidates.ravel()
        return {
            name: paired_cosines(matrix, left, right).reshape(candidates.shape)
            for name, matrix in self._fields.items()
        }

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the cosine of each pair, shape of `left`."""
        return np.minimum(paired_cosines(self._whole, left, right), 1.0)


def _by_relative_length(counts: csr_matrix) -> csr_matrix:
    """Divide a field's term counts by its length relative to the mean, tempered by b."""
    lengths = np.asarray(counts.sum(axis=1), dtype=np.float32).ravel()
    mean_length = max(1.0, float(lengths.mean())) if len(lengths) else 1.0
    return csr_matrix(diags(1 / (1 - _B + _B * lengths / mean_length)) @ counts)


def _inverse_document_frequency(total: csr_matrix) -> FloatArray:
    n_tickets = total.shape[0]
    frequency = np.bincount(total.indices, minlength=total.shape[1])
    idf: FloatArray = np.log1p((n_tickets - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
    return idf


def _weighted(relative: csr_matrix, idf: FloatArray) -> csr_matrix:
    """Return saturated counts x idf as rows of unit length, float32; empty rows stay zero."""
    saturated = relative.astype(np.float32)
    saturated.data = saturated.data / (_K1 + saturated.data)
    weighted = csr_matrix(saturated @ diags(idf))
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return csr_matrix(diags(1 / np.maximum(length, 1e-9)) @ weighted).astype(np.float32)
