"""The computation of a fitted classifier as plain arrays: no library object has to be stored or trusted.

Each predictor is read off a fitted model once, by its public attributes, and gives its probabilities from
then on, in memory as after loading.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.special import expit, softmax

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import Float64Array
from ticketkin.ranking.trees import BoostedTrees
from ticketkin.relations.kernel_machine import KernelMachine


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
