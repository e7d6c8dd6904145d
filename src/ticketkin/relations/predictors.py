"""What a fitted classifier computes, as plain arrays: no object of a library has to be stored or trusted.

Each predictor is read off a fitted model once, by its public attributes, and gives its probabilities from
then on, in memory as after loading.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.ranking.trees import BoostedTrees

Float64Array = npt.NDArray[np.float64]
_ROWS_A_BLOCK = 2_048
"""Rows whose kernel with all support vectors is held in memory at once."""


class Predictor(Protocol):
    """Probabilities of classes from features."""

    family: ClassVar[str]

    def probabilities(self, features: Float64Array) -> Float64Array:
        """Return the probability of each class, shape (n, n_classes)."""
        ...

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        ...

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, n_features: int, n_classes: int) -> "Predictor":
        """Rebuild from saved arrays. Raises UnreadableFileError where they don't fit these sizes."""
        ...


@dataclass(frozen=True)
class AffineMap:
    """What scaling and principal components together do to features: features @ matrix + offset."""

    matrix: Float64Array
    offset: Float64Array

    @classmethod
    def of(cls, transform: Any, n_features: int) -> "AffineMap":
        """Return the map of a fitted transformer that is affine, measured on the unit vectors."""
        offset = np.asarray(transform(np.zeros((1, n_features))), dtype=np.float64)[0]
        matrix = np.asarray(transform(np.eye(n_features)), dtype=np.float64) - offset
        return cls(matrix, offset)

    def apply(self, features: AnyArray) -> Float64Array:
        """Return the mapped features, shape (n, n_out)."""
        mapped: Float64Array = features.astype(np.float64) @ self.matrix + self.offset
        return mapped


@dataclass(frozen=True)
class Constant:
    """The same probabilities for every pair."""

    family: ClassVar[str] = "constant"
    prior: Float64Array

    @classmethod
    def of(cls, model: Any) -> "Constant":
        """Read a fitted DummyClassifier."""
        return cls(np.asarray(model.class_prior_, dtype=np.float64))

    def probabilities(self, features: Float64Array) -> Float64Array:
        """Return the probability of each class, shape (n, n_classes)."""
        return np.tile(self.prior, (len(features), 1))

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return {"prior": self.prior}

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, n_features: int, n_classes: int) -> "Constant":
        """Rebuild from saved arrays."""
        return cls(arrays.get("prior", np.float64, (n_classes,)))


@dataclass(frozen=True)
class Linear:
    """Softmax of linear scores: logistic regression."""

    family: ClassVar[str] = "linear"
    weights: Float64Array
    """Shape (n_features, n_classes)."""
    intercept: Float64Array

    @classmethod
    def of(cls, model: Any) -> "Linear":
        """Read a fitted LogisticRegression; of two classes the first scores 0."""
        weights, intercept = model.coef_.T.astype(np.float64), np.asarray(model.intercept_, dtype=np.float64)
        if len(model.classes_) == 2:
            weights, intercept = np.c_[np.zeros(len(weights)), weights], np.r_[0.0, intercept]
        return cls(weights, intercept)

    def probabilities(self, features: Float64Array) -> Float64Array:
        """Return the probability of each class, shape (n, n_classes)."""
        return np.asarray(softmax(features @ self.weights + self.intercept, axis=1), dtype=np.float64)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, n_features: int, n_classes: int) -> "Linear":
        """Rebuild from saved arrays."""
        return cls(
            arrays.get("weights", np.float64, (n_features, n_classes)),
            arrays.get("intercept", np.float64, (n_classes,)),
        )


@dataclass(frozen=True)
class CalibratedMargins:
    """The mean of several linear machines whose margins sigmoids calibrate (Platt 1999), class by class."""

    family: ClassVar[str] = "calibrated_margins"
    weights: Float64Array
    """Shape (n_machines, n_features, n_margins); of two classes there is one margin, for the second."""
    intercept: Float64Array
    """Shape (n_machines, n_margins)."""
    slope: Float64Array
    """Of the sigmoids, which fall, shape (n_machines, n_margins)."""
    shift: Float64Array

    @classmethod
    def of(cls, model: Any) -> "CalibratedMargins":
        """Read a fitted CalibratedClassifierCV over linear machines."""
        parts = model.calibrated_classifiers_
        return cls(
            np.stack([part.estimator.coef_.T for part in parts]).astype(np.float64),
            np.stack([np.ravel(part.estimator.intercept_) for part in parts]).astype(np.float64),
            np.array([[sigmoid.a_ for sigmoid in part.calibrators] for part in parts], dtype=np.float64),
            np.array([[sigmoid.b_ for sigmoid in part.calibrators] for part in parts], dtype=np.float64),
        )

    def probabilities(self, features: Float64Array) -> Float64Array:
        """Return the probability of each class, shape (n, n_classes)."""
        each = []
        for weights, intercept, slope, shift in zip(*vars(self).values(), strict=True):
            values = expit(-(slope * (features @ weights + intercept) + shift))
            if values.shape[1] == 1:
                each.append(np.c_[1 - values, values])
                continue
            total = values.sum(axis=1, keepdims=True)
            even = np.full_like(values, 1 / values.shape[1])
            each.append(np.divide(values, total, out=even, where=total != 0))
        return np.asarray(np.mean(each, axis=0), dtype=np.float64)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, n_features: int, n_classes: int) -> "CalibratedMargins":
        """Rebuild from saved arrays."""
        n_margins = 1 if n_classes == 2 else n_classes
        slope = arrays.get("slope", np.float64, (None, n_margins))
        if not len(slope):
            raise arrays.damaged("it holds no machine")
        shape = (len(slope), n_margins)
        return cls(
            arrays.get("weights", np.float64, (len(slope), n_features, n_margins)),
            arrays.get("intercept", np.float64, shape),
            slope,
            arrays.get("shift", np.float64, shape),
        )


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

    Such a machine has no probabilities: what the pairwise decisions add up to orders the classes, its softmax
    stands for them, and `Bands` calibrates it.
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
        """Return what stands for the probability of each class, shape (n, n_classes)."""
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


@dataclass(frozen=True)
class Trees:
    """Boosted trees."""

    family: ClassVar[str] = "trees"
    trees: BoostedTrees

    def probabilities(self, features: Float64Array) -> Float64Array:
        """Return the probability of each class, shape (n, n_classes)."""
        raw = self.trees.raw(features)
        if raw.shape[1] == 1:
            raw = np.c_[np.zeros(len(raw)), raw]
        return np.asarray(softmax(raw, axis=1), dtype=np.float64)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return self.trees.arrays("trees")

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, n_features: int, n_classes: int) -> "Trees":
        """Rebuild from saved arrays."""
        return cls(BoostedTrees.from_arrays(arrays, "trees", n_features, n_classes))


@dataclass(frozen=True)
class Network:
    """A network with one hidden layer of rectified units."""

    family: ClassVar[str] = "network"
    hidden: Float64Array
    """Shape (n_features, n_hidden)."""
    hidden_offset: Float64Array
    output: Float64Array
    """Shape (n_hidden, n_outputs); of two classes there is one output, for the second."""
    output_offset: Float64Array

    @classmethod
    def of(cls, model: Any) -> "Network":
        """Read a fitted MLPClassifier with one hidden layer."""
        (hidden, output), (hidden_offset, output_offset) = model.coefs_, model.intercepts_
        return cls(*(np.asarray(part, np.float64) for part in (hidden, hidden_offset, output, output_offset)))

    def probabilities(self, features: Float64Array) -> Float64Array:
        """Return the probability of each class, shape (n, n_classes)."""
        active = np.maximum(features @ self.hidden + self.hidden_offset, 0.0)
        scores = active @ self.output + self.output_offset
        if scores.shape[1] == 1:
            scores = np.c_[np.zeros(len(scores)), scores]
        return np.asarray(softmax(scores, axis=1), dtype=np.float64)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, n_features: int, n_classes: int) -> "Network":
        """Rebuild from saved arrays."""
        n_outputs = 1 if n_classes == 2 else n_classes
        hidden = arrays.get("hidden", np.float64, (n_features, None))
        return cls(
            hidden,
            arrays.get("hidden_offset", np.float64, (hidden.shape[1],)),
            arrays.get("output", np.float64, (hidden.shape[1], n_outputs)),
            arrays.get("output_offset", np.float64, (n_outputs,)),
        )


PREDICTORS: Mapping[str, type[Predictor]] = {
    predictor.family: predictor
    for predictor in (Constant, Linear, CalibratedMargins, KernelMachine, Trees, Network)
}
