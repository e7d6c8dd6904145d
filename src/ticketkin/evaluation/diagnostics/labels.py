"""Are the labels what they claim to be? Circular, contradictory, one-sided."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.tables import FloatArray, IntArray, Origin, SplitName
from ticketkin.core.wording import number_of
from ticketkin.tickets.templates import normalise

_FEWEST_PAIRS = 20
CIRCULAR_AUC = 0.999
"""A similarity that separates the labels this well most likely made them."""
_FEW_OF_A_CLASS = 10
_FEW_CONFLICTS = 0.01
"""Share of pairs whose texts may be labelled both ways: people file a ticket twice and link one of it."""


@dataclass(frozen=True)
class LabelledPairs:
    """Pairs of all splits as in pairs.parquet, and the texts they are made of."""

    frame: pl.DataFrame
    """Columns left, right (ticket ids), label, phase, split, origin, lexical_similarity, base_similarity."""
    left: IntArray
    """Ticket rows, shape (n_pairs,)."""
    right: IntArray
    texts: list[str]
    """Text of every ticket row."""
    groups: IntArray
    """Kin group of every ticket row."""

    @property
    def labels(self) -> IntArray:
        """1 kin, 0 not kin, shape (n_pairs,)."""
        labels: IntArray = self.frame["label"].cast(pl.Int64).to_numpy()
        return labels

    def similarities(self, name: str) -> FloatArray:
        """Return the lexical or base similarity of each pair."""
        similarities: FloatArray = self.frame[f"{name}_similarity"].to_numpy()
        return similarities


def label_checks(pairs: LabelledPairs, in_folds: IntArray | None = None) -> list[Check]:
    """Return the checks of the labels themselves; `in_folds` are the labels that folds judge by."""
    support = class_support(pairs) if in_folds is None else class_support_in_folds(in_folds)
    return [circular_labels(pairs), *label_conflicts(pairs), *support]


def circular_labels(pairs: LabelledPairs) -> Check:
    """Find labels that a similarity made: nothing can then beat the similarity that made them."""
    from sklearn.metrics import roc_auc_score

    origins = pairs.frame["origin"].value_counts().rows_by_key("origin", unique=True)
    if Origin.SILVER.value in origins:
        return failed(
            "circular_labels",
            "the labels come from word overlap (silver), so the ranker nearest to word overlap looks best",
            "add links that people made: --links FILE",
        )
    if len(pairs.frame) < _FEWEST_PAIRS or len(np.unique(pairs.labels)) < 2:
        return skipped("circular_labels", f"too few pairs of both labels ({len(pairs.frame)})")
    areas = {
        name: float(roc_auc_score(pairs.labels, pairs.similarities(name))) for name in ("lexical", "base")
    }
    shown = ", ".join(f"{name} {area:.3f}" for name, area in areas.items())
    suspects = [name for name, area in areas.items() if area >= CIRCULAR_AUC]
    if suspects:
        return failed(
            "circular_labels",
            f"a threshold on the {suspects[0]} similarity reproduces the labels (ROC-AUC {shown}): they were "
            "most likely made by it",
            "take labels from people (duplicate links, parents, problem records), not from a similarity",
        )
    return passed("circular_labels", f"no similarity reproduces the labels (ROC-AUC {shown})")


def labelled_both_ways(pairs: LabelledPairs) -> list[list[int]]:
    """Return the places of pairs of the same two texts that are labelled kin and not kin, text by text."""
    normalised = [normalise(text) for text in pairs.texts]
    places: dict[tuple[str, str], list[int]] = {}
    for place, (left, right) in enumerate(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)):
        one, other = sorted((normalised[left], normalised[right]))
        if one != other:
            places.setdefault((one, other), []).append(place)
    labels = pairs.labels
    return [own for own in places.values() if len(np.unique(labels[own])) > 1]


def apart_inside_groups(pairs: LabelledPairs) -> IntArray:
    """Return the places of pairs that are labelled not kin though one kin group holds both tickets."""
    return np.flatnonzero((pairs.groups[pairs.left] == pairs.groups[pairs.right]) & (pairs.labels == 0))


def label_conflicts(pairs: LabelledPairs) -> Iterator[Check]:
    """Yield pairs labelled both ways, and pairs called not kin inside one kin group."""
    both, inside = len(labelled_both_ways(pairs)), len(apart_inside_groups(pairs))
    evidence = (
        f"{number_of(both, 'pair of the same texts is', 'pairs of the same texts are')} labelled both kin "
        f"and not kin, {number_of(inside, 'pair')} inside one kin group not kin, among "
        f"{number_of(len(pairs.frame), 'pair')}"
    )
    if inside or both > _FEW_CONFLICTS * len(pairs.frame):
        yield failed(
            "label_conflicts",
            evidence,
            "list them: ticketkin pairs conflicts RUN; tickets of the same text under several ids are the "
            "usual cause: link them, or drop the copies",
        )
    else:
        yield passed("label_conflicts", evidence)


def class_support_in_folds(labels: IntArray) -> Iterator[Check]:
    """Yield whether there are kin and not kin enough to measure, among the pairs that folds judge by."""
    kin = int((labels == 1).sum())
    evidence = f"all pairs, by folds: {kin:,} kin, {len(labels) - kin:,} not kin"
    if min(kin, len(labels) - kin) < _FEW_OF_A_CLASS:
        yield warning("class_support", f"few pairs of a class ({evidence})", "add links or labelled pairs")
    else:
        yield passed("class_support", evidence)


def class_support(pairs: LabelledPairs) -> Iterator[Check]:
    """Yield whether kin and not kin stand in every split, in numbers that can be measured."""
    counts = {
        (split, label): n for split, label, n in pairs.frame.group_by("split", "label").len().iter_rows()
    }
    evidence = "; ".join(
        f"{split.value}: {counts.get((split.value, 1), 0):,} kin, {counts.get((split.value, 0), 0):,} not kin"
        for split in SplitName
    )
    least = min(counts.get((split.value, label), 0) for split in SplitName for label in (0, 1))
    if least == 0:
        yield failed(
            "class_support",
            f"a class is absent from a split ({evidence}); what is not there is not judged",
            "add links, or change the split's shares or the seed",
        )
    elif least < _FEW_OF_A_CLASS:
        yield warning("class_support", f"few pairs of a class ({evidence})", "add links: --links FILE")
    else:
        yield passed("class_support", evidence)
