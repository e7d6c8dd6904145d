"""Which pairs are put to a person first: each ticket once, no twin, the same for a seed, at most so many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticket_material import make_tickets
from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.ranking import review_choice
from ticketkin.ranking.review_choice import AGREED, LEARNED, MEANING, WORDS, Known, Served, choose_pairs
from ticketkin.ranking.review_pool import ReviewPool, pool_pairs

HYBRID = Served("hybrid", 0.5, None)


class Table:
    """A ranker by a table of similarities, shape (n_tickets, n_tickets)."""

    def __init__(self, name: str, values: FloatArray) -> None:
        self.name, self.values = name, values

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        return self.values[queries]

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        return self.values[left, right]


def rankers_of(seed: int, n_tickets: int, *names: str) -> dict[str, Table]:
    generator = np.random.default_rng(seed)
    levels = generator.integers(0, 6, (len(names), n_tickets, n_tickets)) / 5  # with many ties
    return {name: Table(name, own.astype(np.float32)) for name, own in zip(names, levels, strict=True)}


def pool_of(seed: int, n_tickets: int, *, timed: bool, learned: bool = False) -> ReviewPool:
    opened = [f"2024-01-{1 + (7 * n) % 28:02}" for n in range(n_tickets)] if timed else None
    names = ("lexical", "base", "hybrid", *(("fusion",) if learned else ()))
    visibility = make_tickets(n_tickets, opened).visibility
    has_text = np.ones(n_tickets, dtype=np.bool_)
    return pool_pairs(rankers_of(seed, n_tickets, *names), np.arange(n_tickets), has_text, visibility)


def known(n_tickets: int, unit: IntArray | None = None, **changes: object) -> Known:
    alone = np.arange(n_tickets)
    values = {"unit": alone if unit is None else unit, "component": alone, "judged": frozenset()}
    return Known(**{"is_linked": np.zeros(n_tickets, dtype=np.bool_), **values, **changes})  # type: ignore[arg-type]


_SIZES = st.integers(2, 14)


@given(st.integers(0, 10_000), _SIZES, st.booleans(), st.booleans(), st.integers(0, 12), st.data())
def test_every_ticket_once_no_twin_nothing_known_and_at_most_so_many(
    seed: int, n_tickets: int, timed: bool, learned: bool, n_pairs: int, data: st.DataObject
) -> None:
    def labels() -> IntArray:
        drawn = data.draw(st.lists(st.integers(0, n_tickets - 1), min_size=n_tickets, max_size=n_tickets))
        return np.array(drawn, dtype=np.int64)

    pool = pool_of(seed, n_tickets, timed=timed, learned=learned)
    judged = frozenset(
        data.draw(st.sets(st.frozensets(st.integers(0, n_tickets - 1), min_size=2, max_size=2), max_size=4))
    )
    given_known = known(n_tickets, labels(), component=labels(), judged=judged)
    served = Served("fusion", 0.5, "fusion") if learned else HYBRID
    chosen = choose_pairs(pool, given_known, served, n_pairs, seed)
    ends = [(int(pool.source[pair.place]), int(pool.target[pair.place])) for pair in chosen]
    units = [int(given_known.unit[row]) for pair in ends for row in pair]
    assert len(chosen) <= n_pairs and len(units) == len(set(units))
    assert all(given_known.component[one] != given_known.component[other] for one, other in ends)
    assert not judged & {frozenset(pair) for pair in ends}
    assert choose_pairs(pool, given_known, served, n_pairs, seed) == chosen
    assert choose_pairs(pool, given_known, served, n_pairs + 1, seed)[: len(chosen)] == chosen
    if len(chosen) < n_pairs:  # nothing that could be asked is left out
        free = review_choice._is_open(pool, given_known)
        left = [
            place
            for place in np.flatnonzero(free)
            if not {int(given_known.unit[pool.source[place]]), int(given_known.unit[pool.target[place]])}
            & {*units}
        ]
        assert left == []


@given(st.integers(0, 10_000), _SIZES, st.booleans())
def test_the_pool_holds_what_each_ranking_puts_first_and_the_later_ticket_asks(
    seed: int, n_tickets: int, timed: bool
) -> None:
    pool = pool_of(seed, n_tickets, timed=timed)
    opened = [f"2024-01-{1 + (7 * n) % 28:02}" for n in range(n_tickets)] if timed else None
    order = make_tickets(n_tickets, opened).visibility.order
    place = np.arange(n_tickets) if order is None else order
    assert (place[pool.source] > place[pool.target]).all()
    pairs = list(zip(pool.source.tolist(), pool.target.tolist(), strict=True))
    assert len(pairs) == len({frozenset(pair) for pair in pairs})
    for name, table in rankers_of(seed, n_tickets, "lexical", "base", "hybrid").items():
        for row in range(n_tickets):
            seen = [
                other
                for other in range(n_tickets)
                if other != row and (not timed or place[other] < place[row])
            ]
            if not seen:
                continue
            best = max(float(table.values[row, other]) for other in seen)
            tops = {other for other in seen if float(table.values[row, other]) == best}
            pooled = {a if b == row else b for a, b in pairs if row in (a, b)}
            assert tops & pooled, (name, row)
        if timed:  # asked from one side: the place is one more than the number of nearer tickets
            for number, (source, target) in enumerate(pairs):
                seen = [other for other in range(n_tickets) if place[other] < place[source]]
                nearer = sum(table.values[source, other] > table.values[source, target] for other in seen)
                assert pool.places[name][number] == nearer + 1


def crafted(places: dict[str, list[int]], **similarities: list[float]) -> ReviewPool:
    n_pairs = len(next(iter(places.values())))
    rows = np.arange(n_pairs, dtype=np.int64)
    plain = {name: np.full(n_pairs, 0.5, dtype=np.float32) for name in places}
    other_sources = {name: np.array(values, dtype=np.float32) for name, values in similarities.items()}
    return ReviewPool(
        2 * rows + 1,
        2 * rows,
        {name: np.array(own) for name, own in places.items()},
        {**plain, **other_sources},
    )


def test_agreement_takes_half_and_words_and_meaning_as_many_each() -> None:
    n_each = 40
    lexical = [1] * n_each + [1] * n_each + [9] * n_each + [3] * n_each
    base = [1] * n_each + [9] * n_each + [1] * n_each + [3] * n_each
    pool = crafted({"lexical": lexical, "base": base, "hybrid": [2] * len(base)})
    why = [pair.why for pair in choose_pairs(pool, known(2 * len(base)), HYBRID, 40, 0)]
    assert why.count(WORDS) == why.count(MEANING) > 5
    assert why[0] == AGREED and 20 <= why.count(AGREED) < 40


def test_what_the_learned_ranking_alone_puts_first_is_asked_where_there_is_one() -> None:
    pool = crafted({"lexical": [1, 5], "base": [1, 5], "hybrid": [1, 5], "fusion": [7, 1]})
    learned = Served("hybrid", 0.5, "fusion")
    assert {pair.why for pair in choose_pairs(pool, known(4), learned, 2, 0)} == {AGREED, LEARNED}
    assert LEARNED not in {pair.why for pair in choose_pairs(pool, known(4), HYBRID, 2, 0)}


def test_tickets_that_nobody_linked_come_first() -> None:
    pool = crafted(
        {"lexical": [1, 1, 1], "base": [1, 1, 1], "hybrid": [1, 1, 1]},
        lexical=[0.9, 0.5, 0.4],
        base=[0.9, 0.5, 0.4],
    )
    is_linked = np.array([False, True, False, False, False, False])
    chosen = choose_pairs(pool, known(6, is_linked=is_linked), HYBRID, 3, 0)
    assert [pair.place for pair in chosen] == [1, 2, 0]


def test_tickets_without_a_text_neither_ask_nor_answer() -> None:
    has_text = np.array([True, False, True, True])
    rankers = rankers_of(1, 4, "lexical", "base", "hybrid")
    pool = pool_pairs(rankers, np.arange(4), has_text, make_tickets(4).visibility)
    assert len(pool) and 1 not in {*pool.source.tolist(), *pool.target.tolist()}


@pytest.mark.parametrize("n_tickets", [0, 1])
def test_without_two_tickets_there_is_nothing_to_judge(n_tickets: int) -> None:
    pool = pool_of(0, n_tickets, timed=False)
    assert choose_pairs(pool, known(n_tickets), HYBRID, 50, 0) == []
