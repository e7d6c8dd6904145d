"""The learned ranking: plain arrays, what it may see, and no peeking at its own answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from ranking_material import EVALUATION, SETTINGS, TRAIN, N, fitted, material, with_times

from ticket_material import make_tickets
from ticketkin.core.errors import MissingInputError, UnreadableFileError
from ticketkin.core.tables import Tickets
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.ranking.fusion import FusionRanker


def test_fusion_beats_its_parts_on_groups_it_never_saw() -> None:
    given, groups = material()
    fusion = fitted(given, groups)
    visibility = given.tickets.visibility
    lexical = LexicalRanker.build(
        {"title": given.titles, "description": [""] * N}, {"title": 2.0, "description": 1.0}
    )
    fused = evaluate_retrieval(fusion, EVALUATION, groups.group, visibility).per_query("mrr").mean()
    words = evaluate_retrieval(lexical, EVALUATION, groups.group, visibility).per_query("mrr").mean()
    assert fused > words + 0.05


def test_probabilities_are_probabilities_and_strangers_lie_below() -> None:
    given, groups = material()
    fusion = fitted(given, groups)
    left, right = np.arange(0, N - 1, 2), np.arange(1, N, 2)
    probability = fusion.pair_similarities(left, right)
    assert ((probability >= 0) & (probability <= 1)).all()
    kin = groups.group[left] == groups.group[right]
    assert probability[kin].mean() > probability[~kin].mean() + 0.2
    block = fusion.similarities(np.array([0, 5]), given.tickets.visibility)
    assert (np.sort(block, axis=1)[:, : N - 80] < 0).all()


def test_saved_without_pickle_and_loaded_equal(tmp_path: Path) -> None:
    given, groups = material()
    fusion = fitted(given, groups)
    fusion.save(tmp_path, {"champion": "fusion"})
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    loaded = FusionRanker.load(tmp_path, given)
    # Training tickets are scored by the full model, which is what is saved.
    queries = np.arange(10)
    visibility = given.tickets.visibility
    assert (fusion.similarities(queries, visibility) == loaded.similarities(queries, visibility)).all()
    with pytest.raises(MissingInputError, match="ticketkin evaluate"):
        FusionRanker.load(tmp_path / "nowhere", given)
    with pytest.raises(UnreadableFileError, match="does not hold: tuned"):
        FusionRanker.load(tmp_path, replace(given, embeddings={"base": given.embeddings["base"]}))


def test_a_file_with_other_varying_fields_is_ranked(tmp_path: Path) -> None:
    given, groups = material()
    fusion = fitted(given, groups)
    fusion.save(tmp_path, {})
    other = given.tickets.frame.with_columns(
        service=pl.lit("all the same"), category=pl.format("c{}", pl.int_range(pl.len()))
    )
    loaded = FusionRanker.load(tmp_path, replace(given, tickets=Tickets(other)))
    scores = loaded.similarities(np.arange(10), given.tickets.visibility)
    assert np.isfinite(scores).all()


def test_an_evaluation_ticket_is_never_scored_by_a_model_that_saw_its_group() -> None:
    given, groups = material()
    fusion = fitted(given, groups)
    assert set(fusion._model_of_ticket[:120]) == {-1}
    for group in np.unique(groups.group[120:]):
        models = fusion._model_of_ticket[groups.group == group]
        assert len(set(models.tolist())) == 1
        assert 0 <= models[0] < SETTINGS.folds


def test_only_earlier_tickets_are_candidates_where_times_are_known() -> None:
    given, groups = material()
    timed = with_times(given)
    fusion = fitted(timed, groups, TRAIN[1:], EVALUATION[1:])
    block = fusion.similarities(np.array([50]), timed.tickets.visibility)[0]
    assert (block[51:] < 0).all()
    assert (block[:50] > 0).any()
    earlier, later = np.array([3, 9, 120]), np.array([4, 50, 121])
    forth, back = fusion.pair_similarities(earlier, later), fusion.pair_similarities(later, earlier)
    assert (forth == back).all()
    asked = np.where(forth > 0, fusion.similarities(later, timed.tickets.visibility)[range(3), earlier], 0)
    listed = asked > 0
    assert listed.any() and np.allclose(forth[listed], asked[listed], atol=1e-6)


def test_of_tickets_opened_in_the_same_instant_a_query_sees_those_whose_ids_come_first() -> None:
    given, groups = material()
    service = given.tickets.frame["service"].to_list()
    at_once = make_tickets(N, opened=["2024-01-01"] * N, title=given.titles, service=service)
    ranker = fitted(replace(given, tickets=at_once), groups, TRAIN[1:], EVALUATION[1:])
    rows = np.array([5, 30, N - 1])
    scored = ranker.similarities(rows, at_once.visibility) >= 0
    assert scored.any() and not (scored & ~at_once.visibility.mask(rows)).any()
