"""TF-IDF neighbours of all tickets at once, exact, without an n x n matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.tables import FloatArray, IntArray

_BLOCK_ROWS = 5_000
# Keeps memory and time near-linear on 200,000 templated tickets; rarer words carry the kinship.
_MAX_TERMS = 200_000


@dataclass(frozen=True)
class Neighbours:
    """The k nearest of each ticket, most similar first."""

    indices: IntArray
    """Ticket rows, shape (n, k), -1 where there are fewer."""
    similarities: FloatArray
    """Cosines, shape (n, k), 0 beside -1."""


def tfidf_matrix(texts: Sequence[str], analyzer: Literal["word", "characters"] = "word") -> csr_matrix:
    """Return unit-length TF-IDF rows, shape (n_texts, n_terms), float32.

    `analyzer` is 'word' (stems and identifiers) or 'characters' (3- to 5-grams within words).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    from ticketkin.lexical.words import make_tokenizer

    shared = {"sublinear_tf": True, "dtype": np.float32, "max_features": _MAX_TERMS}
    if analyzer == "characters":
        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2, **shared)
    else:
        vectorizer = TfidfVectorizer(analyzer=make_tokenizer(), **shared)
    try:
        return csr_matrix(vectorizer.fit_transform(texts))
    except ValueError:
        # No term at all, as in a file of empty texts: nothing is similar to anything.
        return csr_matrix((len(texts), 1), dtype=np.float32)


def tfidf_neighbours(texts: Sequence[str], k: int, progress: Progress = SILENT) -> Neighbours:
    """Return the `k` nearest other tickets of each by TF-IDF cosine; a ticket is not its own neighbour."""
    from sparse_dot_topn import sp_matmul_topn

    matrix = tfidf_matrix(texts)
    n_texts = matrix.shape[0]
    transposed = csr_matrix(matrix.T)
    indices = np.full((n_texts, k), -1, dtype=np.int64)
    similarities = np.zeros((n_texts, k), dtype=np.float32)
    blocks = range(0, n_texts, _BLOCK_ROWS)
    for start in track(blocks, progress, "lexical neighbours", len(blocks)):
        stop = min(start + _BLOCK_ROWS, n_texts)
        best = sp_matmul_topn(matrix[start:stop], transposed, top_n=k + 1, sort=True)
        for row in range(stop - start):
            part = slice(best.indptr[row], best.indptr[row + 1])
            others = best.indices[part] != start + row
            found = best.indices[part][others][:k]
            indices[start + row, : len(found)] = found
            similarities[start + row, : len(found)] = best.data[part][others][:k]
    return Neighbours(indices, similarities)


def tfidf_pair_similarities(texts: Sequence[str], left: IntArray, right: IntArray) -> FloatArray:
    """Return the TF-IDF cosine of each pair, shape (n_pairs,)."""
    return paired_cosines(tfidf_matrix(texts), left, right)


def paired_cosines(matrix: csr_matrix, left: IntArray, right: IntArray) -> FloatArray:
    """Return the dot product of each pair of rows of a sparse matrix, shape (n_pairs,)."""
    result = np.zeros(len(left), dtype=np.float32)
    for start in range(0, len(left), 50_000):
        part = slice(start, start + 50_000)
        result[part] = np.asarray(matrix[left[part]].multiply(matrix[right[part]]).sum(axis=1)).ravel()
    return result
