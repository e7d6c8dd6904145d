"""Positive pairs with their mined negatives, as arrays of ticket rows."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ticketkin.core.tables import IntArray, Pairs, SplitName, Tickets
from ticketkin.tickets.kin import KinGroups


@dataclass(frozen=True)
class PositivePairs:
    """Kin of the training split; all arrays hold ticket rows unless said otherwise."""

    left: IntArray
    right: IntArray
    phase: IntArray
    """1 easy, 2 medium, 3 hard."""
    group: IntArray
    """Kin group of each pair, shape (n_pairs,)."""
    negatives: IntArray
    """Mined negatives of each pair's left ticket, shape (n_pairs, h), padded -1."""

    def __len__(self) -> int:
        return len(self.left)


def positive_pairs(pairs: Pairs, tickets: Tickets, groups: KinGroups) -> PositivePairs:
    """Return the training positives with the labelled negatives of their left ticket beside them.

    Labelled negatives become hard negatives of a ranking loss this way; fed to it as pairs they would
    be taken for positives.
    """
    train = pairs.of(SplitName.TRAIN)
    left, right = train.rows(tickets)
    label = train.frame["label"].to_numpy()
    phase = train.frame["phase"].cast(pl.Int64).to_numpy()
    kin = label == 1
    by_anchor: dict[int, list[int]] = {}
    for a, b in zip(left[~kin].tolist(), right[~kin].tolist(), strict=True):
        by_anchor.setdefault(a, []).append(b)
    widest = max((len(mined) for mined in by_anchor.values()), default=0)
    negatives = np.full((int(kin.sum()), widest), -1, dtype=np.int64)
    for place, anchor in enumerate(left[kin].tolist()):
        mined = by_anchor.get(anchor, [])
        negatives[place, : len(mined)] = mined
    return PositivePairs(left[kin], right[kin], phase[kin], groups.group[left[kin]], negatives)
