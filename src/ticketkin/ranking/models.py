"""Logistic regression kept as plain arrays: no pickle to trust."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import Float64Array, FloatArray, IntArray
from ticketkin.ranking.trees import moments_of, spread_of

_MOST_STEPS = 60
_SMALLEST_STEP = 1e-4
_SMALLEST_CURVATURE = 1e-9
# Relative gain of a step below which the weights have settled.
_CONVERGED = 1e-7
_BLOCK_ROWS = 2_048


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
        model = LogisticRegression(C=1 / penalty, max_iter=500, solver="newton-cholesky")
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
        return PulledFit(features, labels, summed, np.ones(len(labels))).model(strength)

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


@dataclass(frozen=True)
class PulledFit:
    """The data of `LogisticModel.fit_towards`, standardised once for all strengths."""

    features: FloatArray
    labels: IntArray
    summed: IntArray
    weights: Float64Array
    """How much each row counts, shape (n,)."""

    def model(self, strength: float) -> LogisticModel:
        """Return the model under a pull; see `LogisticModel.fit_towards`."""
        mean, spread = self._moments
        learned = np.zeros(self.features.shape[1] + 2)  # a - 1, w, b
        if strength > 0 and 0 < self.labels.sum() < len(self.labels):
            labels = self.labels.astype(np.float64)
            learned = _penalised(self._design, self._own, labels, self.weights, 1 / strength)
        elif len(self.labels):
            learned[-1] = -float(np.average(self._own, weights=self.weights))
        weights = np.r_[learned[1:-1], learned[-1]]
        scale = 1 + learned[0]
        weights[self.summed] += scale * spread[self.summed]
        weights[-1] += scale * float(mean[self.summed].sum())
        return LogisticModel(mean, spread, weights)

    @cached_property
    def _moments(self) -> tuple[Float64Array, Float64Array]:
        """Mean and spread of each feature."""
        if not len(self.features):
            return np.zeros(self.features.shape[1]), np.ones(self.features.shape[1])
        return moments_of(self.features, self.weights)

    @cached_property
    def _own(self) -> Float64Array:
        """The sum that the order is pulled towards, of each pair."""
        own: Float64Array = self.features[:, self.summed].sum(axis=1, dtype=np.float64)
        return own

    @cached_property
    def _design(self) -> Float64Array:
        mean, spread = self._moments
        design = np.ones((len(self.features), self.features.shape[1] + 2))
        design[:, 0] = self._own
        np.subtract(self.features, mean, out=design[:, 1:-1])
        design[:, 1:-1] /= spread
        return design


def _penalised(
    design: Float64Array,
    offset: Float64Array,
    labels: Float64Array,
    counts: Float64Array,
    penalty: float,
) -> Float64Array:
    """Return the weights of a logistic regression with an offset; the last, the intercept, is free.

    Row i counts `counts[i]` times.
    Newton's method; a step that does not lower the loss is halved.
    """
    counted = counts * labels
    pull = np.full(design.shape[1], penalty)
    pull[-1] = 0.0
    weights = np.zeros(design.shape[1])

    def loss(at: Float64Array, logits: Float64Array) -> float:
        return float(counts @ np.logaddexp(0, logits) - counted @ logits + (pull * at**2).sum() / 2)

    logits = offset
    current = loss(weights, logits)
    for _ in range(_MOST_STEPS):
        kin = expit(logits)
        gradient = design.T @ (counts * kin - counted) + pull * weights
        curvature = _weighted_products(design, counts * kin * (1 - kin)) + np.diag(pull + _SMALLEST_CURVATURE)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while True:
            tried = weights - size * step
            logits = offset + design @ tried
            lower = loss(tried, logits)
            if lower <= current or size <= _SMALLEST_STEP:
                break
            size /= 2
        if lower > current:
            break
        weights = tried
        gained, current = current - lower, lower
        if gained < _CONVERGED * (1 + abs(current)):
            break
    return weights


def _weighted_products(design: Float64Array, weights: Float64Array) -> Float64Array:
    """Return design.T @ diag(weights) @ design, shape (n_columns, n_columns).

    A block of rows stays in the processor's cache, and a product with itself costs half.
    """
    root = np.sqrt(weights)[:, None]
    total = np.zeros((design.shape[1], design.shape[1]))
    for start in range(0, len(design), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        block = design[rows] * root[rows]
        total += block.T @ block
    return total
