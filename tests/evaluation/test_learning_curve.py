"""The learning curve: parts of what may be learned from, each within the next, none of what is asked."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.tables import BoolArray, IntArray
from ticketkin.evaluation.cross_fitting import Questions, Ranks
from ticketkin.evaluation.learning_curve import HALF, SHARES, LearningCurve, LearningTrial
from ticketkin.tickets.folds import deal_folds, held_out_folds


@dataclass(frozen=True)
class Pupil:
    """Ranks kin at one more than the units with kin that it may not learn from; keeps what it was shown."""

    units: IntArray
    name: str = "fusion"
    options: tuple[str, ...] = ("plain", "with trees")
    shown: list[tuple[BoolArray, IntArray, int]] = field(default_factory=list)
    """What it might learn from and was asked, and the option, in no order: several lessons go on at once."""

    def ranks(self, seen: BoolArray, asked: IntArray, options: Sequence[int]) -> list[Ranks]:
        assert not seen[self.units[asked]].any(), "asked about what it learned from"
        self.shown.append((seen, asked, options[0]))
        rank = 1 + int((~seen[np.unique(self.units)]).sum())
        return [[np.array([rank])] * len(asked)]


def trial(n_kin_groups: int, n_folds: int, n_rounds: int, seed: int) -> tuple[Pupil, LearningTrial]:
    clusters = np.repeat(np.arange(n_kin_groups), 2)
    units = clusters + 3  # three units hold no kin
    questions = Questions(np.arange(len(clusters)), clusters, units, n_kin_groups + 3, 99)
    pupil = Pupil(units)
    rounds = []
    for number in range(n_rounds):
        folds = deal_folds(units, questions.n_units, n_folds, seed + number)
        rounds.append([(seen, np.flatnonzero(held[units])) for seen, held in held_out_folds(folds)])
    worst = [np.array([50])] * len(clusters)
    return pupil, LearningTrial(questions, pupil, lambda n: int(n >= 8), rounds, {"base": worst})


@given(st.integers(4, 24), st.integers(2, 5), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_each_part_lies_within_the_next_and_holds_all_that_has_no_kin(
    n_kin_groups: int, n_folds: int, seed: int
) -> None:
    pupil, asked = trial(n_kin_groups, n_folds, 1, seed)
    asked.curve(100, seed)
    of_fold = defaultdict(list)
    for seen, queries, _ in pupil.shown:
        of_fold[queries.tobytes()].append(seen)
    assert len(of_fold) == min(n_folds, n_kin_groups)
    for parts in of_fold.values():
        parts.sort(key=lambda part: int(part.sum()))
        assert all(part[:3].all() for part in parts)
        assert all((smaller <= larger).all() for smaller, larger in itertools.pairwise(parts))
        sizes = [int(part[3:].sum()) for part in parts]
        assert sizes == sorted({max(1, round(share * sizes[-1])) for share in SHARES})


def test_what_is_the_same_in_every_round_is_learned_once() -> None:
    pupil, asked = trial(20, 5, 1, 0)
    repeated = replace(asked, rounds=asked.rounds * 3)
    assert len(repeated.curve(100, 0).points) == len(SHARES)
    n_whole = sum(int(seen[3:].sum()) == 16 for seen, _, _ in pupil.shown)
    assert n_whole == 5, "all that a fold may learn from, whose parts differ by round"
    assert len(pupil.shown) == 5 * (1 + 3 * (len(SHARES) - 1))


def test_the_curve_states_what_the_pupil_gained_and_from_how_many_kin_groups() -> None:
    pupil, asked = trial(20, 5, 2, 0)
    curve = asked.curve(200, 0)
    assert [point.n_kin_groups for point in curve.points] == [2, 4, 8, 16]
    for point in curve.points:
        (gain,) = point.gains
        rank = 1 + 20 - point.n_kin_groups
        assert gain.gain.value == pytest.approx(1 / rank - 1 / 50)
        assert (gain.challenger, gain.baseline, gain.n_queries, gain.n_clusters) == ("fusion", "base", 40, 20)
    assert curve.last_doubling.baseline == HALF
    assert curve.last_doubling.gain.value == pytest.approx(1 / 5 - 1 / 13)
    assert curve.last_doubling.is_gain
    # The option is that of so many kin groups, not one that was chosen for each part.
    assert {(option, int(seen[3:].sum()) >= 8) for seen, _, option in pupil.shown} == {(0, False), (1, True)}


def test_the_curve_is_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> LearningCurve:
        return trial(12, 3, 2, 5)[1].curve(100, seed)

    assert drawn(3) == drawn(3)
