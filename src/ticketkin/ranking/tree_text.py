"""LightGBM's text model, read strictly into arrays of nodes.

The library's own reader is native code that trusts the file: a malformed one can end the process. Nothing
here does more than compare and convert what it reads; whatever is not a model as `BoostedTrees.fit` writes it
is refused. The format is LightGBM's version v4 (`Booster.model_to_string`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ticketkin.core.tables import Float64Array, IntArray

_MOST_LEAVES = 4_096
_END = "end of trees"
_HEADER = (
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective",
    "feature_names", "feature_infos", "tree_sizes",
)  # fmt: skip
# Of decision_type: a numeric split without missing values; the second bit says where those would go.
_NUMERIC = (0, 2)
# Plain numbers alone: Python's own conversions also read 1_000 and digits of other scripts.
_INTEGER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Forest:
    """Trees as arrays. Nodes are numbered: the inner ones of all trees first, then all leaves."""

    feature: IntArray
    """Of each inner node, shape (n_inner,)."""
    threshold: Float64Array
    """Values up to it go left, shape (n_inner,)."""
    left: IntArray
    """Node, shape (n_inner,)."""
    right: IntArray
    leaf_value: Float64Array
    """Shape (n_leaves,)."""
    leaf_output: IntArray
    """Which output a leaf's value is added to, shape (n_leaves,)."""
    roots: IntArray
    """First node of each tree, shape (n_trees,); that of a tree without a split is a leaf."""


def read_forest(text: str, n_features: int, n_outputs: int) -> Forest:
    """Return the trees of a text model; tree t adds to output t % n_outputs.

    Raises ValueError, saying what is wrong, where the text is no such model of `n_features` and `n_outputs`.
    """
    trees, end, _ = text.partition(_END)
    blocks = trees.split("\n\nTree=")
    if not end or len(blocks) < 2:
        raise ValueError("its trees are cut off")
    _check_header(blocks[0], n_features, n_outputs)
    read = [_read_tree(number, block, n_features) for number, block in enumerate(blocks[1:])]
    if len(read) % n_outputs:
        raise ValueError(f"it holds {len(read)} trees for {n_outputs} outputs")
    return _joined(read, n_outputs)


def _check_header(block: str, n_features: int, n_outputs: int) -> None:
    first, *lines = block.split("\n")
    header = _fields(lines)
    if first != "tree" or tuple(header) != _HEADER:
        raise ValueError("it does not begin as a text model of LightGBM does")
    objective = "binary sigmoid:1" if n_outputs == 1 else f"multiclass num_class:{n_outputs}"
    for name, wanted in (
        ("version", "v4"),
        ("num_class", str(n_outputs)),
        ("num_tree_per_iteration", str(n_outputs)),
        ("max_feature_idx", str(n_features - 1)),
        ("objective", objective),
    ):
        if header[name] != wanted:
            raise ValueError(f"its {name} is {header[name][:40]!r}, not {wanted!r}")


@dataclass(frozen=True)
class _Tree:
    """One tree; children below zero are leaves, -1 the first."""

    feature: IntArray
    threshold: Float64Array
    left: IntArray
    right: IntArray
    leaf_value: Float64Array


def _read_tree(number: int, block: str, n_features: int) -> _Tree:
    title, *lines = block.split("\n")
    fields = _fields(lines)
    if title != str(number) or fields.get("num_cat") != "0" or fields.get("is_linear") != "0":
        raise ValueError(f"tree {number} is of another kind")
    n_leaves = int(_column(number, fields, "num_leaves", 1, _integers)[0])
    if not 1 <= n_leaves <= _MOST_LEAVES:
        raise ValueError(f"tree {number} has {n_leaves} leaves")

    def column(name: str, length: int, convert: Callable[[list[str]], Any]) -> Any:
        return _column(number, fields, name, length, convert)

    tree = _Tree(
        feature=column("split_feature", n_leaves - 1, _integers),
        threshold=column("threshold", n_leaves - 1, _numbers),
        left=column("left_child", n_leaves - 1, _integers),
        right=column("right_child", n_leaves - 1, _integers),
        leaf_value=column("leaf_value", n_leaves, _numbers),
    )
    if not np.isin(column("decision_type", n_leaves - 1, _integers), _NUMERIC).all():
        raise ValueError(f"tree {number} splits by categories or missing values")
    if ((tree.feature < 0) | (tree.feature >= n_features)).any():
        raise ValueError(f"tree {number} splits by a feature that is not there")
    _check_shape(number, tree, n_leaves)
    return tree


def _check_shape(number: int, tree: _Tree, n_leaves: int) -> None:
    """Raise ValueError where the nodes are no tree: every walk must end, and every node be reached once."""
    children = np.concatenate([tree.left, tree.right])
    expected = np.concatenate([np.arange(-n_leaves, 0), np.arange(1, n_leaves - 1)])
    if n_leaves == 1:
        expected = np.zeros(0, dtype=np.int64)
    parents = np.tile(np.arange(n_leaves - 1), 2)
    # An inner child stands behind its parent, so that no walk goes in a circle.
    is_inner = children >= 0
    if not np.array_equal(np.sort(children), expected) or (children <= parents)[is_inner].any():
        raise ValueError(f"the nodes of tree {number} are no tree")


def _joined(trees: list[_Tree], n_outputs: int) -> Forest:
    n_inner = [len(tree.feature) for tree in trees]
    n_leaves = [len(tree.leaf_value) for tree in trees]
    inner_start = np.cumsum([0, *n_inner[:-1]])
    leaf_start = sum(n_inner) + np.cumsum([0, *n_leaves[:-1]])

    def nodes(children: IntArray, place: int) -> IntArray:
        numbers = np.where(children >= 0, inner_start[place] + children, leaf_start[place] - 1 - children)
        return np.asarray(numbers, dtype=np.int64)

    return Forest(
        feature=np.concatenate([tree.feature for tree in trees]),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=np.concatenate([nodes(tree.left, place) for place, tree in enumerate(trees)]),
        right=np.concatenate([nodes(tree.right, place) for place, tree in enumerate(trees)]),
        leaf_value=np.concatenate([tree.leaf_value for tree in trees]),
        leaf_output=np.repeat(np.arange(len(trees)) % n_outputs, n_leaves),
        roots=np.where(np.array(n_inner) > 0, inner_start, leaf_start),
    )


def _fields(lines: list[str]) -> dict[str, str]:
    """Return name=value lines. Raises ValueError at another line, or a name that is there twice."""
    fields: dict[str, str] = {}
    for line in filter(None, lines):
        name, is_field, value = line.partition("=")
        if not is_field or name in fields:
            raise ValueError(f"a line is no field: {line[:40]!r}")
        fields[name] = value
    return fields


def _column(
    number: int,
    fields: Mapping[str, str],
    name: str,
    length: int,
    convert: Callable[[list[str]], Any],
) -> Any:
    parts = fields.get(name, "").split()
    if len(parts) != length:
        raise ValueError(f"tree {number} has {len(parts)} of {name}, not {length}")
    return convert(parts)


def _integers(parts: list[str]) -> IntArray:
    _check_all(_INTEGER, parts)
    return np.array([int(part) for part in parts], dtype=np.int64)


def _numbers(parts: list[str]) -> Float64Array:
    _check_all(_NUMBER, parts)
    values = np.array([float(part) for part in parts], dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds an infinite number")
    return values


def _check_all(pattern: re.Pattern[str], parts: list[str]) -> None:
    for part in parts:
        if not pattern.fullmatch(part):
            raise ValueError(f"{part[:40]!r} is no number")
