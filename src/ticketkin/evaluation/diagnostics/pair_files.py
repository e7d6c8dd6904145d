"""Checks of labelled pairs as they are given: who made the labels, is the test like the training, is the
curriculum one?
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Labeller, Origin, SplitName
from ticketkin.evaluation.diagnostics.labels import CIRCULAR_AUC, LabelledPairs
from ticketkin.evaluation.diagnostics.similarities import LARGEST_AUC_GAP

_FEWEST_OF_A_CLASS = 10
_EASIER_BY = 0.02
"""Of ROC-AUC: less is noise of the pairs that happen to stand in a phase."""


def phases_get_harder(pairs: LabelledPairs) -> Check:
    """Measure whether each phase of the training pairs is harder than the one before.

    Easy is what the untouched similarities tell apart already: the mean ROC-AUC of words and model on the
    pairs of a phase. Where a similarity made the labels, a phase below .5 holds them the wrong way round.
    """
    code = "phase_order"
    train = pairs.frame["split"].to_numpy() == SplitName.TRAIN.value
    phase = pairs.frame["phase"].to_numpy()
    of_phase = {int(number): train & (phase == number) for number in np.unique(phase[train])}
    measured = {number: _area(pairs, chosen) for number, chosen in of_phase.items()}
    areas = {number: area for number, area in measured.items() if area is not None}
    if len(areas) < 2:
        return skipped(code, f"fewer than two phases hold {_FEWEST_OF_A_CLASS} kin and strangers each")
    evidence = "ROC-AUC of the untouched similarities on training pairs: " + ", ".join(
        f"phase {number} {area:.3f}" for number, area in areas.items()
    )
    silver = pairs.frame["origin"].to_numpy() == Origin.SILVER.value
    inverted = [number for number, area in areas.items() if area < 0.5 and silver[of_phase[number]].all()]
    if inverted:
        return failed(
            code,
            f"phase {inverted[0]} calls pairs kin that are less alike than those it calls strangers, "
            f"though a similarity made its labels. {evidence}",
            "build the pairs again with ticketkin pairs, or take labels from people",
        )
    return _order(code, areas, evidence)


def _order(code: str, areas: Mapping[int, float], evidence: str) -> Check:
    numbers = list(areas)
    if areas[numbers[-1]] > areas[numbers[0]] + _EASIER_BY:
        return failed(
            code,
            f"the last phase is easier than the first: the curriculum runs backwards. {evidence}",
            "number the phases from easy to hard, or leave them out: then difficulty is measured",
        )
    easier = [
        f"phase {after} is easier than phase {before}"
        for before, after in pairwise(numbers)
        if areas[after] > areas[before] + _EASIER_BY
    ]
    if easier:
        return warning(code, f"{'; '.join(easier)}. {evidence}", "look at the pairs of these phases")
    return passed(code, f"each phase is as hard as the one before, or harder. {evidence}")


def _area(pairs: LabelledPairs, chosen: BoolArray) -> float | None:
    from sklearn.metrics import roc_auc_score

    labels = pairs.labels[chosen]
    if np.bincount(labels, minlength=2).min() < _FEWEST_OF_A_CLASS:
        return None
    both = [roc_auc_score(labels, pairs.similarities(name)[chosen]) for name in ("lexical", "base")]
    return float(np.mean(both))


@dataclass(frozen=True)
class GivenLabels:
    """The pairs of files as they are given: before any is left out, mined or added."""

    labels: IntArray
    """1 kin, 0 not kin, shape (n_pairs,)."""
    is_test: BoolArray
    """Whether a pair comes from the file of test pairs, shape (n_pairs,)."""
    similarities: Mapping[str, FloatArray]
    """Of each way to compare two texts without labels, shape (n_pairs,); 'base' is the untouched model."""
    labeller: Labeller
    """Who labelled them, as far as somebody said so."""

    @property
    def files(self) -> Mapping[str, BoolArray]:
        """Which pairs come from which file."""
        return {"training": ~self.is_test, "test": self.is_test}


def circular_labels_as_given(given: GivenLabels) -> Check:
    """Find labels that a similarity, a rule or a model made, on the pairs as the files hold them.

    Mined pairs beside them would hide it: they are chosen to look alike, and nobody labelled them.
    """
    from sklearn.metrics import roc_auc_score

    if given.labeller in ("rule", "model"):
        return failed(
            "circular_labels",
            f"a {given.labeller} made the labels, as --labels-from says: what is nearest to it looks best",
            "take labels from people (duplicate links, parents, problem records)",
        )
    areas = {
        (file, way): float(roc_auc_score(given.labels[chosen], values[chosen]))
        for file, chosen in given.files.items()
        if np.bincount(given.labels[chosen], minlength=2).min() >= _FEWEST_OF_A_CLASS
        for way, values in given.similarities.items()
    }
    if not areas:
        return skipped("circular_labels", f"too few pairs of both labels ({len(given.labels)})")
    file, way = max(areas, key=lambda key: areas[key])
    shown = "; ".join(
        f"{one} pairs: " + ", ".join(f"{by} {area:.4f}" for (of, by), area in areas.items() if of == one)
        for one in dict.fromkeys(of for of, _ in areas)
    )
    if areas[file, way] >= CIRCULAR_AUC:
        return failed(
            "circular_labels",
            f"a threshold on one similarity ({way}) reproduces the labels of the {file} pairs as given: they "
            f"were most likely made by it, and whatever is nearest to it looks best (ROC-AUC of {shown})",
            "take labels from people (duplicate links, parents, problem records), not from a similarity",
        )
    return passed("circular_labels", f"no similarity reproduces the labels as given (ROC-AUC of {shown})")


def mismatch_with_frozen_test(given: GivenLabels) -> Check | None:
    """Compare how easy the training pairs are with the frozen test alone; None where there is none.

    Evaluation pairs come from the same file as those of training and are as easy: a mean over them would
    hide what the test is like.
    """
    from sklearn.metrics import roc_auc_score

    if any(np.bincount(given.labels[chosen], minlength=2).min() == 0 for chosen in given.files.values()):
        return None
    training, test = (
        float(roc_auc_score(given.labels[chosen], given.similarities["base"][chosen]))
        for chosen in given.files.values()
    )
    evidence = f"ROC-AUC of the untouched model on pairs as given: training {training:.4f}, test {test:.4f}"
    if training - test > LARGEST_AUC_GAP:
        return warning(
            "split_mismatch",
            f"training pairs are easier than the frozen test. {evidence}",
            "train on pairs as hard as those of the test: all phases of the curriculum, or hard negatives "
            "(--set pairs.sources=given,hard-negatives)",
        )
    if test - training > LARGEST_AUC_GAP:
        return warning(
            "split_mismatch",
            f"the frozen test is easier than the training pairs. {evidence}",
            "a good result on it says little about pairs like those of training; add harder test pairs",
        )
    if test < 0.5:
        return warning(
            "split_mismatch",
            "in the frozen test strangers are more alike than kin: are its labels the wrong way round? "
            f"{evidence}",
            "read some of the pairs",
        )
    return passed("split_mismatch", evidence)
