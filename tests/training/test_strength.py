"""The sweep over a tuned candidate's strength never ends below the untouched model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ticketkin.core.tables import FloatArray, Visibility
from ticketkin.training.settings import StrengthSettings
from ticketkin.training.strength import StrengthSweep, sweep_strengths

N = 40
GROUPS = np.arange(N) // 2
QUERIES = np.arange(N)
ALL = Visibility(N, None)


def unit(values: np.ndarray) -> FloatArray:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def clear(noise: float, seed: int = 0) -> FloatArray:
    """Embeddings in which kin lie together, but for `noise`."""
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(N // 2, 16))[GROUPS] + noise * rng.normal(size=(N, 16)))


def between(first: FloatArray, second: FloatArray, chosen: StrengthSettings | None = None) -> StrengthSweep:
    """Sweep from `first` at strength 0 to `second` at strength 1."""
    return sweep_strengths(
        lambda strength: unit((1 - strength) * first + strength * second),
        QUERIES, GROUPS, ALL, chosen or StrengthSettings(),
    )  # fmt: skip


def test_noise_is_refused_and_a_gain_is_taken() -> None:
    good, noise = clear(0.3), clear(50.0, seed=1)
    worse = between(good, noise)
    assert (worse.chosen, worse.strengths) == (0.0, [0.0, 0.25, 0.5, 0.75, 1.0])
    assert worse.mrr[-1] < worse.mrr[0]
    better = between(noise, good)
    assert better.chosen > 0
    assert better.mrr[better.strengths.index(better.chosen)] == max(better.mrr) > better.mrr[0]


def test_embeddings_that_are_no_numbers_are_not_chosen() -> None:
    broken = np.full((N, 16), np.nan, dtype=np.float32)
    sweep = sweep_strengths(
        lambda strength: broken if strength else clear(0.3), QUERIES, GROUPS, ALL, StrengthSettings()
    )
    assert sweep.chosen == 0


def test_a_tie_goes_to_the_smaller_strength() -> None:
    same = clear(0.5)
    assert between(same, same).chosen == 0
    perfect, poor = clear(0.0), clear(50.0, seed=1)
    sweep = sweep_strengths(
        lambda strength: perfect if strength >= 0.5 else poor,
        QUERIES, GROUPS, ALL, StrengthSettings(strengths=(1.0, 0.75, 0.5, 0.0)),
    )  # fmt: skip
    assert sweep.mrr[1:] == [sweep.mrr[-1]] * 3
    assert sweep.chosen == 0.5


def test_zero_must_be_among_the_strengths_and_each_is_tried_once() -> None:
    with pytest.raises(ValidationError, match="must hold 0, the untouched model"):
        StrengthSettings(strengths=(0.5, 1.0))
    tried: list[float] = []

    def embed(strength: float) -> FloatArray:
        tried.append(strength)
        return clear(0.5)

    sweep_strengths(embed, QUERIES, GROUPS, ALL, StrengthSettings(strengths=(1.0, 0.0, 1.0, 0.5)))
    assert tried == [0.0, 0.5, 1.0]


@given(
    seeds=st.lists(st.integers(0, 50), min_size=2, max_size=5),
    shuffle=st.randoms(use_true_random=False),
)
@settings(max_examples=30, deadline=None)
def test_the_choice_is_the_smallest_strength_of_the_highest_mrr(seeds: list[int], shuffle) -> None:
    by_strength = {n / 4: clear(3.0, seed) for n, seed in enumerate(seeds)}
    strengths = list(by_strength)
    shuffle.shuffle(strengths)
    sweep = sweep_strengths(
        by_strength.__getitem__, QUERIES, GROUPS, ALL, StrengthSettings(strengths=tuple(strengths))
    )
    assert sweep.mrr[sweep.strengths.index(sweep.chosen)] >= sweep.mrr[0]
    best = [s for s, mrr in zip(sweep.strengths, sweep.mrr, strict=True) if mrr == max(sweep.mrr)]
    assert sweep.chosen == min(best)
