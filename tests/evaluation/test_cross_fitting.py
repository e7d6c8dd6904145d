"""No kin group, no template and no choice crosses a fold; what is chosen inside is what is judged outside."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.tables import BoolArray, IntArray
from ticketkin.evaluation.bootstrap import Interval, PairedGain
from ticketkin.evaluation.cross_fitting import Questions, cross_fit, n_draws
from ticketkin.evaluation.option_choice import choose_option
from ticketkin.evaluation.power import Power
from ticketkin.evaluation.shuffling import Shuffling
from ticketkin.evaluation.verdict_in_folds import ShuffledLinks
from ticketkin.tickets.folds import deal_folds, held_out_folds, independent_units

labellings = st.integers(4, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 12), min_size=n, max_size=n),
        st.lists(st.integers(0, 12), min_size=n, max_size=n),
        st.integers(0, 1_000),
    )
)


@given(labellings)
def test_no_kin_group_and_no_template_stands_in_two_folds(case: tuple[list[int], list[int], int]) -> None:
    groups, templates, seed = np.array(case[0]), np.array(case[1]), case[2]
    units = independent_units([groups, templates])
    folds = deal_folds(units, int(units.max()) + 1, 5, seed)[units]
    for labels in (groups, templates):
        for label in np.unique(labels):
            assert len(np.unique(folds[labels == label])) == 1
    sizes = np.bincount(deal_folds(units, int(units.max()) + 1, 5, seed))
    assert sizes.max() - sizes.min() <= 1


@dataclass
class Spy:
    """Ranks kin first in what it was fitted on, last elsewhere, and remembers who asked for what."""

    units: IntArray
    options: Sequence[str] = ("plain", "lucky")
    name: str = "fusion"
    takes_machine: bool = False
    asked: list[tuple[frozenset[int], frozenset[int]]] = field(default_factory=list)

    def ranks(self, seen: BoolArray, asked: IntArray, options: Sequence[int]) -> list[list[IntArray]]:
        mine = self.units[asked]
        self.asked.append((frozenset(np.flatnonzero(seen).tolist()), frozenset(mine.tolist())))
        return [[np.array([1 if seen[unit] else 10]) for unit in mine] for _ in options]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=4, max_size=40), st.integers(2, 6), st.integers(0, 99))
def test_what_is_asked_was_never_seen_and_no_choice_knows_its_fold(
    of_query: list[int], n_folds: int, seed: int
) -> None:
    units = np.array(of_query)
    if len(np.unique(units)) < 4:
        return
    questions = Questions(np.arange(len(units)), units, units, 31, 100)
    spy = Spy(units)
    base = [np.array([5])] * len(units)
    result = cross_fit(questions, {"base": base}, [spy], n_folds, 2, seed)
    assert all(not seen & asked for seen, asked in spy.asked)
    # Weights that see what they are asked for would have come first; unseen ones always lose to the baseline.
    assert {choice.champion for choice in result.choices} == {"base"}
    assert all(np.array_equal(ranks, [5]) for ranks in result.procedure.ranks)
    assert result.procedure.n_queries == len(units)
    outer = [fold for _, fold in held_out_folds(result.folds)]
    # All that choosing for a fold asks for lies outside of the fold.
    for held in outer:
        fold = frozenset(np.flatnonzero(held).tolist())
        assert any(not (seen | asked) & fold for seen, asked in spy.asked)


def test_the_procedure_follows_what_is_better_inside() -> None:
    units = np.arange(30)
    questions = Questions(units, units, units, 30, 100)
    ranks = {"base": [np.array([4])] * 30, "hybrid": [np.array([2])] * 30}
    result = cross_fit(questions, ranks, [], 5, 3, 0)
    assert result.final.champion == "hybrid"
    assert result.procedure.per_query("mrr").mean() == 0.5
    assert result.scores["base"].per_query("mrr").mean() == 0.25


def test_an_option_must_be_clearly_better_than_the_default() -> None:
    clusters = np.arange(20)
    default = np.full(20, 0.5)
    lucky = default.copy()
    lucky[0] = 1.0
    assert choose_option(np.stack([default, lucky]), clusters) == 0
    assert choose_option(np.stack([default, default + 0.1]), clusters) == 1


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 25), min_size=10, max_size=60),
    st.integers(1, 4),
    st.integers(0, 50),
)
def test_shuffled_links_keep_the_sizes_and_the_fields_of_kin(
    labels: list[int], n_strata: int, seed: int
) -> None:
    _, groups = np.unique(np.array(labels), return_inverse=True)
    strata = np.arange(len(groups)) % n_strata
    drawn = Shuffling.of(groups, strata, 0).draw(seed)

    def sizes(numbers: IntArray) -> list[int]:
        return sorted(np.bincount(numbers)[np.bincount(numbers) > 1].tolist())

    def fields(numbers: IntArray) -> list[int]:
        return np.bincount(strata[np.bincount(numbers)[numbers] > 1], minlength=n_strata).tolist()

    assert sizes(drawn) == sizes(groups)
    assert fields(drawn) == fields(groups)


def gain(value: float, half_width: float, n_clusters: int = 50, p_value: float = 0.01) -> PairedGain:
    interval = Interval(value, value - half_width, value + half_width)
    return PairedGain("fusion", "base", "mrr", interval, 60, n_clusters, p_value)


def test_more_links_are_asked_for_where_the_gain_is_not_proven() -> None:
    proven, open_ = Power.of(gain(0.2, 0.05)), Power.of(gain(0.05, 0.07))
    assert proven.n_more_kin_groups == 0
    assert open_.n_more_kin_groups is not None
    # Four of five studies of so many groups would show it: 2.8 standard errors.
    needed = 50 + open_.n_more_kin_groups
    error = 0.07 / 1.96 * np.sqrt(50 / needed)
    assert 0.05 / error >= 2.79
    assert Power.of(gain(-0.01, 0.07)).n_more_kin_groups is None


def test_no_gain_is_provable_that_the_metric_does_not_allow() -> None:
    # The p-value of a loss, corrected for several challengers, says nothing of how exactly gains are seen.
    lost = Power.of(gain(-0.018, 0.0475, n_clusters=24, p_value=0.965))
    assert lost.smallest_provable_gain == pytest.approx(2.8 * 0.0475 / 1.96)
    hardly = Power.of(gain(0.1, 0.3, n_clusters=6, p_value=0.9))
    assert hardly.smallest_provable_gain is None and hardly.n_more_kin_groups is not None


def test_shuffled_links_that_are_called_a_gain_too_often_fail_the_gate() -> None:
    nothing, much = gain(0.001, 0.01, p_value=0.8), gain(0.1, 0.05)
    assert ShuffledLinks((nothing,) * 19 + (much,)).passed
    assert not ShuffledLinks((nothing,) * 15 + (much,) * 5).passed


@pytest.mark.parametrize(
    ("n_kin_groups", "expected"), [(1, 10), (42, 10), (63, 9), (150, 4), (200, 3), (5_000, 3)]
)
def test_folds_are_drawn_more_often_where_kin_groups_are_few(n_kin_groups: int, expected: int) -> None:
    assert n_draws(None, n_kin_groups) == expected
    assert n_draws(7, n_kin_groups) == 7
