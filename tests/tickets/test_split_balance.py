"""Which kin groups judge does not depend on their size, and every split gets its share of tickets."""

from collections.abc import Sequence

import numpy as np
import pytest

from ticket_material import make_links, make_tickets
from ticketkin.core.tables import Float64Array, IntArray, SplitName, Tickets
from ticketkin.tickets.kin import KinGroups, kin_groups
from ticketkin.tickets.settings import SplitSettings
from ticketkin.tickets.splitting import split_tickets

N_SEEDS = 200
SAMPLE = [2] * 90 + [3] * 69 + [4] * 42 + [5] * 16 + [6] * 8
"""Sizes of kin groups as the built-in sample has them."""
GEOMETRIC = [2] * 40 + [3] * 26 + [4] * 17 + [5] * 11 + [6] * 7 + [7] * 5 + [8] * 3 + [9] * 2 + [11, 12]


def desk(sizes: Sequence[int], n_categories: int = 1) -> tuple[Tickets, KinGroups, IntArray]:
    """Return tickets in kin groups of these sizes, the groups, and the first row of each in order of size."""
    mixed = np.random.default_rng(0).permutation(np.array(sizes))
    starts = np.cumsum(mixed) - mixed
    category = np.random.default_rng(1).integers(0, n_categories, len(mixed)).repeat(mixed)
    tickets = make_tickets(int(mixed.sum()), category=[f"category {number}" for number in category])
    links = [
        (int(start), int(start) + n)
        for start, size in zip(starts, mixed, strict=True)
        for n in range(1, size)
    ]
    return tickets, kin_groups(tickets, make_links(links)), starts[np.argsort(mixed, kind="stable")]


def groups_in(
    sizes: Sequence[int], n_categories: int = 1, learned: Sequence[int] = ()
) -> dict[SplitName, Float64Array]:
    """Return which of the groups, in order of size, each split holds, (n_seeds, n_groups), by split.

    The base has learned from a ticket of each of the groups at the places `learned`.
    """
    tickets, groups, first = desk(sizes, n_categories)
    known = np.zeros(len(tickets), dtype=np.bool_)
    known[first[list(learned)]] = True
    dealt = []
    for seed in range(N_SEEDS):
        splits = split_tickets(tickets, [""] * len(tickets), groups, SplitSettings(), seed, learned=known)
        dealt.append(splits.frame["split"].to_numpy()[first])
    return {name: np.array(dealt, dtype=object) == name.value for name in SplitName}


@pytest.mark.parametrize(
    ("sizes", "n_categories", "learned"),
    [
        pytest.param(SAMPLE, 1, (), id="as the sample"),
        pytest.param(SAMPLE, 9, (), id="in categories"),
        pytest.param(GEOMETRIC, 40, (), id="in categories of few groups"),
        pytest.param([2] * 55 + [3] * 6 + [6, 7], 1, (), id="two large groups among pairs"),
        pytest.param([2, 2, 3, 3, 4, 5, 6], 2, (), id="few groups"),
        pytest.param([2, 3, 4], 1, (), id="three groups"),
        pytest.param(SAMPLE, 9, range(150, 225), id="the base has learned from the largest"),
        pytest.param([2, 2, 3, 3, 4, 5, 6], 2, (6,), id="few groups, the base has learned from one"),
    ],
)
def test_groups_that_judge_are_as_large_as_those_that_train(
    sizes: Sequence[int], n_categories: int, learned: Sequence[int]
) -> None:
    """Were the choice independent of the size, the mean excess of a split over all seeds would have mean 0.

    The excess is the sum over a split's groups of how far each is above the mean size. Seeds are
    independent: 4 standard errors of the mean are passed by chance once in 16,000 times, and as the seeds
    are fixed, a test that passed once passes always.
    """
    ordered = np.sort(np.array(sizes, dtype=np.float64))
    free = np.setdiff1d(np.arange(len(sizes)), np.array(learned, dtype=np.int64))
    above_mean = ordered[free] - ordered[free].mean()
    for name, held in groups_in(sizes, n_categories, learned).items():
        excess = held[:, free].astype(np.float64) @ above_mean
        standard_error = excess.std(ddof=1) / np.sqrt(N_SEEDS)
        assert abs(excess.mean()) <= 4 * standard_error + 1e-9, name
        if name is not SplitName.TRAIN:
            assert held.any(axis=1).all()


def test_every_size_stands_in_every_split_by_its_share() -> None:
    """Groups are dealt in order of size: of the largest m groups, each split has its share but for two."""
    shares = {SplitName.EVALUATION: 0.135, SplitName.HOLDOUT: 0.1}
    held = groups_in(SAMPLE)
    largest = np.searchsorted(SAMPLE, np.unique(SAMPLE))
    for name, share in shares.items():
        for start in largest.tolist():
            counts = held[name][:, start:].sum(axis=1)
            assert (np.abs(counts - share * (len(SAMPLE) - start)) < 2).all()


@pytest.mark.parametrize(
    ("sizes", "learned"),
    [
        pytest.param(SAMPLE, (), id="as the sample"),
        pytest.param([*SAMPLE, 60, 90], (), id="two groups as large as the holdout"),
        pytest.param(SAMPLE, range(150, 225), id="the base has learned from the largest"),
    ],
)
def test_shares_of_tickets_are_kept_with_every_seed(sizes: Sequence[int], learned: Sequence[int]) -> None:
    tickets = np.sort(np.array(sizes, dtype=np.float64))
    held = groups_in(sizes, 9, learned)
    for name, share in zip(SplitName, (0.765, 0.135, 0.1), strict=True):
        of_tickets = held[name].astype(np.float64) @ tickets / tickets.sum()
        assert of_tickets.mean() == pytest.approx(share, abs=0.004)
        assert np.abs(of_tickets - share).max() <= 0.03


def test_a_group_as_large_as_the_holdout_trains() -> None:
    held = groups_in([*SAMPLE, 60, 90], 9)
    assert held[SplitName.TRAIN][:, -2:].all()
    assert held[SplitName.HOLDOUT][:, -3].any()


@pytest.mark.parametrize("sizes", [[2, 3, 4], [2, 2, 2, 2, 30], [2, 30, 2, 2]])
def test_few_groups_by_time_leave_the_newest_to_the_holdout(sizes: Sequence[int]) -> None:
    """Groups follow each other in time; there are too few to give every split its share of tickets."""
    starts = np.cumsum(sizes) - np.array(sizes)
    n = sum(sizes)
    tickets = make_tickets(n, opened=[f"2024-01-01 {m // 60:02d}:{m % 60:02d}:00" for m in range(n)])
    links = [(int(a), int(a) + k) for a, size in zip(starts, sizes, strict=True) for k in range(1, size)]
    groups = kin_groups(tickets, make_links(links))
    splits = split_tickets(tickets, [""] * n, groups, SplitSettings(by="time"), 0)
    in_time = [str(splits.frame["split"][int(start)]) for start in starts]
    assert in_time[0] == SplitName.TRAIN
    assert in_time[-2:] == [SplitName.EVALUATION, SplitName.HOLDOUT]
    assert in_time == sorted(in_time, key=[name.value for name in SplitName].index)
