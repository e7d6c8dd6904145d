"""The population stability index against its definition, and how often chance alone calls a shift."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketkin.evaluation.stability import SIGNIFICANT_SHIFT, cell_counts, stability, tenths


def test_the_index_is_the_sum_over_cells_of_what_its_definition_says() -> None:
    before, now = [60, 30, 10], [20, 30, 50]
    shares = [((one + 0.5) / 101.5, (other + 0.5) / 101.5) for one, other in zip(before, now, strict=True)]
    assert stability(before, now).index == pytest.approx(sum((q - p) * math.log(q / p) for p, q in shares))
    assert stability(before, now).has_shifted
    assert stability(before, before).index == 0.0


@given(st.lists(st.integers(0, 400), min_size=2, max_size=12).filter(lambda counts: sum(counts) > 0))
def test_the_index_is_never_negative_and_the_same_both_ways(counts: list[int]) -> None:
    other = counts[::-1]
    assert stability(counts, other).index >= 0
    assert stability(counts, other).index == pytest.approx(stability(other, counts).index)


@pytest.mark.parametrize("n_now", [50, 200, 1_000])
def test_samples_of_one_population_are_hardly_ever_called_a_shift(n_now: int) -> None:
    generator = np.random.default_rng(n_now)
    n_trials, alarms, above_chance = 500, 0, 0
    for _ in range(n_trials):
        before, now = generator.lognormal(size=1_000), generator.lognormal(size=n_now)
        edges = tenths(before)
        compared = stability(cell_counts(before, edges), cell_counts(now, edges))
        alarms += compared.has_shifted
        above_chance += compared.index > compared.by_chance
    assert alarms <= 3, f"{alarms} of {n_trials}"
    assert above_chance <= 5, f"{above_chance} of {n_trials}, one in a thousand is meant"


def test_a_population_that_moved_is_called_so() -> None:
    generator = np.random.default_rng(5)
    before, now = generator.lognormal(size=1_000), generator.lognormal(1.0, size=100)
    edges = tenths(before)
    compared = stability(cell_counts(before, edges), cell_counts(now, edges))
    assert compared.has_shifted and compared.index > SIGNIFICANT_SHIFT


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_every_value_is_counted_once_in_cells_that_ascend(values: list[float]) -> None:
    numbers = np.array(values)
    edges = tenths(numbers)
    assert edges == sorted(set(edges)) and len(edges) >= 1
    counts = cell_counts(numbers, edges)
    assert sum(counts) == len(values) and len(counts) == len(edges) + 1
    assert counts[0] == sum(value <= edges[0] for value in values)
