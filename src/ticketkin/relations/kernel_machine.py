"""A kernel machine as plain arrays: support vectors, each pair of classes decided on its own."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import Float64Array

_ROWS_A_BLOCK = 2_048
"""Rows whose kernel with all support vectors is held in memory at once."""


def _gaussian(one: Float64Array, other: Float64Array, gamma: float) -> Float64Array:
    """Return exp(-gamma |x - y|²) of each pair of rows, shape (len(one), len(other)).

    As scikit-learn's `rbf_kernel`, whose import would take a cold answer half a second.
    """
    squares = np.einsum("ij,ij->i", one, one)[:, None] + np.einsum("ij,ij->i", other, other)
    kernel: Float64Array = np.exp(-gamma * np.maximum(squares - 2 * one @ other.T, 0))
    return kernel


@dataclass(frozen=True)
class KernelMachine:
    """Support vectors under a Gaussian kernel, each pair of classes decided on its own.

    Such a machine has no probabilities: the sums of the pairwise decisions order the classes, their softmax
    replaces the probabilities, and `Bands` calibrates it.
    """

    family: ClassVar[str] = "kernel_machine"
    support: Float64Array
    """Shape (n_support, n_features)."""
    duels: Float64Array
    """Weight of each support vector in each duel of two classes, (n_support, n_duels).

    Positive speaks for the first class of the pair; pairs are in the order of `itertools.combinations`.
    """
    intercept: Float64Array
    gamma: Float64Array
    """Width of the kernel, shape (1,)."""

    @classmethod
    def of(cls, model: Any) -> "KernelMachine":
        """Read a fitted SVC with a Gaussian kernel whose width was given as a number."""
        counts = model.n_support_
        starts = np.r_[0, np.cumsum(counts)]
        pairs = list(combinations(range(len(counts)), 2))
        duels = np.zeros((len(model.support_vectors_), len(pairs)))
        for column, (one, other) in enumerate(pairs):
            mine, theirs = slice(starts[one], starts[one + 1]), slice(starts[other], starts[other + 1])
            # libsvm keeps of each support vector one weight against each other class, its own left out.
            duels[mine, column] = model.dual_coef_[other - 1, mine]
            duels[theirs, column] = model.dual_coef_[one, theirs]
        intercept = np.asarray(model.intercept_, dtype=np.float64)
        if len(counts) == 2:  # scikit-learn turns the only duel round: positive speaks for the second
            duels, intercept = -duels, -intercept
        gamma = np.array([model.gamma], dtype=np.float64)
        return cls(np.asarray(model.support_vectors_, dtype=np.float64), duels, intercept, gamma)

    def probabilities(self, features: Float64Array) -> Float64Array:
        """Return the softmax scores used as probabilities of the classes, shape (n, n_classes)."""
        blocks = range(0, len(features), _ROWS_A_BLOCK)
        decided = [np.zeros((0, len(self.intercept)))]
        for start in blocks:
            kernel = _gaussian(features[start : start + _ROWS_A_BLOCK], self.support, float(self.gamma[0]))
            decided.append(np.tanh(kernel @ self.duels + self.intercept))
        return np.asarray(softmax(_points(np.concatenate(decided)), axis=1), dtype=np.float64)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, n_features: int, n_classes: int) -> "KernelMachine":
        """Rebuild from saved arrays."""
        n_duels = n_classes * (n_classes - 1) // 2
        support = arrays.get("support", np.float64, (None, n_features))
        return cls(
            support,
            arrays.get("duels", np.float64, (len(support), n_duels)),
            arrays.get("intercept", np.float64, (n_duels,)),
            arrays.get("gamma", np.float64, (1,)),
        )


def _points(decided: Float64Array) -> Float64Array:
    """Return what each class wins in its duels, shape (n, n_classes)."""
    n_classes = next(n for n in range(2, decided.shape[1] + 2) if n * (n - 1) // 2 == decided.shape[1])
    points = np.zeros((len(decided), n_classes))
    for column, (one, other) in enumerate(combinations(range(n_classes), 2)):
        points[:, one] += decided[:, column]
        points[:, other] -= decided[:, column]
    return points
