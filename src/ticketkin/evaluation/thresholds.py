"""A threshold for "these two are kin", chosen for what a user can bear, on evaluation pairs only."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.evaluation.settings import EvaluationSettings


@dataclass(frozen=True)
class ThresholdChoice:
    """The threshold, what it was chosen for, and what F1 would have chosen."""

    threshold: float
    target: str
    target_value: float
    reached: bool
    """False if no threshold meets the target; then the nearest is taken and the report says so."""
    f1_threshold: float
    f1_false_positive_rate: float
    """What F1's choice would cost: on balanced pairs F1 likes to call everything kin."""
    n_folds: int = 0
    """Folds of which it is the median; 0 where all pairs chose it at once: too few, or so asked."""
    spread: float | None = None
    """Standard deviation of the folds' thresholds."""
    left_out_false_positive_rate: float | None = None
    """At each fold's threshold, of the strangers that it did not see; mean over folds."""
    left_out_recall: float | None = None
    """At each fold's threshold, of the kin that it did not see; mean over folds."""


def precision_at_prevalence(
    recall: npt.NDArray[np.float64], false_positive_rate: npt.NDArray[np.float64], prevalence: float
) -> npt.NDArray[np.float64]:
    """Return the precision a user meets where `prevalence` of the pairs are kin (Bayes' rule).

    1 where nothing is called kin; NaN where recall or rate is.
    """
    hits = prevalence * np.asarray(recall, dtype=np.float64)
    called_kin = hits + (1 - prevalence) * np.asarray(false_positive_rate, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(called_kin == 0, 1.0, hits / called_kin), dtype=np.float64)


def choose_threshold(
    similarities: FloatArray, labels: IntArray, settings: EvaluationSettings
) -> ThresholdChoice:
    """Return the threshold with the highest recall that meets the target.

    A pair is called kin if its similarity is at least the threshold. Needs both labels.
    """
    order = np.argsort(-similarities, kind="stable")
    sorted_similarities, sorted_labels = similarities[order], labels[order]
    last_of_tie = np.r_[np.diff(sorted_similarities) != 0, True]
    hits = np.cumsum(sorted_labels)[last_of_tie]
    false_alarms = np.cumsum(1 - sorted_labels)[last_of_tie]
    thresholds = sorted_similarities[last_of_tie].astype(np.float64)
    n_kin, n_not_kin = int(labels.sum()), int((1 - labels).sum())
    recall = hits / max(1, n_kin)
    rate = false_alarms / max(1, n_not_kin)
    f1 = 2 * hits / (hits + false_alarms + n_kin)
    f1_best = int(np.argmax(f1))
    place, reached = _place(recall, rate, f1_best, settings)
    # Above every similarity: nothing is called kin.
    threshold = float(np.nextafter(thresholds[0], np.inf)) if place < 0 else float(thresholds[place])
    return ThresholdChoice(
        threshold=threshold,
        target=settings.threshold_target,
        target_value=settings.target_value,
        reached=reached,
        f1_threshold=float(thresholds[f1_best]),
        f1_false_positive_rate=float(rate[f1_best]),
    )


def _place(
    recall: npt.NDArray[np.float64], rate: npt.NDArray[np.float64], f1_best: int, settings: EvaluationSettings
) -> tuple[int, bool]:
    if settings.threshold_target == "f1":
        return f1_best, True
    if settings.threshold_target == "false_positive_rate":
        allowed = np.flatnonzero(rate <= settings.target_value)
        return (int(allowed[-1]), True) if len(allowed) else (-1, True)
    precisions = precision_at_prevalence(recall, rate, settings.prevalence)
    allowed = np.flatnonzero(precisions >= settings.target_value)
    return (int(allowed[-1]), True) if len(allowed) else (int(np.argmax(precisions)), False)
