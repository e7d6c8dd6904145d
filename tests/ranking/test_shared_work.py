"""What one ranking takes over from another is what it would have made itself, to the last digit."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from ranking_material import SETTINGS, TRAIN, N, fitted, material, with_times

from ticketkin.core.tables import FloatArray
from ticketkin.ranking import kept_candidates
from ticketkin.ranking.candidate_lists import candidate_lists
from ticketkin.ranking.columns import EmbeddedTickets, TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.fusion import DescribedCorpus, FusionRanker, OutOfFold, training_lists
from ticketkin.ranking.kept_candidates import KeptCandidates
from ticketkin.ranking.pair_features import feature_names
from ticketkin.ranking.retriever import Candidates, Retriever
from ticketkin.ranking.scorer import Reach


@cache
def ranking() -> FusionRanker:
    return fitted(*material())


def _turned(seed: int) -> FloatArray:
    """A head that moves what lies near to what."""
    generator = np.random.default_rng(seed)
    head: FloatArray = (np.eye(16) + 0.5 * generator.normal(size=(16, 16))).astype(np.float32)
    return head


def test_lists_without_the_head_are_those_of_a_ranking_that_has_none() -> None:
    given, groups = material()
    heads = np.stack([_turned(seed) for seed in range(4)])
    out_of_fold = OutOfFold(heads, np.arange(int(groups.group.max()) + 1) % 3)
    embeddings = {"base": given.embeddings["base"], "tuned": out_of_fold.tuned(given.embeddings["base"], -1)}
    given = replace(given, embeddings=embeddings)
    state = CorpusState.fit(given, TRAIN)
    corpus = DescribedCorpus(state, state.describe(given), groups.group)
    with_head = training_lists(corpus, TRAIN, SETTINGS, 0, out_of_fold)
    taken = with_head.without_tuned(feature_names(state))
    bare = corpus.without_tuned()
    fresh = candidate_lists(bare.state, bare.columns, taken.queries, SETTINGS.depth)
    assert len(taken.rows) < len(with_head.rows)
    for name, own in vars(taken).items():
        if isinstance(own, np.ndarray):
            assert np.array_equal(own, getattr(fresh, name)), name
    some = taken.take(np.array([5, 2, 9]))
    assert np.array_equal(some.rows, fresh.take(np.array([5, 2, 9])).rows) and some.by_untuned.all()


def _same(one: TicketColumns, other: TicketColumns) -> bool:
    arrays = ("identity", "opened_at", "place", "values", "lengths", "signatures", "crowd_row")
    return (
        all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in arrays)
        and all((getattr(one, name) != getattr(other, name)).nnz == 0 for name in ("words", "characters"))
        and (one.lexical.whole != other.lexical.whole).nnz == 0
        and list(one.embeddings) == list(other.embeddings)
        and list(one.crowding) == list(other.crowding)
        and all(
            np.array_equal(one.crowding[name].members, other.crowding[name].members) for name in one.crowding
        )
    )


def test_a_state_with_another_crowd_takes_over_what_was_described() -> None:
    for given in (material()[0], with_times(material()[0])):
        bare = replace(given, embeddings={})
        of_texts = CorpusState.fit(bare, TRAIN)
        state = of_texts.with_crowd(given.take(TRAIN[::2]))
        assert state.reads_like(of_texts) and of_texts.reads_like(CorpusState.fit(given, TRAIN[::-1]))
        columns = of_texts.describe(bare)
        assert _same(state.in_crowd(columns, given.embeddings), state.describe(given))
        assert not _same(of_texts.in_crowd(columns, given.embeddings), state.describe(given))


@for_all(st.lists(st.lists(st.integers(0, N - 1), min_size=1, max_size=12), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_list_that_was_kept_is_the_one_that_would_be_made(asked: list[list[int]]) -> None:
    ranker = ranking()
    kept = KeptCandidates(ranker.scorer.state, ranker.columns, ranker.scorer.reach)
    retriever = Retriever(ranker.columns)
    for rows in (np.array(block, dtype=np.int64) for block in asked):
        ours = kept.of(rows)
        fresh = ranker.scorer.candidates(retriever, ranker.columns.take(rows))
        assert np.array_equal(ours.rows, fresh.rows) and np.array_equal(ours.places, fresh.places)
        for name, nearest in fresh.nearest.items():
            assert np.array_equal(ours.nearest[name].rows, nearest.rows)
            assert np.allclose(ours.nearest[name].similarities, nearest.similarities, atol=1e-6)


def test_no_more_lists_are_kept_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    ranker, made = ranking(), Counter[int]()
    kept = KeptCandidates(ranker.scorer.state, ranker.columns, ranker.scorer.reach)
    monkeypatch.setattr(kept_candidates, "_MOST_KEPT", 3)
    plain = kept_candidates.candidates_of

    def counted(state: CorpusState, retriever: Retriever, queries: TicketColumns, reach: Reach) -> Candidates:
        made.update(queries.ids.tolist())
        return plain(state, retriever, queries, reach)

    monkeypatch.setattr(kept_candidates, "candidates_of", counted)
    for _ in range(3):
        assert kept.of(np.arange(5)).rows.shape[0] == 5
    assert sorted(made.values()) == [1, 1, 1, 3, 3]
    assert kept.of(np.array([4, 1, 4])).rows.shape[0] == 3


def test_states_that_read_texts_otherwise_take_over_nothing() -> None:
    given = material()[0]
    state = CorpusState.fit(given, TRAIN)
    fewer = CorpusState.fit(given, TRAIN[:-1])
    timed = CorpusState.fit(with_times(given), TRAIN)
    one_service = EmbeddedTickets(
        replace(given.tickets, frame=given.tickets.frame.with_columns(service=given.tickets.frame["title"])),
        given.texts,
        given.embeddings,
    )
    assert not state.reads_like(fewer)
    assert not state.reads_like(timed)
    assert not state.reads_like(replace(state, agreement_fields=()))
    assert state.reads_like(CorpusState.fit(one_service, TRAIN))
