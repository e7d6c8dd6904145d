"""Train, evaluation and holdout: whole kin groups and whole templates, never torn apart."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import BoolArray, IntArray, SplitName, Splits, Tickets
from ticketkin.core.wording import number_of
from ticketkin.tickets.folds import independent_units
from ticketkin.tickets.kin import KinGroups
from ticketkin.tickets.settings import SplitSettings
from ticketkin.tickets.templates import template_groups

_JUDGING_SPLITS = 2
_NAMES = (SplitName.TRAIN, SplitName.EVALUATION, SplitName.HOLDOUT)
FEWEST_GROUPS = len(_NAMES)
"""Kin groups below which nothing can be judged: each split needs one."""
# A unit larger than this share of the holdout would be the holdout: such templates go to training.
_LARGEST_SHARE_OF_HOLDOUT = 0.25


def split_tickets(
    tickets: Tickets,
    texts: Sequence[str],
    groups: KinGroups,
    settings: SplitSettings,
    seed: int,
    progress: Progress = SILENT,
    learned: BoolArray | None = None,
) -> Splits:
    """Return the split of every ticket.

    The unit is a component of kin groups joined by near-identical templates, so neither crosses a
    border. 'category' deals units out by category at random; 'time' gives the units whose last
    ticket opened most recently to the holdout. Units with and without kin are dealt out apart, so
    that each split gets its share of links. Units with any of the `learned` tickets, (n_tickets,), go to
    training: the base has learned from them. Deterministic by `seed`. Raises NotEnoughDataError with fewer
    than three units that have kin, with fewer than two of them that the base has not learned from, or where
    'time' is asked for and times are missing.
    """
    unit = independent_units([groups.group, template_groups(texts, settings.near_identical, progress)])
    n_units = int(unit.max()) + 1 if len(unit) else 0
    sizes = np.bincount(unit, minlength=n_units)
    has_kin = np.bincount(unit, weights=groups.has_kin, minlength=n_units) > 0
    if has_kin.sum() < FEWEST_GROUPS:
        raise NotEnoughDataError(
            f"{number_of(int(has_kin.sum()), 'independent kin group was', 'independent kin groups were')} "
            "found, and each of train, evaluation and holdout needs at least one; add links with --links "
            "FILE, or loosen --set split.near_identical=1"
        )
    known = _units_with(unit, learned, n_units)
    if known.any() and (has_kin & ~known).sum() < _JUDGING_SPLITS:
        raise NotEnoughDataError(
            f"Of {number_of(int(has_kin.sum()), 'independent kin group')}, {int((has_kin & ~known).sum()):,} "
            "without a ticket that the base model has learned from are left, and evaluation and holdout each "
            "need one: nothing is left to judge by. Give links of newer tickets, or begin with an untouched "
            "model: --base-model"
        )
    order = _dealing_order(tickets, unit, n_units, settings, seed)
    assigned = np.zeros(n_units, dtype=np.int64)
    shares = np.array([settings.train, settings.evaluation, 1 - settings.train - settings.evaluation])
    for kin in (True, False):
        chosen = order[(has_kin[order] == kin) & ~known[order]]
        if settings.by == "time":
            assigned[chosen] = _deal_by_time(sizes[chosen], shares)
        else:
            in_training = int(sizes[known & (has_kin == kin)].sum())
            assigned[chosen] = _deal_by_deficit(sizes[chosen], shares, in_training)
    names = np.array([name.value for name in _NAMES], dtype=object)[assigned[unit]]
    return Splits(pl.DataFrame({"ticket_id": tickets.ids, "split": names.tolist()}))


def _units_with(unit: IntArray, learned: BoolArray | None, n_units: int) -> BoolArray:
    """Return which units hold any of the tickets that the base has learned from, shape (n_units,)."""
    if learned is None:
        return np.zeros(n_units, dtype=np.bool_)
    counts = np.bincount(unit[learned], minlength=n_units)
    return np.asarray(counts > 0, dtype=np.bool_)


def _dealing_order(
    tickets: Tickets, unit: IntArray, n_units: int, settings: SplitSettings, seed: int
) -> IntArray:
    """Return the unit numbers in the order they are dealt out."""
    if settings.by == "time":
        if not tickets.has_times:
            n_missing = tickets.frame["opened_at"].null_count()
            raise NotEnoughDataError(
                f"split.by=time needs an opening time on every ticket; {n_missing:,} of {len(tickets):,} "
                "have none. Map the column with --map opened_at=COLUMN, or use --set split.by=category"
            )
        order = tickets.visibility.order
        latest = np.zeros(n_units, dtype=np.int64)
        np.maximum.at(latest, unit, np.zeros(len(unit), dtype=np.int64) if order is None else order)
        return np.argsort(-latest, kind="stable")
    shuffled = np.random.default_rng(seed).permutation(n_units)
    first_row = np.full(n_units, -1, dtype=np.int64)
    first_row[unit[::-1]] = np.arange(len(unit))[::-1]
    _, category = np.unique(tickets.frame["category"].to_numpy().astype(str), return_inverse=True)
    by_category: IntArray = shuffled[np.argsort(category[first_row[shuffled]], kind="stable")]
    return by_category


def _deal_by_deficit(sizes: IntArray, shares: npt.NDArray[np.float64], in_training: int) -> IntArray:
    """Give each unit in turn to the split that lacks most of its share; giants go to training.

    So many tickets are `in_training` already.
    """
    dealt = np.zeros(len(shares))
    dealt[0] = in_training
    assigned = np.zeros(len(sizes), dtype=np.int64)
    giant = sizes > max(2.0, _LARGEST_SHARE_OF_HOLDOUT * shares[2] * sizes.sum())
    if giant.all():
        giant[:] = False
    dealt[0] += sizes[giant].sum()
    total = float(dealt.sum())
    for place in np.flatnonzero(~giant):
        total += float(sizes[place])
        split = int(np.argmax(shares * total - dealt))
        assigned[place] = split
        dealt[split] += sizes[place]
    return _fill_empty(assigned, sizes)


def _deal_by_time(sizes: IntArray, shares: npt.NDArray[np.float64]) -> IntArray:
    """Newest units first: holdout until its share is full, then evaluation, the rest training."""
    middle = np.cumsum(sizes) - sizes / 2
    share = middle / max(1, sizes.sum())
    assigned = np.where(share <= shares[2], 2, np.where(share <= shares[2] + shares[1], 1, 0))
    return _fill_empty(assigned.astype(np.int64), sizes)


def _fill_empty(assigned: IntArray, sizes: IntArray) -> IntArray:
    """Move the smallest units of the fullest split into a split that got none."""
    for split in range(3):
        if len(assigned) >= 3 and not (assigned == split).any():
            counts = np.bincount(assigned, minlength=3)
            donors = np.flatnonzero(assigned == int(np.argmax(counts)))
            assigned[donors[int(np.argmin(sizes[donors]))]] = split
    return assigned
