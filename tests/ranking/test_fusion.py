"""The learned ranking: plain arrays, what it may see, and no peeking at its own answers."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from ticket_material import make_links, make_tickets
from ticketkin.core.config import FusionSettings
from ticketkin.core.errors import MissingInputError
from ticketkin.core.tables import FloatArray
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.ranking.features import FusionInputs
from ticketkin.ranking.fusion import FusionRanker, fit_first_level, fit_second_level
from ticketkin.ranking.models import BoostedTrees
from ticketkin.tickets.kin import KinGroups, kin_groups

N_GROUPS, SIZE = 60, 3
N = N_GROUPS * SIZE
SETTINGS = FusionSettings(depth=20, folds=3)


def material(seed: int = 0) -> tuple[FusionInputs, KinGroups]:
    """Groups share a centre in embedding space, a service, and one word in three."""
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(N_GROUPS), SIZE)
    centres = generator.normal(size=(N_GROUPS, 16))
    noisy = centres[group] + 1.2 * generator.normal(size=(N, 16))
    embeddings: FloatArray = (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
    titles = [f"word{g}x fault" if generator.random() < 0.6 else f"other{n}y" for n, g in enumerate(group)]
    tickets = make_tickets(N, title=titles, service=[f"s{g % 7}" for g in group])
    links = make_links([(n, n + 1) for n in range(N - 1) if group[n] == group[n + 1]])
    lexical = LexicalRanker.build(
        {"title": titles, "description": [""] * N}, {"title": 2.0, "description": 1.0}
    )
    inputs = FusionInputs(tickets, titles, titles, lexical, {"base": embeddings, "title": embeddings})
    return inputs, kin_groups(tickets, links)


def fitted(seed: int = 0) -> tuple[FusionRanker, FusionInputs, KinGroups]:
    inputs, groups = material(seed)
    visibility = inputs.tickets.visibility
    train, evaluation = np.arange(0, 120), np.arange(120, N)
    first = fit_first_level(inputs, train, groups.group, visibility, SETTINGS, seed)
    return (
        fit_second_level(first, inputs, evaluation, groups.group, visibility, SETTINGS, seed),
        inputs,
        groups,
    )


def test_flattened_trees_predict_what_scikit_learn_predicts() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(500, 6)).astype(np.float32)
    labels = (features[:, 0] * features[:, 1] + 0.3 * generator.normal(size=500) > 0).astype(np.int64)
    trees = BoostedTrees.fit(features, labels, seed=1)
    oracle = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=40, l2_regularization=5.0,
        early_stopping=False, random_state=1,
    ).fit(features, labels)  # fmt: skip
    fresh = generator.normal(size=(300, 6)).astype(np.float32)
    assert np.allclose(trees.logits(fresh), oracle.decision_function(fresh), atol=1e-6)


def test_fusion_beats_its_parts_on_groups_it_never_saw() -> None:
    fusion, inputs, groups = fitted()
    held_out = np.arange(120, N)
    visibility = inputs.tickets.visibility
    fused = evaluate_retrieval(fusion, held_out, groups.group, visibility).per_query("mrr").mean()
    words = evaluate_retrieval(inputs.lexical, held_out, groups.group, visibility).per_query("mrr").mean()
    assert fused > words + 0.05


def test_probabilities_are_probabilities_and_strangers_lie_below() -> None:
    fusion, inputs, groups = fitted()
    left, right = np.arange(0, N - 1, 2), np.arange(1, N, 2)
    probability = fusion.pair_similarities(left, right)
    assert ((probability >= 0) & (probability <= 1)).all()
    kin = groups.group[left] == groups.group[right]
    assert probability[kin].mean() > probability[~kin].mean() + 0.2
    block = fusion.similarities(np.array([0, 5]), inputs.tickets.visibility)
    assert (np.sort(block, axis=1)[:, : N - 80] < 0).all()


def test_saved_without_pickle_and_loaded_equal(tmp_path: Path) -> None:
    fusion, inputs, _ = fitted()
    fusion.save(tmp_path, {"champion": "fusion"})
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    loaded = FusionRanker.load(tmp_path, inputs, inputs.tickets.visibility, 0)
    # Training tickets are scored by the full model, which is what is saved.
    queries = np.arange(10)
    visibility = inputs.tickets.visibility
    assert np.allclose(fusion.similarities(queries, visibility), loaded.similarities(queries, visibility))
    with pytest.raises(MissingInputError, match="ticketkin evaluate"):
        FusionRanker.load(tmp_path / "nowhere", inputs, visibility, 0)


def test_an_evaluation_ticket_is_never_scored_by_a_model_that_saw_its_group() -> None:
    fusion, _, groups = fitted()
    assert fusion._model_of_ticket is not None
    assert set(fusion._model_of_ticket[:120]) == {SETTINGS.folds}
    for group in np.unique(groups.group[120:]):
        models = fusion._model_of_ticket[groups.group == group]
        assert len(set(models.tolist())) == 1
        assert models[0] < SETTINGS.folds


def test_only_earlier_tickets_are_candidates_where_times_are_known() -> None:
    inputs, groups = material()
    opened = [f"2024-01-01 {n // 60:02d}:{n % 60:02d}:00" for n in range(N)]
    tickets = make_tickets(
        N, opened=opened, title=inputs.titles, service=inputs.tickets.frame["service"].to_list()
    )
    timed = FusionInputs(tickets, inputs.texts, inputs.titles, inputs.lexical, inputs.embeddings)
    visibility = tickets.visibility
    first = fit_first_level(timed, np.arange(1, 120), groups.group, visibility, SETTINGS, 0)
    fusion = fit_second_level(first, timed, np.arange(121, N), groups.group, visibility, SETTINGS, 0)
    block = fusion.similarities(np.array([50]), visibility)[0]
    assert (block[51:] < 0).all()
    assert (block[:50] > 0).any()
