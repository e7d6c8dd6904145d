"""The two small models behind the learned ranking, kept as plain arrays: no pickle to trust."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ticketkin.core.tables import FloatArray, IntArray

Float64Array = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.NDArray[np.generic]]


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
        spread = np.maximum(features.std(axis=0, dtype=np.float64), 1e-6)
        model = LogisticRegression(C=1 / penalty, max_iter=500)
        model.fit((features - mean) / spread, labels)
        return cls(mean, spread, np.r_[model.coef_[0], model.intercept_])

    def logits(self, features: FloatArray) -> Float64Array:
        """Return log-odds, shape (n,)."""
        standard = (features - self.mean) / self.spread
        logits: Float64Array = standard @ self.weights[:-1] + self.weights[-1]
        return logits

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays to save."""
        return {
            f"{prefix}_mean": self.mean,
            f"{prefix}_spread": self.spread,
            f"{prefix}_weights": self.weights,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, prefix: str) -> "LogisticModel":
        """Rebuild from saved arrays."""
        mean, spread, weights = (
            np.asarray(arrays[f"{prefix}_{name}"], dtype=np.float64) for name in ("mean", "spread", "weights")
        )
        return cls(mean, spread, weights)


@dataclass(frozen=True)
class BoostedTrees:
    """Gradient-boosted trees (scikit-learn's histogram kind), flattened into arrays of nodes."""

    feature: npt.NDArray[np.int32]
    threshold: Float64Array
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: Float64Array
    is_leaf: npt.NDArray[np.bool_]
    roots: npt.NDArray[np.int32]
    baseline: float

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
        nodes, roots, offset = [], [], 0
        for stage in model._predictors:  # scikit-learn offers no public view of the trees
            tree = stage[0].nodes.copy()
            tree["left"] += offset
            tree["right"] += offset
            roots.append(offset)
            offset += len(tree)
            nodes.append(tree)
        joined = np.concatenate(nodes)
        return cls(
            feature=joined["feature_idx"].astype(np.int32),
            threshold=joined["num_threshold"].astype(np.float64),
            left=joined["left"].astype(np.int32),
            right=joined["right"].astype(np.int32),
            value=joined["value"].astype(np.float64),
            is_leaf=joined["is_leaf"].astype(np.bool_),
            roots=np.array(roots, dtype=np.int32),
            baseline=float(np.ravel(model._baseline_prediction)[0]),
        )

    def logits(self, features: FloatArray) -> Float64Array:
        """Return log-odds, shape (n,)."""
        total = np.full(len(features), self.baseline)
        rows = np.arange(len(features))
        for root in self.roots:
            node = np.full(len(features), root, dtype=np.int32)
            active = rows
            while len(active):
                here = node[active]
                active = active[~self.is_leaf[here]]
                here = node[active]
                goes_left = features[active, self.feature[here]] <= self.threshold[here]
                node[active] = np.where(goes_left, self.left[here], self.right[here])
            total += self.value[node]
        return total

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays to save."""
        names = ("feature", "threshold", "left", "right", "value", "is_leaf", "roots")
        saved = {f"{prefix}_{name}": getattr(self, name) for name in names}
        return {**saved, f"{prefix}_baseline": np.array([self.baseline])}

    @classmethod
    def from_arrays(cls, arrays: Arrays, prefix: str) -> "BoostedTrees":
        """Rebuild from saved arrays."""

        def get(name: str, dtype: type) -> npt.NDArray[np.generic]:
            return np.asarray(arrays[f"{prefix}_{name}"], dtype=dtype)

        return cls(
            feature=get("feature", np.int32),  # type: ignore[arg-type] # the dtype is what was asked for
            threshold=get("threshold", np.float64),  # type: ignore[arg-type]
            left=get("left", np.int32),  # type: ignore[arg-type]
            right=get("right", np.int32),  # type: ignore[arg-type]
            value=get("value", np.float64),  # type: ignore[arg-type]
            is_leaf=get("is_leaf", np.bool_),  # type: ignore[arg-type]
            roots=get("roots", np.int32),  # type: ignore[arg-type]
            baseline=float(np.asarray(arrays[f"{prefix}_baseline"], dtype=np.float64)[0]),
        )
