"""The order of the questions that teach: next to a threshold, in disagreement, against people's links."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ticketkin.relations.bands import Band, Bands
from ticketkin.relations.families import FamilyRecord
from ticketkin.service.review_questions import is_against_links, near_border
from ticketkin.store.review_draws import ShownPair

SAY, SUGGEST = 0.9, 0.6
BANDS = replace(Bands.silent(), say={"duplicate": SAY}, suggest={"duplicate": SUGGEST})


def band_of(probability: float) -> Band:
    return BANDS.band("duplicate", probability)


@st.composite
def pairs(draw: st.DrawFn) -> list[ShownPair]:
    shown = []
    for n in range(draw(st.integers(0, 30))):
        probability = draw(st.floats(0, 1))
        shown.append(
            ShownPair(f"T{n}", f"U{n}", "duplicate", band_of(probability), probability, draw(st.booleans()))
        )
    return shown


@given(pairs())
def test_every_pair_comes_once_and_each_other_one_is_nearest_to_a_threshold(shown: list[ShownPair]) -> None:
    ordered = list(near_border(shown, BANDS, []))
    assert sorted(ordered, key=lambda one: one.ticket_id) == sorted(shown, key=lambda one: one.ticket_id)
    if ordered:

        def distance(one: ShownPair) -> float:
            probability = min(max(one.probability or 0.0, 1e-6), 1 - 1e-6)
            logit = math.log(probability / (1 - probability))
            return min(abs(logit - math.log(value / (1 - value))) for value in (SAY, SUGGEST))

        assert distance(ordered[0]) == min(map(distance, shown))


def test_what_the_ranking_puts_first_and_nobody_states_is_asked_early() -> None:
    silent = ShownPair("T1", "U1", "none", "silent", 0.999, is_first=True)
    near = [ShownPair(f"T{n}", f"U{n}", "duplicate", "suggest", 0.61, is_first=True) for n in range(2, 9)]
    assert list(near_border([*near, silent], BANDS, []))[:2] == [near[0], silent]


def test_every_third_is_one_that_the_sources_disagree_on() -> None:
    near = [ShownPair(f"T{n}", f"U{n}", "duplicate", "suggest", 0.61, is_first=True) for n in range(2, 9)]
    split = [ShownPair(f"T{n}", f"U{n}", "duplicate", "say", 0.99, is_first=True) for n in range(20, 23)]
    silent = ShownPair("T1", "U1", "none", "silent", 0.999, is_first=True)
    ordered = list(near_border([*near, *split, silent], BANDS, split))
    assert ordered[:5] == [near[0], split[0], silent, near[1], split[1]]
    assert len(ordered) == len(set(ordered)) == len(near) + len(split) + 1


def test_a_ranking_without_kinds_is_asked_about_where_it_is_undecided() -> None:
    shown = [
        ShownPair("T1", f"U{n}", "kin", "", value, is_first=n == 0) for n, value in enumerate([0.9, 0.5])
    ]
    assert [one.probability for one in near_border(shown, None, [])] == [0.5, 0.9]
    bare = [replace(one, probability=None) for one in shown]
    assert list(near_border(bare, None, [])) == []


def family(number: int, *tickets: str) -> FamilyRecord:
    return FamilyRecord(number, list(tickets), {}, [], [], [])


def test_peoples_links_are_contradicted_in_two_ways_only() -> None:
    one, other = family(1, "A", "B"), family(2, "C", "D")
    of = {name: each for each in (one, other) for name in each.tickets}
    stated = ShownPair("A", "C", "duplicate", "say", 0.95, is_first=True)
    assert is_against_links(stated, of)
    assert not is_against_links(replace(stated, candidate="B"), of)
    assert not is_against_links(replace(stated, candidate="E"), of)
    none = ShownPair("A", "B", "none", "silent", 0.97, is_first=False)
    assert is_against_links(none, of)
    assert not is_against_links(replace(none, probability=0.6), of)
    assert not is_against_links(replace(none, candidate="C"), of)
