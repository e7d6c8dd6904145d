"""The pairs of files, dealt to the splits of their tickets; every pair that none takes has its reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ticketkin.core.tables import IntArray, Phase, SplitName, Splits, Tickets
from ticketkin.pairs.account import GivenAccount, LabelCounts, LeftOutPairs, counts_by
from ticketkin.pairs.drawn import DrawnPairs
from ticketkin.pairs.given import SIMILARITY_KINDS, test_ids

_OF_OTHER_KIND = "name related or causal tickets: they train the kinds of kin, not the similarity"
_SAME_TEXT = "hold the same text twice"
_HOLDS_TEST_TEXT = "hold a text of the test pairs"
_CROSSES = "lie across the border of two splits: one ticket trains, the other judges"
_REPEATS = "repeat an earlier pair"
_CONTRADICTS = "contradict the label of an earlier pair, which counts"


@dataclass(frozen=True)
class GivenPairs:
    """The pairs of files by split."""

    by_split: dict[SplitName, list[DrawnPairs]]
    account: GivenAccount
    frozen: bool
    """Whether the holdout is a file of test pairs: then it holds these and nothing else."""
    in_folds: list[DrawnPairs] | None = None
    """All pairs that folds train on and judge by, also those across two splits; None where a split judges."""

    @property
    def to_train_on(self) -> list[DrawnPairs]:
        """The pairs that training sees: those of the training split, or all of them, fold by fold."""
        return self.by_split[SplitName.TRAIN] if self.in_folds is None else self.in_folds

    @property
    def has_phases(self) -> bool:
        """Whether the file says how hard its training pairs are."""
        return any(part.phase is not None for part in self.to_train_on)

    @property
    def has_strangers(self) -> bool:
        """Whether any training pair is labelled strangers."""
        return any(bool((part.label == 0).any()) for part in self.to_train_on)


def given_by_split(
    given: pl.DataFrame, tickets: Tickets, splits: Splits, *, by_folds: bool = False
) -> GivenPairs:
    """Return the pairs of each split as the files give them, and the account of all others.

    Pairs of a test file are the holdout, each as often as the file holds it, and no other pair is. Of
    training pairs, those with a text of the test pairs are left out, those across the border of two splits,
    and repeats; where folds judge (`by_folds`), no border lies between two tickets. Related and causal pairs
    are neither kin nor strangers to a similarity.
    """
    labels = given["label"].cast(pl.Int64).to_numpy()
    is_test = given["is_test"].to_numpy()
    reasons = _reasons(given, splits, by_folds=by_folds)
    split_of = dict(splits.frame.iter_rows())
    left, right = (
        np.array([split_of[ticket_id] for ticket_id in given[side]], dtype=object)
        for side in ("left", "right")
    )
    used = np.array([not reason for reason in reasons])
    inside = {split: used & (left == split.value) & (right == split.value) for split in SplitName}
    by_split = {
        split: _by_phase(given.filter(pl.Series(chosen)), tickets, keeps_phases=split is SplitName.TRAIN)
        for split, chosen in inside.items()
    }
    of_folds = used & ~is_test if by_folds else np.zeros_like(used)
    in_folds = _by_phase(given.filter(pl.Series(of_folds)), tickets, keeps_phases=True) if by_folds else None
    account = GivenAccount(
        training=LabelCounts.of(labels[~is_test]),
        test=LabelCounts.of(labels[is_test]),
        used={
            split: LabelCounts.of(labels[of & ~of_folds])
            for split, of in inside.items()
            if not by_folds or (of & is_test).any()
        },
        in_folds=LabelCounts.of(labels[of_folds]) if by_folds else None,
        left_out=[
            LeftOutPairs(file="test" if of_test else "training", reason=reason, counts=counts)
            for of_test in (False, True)
            for reason, counts in counts_by(
                [reason for reason, test in zip(reasons, is_test, strict=True) if test == of_test],
                labels[is_test == of_test],
            ).items()
        ],
    )
    return GivenPairs(by_split, account, frozen=bool(is_test.any()), in_folds=in_folds)


def _reasons(given: pl.DataFrame, splits: Splits, *, by_folds: bool) -> list[str]:
    """Return why each pair is left out, "" where it is used."""
    split_of = dict(splits.frame.iter_rows())
    held_out = set(test_ids(given))
    first_label: dict[tuple[str, str], int] = {}
    reasons = []
    columns = given.select("left", "right", "label", "kind", "is_test")
    for left, right, label, kind, is_test in columns.iter_rows():
        if kind not in SIMILARITY_KINDS:
            reasons.append(_OF_OTHER_KIND)
        elif left == right:
            reasons.append(_SAME_TEXT)
        elif is_test:
            reasons.append("")
        elif left in held_out or right in held_out:
            reasons.append(_HOLDS_TEST_TEXT)
        elif split_of[left] != split_of[right] and not by_folds:
            reasons.append(_CROSSES)
        else:
            before = first_label.get(pair := (min(left, right), max(left, right)))
            first_label.setdefault(pair, label)
            reasons.append("" if before is None else _REPEATS if before == label else _CONTRADICTS)
    return reasons


def _by_phase(given: pl.DataFrame, tickets: Tickets, *, keeps_phases: bool) -> list[DrawnPairs]:
    left, right = (_rows(given[side], tickets) for side in ("left", "right"))
    label = given["label"].cast(pl.Int64).to_numpy()
    phases = given["phase"].cast(pl.Int64).to_numpy()
    if not keeps_phases:  # a test pair's difficulty is always measured
        phases = np.zeros_like(phases)
    return [
        DrawnPairs(
            left[phases == phase],
            right[phases == phase],
            label[phases == phase],
            phase=Phase(phase) if phase else None,
        )
        for phase in np.unique(phases).tolist()
    ]


def _rows(ids: Sequence[str] | pl.Series, tickets: Tickets) -> IntArray:
    return np.array([tickets.position[ticket_id] for ticket_id in ids], dtype=np.int64)
