"""A share of a population from random answers of its strata: unbiased, and its interval covers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketkin.evaluation.bootstrap import wilson_share
from ticketkin.evaluation.stratified import (
    SampledStratum,
    is_within,
    more_answers_needed,
    stratified_share,
)


@st.composite
def sampled_strata(draw: st.DrawFn) -> list[SampledStratum]:
    strata = []
    for _ in range(draw(st.integers(1, 5))):
        population = draw(st.integers(1, 500))
        answered = draw(st.integers(0, population))
        strata.append(SampledStratum(population, answered, draw(st.integers(0, answered))))
    return strata


@given(sampled_strata())
def test_the_value_is_the_inverse_probability_estimate_and_lies_in_its_interval(
    strata: list[SampledStratum],
) -> None:
    known = stratified_share(strata)
    if not any(one.n_answered for one in strata):
        assert known.value is None
        return
    assert known.value is not None and known.low is not None and known.high is not None
    assert 0 <= known.low <= known.value + 1e-12 and known.value - 1e-12 <= known.high <= 1
    if all(one.n_answered for one in strata):  # Horvitz-Thompson: each right one counts 1 / its probability
        right = sum(one.n_right / (one.n_answered / one.n_population) for one in strata)
        assert known.value == pytest.approx(right / sum(one.n_population for one in strata))


@given(st.integers(1, 60), st.data())
def test_one_stratum_far_larger_than_its_sample_has_wilsons_interval(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    known, wilson = stratified_share([SampledStratum(10**9, n, right)]), wilson_share(right, n)
    assert (known.low, known.high) == (
        pytest.approx(wilson.low, abs=1e-4),
        pytest.approx(wilson.high, abs=1e-4),
    )


@given(sampled_strata())
def test_a_population_answered_throughout_is_known_exactly(strata: list[SampledStratum]) -> None:
    whole = [SampledStratum(one.n_answered, one.n_answered, one.n_right) for one in strata if one.n_answered]
    if not whole:
        return
    known = stratified_share(whole)
    exact = sum(one.n_right for one in whole) / sum(one.n_population for one in whole)
    assert known.value == pytest.approx(exact) and known.low == pytest.approx(exact)
    assert known.high == pytest.approx(exact)
    assert more_answers_needed(whole, 0.05) == 0


@pytest.mark.parametrize(
    ("sizes", "rights", "answered"),
    [((300, 900), (0.95, 0.6), (20, 40)), ((200, 150, 40), (0.99, 0.8, 0.3), (25, 20, 6)),
     ((80,), (0.9,), (30,))],
)  # fmt: skip
def test_the_interval_covers_the_truth_in_19_of_20_samples(
    sizes: tuple[int, ...], rights: tuple[float, ...], answered: tuple[int, ...]
) -> None:
    generator = np.random.default_rng(7)
    n_right = [round(size * right) for size, right in zip(sizes, rights, strict=True)]
    truth = sum(n_right) / sum(sizes)
    covered, values = [], []
    for _ in range(1_000):
        drawn = [
            int(generator.hypergeometric(right, size - right, n))
            for right, size, n in zip(n_right, sizes, answered, strict=True)
        ]
        known = stratified_share(
            [SampledStratum(size, n, right) for size, n, right in zip(sizes, answered, drawn, strict=True)]
        )
        assert known.value is not None and known.low is not None and known.high is not None
        covered.append(known.low <= truth <= known.high)
        values.append(known.value)
    assert 0.93 <= np.mean(covered) <= 0.99
    assert np.mean(values) == pytest.approx(truth, abs=0.01)


@given(sampled_strata(), st.sampled_from([0.03, 0.05, 0.1]))
def test_what_is_still_needed_is_never_more_than_is_left(strata: list[SampledStratum], within: float) -> None:
    left = sum(one.n_population - one.n_answered for one in strata)
    needed = more_answers_needed(strata, within)
    assert 0 <= needed <= left
    assert (needed == 0) == is_within(stratified_share(strata), within)


def test_answers_that_were_said_to_be_needed_are_about_enough() -> None:
    needed = more_answers_needed([SampledStratum(5_000, 20, 16)], 0.05)
    known = stratified_share([SampledStratum(5_000, 20 + needed, round((20 + needed) * 0.8))])
    assert is_within(known, 0.055) and not is_within(known, 0.045)


def test_more_answers_than_there_are_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="3 right of 2 answered of 5"):
        SampledStratum(5, 2, 3)
