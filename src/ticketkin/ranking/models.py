"""The two small models behind the learned ranking, kept as plain arrays: no pickle to trust."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.core.trees import TreeEnsemble

Float64Array = npt.NDArray[np.float64]
# A feature that varies less than this does not vary: it gets no say.
_SMALLEST_SPREAD = 1e-6
# Width of the ramp around a threshold, in standard deviations of the feature.
_RAMP = 0.1
_BLOCK_ROWS = 1_024


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
        spread = _spread(features)
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


@dataclass(frozen=True)
class BoostedTrees:
    """Gradient-boosted trees that tell two classes apart, with soft splits.

    A value near a threshold goes both ways, in parts that change evenly over a ramp around it. The log-odds
    then change evenly with the features, where plain trees jump: the last digits of an embedding, which
    change with the batch a text was encoded in, can't move a score.
    """

    trees: TreeEnsemble
    ramps: Float64Array
    """Width of the ramp around the thresholds of each feature, shape (n_features,), above zero."""

    @classmethod
    def fit(cls, features: FloatArray, labels: IntArray, seed: int) -> "BoostedTrees":
        """Fit on `features` (n, n_features) without missing values and `labels` 0 or 1."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_iter=150,
            learning_rate=0.06,
            max_leaf_nodes=15,
            min_samples_leaf=40,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=seed,
        )
        model.fit(features, labels)
        return cls(TreeEnsemble.of(model), _RAMP * _spread(features))

    def logits(self, features: FloatArray) -> Float64Array:
        """Return log-odds, shape (n,)."""
        parts = [
            self._logits(features[start : start + _BLOCK_ROWS])
            for start in range(0, len(features), _BLOCK_ROWS)
        ]
        return np.concatenate([np.zeros(0), *parts])

    @cached_property
    def _levels(self) -> list[IntArray]:
        """Inner nodes of all trees by their depth."""
        levels = []
        nodes = self.trees.roots[:, 0].astype(np.int64)
        while len(nodes := nodes[~self.trees.is_leaf[nodes]]):
            levels.append(nodes)
            nodes = np.concatenate([self.trees.left[nodes], self.trees.right[nodes]]).astype(np.int64)
        return levels

    def _logits(self, features: FloatArray) -> Float64Array:
        trees = self.trees
        by_feature = np.ascontiguousarray(features.T)
        share = np.zeros((len(trees.value), len(features)), dtype=np.float32)  # of each row, in each node
        share[trees.roots[:, 0]] = 1.0
        for nodes in self._levels:
            feature = trees.feature[nodes]
            above = (by_feature[feature] - trees.threshold[nodes, None]) / self.ramps[feature, None]
            goes_right = np.clip(above + 0.5, 0, 1).astype(np.float32)
            arriving = share[nodes]
            share[trees.right[nodes]] = arriving * goes_right
            share[trees.left[nodes]] = arriving * (1 - goes_right)
        leaves = np.flatnonzero(trees.is_leaf)
        total: Float64Array = trees.value[leaves] @ share[leaves].astype(np.float64) + trees.baseline[0]
        return total

    def arrays(self, prefix: str) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return {**self.trees.arrays(prefix), f"{prefix}_ramps": self.ramps}

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, prefix: str, n_features: int) -> "BoostedTrees":
        """Rebuild from saved arrays. Raises UnreadableFileError where they don't fit `n_features`."""
        ramps = arrays.get(f"{prefix}_ramps", np.float64, (n_features,))
        if (ramps <= 0).any():
            raise arrays.damaged(f"{prefix}_ramps holds a value that is not above zero")
        return cls(TreeEnsemble.from_arrays(arrays, prefix, n_features), ramps)


def _spread(features: FloatArray) -> Float64Array:
    """Return the standard deviation of each feature, 1 where it has but one value."""
    spread: Float64Array = features.std(axis=0, dtype=np.float64)
    return np.where(spread < _SMALLEST_SPREAD, 1.0, spread)
