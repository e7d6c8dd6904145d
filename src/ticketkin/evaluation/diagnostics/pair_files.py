"""Checks of labelled pairs as they are given: is their curriculum one?"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from sklearn.metrics import roc_auc_score

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.tables import BoolArray, Origin, SplitName
from ticketkin.evaluation.diagnostics.labels import LabelledPairs

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
    labels = pairs.labels[chosen]
    if np.bincount(labels, minlength=2).min() < _FEWEST_OF_A_CLASS:
        return None
    both = [roc_auc_score(labels, pairs.similarities(name)[chosen]) for name in ("lexical", "base")]
    return float(np.mean(both))
