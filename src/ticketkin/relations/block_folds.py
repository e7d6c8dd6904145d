"""Folds of pairs that share no ticket."""

import warnings

import numpy as np

from ticketkin.core.tables import IntArray


def block_folds(
    kinds: IntArray, blocks: IntArray, n_folds: int, seed: int
) -> list[tuple[IntArray, IntArray]]:
    """Return for each fold the places that are learned from and those that judge, by whole blocks.

    Kinds stand in all folds about alike (stratified). Deterministic by `seed`. Raises ValueError where every
    kind has fewer pairs than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # `support_notes` reports a kind that is rarer than the folds.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return list(folds.split(np.zeros(len(kinds)), kinds, blocks))


def learnable_folds(
    kinds: IntArray, blocks: IntArray, n_folds: int, seed: int
) -> list[tuple[IntArray, IntArray]]:
    """Return at most `n_folds` folds as `block_folds` deals them, each with two kinds to learn from.

    There are fewer where pairs lie in few blocks, and none where they lie in one.
    """
    n_folds = min(n_folds, len(np.unique(blocks)), int(np.bincount(kinds).max(initial=0)))
    dealt = block_folds(kinds, blocks, n_folds, seed) if n_folds > 1 else []
    return [(fit, judged) for fit, judged in dealt if len(np.unique(kinds[fit])) > 1 and len(judged)]
