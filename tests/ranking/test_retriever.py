"""Retrieval against brute force, by cells, and after tickets were appended."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from ranking_material import TRAIN, N, material, with_times

from ticketkin.ranking.best import highest
from ticketkin.ranking.columns import EmbeddedTickets, TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.retriever import LEXICAL, Retriever, pair_similarities


def described(given: EmbeddedTickets) -> TicketColumns:
    return CorpusState.fit(given, TRAIN).describe(given)


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("source", ["base", LEXICAL])
def test_the_nearest_are_those_of_brute_force(timed: bool, source: str) -> None:
    given = with_times(material()[0]) if timed else material()[0]
    columns = described(given)
    rows = np.array([0, 7, 77, N - 1])
    nearest = Retriever(columns).nearest(columns.take(rows), 12, columns.opened_at[rows] if timed else None)
    every = np.broadcast_to(np.arange(N), (len(rows), N))
    similarity = pair_similarities(source, columns.take(rows), columns, every)
    visible = given.tickets.visibility.mask(rows)
    expected = -np.sort(-np.where(visible, similarity, -np.inf), axis=1)[:, :12]
    assert np.allclose(nearest[source].similarities, expected, atol=1e-6)
    there = nearest[source].rows >= 0
    assert (there == (expected > (1e-6 if source == LEXICAL else -1))).all()
    assert visible[np.nonzero(there)[0], nearest[source].rows[there]].all()


def test_of_equals_the_newest_are_found_whatever_the_order_of_rows() -> None:
    given, _ = material()
    same = {name: np.repeat(vectors[:1], N, axis=0) for name, vectors in given.embeddings.items()}
    timed = with_times(EmbeddedTickets(given.tickets, given.texts, same))
    columns = described(timed)
    order = np.random.default_rng(0).permutation(N)
    for view in (columns, columns.take(order)):
        query = columns.take(np.array([100]))
        neighbours = Retriever(view).nearest(query, 5, query.opened_at)["base"].rows[0]
        assert sorted(view.ids[neighbours]) == ["T95", "T96", "T97", "T98", "T99"]


@pytest.mark.parametrize("approximate", [True, False])
def test_appended_tickets_are_found_as_if_they_had_been_there(approximate: bool) -> None:
    columns = described(with_times(material()[0]))
    grown = Retriever(columns.take(np.arange(100)), approximate=approximate)
    grown.append(columns.take(np.arange(100, N)))
    queries = columns.take(np.array([120, N - 1]))
    whole = Retriever(columns).nearest(queries, 10, queries.opened_at)
    for source, neighbours in grown.nearest(queries, 10, queries.opened_at).items():
        assert np.isin(neighbours.rows, whole[source].rows).mean() > (0.9 if approximate else 0.999)
        assert np.allclose(neighbours.similarities[:, 0], whole[source].similarities[:, 0])


def test_cells_know_their_recall() -> None:
    columns = described(material()[0])
    recall = Retriever(columns, approximate=True).recall
    assert recall.keys() == {"base", "tuned"}
    assert all(0.9 < value <= 1 for value in recall.values())
    assert Retriever(columns).recall == {}


@drawn(st.lists(st.integers(0, 40), min_size=2, max_size=400), st.data())
def test_the_highest_are_all_from_a_floor_on(numbers: list[int], data: st.DataObject) -> None:
    values = np.array(numbers, dtype=np.float64) / 40
    n = data.draw(st.integers(1, len(values) - 1))
    places, floor = highest(values, n)
    assert len(places) >= n
    assert places.tolist() == np.flatnonzero(values >= floor).tolist()


@pytest.mark.parametrize("n_hidden", [0, 100, 170])
def test_the_nearest_are_found_where_most_of_the_highest_are_hidden(n_hidden: int) -> None:
    columns = described(with_times(material()[0]))
    query = columns.take(np.array([N - 1]))
    similarity = (columns.embeddings["base"] @ query.embeddings["base"][0]).astype(np.float64)
    is_deleted = np.zeros(N, dtype=np.bool_)
    is_deleted[np.argsort(-similarity)[1 : n_hidden + 1]] = True
    neighbours = Retriever(columns, is_deleted=is_deleted).nearest(query, 5, query.opened_at)["base"].rows[0]
    allowed = np.flatnonzero(~is_deleted & (np.arange(N) < N - 1))
    expected = allowed[np.argsort(-similarity[allowed])][:5]
    assert neighbours.tolist() == expected.tolist()
