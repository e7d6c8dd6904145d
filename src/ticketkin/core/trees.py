"""Boosted decision trees as plain arrays: read from a fitted scikit-learn model, needing it no more."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ticketkin.core.arrays import AnyArray, SavedArrays

Float64Array = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True)
class TreeEnsemble:
    """The trees of a HistGradientBoostingClassifier, flattened into arrays of nodes."""

    feature: Int32Array
    threshold: Float64Array
    left: Int32Array
    right: Int32Array
    value: Float64Array
    is_leaf: npt.NDArray[np.bool_]
    roots: Int32Array
    """First node of each tree, shape (n_iterations, n_outputs)."""
    baseline: Float64Array
    """Raw score before the first tree, shape (n_outputs,)."""

    @classmethod
    def of(cls, model: Any) -> "TreeEnsemble":
        """Return the trees of a fitted model without missing values and categories."""
        nodes, roots, offset = [], [], 0
        for iteration in model._predictors:  # scikit-learn offers no public view of the trees
            starts = []
            for tree in iteration:
                part = tree.nodes.copy()
                part["left"] += offset
                part["right"] += offset
                starts.append(offset)
                offset += len(part)
                nodes.append(part)
            roots.append(starts)
        joined = np.concatenate(nodes)
        return cls(
            feature=joined["feature_idx"].astype(np.int32),
            threshold=joined["num_threshold"].astype(np.float64),
            left=joined["left"].astype(np.int32),
            right=joined["right"].astype(np.int32),
            value=joined["value"].astype(np.float64),
            is_leaf=joined["is_leaf"].astype(np.bool_),
            roots=np.array(roots, dtype=np.int32),
            baseline=np.ravel(model._baseline_prediction).astype(np.float64),
        )

    def raw(self, features: AnyArray) -> Float64Array:
        """Return raw scores, shape (n, n_outputs): log-odds of two classes, or a score of each class."""
        total = np.tile(self.baseline, (len(features), 1))
        rows = np.arange(len(features))
        for starts in self.roots:
            for output, root in enumerate(starts):
                node = np.full(len(features), root, dtype=np.int32)
                active = rows
                while len(active):
                    here = node[active]
                    active = active[~self.is_leaf[here]]
                    here = node[active]
                    goes_left = features[active, self.feature[here]] <= self.threshold[here]
                    node[active] = np.where(goes_left, self.left[here], self.right[here])
                total[:, output] += self.value[node]
        return total

    def arrays(self, prefix: str) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        # Leaves carry thresholds that are not a number in some versions, and nobody reads them.
        threshold = np.where(self.is_leaf, 0.0, self.threshold)
        return {f"{prefix}_{name}": array for name, array in {**vars(self), "threshold": threshold}.items()}

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, prefix: str, n_features: int) -> "TreeEnsemble":
        """Rebuild from saved arrays.

        Raises UnreadableFileError where they are no trees over `n_features`: every walk must end.
        """
        is_leaf = arrays.get(f"{prefix}_is_leaf", np.bool_, (None,))
        n_nodes = len(is_leaf)
        roots = arrays.get(f"{prefix}_roots", np.int32, (None, None))
        ensemble = cls(
            feature=arrays.get(f"{prefix}_feature", np.int32, (n_nodes,)),
            threshold=arrays.get(f"{prefix}_threshold", np.float64, (n_nodes,)),
            left=arrays.get(f"{prefix}_left", np.int32, (n_nodes,)),
            right=arrays.get(f"{prefix}_right", np.int32, (n_nodes,)),
            value=arrays.get(f"{prefix}_value", np.float64, (n_nodes,)),
            is_leaf=is_leaf,
            roots=roots,
            baseline=arrays.get(f"{prefix}_baseline", np.float64, (roots.shape[1],)),
        )
        inner = np.flatnonzero(~is_leaf)
        # A child stands behind its parent, so that no walk goes in a circle.
        children = np.concatenate([ensemble.left[inner], ensemble.right[inner]])
        parents = np.concatenate([inner, inner])
        features = ensemble.feature[inner]
        if (
            (children <= parents).any()
            or (children >= n_nodes).any()
            or (features < 0).any()
            or (features >= n_features).any()
            or (roots < 0).any()
            or (roots >= n_nodes).any()
        ):
            raise arrays.damaged(f"{prefix} are no trees over {n_features} features")
        return ensemble
