"""Checks of similarities: shortcuts, splits of unequal difficulty, trivial thresholds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.bootstrap import MOST_BY_CHANCE, PairedGain
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.power import Power, is_within_reach
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.thresholds import ThresholdChoice, choose_threshold

_FEWEST_PAIRS = 20
_ADVERSARIAL_TARGET = 0.70
LARGEST_AUC_GAP = 0.10
FEWEST_OF_A_CLASS = 20
"""Pairs of each label below which a split's ROC-AUC tells nothing about its labels."""
_TOO_EASY, _TOO_HARD = 0.995, 0.55
_CALLS_ALL_KIN = 0.5
"""A false-positive rate above which a threshold is no decision any more."""
_TRIVIAL_MARGIN = 0.05
_NARROWEST_SPREAD = 0.01
_SATURATED = 0.999
_FOLDS = 5


@dataclass(frozen=True)
class AdversarialPairs:
    """Kin across categories and strangers within one: a model that reads the category alone fails."""

    left: IntArray
    right: IntArray
    labels: IntArray


def adversarial_pairs(
    categories: Sequence[str], groups: IntArray, rows: IntArray, seed: int
) -> AdversarialPairs:
    """Mine the pairs among `rows`: every kin pair of two categories, and as many strangers of one.

    A category of "" is unknown and belongs to no such pair.
    """
    category = np.array(categories, dtype=object)[rows]
    known = rows[category != ""]
    category = np.array(categories, dtype=object)[known]
    kin: list[tuple[int, int]] = []
    for group in np.unique(groups[known]):
        members = np.flatnonzero(groups[known] == group)
        kin += [
            (int(known[a]), int(known[b]))
            for place, a in enumerate(members)
            for b in members[place + 1 :]
            if category[a] != category[b]
        ]
    generator = np.random.default_rng(seed)
    strangers: set[tuple[int, int]] = set()
    for _ in range(20 * len(kin)):
        if len(strangers) == len(kin):
            break
        one = int(generator.integers(len(known)))
        same = np.flatnonzero((category == category[one]) & (groups[known] != groups[known[one]]))
        if len(same):
            other = int(same[generator.integers(len(same))])
            strangers.add((int(known[min(one, other)]), int(known[max(one, other)])))
    pairs = np.array([*kin, *sorted(strangers)], dtype=np.int64).reshape(-1, 2)
    labels = np.r_[np.ones(len(kin), dtype=np.int64), np.zeros(len(strangers), dtype=np.int64)]
    return AdversarialPairs(pairs[:, 0], pairs[:, 1], labels)


def category_shortcut(similarities: FloatArray, labels: IntArray) -> Check:
    """Judge a model on `adversarial_pairs`; F1 at thresholds chosen in the other folds."""
    from sklearn.metrics import f1_score, roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    counts = np.bincount(labels, minlength=2)
    counted = f"{counts[1]} kin pairs across categories, {counts[0]} strangers within one"
    if counts.min() < _FEWEST_PAIRS:
        return skipped(
            "category_shortcut", f"too few pairs to tell ({counted}; {_FEWEST_PAIRS} of each needed)"
        )
    area = float(roc_auc_score(labels, similarities))
    called = np.zeros(len(labels), dtype=np.bool_)
    by_f1 = EvaluationSettings(threshold_target="f1")
    for train, test in StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(similarities, labels):
        called[test] = (
            similarities[test] >= choose_threshold(similarities[train], labels[train], by_f1).threshold
        )
    f1 = float(f1_score(labels, called))
    evidence = f"ROC-AUC {area:.3f}, F1 {f1:.3f} ({counted}); {_ADVERSARIAL_TARGET:.2f} of each is asked"
    if area < _ADVERSARIAL_TARGET or f1 < _ADVERSARIAL_TARGET:
        return warning(
            "category_shortcut",
            evidence,
            "the model leans on the category: train with positives across categories and hard negatives "
            "within one, and keep the category out of the text",
        )
    return passed("category_shortcut", evidence)


def context_ablation(
    with_context: float, without_context: float, n_queries: int, fields: Sequence[str]
) -> Check:
    """Compare the primary metric with and without the context fields in the text."""
    if not fields:
        return passed("context_ablation", "the text holds no context field (category, group, …)")
    evidence = (
        f"{METRICS.primary.title} {with_context:.3f} with {', '.join(fields)} in the text, "
        f"{without_context:.3f} without ({number_of(n_queries, 'query')})"
    )
    if without_context < 0.8 * with_context:
        return warning(
            "context_ablation", evidence, "most of the quality is the context's: keep it out of the text"
        )
    return passed("context_ablation", evidence)


def split_mismatch(similarities: Mapping[str, FloatArray], labels: Mapping[str, IntArray]) -> Iterator[Check]:
    """Yield whether training pairs are easier than test pairs, too easy to teach, or the test too hard."""
    from sklearn.metrics import roc_auc_score

    areas = {
        split: float(roc_auc_score(labels[split], values))
        for split, values in similarities.items()
        if np.bincount(labels[split], minlength=2).min() >= FEWEST_OF_A_CLASS
    }
    if len(areas) < 2:
        yield skipped(
            "split_mismatch", f"fewer than two splits hold {FEWEST_OF_A_CLASS} pairs of both labels"
        )
        return
    evidence = "ROC-AUC of the untouched model on pairs: " + ", ".join(
        f"{split} {area:.3f}" for split, area in areas.items()
    )
    train = areas.get("train")
    tests = [area for split, area in areas.items() if split != "train"]
    # Harder training pairs are meant: their negatives are all mined, the test's only in part.
    if train is not None and tests and train - float(np.mean(tests)) > LARGEST_AUC_GAP:
        yield warning(
            "split_mismatch",
            f"training pairs are easier than test pairs. {evidence}",
            "build all pairs by one recipe, with negatives of the same kinds in every split",
        )
    elif train is not None and train > _TOO_EASY:
        yield warning(
            "split_mismatch", f"training pairs teach nothing. {evidence}", "add mined hard negatives"
        )
    elif min(tests, default=1.0) < _TOO_HARD:
        yield warning(
            "split_mismatch",
            f"kin and strangers look alike to the untouched model, or the labels are wrong. {evidence}",
            "read some of the pairs; check the links",
        )
    else:
        yield passed("split_mismatch", evidence)


def trivial_threshold(name: str, scores: PairScores, threshold: float) -> Check:
    """Find a threshold that calls nearly everything kin, or that tells kin from strangers by chance alone.

    A cautious threshold has a lower F1 than calling everything kin, and is no fault: where F1 is low,
    Fisher's exact test says whether kin is called kin more often than strangers are.
    """
    counts = scores.confusion(threshold)
    n_kin, n_other = int(scores.labels.sum()), int((1 - scores.labels).sum())
    if not n_kin or not n_other:
        return skipped("trivial_threshold", "one class is absent")
    rate = counts.false_positive / n_other
    hits = counts.true_positive
    f1 = 2 * hits / (2 * hits + counts.false_positive + counts.false_negative)
    trivial = 2 * n_kin / (2 * n_kin + n_other)
    evidence = (
        f"{name} at {threshold:.3f} calls {percent(hits / n_kin, 1)} of kin and {percent(rate, 1)} of "
        f"strangers kin: F1 {f1:.3f}; calling everything kin scores F1 {trivial:.3f}"
    )
    if rate > _CALLS_ALL_KIN:
        return failed(
            "trivial_threshold",
            f"the threshold calls most strangers kin. {evidence}",
            "choose it for a false-positive rate or a precision: evaluation.threshold_target",
        )
    called = [[hits, n_kin - hits], [counts.false_positive, n_other - counts.false_positive]]
    if f1 < trivial + _TRIVIAL_MARGIN and _could_be_chance(called):
        return warning(
            "trivial_threshold",
            f"kin is called kin no more often than strangers are, beyond chance. {evidence}",
            "look at the recall at this threshold; the model may not tell these pairs apart",
        )
    return passed("trivial_threshold", evidence)


def _could_be_chance(called: list[list[int]]) -> bool:
    """Return whether kin, the first row, may be called kin no more often than strangers are."""
    from scipy.stats import fisher_exact

    return float(fisher_exact(called, alternative="greater").pvalue) > MOST_BY_CHANCE


def small_sample(gain: PairedGain) -> Check:
    """Find a gain that its interval or the exact test can't tell from chance."""
    value, low, high = gain.gain.value, gain.gain.low, gain.gain.high
    if value is None or low is None or high is None:
        return skipped("small_sample", "the gain has no interval")
    evidence = (
        f"{METRICS[gain.metric].title} of {gain.challenger} {value:+.3f} [{low:+.3f}, {high:+.3f}] over "
        f"{number_of(gain.n_queries, 'query')} of {number_of(gain.n_clusters, 'kin group')}, p "
        f"{gain.p_value:.3f}"
    )
    if low <= 0 <= high or not gain.is_beyond_chance:
        power = Power.of(gain)
        more = power.n_more_kin_groups
        return warning(
            "small_sample",
            f"too few links to tell. {evidence}",
            f"about {number_of(more, 'more kin group')} would prove a gain of this size"
            if more is not None and is_within_reach(more, power.n_kin_groups)
            else "the gain is nearly zero, or none; more links are unlikely to show one",
        )
    return passed("small_sample", evidence)


def score_distribution(name: str, scores: PairScores) -> Check:
    """Find similarities that say nothing: all alike, or most at the top."""
    values = scores.similarities.astype(np.float64)
    if not np.isfinite(values).all():
        return failed("score_distribution", f"{name}: similarities hold NaN or infinity", "train again")
    spread = float(values.std())
    top = float((values[scores.labels == 0] >= _SATURATED).mean()) if (scores.labels == 0).any() else 0.0
    evidence = f"{name}: similarities {values.min():.2f} to {values.max():.2f}, spread {spread:.3f}"
    if spread < _NARROWEST_SPREAD:
        return failed(
            "score_distribution", f"collapsed. {evidence}", "lower the learning rate; train with negatives"
        )
    if top > _TRIVIAL_MARGIN:
        return warning(
            "score_distribution",
            f"{percent(top)} of strangers have a similarity of {_SATURATED} or more. {evidence}",
            "lower the learning rate, or the strength",
        )
    return passed("score_distribution", evidence)


def threshold_stability(name: str, scores: PairScores, choice: ThresholdChoice) -> Check:
    """Return how much the threshold varies from fold to fold, and what it does to pairs that chose none."""
    if choice.spread is None or choice.left_out_false_positive_rate is None:
        return skipped("threshold_stability", "too few pairs of a class to choose it in folds")
    rate = 100 * choice.left_out_false_positive_rate
    evidence = (
        f"{name}: threshold {choice.threshold:.3f}, the median of {number_of(choice.n_folds, 'fold')}, "
        f"± {choice.spread:.3f}; false-positive rate {rate:.1f} % on the pairs left out"
    )
    if choice.spread > (float(np.std(scores.similarities)) or 1.0) / 2:
        return warning("threshold_stability", evidence, "the threshold depends on a few pairs; add links")
    return passed("threshold_stability", evidence)
