"""Positive pairs with their mined negatives, as arrays of ticket rows."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Pairs, SplitName, Tickets
from ticketkin.pairs.building import phases_of
from ticketkin.pairs.mining import KinshipCodes, mine_negatives
from ticketkin.pairs.settings import PairSettings
from ticketkin.tickets.kin import KinGroups


@dataclass(frozen=True)
class PositivePairs:
    """Kin to train on; all arrays hold ticket rows unless said otherwise."""

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

    def take(self, kept: BoolArray) -> "PositivePairs":
        """Return some of the pairs."""
        return PositivePairs(
            self.left[kept], self.right[kept], self.phase[kept], self.group[kept], self.negatives[kept]
        )


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


def kin_positives(
    groups: KinGroups,
    embeddings: FloatArray,
    kinship: KinshipCodes,
    neighbours: IntArray,
    settings: PairSettings,
    seed: int,
) -> PositivePairs:
    """Return the pairs of all kin with mined negatives, whatever their split; large groups are sampled.

    `neighbours` are the nearest others of each ticket, shape (n_tickets, k), padded -1; no label shaped them.
    """
    generator = np.random.default_rng(seed)
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for members in groups.groups:
        both = np.stack([members[side] for side in np.triu_indices(len(members), k=1)], axis=1)
        if len(both) > settings.max_positives_per_group:
            chosen = generator.choice(len(both), settings.max_positives_per_group, replace=False)
            both = both[np.sort(chosen)]
        pairs.append(both)
    left, right = np.concatenate(pairs).T
    n_negatives, margin = settings.hard_negatives_per_positive, settings.false_negative_margin
    negatives = mine_negatives(left, right, [neighbours[left]], embeddings, kinship, n_negatives, margin)
    phase = phases_of(-np.einsum("ij,ij->i", embeddings[left], embeddings[right]))
    return PositivePairs(left, right, phase, groups.group[left], negatives)
