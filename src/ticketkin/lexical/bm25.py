"""BM25 over weighted fields, for a query that is itself a ticket.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). Each field
has its own length normalisation; the query's own term counts are damped, since a ticket used as a
query is long and repeats itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags

from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.lexical.words import count_terms

_K1 = 1.2
_B = 0.6


@dataclass(frozen=True)
class _Field:
    """One field: documents weighted by BM25, queries by damped counts; both over one vocabulary."""

    documents: csr_matrix
    queries: csr_matrix
    self_similarity: FloatArray
    weight: float


class LexicalRanker:
    """Ranks tickets by BM25, the sum over fields of weight x similarity."""

    def __init__(self, fields: Mapping[str, _Field], n_tickets: int) -> None:
        self._fields = dict(fields)
        self._n_tickets = n_tickets

    name = "lexical"

    @classmethod
    def build(cls, fields: Mapping[str, Sequence[str]], weights: Mapping[str, float]) -> "LexicalRanker":
        """Index the texts of each field (all of length n_tickets)."""
        built = {name: _build_field(texts, weights[name]) for name, texts in fields.items()}
        return cls(built, len(next(iter(fields.values()))))

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        """Return BM25 sums, shape (len(queries), n_tickets), 0 where no word is shared."""
        total = np.zeros((len(queries), self._n_tickets), dtype=np.float32)
        for field in self._fields.values():
            total += field.weight * (field.queries[queries] @ field.documents.T).toarray()
        return total

    def field_similarities(self, queries: IntArray, candidates: IntArray) -> dict[str, FloatArray]:
        """Return each field's symmetric similarity in [0, 1], shape of `candidates` (n_queries, k)."""
        left = np.repeat(queries, candidates.shape[1])
        right = candidates.ravel()
        return {
            name: _symmetric(field, left, right).reshape(candidates.shape)
            for name, field in self._fields.items()
        }

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the symmetric similarity in [0, 1] of each pair, fields averaged by weight."""
        total = np.zeros(len(left), dtype=np.float32)
        for field in self._fields.values():
            total += field.weight * _symmetric(field, left, right)
        similarity: FloatArray = total / sum(field.weight for field in self._fields.values())
        return similarity


def _build_field(texts: Sequence[str], weight: float) -> _Field:
    counts = count_terms(texts, {})
    n_texts = counts.shape[0]
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    mean_length = max(1.0, float(lengths.mean())) if n_texts else 1.0
    document_frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log1p((n_texts - document_frequency + 0.5) / (document_frequency + 0.5)).astype(np.float32)
    norm = (_K1 * (1 - _B + _B * lengths / mean_length)).astype(np.float32)
    documents = counts.copy()
    per_entry = np.repeat(norm, np.diff(counts.indptr))
    documents.data = counts.data * (_K1 + 1) / (counts.data + per_entry)
    queries = counts.copy()
    queries.data = np.log1p(counts.data)
    queries = csr_matrix(queries @ diags(idf))
    own = np.asarray(queries.multiply(documents).sum(axis=1)).ravel().astype(np.float32)
    return _Field(documents, queries, own, weight)


def _symmetric(field: _Field, left: IntArray, right: IntArray) -> FloatArray:
    """Return the mean of both directions over the geometric mean of what each has with itself."""
    both = np.zeros(len(left), dtype=np.float32)
    for block in range(0, len(left), 50_000):
        part = slice(block, block + 50_000)
        a, b = left[part], right[part]
        both[part] = np.asarray(field.queries[a].multiply(field.documents[b]).sum(axis=1)).ravel()
        both[part] += np.asarray(field.queries[b].multiply(field.documents[a]).sum(axis=1)).ravel()
    own = np.sqrt(field.self_similarity[left] * field.self_similarity[right])
    similarity: FloatArray = np.clip(both / 2 / np.maximum(own, 1e-6), 0.0, 1.0).astype(np.float32)
    return similarity
