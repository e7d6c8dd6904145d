"""Rows of sparse matrices without the checks of scipy, which cost more than the work on a ticket or two."""

import copy

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.arrays import AnyArray
from ticketkin.core.tables import FloatArray, IntArray

# Copied, as making one costs more than filling it.
_EMPTY = csr_matrix((1, 1), dtype=np.float32)


def sparse_rows(weights: AnyArray, columns: AnyArray, starts: AnyArray, n_columns: int) -> csr_matrix:
    """Return the matrix of arrays that are known to fit, shape (len(starts) - 1, n_columns).

    Columns ascend within a row, each at most once.
    """
    matrix: csr_matrix = copy.copy(_EMPTY)
    matrix.resize(len(starts) - 1, n_columns)
    matrix.data, matrix.indices, matrix.indptr = weights, columns, starts
    matrix.has_canonical_format = True
    return matrix


def with_weights(matrix: csr_matrix, weights: AnyArray) -> csr_matrix:
    """Return a matrix with the same entries and other weights, shape of `matrix.data`."""
    other: csr_matrix = copy.copy(matrix)
    other.data = weights
    return other


def take_rows(matrix: csr_matrix, rows: IntArray) -> csr_matrix:
    """Return some rows of a matrix, a row as often as it is named; of all in order, the matrix itself."""
    if len(rows) == matrix.shape[0] and np.array_equal(rows, np.arange(len(rows))):
        return matrix
    starts = matrix.indptr[rows].astype(np.int64)
    lengths = matrix.indptr[rows + 1] - starts
    ends = np.cumsum(lengths)
    entries = np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1] if len(ends) else 0)
    taken_starts = np.concatenate([[0], ends]).astype(matrix.indptr.dtype)
    taken = sparse_rows(matrix.data[entries], matrix.indices[entries], taken_starts, matrix.shape[1])
    taken.has_canonical_format = matrix.has_canonical_format
    return taken


def row_sums(matrix: csr_matrix, weights: AnyArray) -> FloatArray:
    """Return the sum of `weights`, shape of `matrix.data`, over each row, shape (n_rows,)."""
    sums = np.zeros(matrix.shape[0], dtype=weights.dtype)
    filled = np.flatnonzero(matrix.indptr[1:] > matrix.indptr[:-1])
    if len(filled):
        sums[filled] = np.add.reduceat(weights, matrix.indptr[filled])
    return sums
