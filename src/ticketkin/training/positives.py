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
class LabelledRows:
    """Labelled pairs of ticket rows; all of shape (n,)."""

    left: IntArray
    right: IntArray
    labels: IntArray
    """1 kin, 0 not kin."""
    phase: IntArray
    """1 easy, 2 medium, 3 hard."""

    def take(self, kept: BoolArray) -> "LabelledRows":
        """Return some of the pairs."""
        return LabelledRows(self.left[kept], self.right[kept], self.labels[kept], self.phase[kept])


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
    negative_phase: IntArray | None = None
    """Phase of each negative, shape (n_pairs, h), where it is labelled apart; None: its positive's."""

    def __len__(self) -> int:
        return len(self.left)

    def take(self, kept: BoolArray) -> "PositivePairs":
        """Return some of the pairs."""
        return PositivePairs(
            self.left[kept],
            self.right[kept],
            self.phase[kept],
            self.group[kept],
            self.negatives[kept],
            None if self.negative_phase is None else self.negative_phase[kept],
        )


@dataclass(frozen=True)
class TrainingPairs:
    """The training data of a candidate that is evaluated by folds; each fold uses a part of it."""

    positives: PositivePairs
    labelled: LabelledRows | None = None
    """What a loss on labelled pairs sees; None: the positives and their mined negatives."""
    phases_are_given: bool = False
    """Whether a file says which phase a pair belongs to; otherwise difficulty was measured."""


def positive_pairs(pairs: Pairs, tickets: Tickets, groups: KinGroups) -> PositivePairs:
    """Return the training positives with the labelled negatives of their left ticket beside them."""
    train = pairs.of(SplitName.TRAIN)
    labels, phases = (train.frame[name].cast(pl.Int64).to_numpy() for name in ("label", "phase"))
    return with_strangers(*train.rows(tickets), labels, phases, groups)


def with_strangers(
    left: IntArray, right: IntArray, label: IntArray, phase: IntArray, groups: KinGroups
) -> PositivePairs:
    """Return the pairs labelled 1 with those labelled 0 of their left ticket beside them.

    Labelled negatives become hard negatives of a ranking loss this way; fed to it as pairs they would
    be taken for positives. A negative is its left ticket's; where that is no anchor, its right ticket's.
    """
    kin = label == 1
    by_anchor: dict[int, list[tuple[int, int]]] = {}
    anchors = set(left[kin].tolist())
    for a, b, of_phase in zip(left[~kin].tolist(), right[~kin].tolist(), phase[~kin].tolist(), strict=True):
        anchor, negative = (a, b) if a in anchors or b not in anchors else (b, a)
        by_anchor.setdefault(anchor, []).append((negative, of_phase))
    widest = max((len(by_anchor.get(anchor, [])) for anchor in anchors), default=0)
    negatives, negative_phase = np.full((2, int(kin.sum()), widest), -1, dtype=np.int64)
    for place, anchor in enumerate(left[kin].tolist()):
        for column, (negative, of_phase) in enumerate(by_anchor.get(anchor, [])):
            negatives[place, column], negative_phase[place, column] = negative, of_phase
    return PositivePairs(
        left[kin], right[kin], phase[kin], groups.group[left[kin]], negatives, negative_phase
    )


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
