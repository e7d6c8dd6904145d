"""Train, evaluation and holdout: whole kin groups and whole templates, never torn apart."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import BoolArray, Float64Array, IntArray, SplitName, Splits, Tickets
from ticketkin.core.wording import number_of
from ticketkin.tickets.folds import independent_units
from ticketkin.tickets.kin import KinGroups
from ticketkin.tickets.settings import SplitSettings
from ticketkin.tickets.templates import template_groups

DEALING_VERSION = "2"
"""Changes whenever the same tickets, settings and seed are dealt otherwise: a run of before is dealt anew."""
_JUDGING_SPLITS = 2
_NAMES = (SplitName.TRAIN, SplitName.EVALUATION, SplitName.HOLDOUT)
FEWEST_GROUPS = len(_NAMES)
"""Kin groups below which nothing can be judged: each split needs one."""
# A unit that is larger than this share of the holdout, and than so many times the mean unit, would decide
# what the holdout says: it goes to training. With few units all are a large part of the holdout.
_LARGEST_SHARE_OF_HOLDOUT = 0.5
_LARGEST_IN_MEANS = 2


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
    border. 'category' deals units out by category at random, whatever their size, but for the few that are
    as large as a holdout; 'time' gives the units whose last ticket opened most recently to the holdout.
    Units with and without kin are dealt out apart, so that each split gets its share of links. Units with
    any of the `learned` tickets, (n_tickets,), go to training: the base has learned from them.
    Deterministic by `seed`. Raises NotEnoughDataError with fewer
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
    generator = np.random.default_rng(seed)
    order = _dealing_order(tickets, unit, sizes, settings, generator)
    assigned = np.zeros(n_units, dtype=np.int64)
    for kin in (True, False):
        chosen = order[(has_kin[order] == kin) & ~known[order]]
        in_training = int(sizes[known & (has_kin == kin)].sum())
        if settings.by == "time":
            assigned[chosen] = _deal_by_time(sizes[chosen], settings, in_training)
        else:
            assigned[chosen] = _deal_at_random(sizes[chosen], settings, in_training, generator)
    names = np.array([name.value for name in _NAMES], dtype=object)[assigned[unit]]
    return Splits(pl.DataFrame({"ticket_id": tickets.ids, "split": names.tolist()}))


def _units_with(unit: IntArray, learned: BoolArray | None, n_units: int) -> BoolArray:
    """Return which units hold any of the tickets that the base has learned from, shape (n_units,)."""
    if learned is None:
        return np.zeros(n_units, dtype=np.bool_)
    counts = np.bincount(unit[learned], minlength=n_units)
    return np.asarray(counts > 0, dtype=np.bool_)


def _dealing_order(
    tickets: Tickets, unit: IntArray, sizes: IntArray, settings: SplitSettings, generator: np.random.Generator
) -> IntArray:
    """Return the unit numbers in the order they are dealt out: the newest first, or alike ones together."""
    n_units = len(sizes)
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
    shuffled = generator.permutation(n_units)
    first_row = np.full(n_units, -1, dtype=np.int64)
    first_row[unit[::-1]] = np.arange(len(unit))[::-1]
    _, category = np.unique(tickets.frame["category"].to_numpy().astype(str), return_inverse=True)
    alike: IntArray = shuffled[np.lexsort([-sizes[shuffled], category[first_row[shuffled]]])]
    return alike


def _judging_shares(sizes: IntArray, settings: SplitSettings, in_training: int) -> Float64Array:
    """Return the shares of evaluation and holdout among units of `sizes` tickets, shape (2,).

    So many tickets are `in_training` already, and count for what each split should have.
    """
    n_tickets = max(1, int(sizes.sum()))
    asked = np.array([settings.evaluation, 1 - settings.train - settings.evaluation])
    shares = asked * (n_tickets + in_training) / n_tickets
    return np.asarray(shares / max(1.0, shares.sum()))


def _deal_at_random(
    sizes: IntArray, settings: SplitSettings, in_training: int, generator: np.random.Generator
) -> IntArray:
    """Return the split of each unit: every unit with the same chances whatever its size, but for giants.

    Were units given to the split that lacks most tickets, large ones would go where the share is largest.
    Units alike follow each other: those that judge, at regular distances, are of all categories and sizes.
    """
    holdout = (1 - settings.train - settings.evaluation) * (int(sizes.sum()) + in_training)
    mean = float(sizes.mean()) if len(sizes) else 0.0
    small = np.flatnonzero(sizes <= max(_LARGEST_IN_MEANS * mean, _LARGEST_SHARE_OF_HOLDOUT * holdout))
    in_training += int(sizes.sum() - sizes[small].sum())
    shares = _judging_shares(sizes[small], settings, in_training)
    judges = np.flatnonzero(_regular_draw(len(small), float(shares.sum()), generator))
    held_out = _regular_draw(len(judges), float(shares[1] / shares.sum()), generator)
    dealt = np.zeros(len(small), dtype=np.int64)
    dealt[judges] = np.where(held_out, 2, 1)
    assigned = np.zeros(len(sizes), dtype=np.int64)
    assigned[small] = _fill_empty(dealt, 1 if in_training else 0, generator)
    return assigned


def _regular_draw(n: int, share: float, generator: np.random.Generator) -> BoolArray:
    """Draw a `share` of `n` places at regular distances from a random start (systematic sampling)."""
    steps = np.floor(generator.random() + share * np.arange(n + 1))
    return np.asarray(np.diff(steps) > 0)


def _fill_empty(assigned: IntArray, first: int, generator: np.random.Generator) -> IntArray:
    """Move any unit of the fullest split into each split, from the `first` on, that got none."""
    if len(assigned) < len(_NAMES) - first:
        return assigned
    for split in range(first, len(_NAMES)):
        if not (assigned == split).any():
            fullest = int(np.argmax(np.bincount(assigned, minlength=len(_NAMES))))
            assigned[generator.choice(np.flatnonzero(assigned == fullest))] = split
    return assigned


def _deal_by_time(sizes: IntArray, settings: SplitSettings, in_training: int) -> IntArray:
    """Newest units first: holdout until its share is full, then evaluation, the rest training.

    Evaluation and holdout get a unit each, and training one if nothing is `in_training` already.
    """
    evaluation, holdout = _judging_shares(sizes, settings, in_training)
    middle = (np.cumsum(sizes) - sizes / 2) / max(1, sizes.sum())
    most = len(sizes) - (0 if in_training else 1)
    n_judging = max(_JUDGING_SPLITS, min(int((middle <= holdout + evaluation).sum()), most))
    n_holdout = max(1, min(int((middle <= holdout).sum()), n_judging - 1))
    assigned = np.zeros(len(sizes), dtype=np.int64)
    assigned[:n_judging] = 1
    assigned[:n_holdout] = 2
    return assigned
