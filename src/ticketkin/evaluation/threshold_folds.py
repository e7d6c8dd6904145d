"""A threshold chosen by cross-validation, with its spread."""

from dataclasses import replace

import numpy as np

from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.thresholds import ThresholdChoice, choose_threshold

_FEWEST_OF_A_CLASS = 10


def choose_threshold_in_folds(scores: PairScores, settings: EvaluationSettings, seed: int) -> ThresholdChoice:
    """Return the median of the thresholds that `settings.threshold_folds` folds choose, and their spread.

    A fold's threshold is chosen on the other folds' pairs and asked about its own; pairs of one kin group
    share a fold, so there are no more folds than groups. With fewer than ten of a class, all pairs choose at
    once.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    at_once = choose_threshold(scores.similarities, scores.labels, settings)
    fewest = int(np.bincount(scores.labels, minlength=2).min())
    n_folds = min(settings.threshold_folds, fewest, len(np.unique(scores.clusters)))
    if n_folds < 2 or fewest < _FEWEST_OF_A_CLASS:
        return at_once
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    thresholds, rates, recalls = [], [], []
    for train, test in folds.split(scores.similarities, scores.labels, scores.clusters):
        seen, left_out = scores.labels[train], scores.labels[test]
        if len(np.unique(seen)) < 2 or len(np.unique(left_out)) < 2:
            continue
        threshold = choose_threshold(scores.similarities[train], seen, settings).threshold
        called = scores.similarities[test] >= threshold
        thresholds.append(threshold)
        rates.append(float(called[left_out == 0].mean()))
        recalls.append(float(called[left_out == 1].mean()))
    if len(thresholds) < 2:
        return at_once
    return replace(
        at_once,
        threshold=float(np.median(thresholds)),
        n_folds=len(thresholds),
        spread=float(np.std(thresholds)),
        left_out_false_positive_rate=float(np.mean(rates)),
        left_out_recall=float(np.mean(recalls)),
    )
