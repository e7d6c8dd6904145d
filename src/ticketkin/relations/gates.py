"""The checks that a relation model must pass before its predictions are used."""

from collections.abc import Mapping, Sequence
from typing import get_args

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.wording import number_of, percent
from ticketkin.relations.kinds import KINDS, NONE
from ticketkin.relations.record import (
    TRAIN_AND_EVALUATION,
    CauseQuality,
    DirectionByTime,
    KindQuality,
    KindsLearned,
    ModelQuality,
    ReliabilityBin,
    TwoStageQuality,
)
from ticketkin.relations.settings import Classifier

RIGHT_DIRECTION = 0.9
"""Answers name the earlier ticket as the cause if at least this share of detected causes agrees."""
_FAR_OFF = 0.1
"""Uncalibrated probabilities mislead from this mean distance between predicted and true shares on."""

DISTINGUISHED = "relation_distinguished"
# Its evidence names tickets behind a colon.
CONTRADICTIONS = "relation_contradictions"


def relation_gates(record: KindsLearned, fewest: int) -> list[Check]:
    """Return the checks of learned kinds; a kind of fewer pairs than `fewest` can't be judged."""
    return [
        _labels(record),
        _support(record.kept.counts, fewest),
        _splits(record.two_stage.pairs_by_split, record.counts),
        _contradictions(record),
        _better_than_majority(record.kept, record.results["majority"]),
        _distinguished(record, fewest),
        _calibrated(record.kept.reliability),
        _direction(record.kept.direction_by_time),
        *([] if record.causes is None else [_causes(record.causes, record.causes_left_out)]),
        *(_precision_on_holdout(record.two_stage, name) for name in KINDS if name != NONE),
    ]


def _labels(record: KindsLearned) -> Check:
    if record.labels_from == "silver":
        return failed(
            "relation_labels",
            "the kinds come from silver links, which were made by similarity: what is measured is circular",
            "Give links that people made: --links FILE --link-columns source,target,kind",
        )
    return passed("relation_labels", "the kinds were stated by people")


def _support(counts: Mapping[str, int], fewest: int) -> Check:
    rare = [f"{name} {n}" for name, n in counts.items() if n < fewest]
    if rare:
        return warning(
            "relation_support",
            f"too few pairs to judge: {', '.join(rare)} (at least {fewest} are needed)",
            "These kinds are never said or suggested; type more links, or review pairs (--reviewed FILE)",
        )
    return passed("relation_support", "every kind has at least " + f"{fewest} pairs")


def _splits(by_split: Mapping[str, Mapping[str, int]], counts: Mapping[str, int]) -> Check:
    """Look whether every kind that there is lies in every split, and say what follows where it does not."""
    follows = {
        "train": "it is not learned for service",
        TRAIN_AND_EVALUATION: "it is neither learned for service nor said",
        "evaluation": "no threshold can be set, so it is never said",
        "holdout": "what is said of it is not judged",
    }
    lacking = [
        f"{name} in {split}: {follows[split]}"
        for split, pairs in by_split.items()
        for name, n in pairs.items()
        if name != NONE and counts.get(name) and not n
    ]
    counts_shown = "; ".join(
        f"{split} " + ", ".join(f"{n} {name}" for name, n in pairs.items() if name != NONE)
        for split, pairs in by_split.items()
    )
    if lacking:
        return warning(
            "relation_splits",
            f"no pair of kind {'; '.join(lacking)} ({counts_shown})",
            "Kin stay together, so rare kinds can't be spread at will: raise split.evaluation, change "
            "--seed, or add links of that kind",
        )
    return passed("relation_splits", f"every kind lies in every split ({counts_shown})")


def _contradictions(record: KindsLearned) -> Check:
    n = len(record.contradictions)
    if not n:
        return passed(CONTRADICTIONS, "no pair was given two kinds")
    first = "; ".join(f"{a} and {b}: {kinds}" for a, b, kinds in record.contradictions[:3])
    left = "left out" if record.contradiction_rule == "drop" else "decided by majority, ties left out"
    return warning(
        CONTRADICTIONS,
        f"{number_of(n, 'pair was', 'pairs were')} given two kinds and {left}: {first}",
        "Settle them: ticketkin pairs conflicts RUN --out conflicts.csv, fill in the column kind, then "
        "ticketkin run RUN --reviewed conflicts.csv",
    )


def _better_than_majority(kept: ModelQuality, majority: ModelQuality) -> Check:
    own, most = kept.macro_f1, majority.macro_f1
    evidence = f"macro F1 {own}; always naming the most frequent kind gives {most.value:.3f}"
    if own.low is not None and most.value is not None and own.low > most.value:
        return passed("relation_better_than_majority", evidence)
    return failed(
        "relation_better_than_majority",
        f"{evidence}: not better beyond doubt",
        "Don't use its kinds; more typed links are needed",
    )


def beats_guessing(quality: KindQuality, counts: Mapping[str, int]) -> bool:
    """Return whether the F1 of a kind lies above that of guessing by frequency beyond doubt.

    Guessing each kind as often as it occurs gives its share of the pairs as precision, recall and F1.
    """
    f1 = quality.f1
    return f1 is not None and f1.low is not None and f1.low > _share(quality, counts)


def _share(quality: KindQuality, counts: Mapping[str, int]) -> float:
    return quality.n / max(1, sum(counts.values()))


def _distinguished(record: KindsLearned, fewest: int) -> Check:
    """Look whether each kind with enough pairs is distinguished better than by guessing."""
    kept = record.kept
    counts = kept.counts
    judged = {name: kept.by_kind[name] for name, n in counts.items() if name != NONE and n >= fewest}
    shown = {
        name: f"{name} F1 {quality.f1}, guessing by frequency {_share(quality, counts):.3f}"
        for name, quality in judged.items()
    }
    failing = [name for name, quality in judged.items() if not beats_guessing(quality, counts)]
    if not judged:
        return skipped(DISTINGUISHED, f"no kind of kin has {fewest} pairs")
    if failing:
        return failed(
            DISTINGUISHED,
            f"{' and '.join(failing)}: not told apart better than by guessing, so never said or suggested "
            f"({'; '.join(shown[name] for name in failing)})",
            _to_distinguish(record, failing),
        )
    return passed(DISTINGUISHED, "; ".join(shown.values()))


def _to_distinguish(record: KindsLearned, failing: Sequence[str]) -> str:
    """Return what may help where `failing` kinds are not distinguished: by what was compared already."""
    compared = {
        name: quality
        for name, quality in record.results.items()
        if name != "majority" and quality is not record.kept
    }
    able = {
        name: [kind for kind in failing if beats_guessing(quality.by_kind[kind], quality.counts)]
        for name, quality in compared.items()
    }
    best = max(able, key=lambda name: (len(able[name]), compared[name].macro_f1.value or 0.0), default=None)
    if best is not None and able[best]:
        return (
            f"Of the classifiers compared, {best} tells {' and '.join(able[best])} apart; to keep that one: "
            f"ticketkin relations RUN --set relations.model={best}"
        )
    if set(get_args(Classifier)) <= {*record.results, record.model}:
        return "None of the classifiers compared does better; add links of that kind"
    return "Add links of that kind, or compare all classifiers: ticketkin relations RUN --compare"


def _calibrated(reliability: Mapping[str, Sequence[ReliabilityBin]]) -> Check:
    """Compare probabilities as the model gives them with shares (expected calibration error)."""
    errors = {}
    for kind, bins in reliability.items():
        n = sum(part.n for part in bins)
        errors[kind] = sum(part.n * abs(part.predicted - part.true) for part in bins) / max(n, 1e-12)
    worst = max(errors, key=lambda kind: errors[kind])
    evidence = f"largest mean distance of probability and share: {errors[worst]:.2f} ({worst})"
    if errors[worst] <= _FAR_OFF:
        return passed("relation_raw_probabilities", evidence)
    return warning(
        "relation_raw_probabilities",
        evidence,
        "Classes are weighted in training; only the calibrated probabilities of ticketkin relate mean "
        "what they say",
    )


def _direction(by_time: DirectionByTime) -> Check:
    """Look whether the earlier ticket is the cause: the direction that is reported rests on it."""
    code, n, share = "relation_direction", by_time.n_detected, by_time.share_right
    if share is None:
        return skipped(code, "no cause was detected")
    evidence = (
        f"the earlier ticket is the cause in {percent(share)} of {number_of(round(n), 'detected cause')}"
    )
    if share >= RIGHT_DIRECTION:
        return passed(code, evidence)
    return warning(
        code,
        f"{evidence}, below {percent(RIGHT_DIRECTION)}",
        "Answers name no direction; if source and target of the causal links are mixed up, give the kind the "
        "other way round, or learn directions from the texts: ticketkin relations RUN --causes",
    )


def _causes(causes: CauseQuality, left_out: str) -> Check:
    """Look whether a cross-encoder of causes has a say in answers."""
    code = "relation_causes"
    if left_out:
        return warning(
            code,
            f"left out: {left_out}",
            "Answers don't wait for it; more causal links, or a base that was trained on pairs "
            "(relations.cross_encoder.base_model), may change that",
        )
    return passed(
        code,
        f"PR-AUC of the causal kind {causes.pr_auc_both} with it, {causes.pr_auc_kinds} without: it has a "
        f"say, {causes.milliseconds_a_pair:.0f} ms a pair",
    )


def _precision_on_holdout(two_stage: TwoStageQuality, kind: str) -> Check:
    """Check that the predictions in the band 'say' reach the target precision on holdout tickets."""
    code = f"relation_said_{kind}"
    quality, target = two_stage.holdout.of(kind, "say"), two_stage.say_precision
    low, high = quality.precision_low, quality.precision_high
    if two_stage.bands.threshold(kind, "say") is None:
        return skipped(code, f"{kind} is never said: no threshold reached precision {target:.2f}")
    if not quality.n_reported or low is None or high is None:
        return skipped(code, f"no holdout ticket was said to have a {kind}")
    evidence = (
        f"{quality.n_right} of {quality.n_reported} said were right on the holdout (precision "
        f"[{low:.2f}, {high:.2f}], target {target:.2f})"
    )
    if high < target:
        return failed(code, evidence, "Raise relations.say_precision, or treat it as a suggestion")
    if low < target:
        return warning(code, evidence, "Too few were said for a sure judgement; watch them in use")
    return passed(code, evidence)
