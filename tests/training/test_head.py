"""The linear head: what it learns, what it never does, and that its folder is the same model."""

import dataclasses
import json
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_folder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.training.head import cross_fit_heads, fold_of_group, save_head_model, train_head
from ticketkin.training.positives import PositivePairs
from ticketkin.training.settings import HeadSettings, StrengthSettings
from ticketkin.training.strength import sweep_strengths
from tiny_model import WORDS

SETTINGS = HeadSettings(learning_rate=1e-2, epochs=30, batch_size=32)
TEXTS = ["printer error after update", "vpn slow", "payroll report timeout", "login"]


def hidden_kinship(
    n_groups: int, noise: float, seed: int = 0, d: int = 24, d_kin: int = 6
) -> tuple[FloatArray, IntArray]:
    """Three tickets a group that agree in `d_kin` hidden directions; the others hold `noise` alone."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), 3)
    latent = rng.normal(size=(n_groups, d_kin))[group] + 0.1 * rng.normal(size=(len(group), d_kin))
    raw = np.concatenate([latent, noise * rng.normal(size=(len(group), d - d_kin))], axis=1)
    turned = raw @ np.linalg.qr(rng.normal(size=(d, d)))[0]
    return (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float32), group


def positives(pairs: list[tuple[int, int]], group: IntArray, negatives: IntArray | None = None):
    left, right = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    empty = np.full((len(pairs), 0), -1, dtype=np.int64)
    return PositivePairs(
        left, right, np.ones_like(left), group[left], empty if negatives is None else negatives
    )


def pairs_of_groups(groups: range) -> list[tuple[int, int]]:
    return [(3 * g + a, 3 * g + b) for g in groups for a, b in ((0, 1), (0, 2), (1, 2))]


def scores(embeddings: FloatArray, queries: IntArray, group: IntArray, metric: str = "recall_at_1") -> float:
    ranker = DenseRanker("any", embeddings)
    evaluated = evaluate_retrieval(ranker, queries, group, Visibility(len(group), None))
    return float(evaluated.per_query(metric).mean())


def test_the_head_finds_the_subspace_kin_share_and_so_serves_groups_it_never_saw() -> None:
    embeddings, group = hidden_kinship(120, noise=1.2)
    head = train_head(embeddings, positives(pairs_of_groups(range(80)), group), SETTINGS, 0)
    unseen = np.arange(240, 360)
    before, after = (scores(head.apply(embeddings, s), unseen, group) for s in (0.0, 1.0))
    assert after > before + 0.2
    np.testing.assert_allclose(head.apply(embeddings, 0.0), embeddings, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(head.apply(embeddings, 0.5), axis=1), 1, atol=1e-5)
    losses = head.record.history.loss
    assert np.mean(losses[-8:]) < np.mean(losses[:8])
    json.dumps(head.record.model_dump(mode="json"), allow_nan=False)


def test_the_seed_alone_decides() -> None:
    embeddings, group = hidden_kinship(20, noise=1.0)
    kin = positives(pairs_of_groups(range(20)), group)
    settings = SETTINGS.model_copy(update={"epochs": 3})
    one, same, other = (train_head(embeddings, kin, settings, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.weight, same.weight)
    assert one.record.history.loss == same.record.history.loss
    assert np.abs(one.weight - other.weight).max() > 1e-5


def test_a_batch_of_one_kin_group_moves_nothing() -> None:
    embeddings, _ = hidden_kinship(3, noise=1.0)
    rows = [(0, 1), (2, 3), (4, 5)]
    one_group = train_head(embeddings, positives(rows, np.zeros(9, dtype=np.int64)), SETTINGS, 0)
    assert one_group.record.history.loss == [0.0] * SETTINGS.epochs
    np.testing.assert_array_equal(one_group.weight, np.eye(24, dtype=np.float32))
    apart = train_head(embeddings, positives(rows, np.arange(9) // 2), SETTINGS, 0)
    assert apart.record.history.loss[0] > 0
    assert apart.record.relative_change["head"] > 0


def ranking_losses(embeddings: FloatArray, kin: PositivePairs, spared: bool) -> list[float]:
    """The loss of one batch by its definition, for every choice of which side of a pair asks."""
    collected = []
    for flips in product((False, True), repeat=len(kin)):
        asks = np.where(flips, kin.right, kin.left)
        answers = np.where(flips, kin.left, kin.right)
        total = 0.0
        for i, query in enumerate(asks):
            others = [j for j in range(len(kin)) if j == i or not spared or kin.group[j] != kin.group[i]]
            rows = [*answers[others], *(n for n in kin.negatives[i] if n >= 0)]
            logits = np.exp(20 * embeddings[rows].astype(np.float64) @ embeddings[query])
            total -= np.log(logits[others.index(i)] / logits.sum())
        collected.append(total / len(kin))
    return collected


def test_the_loss_is_infonce_with_kin_of_the_same_group_left_out() -> None:
    embeddings, _ = hidden_kinship(5, noise=1.5, seed=4)
    group = np.array([0, 0, 0, 0, 1, 1, 2, 2, *range(3, 10)])
    mined = np.array([[8, -1], [-1, -1], [9, 10], [-1, 11]])
    kin = positives([(0, 1), (2, 3), (4, 5), (6, 7)], group, mined)
    once = SETTINGS.model_copy(update={"epochs": 1})
    firsts = [train_head(embeddings, kin, once, seed).record.history.loss[0] for seed in range(4)]
    error = {
        spared: max(np.abs(np.array(ranking_losses(embeddings, kin, spared)) - loss).min() for loss in firsts)
        for spared in (True, False)
    }
    assert error[True] < 1e-5
    assert error[False] > 1e-3


def test_a_head_of_a_fold_never_saw_the_links_of_that_fold() -> None:
    embeddings, group = hidden_kinship(12, noise=1.0)
    kin = positives(pairs_of_groups(range(12)), group)
    settings = SETTINGS.model_copy(update={"epochs": 2})
    weights = [head.weight for head in cross_fit_heads(embeddings, kin, settings, 3, 5, group)]
    assert len(weights) == 4
    with threadpool_limits(1):  # as each of several is trained
        np.testing.assert_array_equal(weights[-1], train_head(embeddings, kin, settings, 5).weight)
    folds = fold_of_group(group, 3, 5)
    assert sorted(np.bincount(folds)) == [4, 4, 4]
    for fold in range(3):
        scrambled = embeddings.copy()
        scrambled[folds[group] == fold] = embeddings[::-1][folds[group] == fold]
        again = cross_fit_heads(scrambled, kin, settings, 3, 5, group)
        unchanged = [f for f in range(4) if np.array_equal(again[f].weight, weights[f])]
        assert unchanged == [fold]


def test_an_absurd_learning_rate_ends_at_the_untouched_model() -> None:
    embeddings, group = hidden_kinship(60, noise=0.6)
    kin = positives(pairs_of_groups(range(40)), group)
    head = train_head(embeddings, kin, SETTINGS.model_copy(update={"learning_rate": 1e3}), 0)
    queries = np.arange(120, 180)
    sweep = sweep_strengths(
        lambda strength: head.apply(embeddings, strength),
        queries, group, Visibility(len(group), None), StrengthSettings(),
    )  # fmt: skip
    untouched = scores(embeddings, queries, group, "mrr")
    assert max(sweep.mrr[1:]) < untouched - 0.05  # the head did harm at every other strength
    assert sweep.chosen == 0
    assert sweep.mrr[0] == pytest.approx(untouched, abs=1e-6)


@pytest.fixture(params=["normalised", "bare"])
def encoder(request: pytest.FixtureRequest, tiny_encoder_folder: Path, tmp_path: Path) -> LoadedEncoder:
    """The tiny encoder, once as it is and once without its Normalize module."""
    settings = EncoderSettings(device="cpu", max_length_tokens=16)
    if request.param == "normalised":
        return load_folder(tiny_encoder_folder, settings)
    model = load_folder(tiny_encoder_folder, settings).model
    del model[2]
    model.save_pretrained(str(tmp_path / "bare"), create_model_card=False)
    return load_folder(tmp_path / "bare", settings)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_the_saved_folder_is_the_head_in_memory(
    encoder: LoadedEncoder, strength: float, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [*TEXTS, " ".join(WORDS)]  # the last is longer than the token limit
    n_modules = len(encoder.model)
    noise = np.random.default_rng(1).normal(size=(32, 32)) * 0.2
    embeddings, group = hidden_kinship(4, noise=1.0)
    trained = train_head(embeddings, positives(pairs_of_groups(range(4)), group), SETTINGS, 0)
    head = dataclasses.replace(trained, weight=(np.eye(32) + noise).astype(np.float32))
    save_head_model(encoder, head, strength, tmp_path / "head", "{title}")
    loaded = SentenceTransformer(str(tmp_path / "head"), device="cpu", local_files_only=True)
    expected = head.apply(encode_texts(encoder, texts, None, EncoderSettings()), strength)
    assert np.abs(loaded.encode(texts) - expected).max() < 1e-5
    assert len(encoder.model) == n_modules
    assert not [p for p in (tmp_path / "head").rglob("*") if p.suffix in {".bin", ".pt", ".pkl", ".pth"}]
    record = json.loads((tmp_path / "head" / "ticketkin.json").read_text())
    assert record["template"] == "{title}" and record["max_length_tokens"] == 16 and record["unit_length"]


def test_the_saved_folder_puts_the_prompt_before_a_text_as_its_encoder_does(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    folder = Path(shutil.copytree(tiny_encoder_folder, tmp_path / "e5-small-v2"))
    encoder = load_folder(folder, EncoderSettings(device="cpu"))
    embeddings, group = hidden_kinship(4, noise=1.0)
    trained = train_head(embeddings, positives(pairs_of_groups(range(4)), group), SETTINGS, 0)
    head = dataclasses.replace(trained, weight=np.eye(32, dtype=np.float32))
    save_head_model(encoder, head, 1.0, tmp_path / "head", "{title}")
    saved = load_folder(tmp_path / "head", EncoderSettings(device="cpu"))
    assert saved.model.prompts[saved.model.default_prompt_name or ""] == "query: "
    np.testing.assert_allclose(saved.embed(TEXTS), encoder.embed(TEXTS), atol=1e-5)


def test_negatives_beyond_the_third_are_not_read() -> None:
    embeddings, group = hidden_kinship(6, noise=1.0)
    rows = [(0, 1), (3, 4)]
    mined = np.array([[6, 7, 8, 9], [9, -1, -1, 12]])
    kin = positives(rows, group, mined)
    other = replace(kin, negatives=np.where(np.arange(4) == 3, 15, mined))
    first, second = (train_head(embeddings, k, SETTINGS, 0).weight for k in (kin, other))
    np.testing.assert_array_equal(first, second)
