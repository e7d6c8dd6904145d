"""Folds of tickets that nothing joins: no kin group and no template stands in two of them."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ticketkin.core.tables import BoolArray, IntArray


def independent_units(labellings: Sequence[IntArray]) -> IntArray:
    """Return a unit number for each row, shape (n_rows,).

    Rows that share a number in any of `labellings`, such as kin groups and templates, share a unit.
    """
    n_rows = len(labellings[0])
    rows = np.arange(n_rows)
    edges = []
    for labels in labellings:
        first = np.full(int(labels.max()) + 1 if n_rows else 0, -1, dtype=np.int64)
        first[labels[::-1]] = rows[::-1]
        edges.append(np.stack([rows, first[labels]]))
    joined = np.concatenate(edges, axis=1)
    graph = coo_array((np.ones(joined.shape[1], dtype=np.int8), joined), shape=(n_rows, n_rows))
    units: IntArray = connected_components(graph, directed=False)[1].astype(np.int64)
    return units


def deal_folds(units: IntArray, n_units: int, n_folds: int, seed: int) -> IntArray:
    """Return the fold of each unit, shape (n_units,); -1 for a unit that is not among `units`.

    Every fold gets as many of `units` as the others, one more or less, at random by `seed`; there are never
    more folds than units.
    """
    dealt = np.unique(units)
    folds = np.full(n_units, -1, dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(dealt))
    folds[dealt] = order % max(1, min(n_folds, len(dealt)))
    return folds


def held_out_folds(folds: IntArray) -> list[tuple[BoolArray, BoolArray]]:
    """Return for each fold which units may be seen and which are held out, both of shape (n_units,).

    A unit that was not dealt out has no kin: it may always be seen.
    """
    return [(folds != fold, folds == fold) for fold in range(int(folds.max()) + 1)]
