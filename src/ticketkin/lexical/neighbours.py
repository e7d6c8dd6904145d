"""TF-IDF neighbours of all tickets at once, without an n x n matrix."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.tables import BoolArray, FloatArray, IntArray
from ticketkin.lexical.sparse_rows import products_with_row, take_rows
from ticketkin.lexical.vocabulary import MOST_TERMS
from ticketkin.lexical.words import character_ngrams, tokenize

_BLOCK_ROWS = 5_000
# benchmarks/speed.py measures what this many find of the exact neighbours.
_CHAMPIONS = 2_000
# Entries of champion lists that a query may read, its heaviest terms first. The limit keeps the cost of a
# query constant for any number of tickets, since the lists are longer on a large file.
_ENTRIES_PER_QUERY = 16_000
_CANDIDATES_PER_NEIGHBOUR = 4
_PAIRS_A_BLOCK = 50_000
# Pairs that share their left row, so many in the mean, are compared row by row.
_FEWEST_PARTNERS = 16
Analyzer = Literal["word", "characters"]


@dataclass(frozen=True)
class Neighbours:
    """The k nearest of each ticket, most similar first."""

    indices: IntArray
    """Ticket rows, shape (n, k), -1 where there are fewer."""
    similarities: FloatArray
    """Cosines, shape (n, k), 0 beside -1."""


def make_vectorizer(analyzer: Analyzer) -> Any:
    """Return an unfitted TfidfVectorizer over stems and identifiers, or over 3- to 5-grams within words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    shared = {"sublinear_tf": True, "dtype": np.float32, "max_features": MOST_TERMS}
    if analyzer == "characters":
        return TfidfVectorizer(analyzer=make_analyzer(analyzer), min_df=2, **shared)
    return TfidfVectorizer(analyzer=make_analyzer(analyzer), **shared)


def make_analyzer(analyzer: Analyzer) -> Callable[[str], list[str]]:
    """Return a function from a text to its terms, in order."""
    return character_ngrams if analyzer == "characters" else tokenize


def tfidf_matrix(texts: Sequence[str], analyzer: Analyzer = "word") -> csr_matrix:
    """Return unit-length TF-IDF rows, shape (n_texts, n_terms), float32.

    `analyzer` is 'word' (stems and identifiers) or 'characters' (3- to 5-grams within words).
    """
    return tfidf_terms(texts, analyzer)[0]


def tfidf_terms(texts: Sequence[str], analyzer: Analyzer = "word") -> tuple[csr_matrix, list[str]]:
    """Return the rows of `tfidf_matrix` and the term of each column."""
    vectorizer = make_vectorizer(analyzer)
    try:
        matrix = csr_matrix(vectorizer.fit_transform(texts))
    except ValueError:
        # No term at all, as in a file of empty texts: nothing is similar to anything.
        return csr_matrix((len(texts), 1), dtype=np.float32), [""]
    return matrix, vectorizer.get_feature_names_out().tolist()


def tfidf_neighbours(
    matrix: csr_matrix, k: int, progress: Progress = SILENT, queries: IntArray | None = None
) -> Neighbours:
    """Return the `k` nearest other rows of each query row by cosine; a row is not its own neighbour.

    `matrix` holds unit-length rows as `tfidf_matrix` makes them, `queries` the rows asked about, all
    by default; results are in their order. Exact where no term stands in more than 2,000 rows.
    Beyond that, candidates come from champion lists, each term's 2,000 heaviest rows, of the query's
    heaviest terms, 16,000 entries of them in all (Manning et al., "Introduction to Information
    Retrieval", 2008, sections 7.1.2 and 7.1.3), and are ranked by the exact cosine: time grows with the
    queries, not with queries x rows.
    """
    from sparse_dot_topn import sp_matmul_topn

    asked = np.arange(matrix.shape[0]) if queries is None else queries
    champions, pruned = _heaviest(csr_matrix(matrix.T), _CHAMPIONS)
    lengths = np.diff(champions.indptr)
    depth = (k + 1) * (_CANDIDATES_PER_NEIGHBOUR if pruned else 1)
    indices = np.full((len(asked), k), -1, dtype=np.int64)
    similarities = np.zeros((len(asked), k), dtype=np.float32)
    blocks = range(0, len(asked), _BLOCK_ROWS)
    for start in track(blocks, progress, "lexical neighbours", len(blocks)):
        rows = asked[start : start + _BLOCK_ROWS]
        asked_for = _affordable(matrix[rows], lengths) if pruned else matrix[rows]
        best = sp_matmul_topn(asked_for, champions, top_n=depth, sort=True)
        place = np.repeat(np.arange(len(rows)), np.diff(best.indptr))
        other = best.indices.astype(np.int64)
        cosine = paired_cosines(matrix, rows[place], other) if pruned else best.data
        keep = (other != rows[place]) & (cosine > 0)
        place, other, cosine = place[keep], other[keep], cosine[keep]
        order = np.lexsort((-cosine, place))
        place, other, cosine = place[order], other[order], cosine[order]
        column = np.arange(len(place)) - np.searchsorted(place, place)
        kept = column < k
        indices[start + place[kept], column[kept]] = other[kept]
        similarities[start + place[kept], column[kept]] = cosine[kept]
    return Neighbours(indices, similarities)


def _affordable(queries: csr_matrix, lengths: IntArray) -> csr_matrix:
    """Return each query's heaviest terms whose champion lists, of `lengths`, are within its budget."""
    row = np.repeat(np.arange(queries.shape[0]), np.diff(queries.indptr))
    order = np.lexsort((-queries.data, row))
    read = np.concatenate([[0], np.cumsum(lengths[queries.indices[order]])])
    kept = np.zeros(queries.nnz, dtype=np.bool_)
    kept[order[read[1:] - read[queries.indptr[row]] <= _ENTRIES_PER_QUERY]] = True
    return _entries(queries, kept)


def _heaviest(matrix: csr_matrix, most: int) -> tuple[csr_matrix, bool]:
    """Return the `most` heaviest entries of each row, in their columns' order, and whether any was cut."""
    lengths = np.diff(matrix.indptr)
    if not len(lengths) or lengths.max() <= most:
        return matrix, False
    kept = np.ones(matrix.nnz, dtype=np.bool_)
    for row in np.flatnonzero(lengths > most):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        kept[start + np.argpartition(-matrix.data[start:end], most)[most:]] = False
    return _entries(matrix, kept), True


def _entries(matrix: csr_matrix, kept: BoolArray) -> csr_matrix:
    """Return `matrix` with some of its entries alone."""
    starts = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return csr_matrix((matrix.data[kept], matrix.indices[kept], starts), shape=matrix.shape)


def paired_cosines(
    matrix: csr_matrix, left: IntArray, right: IntArray, other: csr_matrix | None = None
) -> FloatArray:
    """Return the dot product of each pair of rows of a sparse matrix, shape (n_pairs,).

    Rows of `right` are those of `other` where it is given, which has the same columns.
    """
    partner = matrix if other is None else other
    result = np.zeros(len(left), dtype=np.float32)
    firsts = np.flatnonzero(np.r_[True, left[1:] != left[:-1]]) if len(left) else left
    if len(left) and len(firsts) * _FEWEST_PARTNERS <= len(left) and matrix.has_canonical_format:
        # The typical case is a query with its candidates: the shared left row is read once.
        for start, end in zip(firsts, [*firsts[1:], len(left)], strict=True):
            partners = take_rows(partner, right[start:end])
            result[start:end] = products_with_row(matrix, int(left[start]), partners)
        return result
    ones = np.ones(matrix.shape[1], dtype=np.float32)
    for start in range(0, len(left), _PAIRS_A_BLOCK):
        part = slice(start, start + _PAIRS_A_BLOCK)
        # Terms are added one after another, as they are above: their own `sum` adds up halves of halves.
        result[part] = matrix[left[part]].multiply(partner[right[part]]) @ ones
    return result
