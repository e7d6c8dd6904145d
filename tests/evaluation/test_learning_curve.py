"""The learning curve: parts of what may be learned from, each within the next, none of what is asked."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

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
    seen: list[BoolArray] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    def ranks(self, seen: BoolArray, asked: IntArray, options: Sequence[int]) -> list[Ranks]:
        assert not seen[self.units[asked]].any(), "asked about what it learned from"
        self.seen.append(seen)
        self.taken.append(options[0])
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


@given(st.integers(4, 24), st.integers(2, 5), st.integers(1, 3), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_each_part_lies_within_the_next_and_holds_all_that_has_no_kin(
    n_kin_groups: int, n_folds: int, n_rounds: int, seed: int
) -> None:
    pupil, asked = trial(n_kin_groups, n_folds, n_rounds, seed)
    asked.curve(100, seed)
    assert len(pupil.seen) == n_rounds * min(n_folds, n_kin_groups) * len(SHARES)
    for start in range(0, len(pupil.seen), len(SHARES)):
        parts = pupil.seen[start : start + len(SHARES)]
        assert all(part[:3].all() for part in parts)
        assert all((smaller <= larger).all() for smaller, larger in itertools.pairwise(parts))
        sizes = [int(part[3:].sum()) for part in parts]
        assert sizes == [max(1, round(share * sizes[-1])) for share in SHARES]


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
    assert set(zip(pupil.taken, [int(seen[3:].sum()) >= 8 for seen in pupil.seen], strict=True)) == {
        (0, False), (1, True),
    }  # fmt: skip


def test_the_curve_is_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> LearningCurve:
        return trial(12, 3, 2, 5)[1].curve(100, seed)

    assert drawn(3) == drawn(3)
