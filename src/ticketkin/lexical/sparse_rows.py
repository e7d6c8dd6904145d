"""Rows of sparse matrices without the checks of scipy, which cost more than the work on a ticket or two."""

import copy
from functools import lru_cache
from threading import local

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.arrays import AnyArray
from ticketkin.core.tables import FloatArray, IntArray

# Larger matrices are not kept for the next of their shape.
_MOST_KEPT_ROWS = 1_000


def _empty(n_rows: int, n_columns: int) -> csr_matrix:
    return csr_matrix((n_rows, n_columns), dtype=np.float32)


_kept_empty = lru_cache(maxsize=1_024)(_empty)


def sparse_rows(weights: AnyArray, columns: AnyArray, starts: AnyArray, n_columns: int) -> csr_matrix:
    """Return the matrix of arrays that are known to fit, shape (len(starts) - 1, n_columns).

    Columns ascend within a row, each at most once.
    """
    n_rows = len(starts) - 1
    # Copied, as making one costs more than filling it.
    make = _kept_empty if n_rows <= _MOST_KEPT_ROWS else _empty
    matrix: csr_matrix = copy.copy(make(n_rows, n_columns))
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
    entries = np.repeat(starts - ends + lengths, lengths)
    entries += np.arange(len(entries))
    taken_starts = np.concatenate([[0], ends]).astype(matrix.indptr.dtype)
    # All of them are entries: with another mode numpy looks at each once more.
    weights, columns = (array.take(entries, mode="clip") for array in (matrix.data, matrix.indices))
    taken = sparse_rows(weights, columns, taken_starts, matrix.shape[1])
    taken.has_canonical_format = matrix.has_canonical_format
    return taken


def products_with_row(matrix: csr_matrix, row: int, partners: csr_matrix) -> FloatArray:
    """Return the dot product of one row of `matrix` with each row of `partners`, shape (n_partners,).

    It equals the product of the sparse matrices to the last digit: terms are added in the order of columns.
    """
    own = slice(matrix.indptr[row], matrix.indptr[row + 1])
    columns = matrix.indices[own]
    dense = _spread_out(matrix.shape[1])
    dense[columns] = matrix.data[own]
    try:
        products: FloatArray = partners @ dense
    finally:
        dense[columns] = 0
    return products


def _spread_out(n_columns: int) -> FloatArray:
    """Return zeros, one for each column; whoever fills some sets them to zero again.

    Kept for the thread: making a million zeros for every row costs more than multiplying with it.
    """
    if len(_this_thread.zeros) < n_columns:
        _this_thread.zeros = np.zeros(n_columns, dtype=np.float32)
    return _this_thread.zeros[:n_columns]


class _OfThread(local):
    def __init__(self) -> None:
        self.zeros: FloatArray = np.zeros(0, dtype=np.float32)


_this_thread = _OfThread()


def row_sums(matrix: csr_matrix, weights: AnyArray) -> FloatArray:
    """Return the sum of `weights`, shape of `matrix.data`, over each row, shape (n_rows,)."""
    sums = np.zeros(matrix.shape[0], dtype=weights.dtype)
    filled = np.flatnonzero(matrix.indptr[1:] > matrix.indptr[:-1])
    if len(filled):
        sums[filled] = np.add.reduceat(weights, matrix.indptr[filled])
    return sums
