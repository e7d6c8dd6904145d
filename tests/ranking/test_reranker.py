"""A cross-encoder reads the first of a list alone, whoever asks beside and whichever pair is asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st
from ranking_material import SETTINGS, fitted, material

from ticketkin.core.errors import UnsafeArtifactError
from ticketkin.core.tables import IntArray, Visibility
from ticketkin.encoders.cross_encoder import load_cross_encoder
from ticketkin.ranking.columns import EmbeddedTickets, TextRows, TicketColumns
from ticketkin.ranking.fusion import DescribedCorpus, FusionRanker, fit_second_level
from ticketkin.ranking.pair_features import hybrid_z
from ticketkin.ranking.reranker import Reranker, among_first, first_of
from ticketkin.ranking.retriever import Candidates, Retriever
from ticketkin.ranking.scorer import RERANKED, PairScorer
from ticketkin.tickets.kin import KinGroups
from tiny_model import WORDS

N_READ = 6


def worded() -> tuple[EmbeddedTickets, KinGroups]:
    """The tickets of 60 kin groups with texts that the tiny model can tell apart."""
    given, groups = material()
    draw = np.random.default_rng(0)
    return replace(given, texts=[" ".join(draw.choice(WORDS, 5)) for _ in given.texts]), groups


@pytest.fixture(scope="module")
def reranker(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Reranker:
    """A cross-encoder with a head drawn at random: it says something of every pair, and not the same."""
    folder = tmp_path_factory.mktemp("cross") / "model"
    load_cross_encoder(tiny_encoder_folder, "cpu", 1).save_pretrained(str(folder), create_model_card=False)
    return Reranker(folder, N_READ, "cpu")


@pytest.fixture(scope="module")
def ranker() -> FusionRanker:
    given, groups = worded()
    return fitted(given, groups)


@pytest.fixture(scope="module")
def reranked(reranker: Reranker) -> FusionRanker:
    given, groups = worded()
    plain = fitted(given, groups)
    corpus = DescribedCorpus(plain.scorer.state, plain.columns, groups.group)
    return fit_second_level(plain.scorer.first, corpus, np.arange(120, 180), SETTINGS, 0, reranker=reranker)


def asked(ranker: FusionRanker, rows: IntArray) -> tuple[TicketColumns, Candidates]:
    given, _ = worded()
    columns = ranker.scorer.describe(given)
    queries = columns.take(rows)
    return queries, ranker.scorer.candidates(Retriever(columns), queries)


def test_the_nearest_by_the_hybrid_are_read_and_no_other(ranker: FusionRanker, reranker: Reranker) -> None:
    queries, candidates = asked(ranker, np.arange(0, 30))
    near = hybrid_z(queries, candidates, candidates.places)
    value, is_read = reranker.features(queries, candidates)
    assert (is_read.sum(axis=1) == N_READ).all()
    for query in range(30):
        there = candidates.rows[query] >= 0
        border = near[query][is_read[query] == 1].min()
        assert near[query][there & (is_read[query] == 0)].max() <= border + 1e-3
    assert (value[is_read == 0] == 0).all()
    assert len(np.unique(value[is_read == 1])) > 30


def test_what_is_read_does_not_depend_on_who_asks_beside(ranker: FusionRanker, reranker: Reranker) -> None:
    together, _ = reranker.features(*asked(ranker, np.arange(0, 20)))
    alone = Reranker(reranker.folder, N_READ, "cpu")
    for row in range(20):
        value, _ = alone.features(*asked(ranker, np.array([row])))
        np.testing.assert_allclose(value[0], together[row, : value.shape[1]], atol=1e-5)


def test_a_pair_outside_of_the_list_is_not_read(ranker: FusionRanker) -> None:
    queries, candidates = asked(ranker, np.array([3]))
    (first,) = first_of(queries, candidates, N_READ)
    far = np.setdiff1d(np.arange(180), first)[:4]
    pairs = np.concatenate([first[:2], far])[None, :]
    other = replace(candidates, rows=pairs, places=pairs)
    assert among_first(queries, other, N_READ).tolist() == [[True] * 2 + [False] * 4]


def test_each_pair_of_texts_is_read_once(reranker: Reranker, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Reranker(reranker.folder, N_READ, "cpu")
    read: list[int] = []
    model = one._model
    predict = model.predict

    def counted(pairs: list[tuple[str, str]], **options: Any) -> Any:
        read.append(len(pairs))
        return predict(pairs, **options)

    monkeypatch.setattr(model, "predict", counted)
    first = one.logits(["printer", "vpn", "printer"], ["mail", "mail", "mail"])
    again = one.logits(["vpn", "printer"], ["mail", "mail"])
    assert read == [2]
    assert first[0] == first[2] == again[1] and first[1] == again[0] != first[0]


def test_a_saved_ranking_scores_as_before(reranked: FusionRanker, tmp_path: Path) -> None:
    given, _ = worded()
    folder = tmp_path / "ranking"
    (folder / RERANKED).mkdir(parents=True)
    reranked.scorer.state.save(folder)
    reranked.scorer.save_weights(folder / RERANKED, {})
    again = FusionRanker.load(folder, given, reranked=True)
    assert again.name == "reranker"
    rows = np.arange(0, 40)
    seen = Visibility(180, None)
    np.testing.assert_allclose(again.similarities(rows, seen), reranked.similarities(rows, seen), atol=1e-6)
    mine = again.pair_similarities(rows, rows + 40)
    np.testing.assert_allclose(mine, reranked.pair_similarities(rows, rows + 40), atol=1e-6)


def test_a_pair_scores_in_a_list_as_by_itself(reranked: FusionRanker) -> None:
    """The same pair gets one score from the ranking of all tickets and from the scorer of pairs."""
    rows = np.arange(0, 20)
    listed = reranked.similarities(rows, Visibility(180, None))
    best = np.argmax(listed, axis=1)
    both = reranked.pair_similarities(rows, best)
    back = reranked.similarities(best, Visibility(180, None))[np.arange(20), rows]
    in_both = back >= 0  # a ticket need not be in the list of its nearest
    mean = (listed[np.arange(20), best] + back) / 2
    np.testing.assert_allclose(both[in_both], mean[in_both], atol=1e-5)
    assert in_both.sum() > 10


def test_pickled_weights_in_a_ranking_are_refused(reranked: FusionRanker, tmp_path: Path) -> None:
    folder = tmp_path / "ranking"
    (folder / RERANKED).mkdir(parents=True)
    reranked.scorer.state.save(folder)
    reranked.scorer.save_weights(folder / RERANKED, {})
    model = folder / RERANKED / "cross_encoder"
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(UnsafeArtifactError):
        PairScorer.load_reranked(folder)


@examples(
    st.lists(st.text(max_size=5), max_size=8),
    st.lists(st.text(max_size=5), max_size=8),
    st.data(),
)
def test_texts_of_rows_are_those_of_lists(one: list[str], other: list[str], data: st.DataObject) -> None:
    texts, rows = one + other, TextRows.of(one).append(TextRows.of(other))
    place = st.integers(0, max(0, len(texts) - 1))
    taken = np.array(data.draw(st.lists(place, max_size=9)) if texts else [], dtype=np.int64)
    assert rows.read(taken) == [texts[row] for row in taken]
    part = rows.take(taken)
    again = np.arange(len(taken))[::-1]
    assert part.read(again) == [texts[row] for row in taken[again]]
