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
_BLOCK_ROWS = 512
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
class _Splits:
    """The splits of a forest, each once: many trees split a feature at the same place."""

    of_node: IntArray
    """Number of each inner node's split, shape (n_inner,)."""
    threshold: FloatArray
    """Shape (n_splits, 1); those of one feature stand together."""
    spans: list[tuple[int, slice]]
    """Each feature with the splits of it."""

    @classmethod
    def of(cls, forest: Forest) -> "_Splits":
        pairs = np.stack([forest.feature.astype(np.float64), forest.threshold])
        splits, of_node = np.unique(pairs, axis=1, return_inverse=True)
        features, first = np.unique(splits[0], return_index=True)
        ends = np.append(first, splits.shape[1])[1:]
        return cls(
            of_node.ravel(),
            splits[1].astype(np.float32)[:, None],
            [
                (int(feature), slice(int(start), int(end)))
                for feature, start, end in zip(features, first, ends, strict=True)
            ],
        )

    def goes_right(self, scaled: FloatArray) -> FloatArray:
        """Return the part of each row that goes right, shape (n_splits, n_rows)."""
        parts = np.empty((len(self.threshold), len(scaled)), dtype=np.float32)
        by_feature = np.ascontiguousarray(scaled.T)
        for feature, span in self.spans:
            np.subtract(by_feature[feature], self.threshold[span], out=parts[span])
        parts *= 1 / _RAMP
        parts += 0.5
        np.clip(parts, 0, 1, out=parts)
        return parts


@dataclass(frozen=True)
class _Level:
    """Inner nodes of one depth; their children are numbered: all left ones first, then all right ones."""

    split: IntArray
    """Split of each node, shape (n_nodes,)."""
    inner: IntArray
    """Children that are the nodes of the next level."""
    leaves: IntArray
    """The other children."""
    added: Float64Array
    """What each of these leaves adds to each output, shape (n_outputs, n_leaves)."""


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
        return np.concatenate([np.zeros((0, len(self._constant))), *parts])

    @cached_property
    def _splits(self) -> "_Splits":
        return _Splits.of(self.forest)

    @cached_property
    def _levels(self) -> list["_Level"]:
        """The inner nodes of all trees by their depth."""
        forest, levels = self.forest, []
        n_inner = len(forest.feature)
        added = np.zeros((int(forest.leaf_output.max()) + 1, len(forest.leaf_value)))
        added[forest.leaf_output, np.arange(len(forest.leaf_value))] = forest.leaf_value
        nodes = forest.roots[forest.roots < n_inner]
        while len(nodes):
            children = np.concatenate([forest.left[nodes], forest.right[nodes]])
            is_leaf = children >= n_inner
            leaves = np.flatnonzero(is_leaf)
            levels.append(
                _Level(
                    self._splits.of_node[nodes],
                    np.flatnonzero(~is_leaf),
                    leaves,
                    np.ascontiguousarray(added[:, children[leaves] - n_inner]),
                )
            )
            nodes = children[~is_leaf]
        return levels

    @cached_property
    def _constant(self) -> Float64Array:
        """What trees without a split add to each output, shape (n_outputs, 1)."""
        forest = self.forest
        alone = forest.roots[forest.roots >= len(forest.feature)] - len(forest.feature)
        constant = np.zeros((int(forest.leaf_output.max()) + 1, 1))
        np.add.at(constant[:, 0], forest.leaf_output[alone], forest.leaf_value[alone])
        return constant

    def _raw(self, features: FloatArray | Float64Array) -> Float64Array:
        # Arrays of one level lie in the cache and are used again: an answer spends milliseconds here.
        goes_right = self._splits.goes_right(_scaled(features, self.low, self.spread))
        scores = np.repeat(self._constant, len(features), axis=1)
        n_first = len(self._levels[0].split) if self._levels else 0
        # Of each row, the part that arrives in each node of the level.
        arriving = np.ones((n_first, len(features)), dtype=np.float32)
        for level in self._levels:
            n_nodes = len(arriving)
            onward = np.empty((2 * n_nodes, len(features)), dtype=np.float32)
            right = onward[n_nodes:]
            np.take(goes_right, level.split, axis=0, out=right, mode="clip")  # others are copied once more
            right *= arriving
            np.subtract(arriving, right, out=onward[:n_nodes])
            scores += level.added @ onward[level.leaves].astype(np.float64)
            arriving = onward[level.inner]
        return scores.T

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


def moments_of(
    features: FloatArray | Float64Array, weights: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Return mean and standard deviation of each feature, 1 where it has but one value.

    `weights`, shape (n,), say how often each row counts.
    """
    total = weights.sum()
    mean: Float64Array = weights @ features / total
    spread = np.sqrt(weights @ (features - mean) ** 2 / total)
    return mean, np.where(spread < _SMALLEST_SPREAD, 1.0, spread)


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
