"""Logistic regression kept as plain arrays: no pickle to trust."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import Float64Array, FloatArray, IntArray
from ticketkin.ranking.trees import spread_of

_MOST_STEPS = 60
_SMALLEST_STEP = 1e-4
_SMALLEST_CURVATURE = 1e-9
# Relative gain of a step below which the weights have settled.
_CONVERGED = 1e-7


@dataclass(frozen=True)
class LogisticModel:
    """Logistic regression on standardised features."""

    mean: Float64Array
    spread: Float64Array
    weights: Float64Array
    """Shape (n_features + 1,), the intercept last."""

    @classmethod
    def fit(cls, features: FloatArray, labels: IntArray, penalty: float = 1.0) -> "LogisticModel":
        """Fit with an L2 penalty; `features` (n, n_features), `labels` 0 or 1."""
        from sklearn.linear_model import LogisticRegression

        mean = features.mean(axis=0, dtype=np.float64)
        spread = spread_of(features)
        model = LogisticRegression(C=1 / penalty, max_iter=500)
        model.fit((features - mean) / spread, labels)
        return cls(mean, spread, np.r_[model.coef_[0], model.intercept_])

    @classmethod
    def fit_towards(
        cls, features: FloatArray, labels: IntArray, summed: IntArray, strength: float
    ) -> "LogisticModel":
        """Fit a * s + b + w @ x, where s is the sum of the columns `summed` and x all standardised features.

        A penalty of (|w|^2 + (a - 1)^2) / (2 * strength) pulls the order towards that of s: at strength 0
        it is that of s whatever the labels say, and the more labels there are, the less the pull counts.
        By Newton's method, which the few features make cheap.
        """
        mean, spread = np.zeros(features.shape[1]), np.ones(features.shape[1])
        if len(features):
            mean, spread = features.mean(axis=0, dtype=np.float64), spread_of(features)
        own = features[:, summed].sum(axis=1, dtype=np.float64)
        learned = np.zeros(features.shape[1] + 2)  # a - 1, w, b
        if strength > 0 and 0 < labels.sum() < len(labels):
            design = np.column_stack([own, (features - mean) / spread, np.ones(len(features))])
            learned = _penalised(design, own, labels.astype(np.float64), 1 / strength)
        elif len(labels):
            learned[-1] = -float(own.mean())
        weights = np.r_[learned[1:-1], learned[-1]]
        scale = 1 + learned[0]
        weights[summed] += scale * spread[summed]
        weights[-1] += scale * float(mean[summed].sum())
        return cls(mean, spread, weights)

    def logits(self, features: FloatArray) -> Float64Array:
        """Return log-odds, shape (n,)."""
        standard = (features - self.mean) / self.spread
        logits: Float64Array = standard @ self.weights[:-1] + self.weights[-1]
        return logits

    def arrays(self, prefix: str) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return {f"{prefix}_{name}": array for name, array in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, prefix: str, n_features: int) -> "LogisticModel":
        """Rebuild from saved arrays. Raises UnreadableFileError where they don't fit `n_features`."""
        model = cls(
            arrays.get(f"{prefix}_mean", np.float64, (n_features,)),
            arrays.get(f"{prefix}_spread", np.float64, (n_features,)),
            arrays.get(f"{prefix}_weights", np.float64, (n_features + 1,)),
        )
        if (model.spread <= 0).any():
            raise arrays.damaged(f"{prefix}_spread holds a value that is not above zero")
        return model


def _penalised(
    design: Float64Array, offset: Float64Array, labels: Float64Array, penalty: float
) -> Float64Array:
    """Return the weights of a logistic regression with an offset; the last, the intercept, is free.

    Newton's method; a step that does not lower the loss is halved.
    """
    pull = np.full(design.shape[1], penalty)
    pull[-1] = 0.0
    weights = np.zeros(design.shape[1])

    def loss(at: Float64Array) -> float:
        logits = offset + design @ at
        return float(np.logaddexp(0, logits).sum() - labels @ logits + (pull * at**2).sum() / 2)

    current = loss(weights)
    for _ in range(_MOST_STEPS):
        kin = expit(offset + design @ weights)
        gradient = design.T @ (kin - labels) + pull * weights
        curvature = (design * (kin * (1 - kin))[:, None]).T @ design + np.diag(pull + _SMALLEST_CURVATURE)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while (lower := loss(weights - size * step)) > current and size > _SMALLEST_STEP:
            size /= 2
        if lower > current:
            break
        weights = weights - size * step
        gained, current = current - lower, lower
        if gained < _CONVERGED * (1 + abs(current)):
            break
    return weights
