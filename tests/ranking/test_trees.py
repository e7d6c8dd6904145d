"""Boosted trees: LightGBM's own answers, soft splits, the same everywhere, and a reader that checks all."""

import re
from functools import cache
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from ticketkin.core.arrays import load_arrays, save_arrays
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.stage_settings import LARGEST_SEED
from ticketkin.ranking import trees as trees_module
from ticketkin.ranking.tree_text import read_forest
from ticketkin.ranking.trees import BoostedTrees, TreeSettings

SETTINGS = TreeSettings(n_rounds=40, learning_rate=0.1, n_leaves=7, fewest_in_leaf=10, l2=1.0)
N_FEATURES = 6


def material(n_classes: int, n: int = 1_500) -> tuple[np.ndarray, np.ndarray]:
    """Features of which one is 0 or 1, one small and one constant, and labels that they decide."""
    generator = np.random.default_rng(n_classes)
    features = generator.normal(size=(n, N_FEATURES)).astype(np.float32)
    features[:, 3] = generator.random(n) < 0.4
    features[:, 4] = 1e-4 * features[:, 4] - 50
    features[:, 5] = 7
    score = features[:, 0] * features[:, 1] + 2 * features[:, 3] + 0.3 * generator.normal(size=n)
    return features, np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))


@cache
def fitted(n_classes: int = 2) -> BoostedTrees:
    features, labels = material(n_classes)
    return BoostedTrees.fit(features, labels, SETTINGS, 1)


def scaled(trees: BoostedTrees, features: np.ndarray) -> np.ndarray:
    return ((features - trees.low) / trees.spread + 1).astype(np.float32)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_steep_trees_say_what_lightgbm_says(n_classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = fitted(n_classes)
    fresh = material(n_classes, 700)[0][::-1]
    oracle = lightgbm.Booster(model_str=trees.model).predict(scaled(trees, fresh), raw_score=True)
    soft = trees.raw(fresh)
    monkeypatch.setattr(trees_module, "_RAMP", 1e-9)
    steep = trees.raw(fresh)
    np.testing.assert_allclose(steep.reshape(oracle.shape), oracle, atol=1e-5)
    probabilities = expit(soft) if n_classes == 2 else softmax(soft, axis=1)
    hard = expit(steep) if n_classes == 2 else softmax(steep, axis=1)
    assert np.corrcoef(probabilities.ravel(), hard.ravel())[0, 1] > 0.98


def test_a_value_that_is_0_or_1_stands_clear_of_every_ramp() -> None:
    generator = np.random.default_rng(0)
    features = (generator.random((800, 2)) < 0.5).astype(np.float32)
    labels = (features[:, 0] > features[:, 1]).astype(np.int64)
    trees = BoostedTrees.fit(features, labels, SETTINGS, 0)
    oracle = lightgbm.Booster(model_str=trees.model).predict(scaled(trees, features), raw_score=True)
    np.testing.assert_allclose(trees.raw(features)[:, 0], oracle, atol=1e-5)
    assert len(set(oracle.round(6))) > 1


@pytest.mark.parametrize("n_classes", [2, 4])
def test_noise_in_the_last_digits_is_answered_with_noise(n_classes: int) -> None:
    trees, (features, _) = fitted(n_classes), material(n_classes)
    noise = np.random.default_rng(0).uniform(-1, 1, features.shape)
    noisy = (features + 1e-6 * trees.spread * noise).astype(np.float32)
    assert np.abs(trees.raw(noisy)[:, 0] - trees.raw(features)[:, 0]).max() < 1e-3


def test_a_row_alone_gets_what_it_gets_among_all() -> None:
    trees, (features, _) = fitted(3), material(3)
    alone = np.concatenate([trees.raw(features[row : row + 1]) for row in range(50)])
    np.testing.assert_allclose(alone, trees.raw(features)[:50], atol=1e-9)
    assert trees.raw(features[:0]).shape == (0, 3)


@pytest.mark.parametrize("seed", [0, LARGEST_SEED])
def test_trees_are_the_same_each_time_and_on_any_number_of_threads(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, labels = material(2)
    once = BoostedTrees.fit(features, labels, SETTINGS, seed).model
    plain = lightgbm.train

    def on_three_threads(parameters: dict[str, object], *rest: object, **named: object) -> object:
        return plain({**parameters, "num_threads": 3}, *rest, **named)

    monkeypatch.setattr(lightgbm, "train", on_three_threads)
    again = BoostedTrees.fit(features, labels, SETTINGS, seed).model
    trees, threads = ([part(text) for text in (once, again)] for part in (_trees_of, _threads_of))
    assert trees[0] == trees[1] and threads[1] == "3"


def _trees_of(model: str) -> str:
    return model.partition("end of trees")[0]


def _threads_of(model: str) -> str:
    return re.findall(r"\[num_threads: (\d+)\]", model)[0]


def test_weights_move_what_is_learned() -> None:
    features, labels = material(2)
    heavy = BoostedTrees.fit(features, labels, SETTINGS, 0, np.where(labels == 1, 9.0, 1.0))
    assert heavy.raw(features).mean() > fitted(2).raw(features).mean() + 0.5


@pytest.mark.parametrize("n_rows", [3, 12])
def test_rows_too_few_to_split_give_one_answer(n_rows: int) -> None:
    features = np.ones((n_rows, 2), dtype=np.float32)
    labels = np.arange(n_rows) % 3
    trees = BoostedTrees.fit(features, labels, SETTINGS, 0)
    raw = trees.raw(np.array([[1, 1], [9, -9]], dtype=np.float32))
    assert raw.shape == (2, 3) and np.isfinite(raw).all() and (raw[0] == raw[1]).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_saved_trees_are_the_same(n_classes: int, tmp_path: Path) -> None:
    trees, (features, _) = fitted(n_classes), material(n_classes)
    save_arrays(tmp_path / "a.safetensors", trees.arrays("trees"))
    arrays = load_arrays(tmp_path / "a.safetensors", "Fit again")
    again = BoostedTrees.from_arrays(arrays, "trees", N_FEATURES, n_classes)
    assert again.model == trees.model
    np.testing.assert_array_equal(again.raw(features), trees.raw(features))
    for wrong in ((N_FEATURES - 1, n_classes), (N_FEATURES, n_classes + 2)):
        with pytest.raises(UnreadableFileError, match=r"is damaged \(trees_.*Fit again"):
            BoostedTrees.from_arrays(arrays, "trees", *wrong)


def refused(tmp_path: Path, model: str | bytes, message: str, **arrays: np.ndarray) -> None:
    """Check that saved trees with this text are refused with these words."""
    content = model if isinstance(model, bytes) else model.encode()
    saved = fitted().arrays("trees") | {"trees_model": np.frombuffer(content, dtype=np.uint8)} | arrays
    save_arrays(tmp_path / "a.safetensors", saved)
    with pytest.raises(UnreadableFileError, match=rf"is damaged \(trees_.*{message}.*Fit again"):
        BoostedTrees.from_arrays(load_arrays(tmp_path / "a.safetensors", "Fit again"), "trees", N_FEATURES)


def swapped(name: str, value: str) -> str:
    """Return the text model with a field of its first tree replaced."""
    model, n = re.subn(rf"(\nTree=0\n.*?\n{name}=)[^\n]*", rf"\g<1>{value}", fitted().model, flags=re.DOTALL)
    assert n == 1
    return model


def field(name: str) -> list[str]:
    return re.findall(rf"\nTree=0\n.*?\n{name}=([^\n]*)", fitted().model, flags=re.DOTALL)[0].split()


def test_a_text_of_something_else_is_refused(tmp_path: Path) -> None:
    model = fitted().model
    for text, embeddings in (
        ("", "cut off"),
        (model[: len(model) // 3], "cut off"),
        (model[200:], "does not begin as a text model"),
        (b"\x80\x04\x95" + model.encode(), "does not begin"),
        (model.replace("version=v4", "version=v3"), "its version is 'v3'"),
        (model.replace("num_class=1", "num_class=999999999"), "its num_class is"),
        (model.replace("max_feature_idx=5", "max_feature_idx=99"), "its max_feature_idx is"),
        (model.replace("objective=binary sigmoid:1", "objective=regression"), "its objective is"),
        (model.replace("label_index=0", "label_index=0\naverage_output"), "is no field"),
        (model.replace("label_index=0", "label_index=0\nlabel_index=0"), "is no field"),
        (model.replace("Tree=1\n", "Tree=7\n"), "tree 1 is of another kind"),
        (model.replace("is_linear=0", "is_linear=1"), "another kind"),
        (model.replace("num_cat=0", "num_cat=1"), "another kind"),
    ):
        refused(tmp_path, text, embeddings)
    refused(tmp_path, model, "not above zero", trees_spread=np.zeros(N_FEATURES))
    refused(tmp_path, model, "holds NaN or infinity", trees_low=np.full(N_FEATURES, np.nan))


def test_trees_that_are_none_are_refused(tmp_path: Path) -> None:
    left, right = field("left_child"), field("right_child")
    rest = " ".join(left[1:])
    others = " ".join(field("threshold")[1:])
    for name, value, phrase in (
        ("left_child", f"0 {rest}", "no tree"),
        ("left_child", f"{2**40} {rest}", "is no number"),
        ("left_child", f"999 {rest}", "no tree"),
        ("left_child", f"-999 {rest}", "no tree"),
        ("left_child", " ".join(right), "no tree"),
        ("left_child", rest, "of left_child, not"),
        ("num_leaves", "0", "has 0 leaves"),
        ("num_leaves", "-3", "has -3 leaves"),
        ("num_leaves", "999999999", "has 999999999 leaves"),
        ("num_leaves", "1", "of split_feature, not 0"),
        ("split_feature", " ".join(["6"] * len(left)), "a feature that is not there"),
        ("split_feature", " ".join(["-1"] * len(left)), "a feature that is not there"),
        ("decision_type", " ".join(["1"] * len(left)), "categories or missing values"),
        ("decision_type", " ".join(["10"] * len(left)), "categories or missing values"),
        ("threshold", f"nan {others}", "'nan' is no number"),
        ("threshold", f"1e999 {others}", "infinite"),
        ("threshold", f"1_0 {others}", "is no number"),
        ("threshold", f"٣ {others}", "is no number"),
        ("leaf_value", " ".join(["inf"] * (len(left) + 1)), "is no number"),
    ):
        refused(tmp_path, swapped(name, value), phrase)


@for_all(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_damage_is_refused_or_leaves_trees(data: st.DataObject) -> None:
    model = fitted().model
    start = data.draw(st.integers(0, model.index("end of trees") + 12))
    length = data.draw(st.integers(0, 400))
    put = data.draw(st.text(alphabet="0123456789-=. \neT_vab", max_size=30))
    damaged = model[:start] + put + model[start + length :]
    try:
        forest = read_forest(damaged, N_FEATURES, 1)
    except ValueError as error:
        assert len(str(error)) < 200
        return
    trees = BoostedTrees(damaged, forest, np.zeros(N_FEATURES), np.ones(N_FEATURES))
    assert np.isfinite(trees.raw(material(2, 50)[0])).all()
