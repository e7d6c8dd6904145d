"""Logistic regression kept as plain arrays: no pickle to trust."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.ranking.trees import spread_of

Float64Array = npt.NDArray[np.float64]


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
