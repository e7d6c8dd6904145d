"""Boosted trees with soft splits: fitted by LightGBM, kept as its text model, evaluated here."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import Float64Array, FloatArray, IntArray
from ticketkin.core.threads import n_threads
from ticketkin.ranking.tree_text import Forest, read_forest

# Width of the ramp around a threshold, in standard deviations of the feature.
_RAMP = 0.1
# A feature that varies less than this does not vary: it gets no say.
_SMALLEST_SPREAD = 1e-6
_BLOCK_ROWS = 1_024
_FEW_ROWS = 10_000


@dataclass(frozen=True)
class TreeSettings:
    """How trees are grown."""

    n_rounds: int
    """Trees of each output."""
    learning_rate: float
    n_leaves: int
    fewest_in_leaf: int
    l2: float


@dataclass(frozen=True)
class BoostedTrees:
    """Gradient-boosted trees that tell classes apart (Ke et al. 2017), with soft splits.

    A value near a threshold goes both ways, in parts that change evenly over a ramp around it. The scores
    then change evenly with the features, where plain trees jump: the last digits of an embedding, which
    change with the batch a text was encoded in, can't move a score.
    """

    model: str
    """The text model, over features scaled by `low` and `spread`."""
    forest: Forest
    """The same trees."""
    low: Float64Array
    """Smallest value of each feature where the trees were fitted, shape (n_features,)."""
    spread: Float64Array
    """Standard deviation of each feature, 1 where it has but one value, shape (n_features,)."""

    @classmethod
    def fit(
        cls,
        features: FloatArray | Float64Array,
        labels: IntArray,
        settings: TreeSettings,
        seed: int,
        weights: Float64Array | None = None,
    ) -> "BoostedTrees":
        """Fit on `features` (n, n_features) without missing values and `labels` 0, 1, …, n_classes - 1.

        The same data and seed give the same trees, however many processors there are.
        """
        import lightgbm

        low = features.min(axis=0).astype(np.float64)
        spread = spread_of(features)
        n_classes = int(labels.max()) + 1
        parameters = {
            "objective": "binary" if n_classes <= 2 else "multiclass",
            "num_class": 1 if n_classes <= 2 else n_classes,
            "learning_rate": settings.learning_rate,
            "num_leaves": settings.n_leaves,
            "min_data_in_leaf": settings.fewest_in_leaf,
            "lambda_l2": settings.l2,
            "use_missing": False,
            "deterministic": True,
            # On few rows several threads wait for each other longer than they compute.
            "num_threads": 1 if len(features) < _FEW_ROWS else n_threads(),
            "force_row_wise": True,
            "seed": seed,
            "verbosity": -1,
        }
        data = lightgbm.Dataset(_scaled(features, low, spread), labels, weight=weights, params=parameters)
        booster = lightgbm.train(parameters, data, num_boost_round=settings.n_rounds)
        model: str = booster.model_to_string()
        return cls(model, read_forest(model, len(low), _n_outputs(n_classes)), low, spread)

    def raw(self, features: FloatArray | Float64Array) -> Float64Array:
        """Return raw scores, shape (n, n_outputs): log-odds of two classes, or a score of each class."""
        parts = [
            self._raw(features[start : start + _BLOCK_ROWS]) for start in range(0, len(features), _BLOCK_ROWS)
        ]
        return np.concatenate([np.zeros((0, self._leaf_scores.shape[1])), *parts])

    @cached_property
    def _levels(self) -> list[IntArray]:
        """Inner nodes of all trees by their depth."""
        forest, levels = self.forest, []
        n_inner = len(forest.feature)
        nodes = forest.roots
        while len(nodes := nodes[nodes < n_inner]):
            levels.append(nodes)
            nodes = np.concatenate([forest.left[nodes], forest.right[nodes]])
        return levels

    @cached_property
    def _leaf_scores(self) -> Float64Array:
        """What each leaf adds to each output, shape (n_leaves, n_outputs)."""
        forest = self.forest
        scores = np.zeros((len(forest.leaf_value), int(forest.leaf_output.max()) + 1))
        scores[np.arange(len(scores)), forest.leaf_output] = forest.leaf_value
        return scores

    @cached_property
    def _thresholds(self) -> FloatArray:
        """The threshold of each inner node, shape (n_inner, 1)."""
        return self.forest.threshold.astype(np.float32)[:, None]

    def _raw(self, features: FloatArray | Float64Array) -> Float64Array:
        # In place and in float32: an answer to a new ticket spends milliseconds here.
        forest = self.forest
        by_feature = np.ascontiguousarray(_scaled(features, self.low, self.spread).T)
        n_inner = len(forest.feature)
        # Of each row, the part that arrives in each node.
        share = np.zeros((n_inner + len(forest.leaf_value), len(features)), dtype=np.float32)
        share[forest.roots] = 1.0
        for nodes in self._levels:
            goes_right = by_feature[forest.feature[nodes]]
            goes_right -= self._thresholds[nodes]
            goes_right *= 1 / _RAMP
            goes_right += 0.5
            np.clip(goes_right, 0, 1, out=goes_right)
            arriving = share[nodes]
            goes_right *= arriving
            arriving -= goes_right
            share[forest.right[nodes]] = goes_right
            share[forest.left[nodes]] = arriving
        scores: Float64Array = share[n_inner:].T.astype(np.float64) @ self._leaf_scores
        return scores

    def arrays(self, prefix: str) -> dict[str, AnyArray]:
        """Return the arrays to save; the text model is kept as its bytes."""
        model = np.frombuffer(self.model.encode("ascii"), dtype=np.uint8)
        return {f"{prefix}_model": model, f"{prefix}_low": self.low, f"{prefix}_spread": self.spread}

    @classmethod
    def from_arrays(
        cls, arrays: SavedArrays, prefix: str, n_features: int, n_classes: int = 2
    ) -> "BoostedTrees":
        """Rebuild from saved arrays.

        Raises UnreadableFileError where they are no trees that tell `n_classes` apart by `n_features`.
        """
        model = arrays.get(f"{prefix}_model", np.uint8, (None,)).tobytes().decode("latin-1")
        try:
            forest = read_forest(model, n_features, _n_outputs(n_classes))
        except ValueError as error:
            raise arrays.damaged(f"{prefix}_model: {error}") from error
        spread = arrays.get(f"{prefix}_spread", np.float64, (n_features,))
        if (spread <= 0).any():
            raise arrays.damaged(f"{prefix}_spread holds a value that is not above zero")
        return cls(model, forest, arrays.get(f"{prefix}_low", np.float64, (n_features,)), spread)


def spread_of(features: FloatArray | Float64Array) -> Float64Array:
    """Return the standard deviation of each feature, 1 where it has but one value."""
    spread: Float64Array = features.std(axis=0, dtype=np.float64)
    return np.where(spread < _SMALLEST_SPREAD, 1.0, spread)


def _n_outputs(n_classes: int) -> int:
    return 1 if n_classes <= 2 else n_classes


def _scaled(features: AnyArray, low: Float64Array, spread: Float64Array) -> npt.NDArray[np.float32]:
    """Return features in standard deviations, 1 and more where the trees were fitted.

    Zero has a bin of its own in LightGBM, with a threshold beside zero itself: a value there would stand in
    the middle of the ramp. Between other values a threshold stands halfway.
    """
    return ((features - low) / spread + 1).astype(np.float32)
