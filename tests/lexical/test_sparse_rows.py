"""Rows of sparse matrices are what scipy makes of them, to the last digit."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.lexical.bm25 import of_unit_length
from ticketkin.lexical.neighbours import paired_cosines
from ticketkin.lexical.sparse_rows import row_sums, take_rows
from ticketkin.lexical.tfidf import TermStatistics

_N_ROWS, _N_COLUMNS = 30, 80


def _matrix(seed: int, density: float) -> csr_matrix:
    generator = np.random.default_rng(seed)
    weights = generator.random((_N_ROWS, _N_COLUMNS)) * (generator.random((_N_ROWS, _N_COLUMNS)) < density)
    weights[generator.integers(_N_ROWS, size=3)] = 0
    return csr_matrix(weights.astype(np.float32))


def _by_scipy(one: csr_matrix, left: IntArray, right: IntArray, other: csr_matrix) -> FloatArray:
    """Of the product of the matrices, which adds up the terms of a pair in the order of columns."""
    return np.array((one @ other.T).toarray()[left, right], dtype=np.float32)


@pytest.mark.parametrize("density", [0.0, 0.05, 0.6])
def test_taken_rows_and_their_sums_are_those_of_scipy(density: float) -> None:
    matrix = _matrix(1, density)
    rows = np.array([4, 4, 0, 29, 7])
    taken = take_rows(matrix, rows)
    assert taken.shape == (5, _N_COLUMNS) and (taken != matrix[rows]).nnz == 0
    assert (row_sums(taken, taken.data) == np.asarray(matrix[rows].sum(axis=1)).ravel()).all()
    assert take_rows(matrix, rows[:0]).shape == (0, _N_COLUMNS)


@pytest.mark.parametrize("density", [0.0, 0.05, 0.6])
@pytest.mark.parametrize("n_partners", [1, 40])
def test_one_row_beside_many_has_the_cosines_of_pairs(density: float, n_partners: int) -> None:
    one, other = _matrix(2, density), _matrix(3, 0.3)
    left = np.repeat(np.arange(_N_ROWS), n_partners)
    right = np.random.default_rng(4).integers(_N_ROWS, size=len(left))
    assert (paired_cosines(one, left, right, other) == _by_scipy(one, left, right, other)).all()


def test_unit_length_leaves_empty_rows_empty() -> None:
    matrix = _matrix(5, 0.2)
    lengths = np.sqrt(np.asarray(of_unit_length(matrix).power(2).sum(axis=1)).ravel())
    filled = np.diff(matrix.indptr) > 0
    assert 0 < filled.sum() < _N_ROWS
    assert np.allclose(lengths[filled], 1) and (lengths[~filled] == 0).all()


def test_statistics_of_other_texts_are_others() -> None:
    texts = ["printer jams on tray two", "vpn drops after standby"]
    statistics = TermStatistics.fit(texts, "word")
    assert statistics.same_as(TermStatistics.fit(texts[::-1], "word"))
    assert not statistics.same_as(TermStatistics.fit([*texts, "mail is late"], "word"))
    assert not statistics.same_as(TermStatistics.fit(texts, "characters"))
