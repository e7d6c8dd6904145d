"""Filing places from ids, and the crowd, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.crowd import N_NEIGHBOURS, NO_TIME, Crowd
from ticketkin.ranking.filing import FilingPlaces

numbers = st.lists(st.integers(0, 10**12), min_size=2, max_size=50, unique=True)


@given(numbers, st.lists(st.integers(0, 10**13), min_size=2, max_size=20))
@settings(max_examples=60, deadline=None)
def test_places_rise_with_the_numbers_known_ones_by_one(known: list[int], asked: list[int]) -> None:
    filing = FilingPlaces.fit([f"INC{number}" for number in known])
    assert filing is not None
    assert np.allclose(filing.of([f"INC{number}" for number in sorted(known)]), np.arange(len(known)))
    places = filing.of([f"INC{number:07d}" for number in sorted(asked)])
    assert np.isfinite(places).all() and (np.diff(places) >= -1e-9).all()


def test_beyond_the_last_number_places_go_on() -> None:
    filing = FilingPlaces.fit([f"{number}" for number in range(100, 200, 10)])
    assert filing is not None
    assert filing.of(["95", "135", "290", "INC7", ""]) == pytest.approx(
        [-0.5, 3.5, 19.0, np.nan, np.nan], nan_ok=True
    )
    assert FilingPlaces.fit(["A1", "B2"]) is None
    assert FilingPlaces.fit(["A1", "A-x"]) is None
    assert FilingPlaces.fit(["A1"]) is None and FilingPlaces.fit([]) is None


@pytest.mark.parametrize("has_times", [True, False])
def test_crowd_neighbours_are_those_of_brute_force(has_times: bool) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(60, 8)).astype(np.float16).astype(np.float32)
    identity = stable_hashes(f"T{n}" for n in range(60))
    opened = np.arange(60) if has_times else np.full(60, NO_TIME)
    members = np.arange(0, 60, 2)
    crowd = Crowd.of(identity[members], opened[members], {"base": vectors[members]})
    near = crowd.neighbours("base", vectors, identity, opened)
    for row in range(60):
        seen = members[(members != row) & ((members < row) | (not has_times))]
        expected = np.sort(vectors[seen] @ vectors[row])[::-1][: N_NEIGHBOURS + 1]
        assert np.allclose(near.similarities[row, : len(expected)], expected, atol=1e-4)
        assert (near.members[row, len(expected) :] == -1).all()
        assert (near.similarities[row, len(expected) :] == 0).all()
    assert (crowd.rows_of(identity)[1::2] == -1).all()
    assert (crowd.identity[crowd.rows_of(identity)[::2]] == identity[::2]).all()


def test_without_a_crowd_nobody_is_crowded() -> None:
    none = Crowd.of(np.zeros(0, np.int64), np.zeros(0, np.int64), {"base": np.zeros((0, 8), np.float32)})
    near = none.neighbours("base", np.ones((3, 8), np.float32), np.arange(3), np.zeros(3, np.int64))
    assert (near.similarities == 0).all() and (near.members == -1).all()
    assert (none.rows_of(np.arange(3)) == -1).all()
