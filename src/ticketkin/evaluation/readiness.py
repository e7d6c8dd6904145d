"""Is the champion fit for production use? Criteria with targets, and the tier they add up to."""

from collections.abc import Sequence
from dataclasses import dataclass

from ticketkin.core.checks import Check, Outcome
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.metric_results import SplitResult
from ticketkin.evaluation.metrics import METRICS, Direction
from ticketkin.evaluation.schema import CriterionResult, ReadinessResult, Tier
from ticketkin.evaluation.settings import ReadinessSettings

_MINIMUM_AUC, _GOOD_AUC = 0.75, 0.85
_BALANCED_CEILING = 0.75**0.5
"""Highest Spearman correlation where half of the pairs are kin: the case the usual targets are stated for."""


@dataclass(frozen=True)
class Criterion:
    """One target and what was reached."""

    name: str
    value: Interval
    target: float
    at_most: bool
    """True where lower is better."""
    note: str = ""
    by_lower_end: bool = False
    """True where the whole interval must lie above the target."""

    @property
    def passed(self) -> bool:
        """The value reaches the target; a value that could not be measured does not."""
        if self.value.value is None:
            return False
        if self.by_lower_end:
            return self.value.low is not None and self.value.low > self.target
        return self.value.value <= self.target if self.at_most else self.value.value >= self.target

    @property
    def result(self) -> CriterionResult:
        """The criterion as report.json holds it."""
        value = self.value.value
        gap = None if value is None else (self.target - value if self.at_most else value - self.target)
        return CriterionResult(
            value=value,
            low=self.value.low,
            high=self.value.high,
            name=self.name,
            target=self.target,
            at_most=self.at_most,
            gap=gap,
            passed=self.passed,
            note=self.note,
        )


def assess(
    evaluation: SplitResult,
    holdout: SplitResult,
    checks: Sequence[Check],
    *,
    beats_baseline: Interval,
    latency_ms: float,
    settings: ReadinessSettings,
    has_holdout: bool = True,
) -> ReadinessResult:
    """Return the readiness of a champion.

    `evaluation` and `holdout` are its results; `beats_baseline` the paired gain in the primary metric
    with its interval (all 0 where the baseline was kept); without `has_holdout` the holdout's links were
    learned from, by other weights than those that scored them. Tiers: *minimum* tells kin from
    strangers at all (ROC-AUC .75), *good* does at .85, beats the baseline and no check failed,
    *excellent* reaches the ROC-AUC and false-positive targets too, *production* meets every criterion.
    """
    primary = METRICS.primary
    before, after = (scores.metric(primary.name).value for scores in (evaluation, holdout))
    drop = None if not before or after is None or not has_holdout else (before - after) / before
    shortcut = next((check for check in checks if check.code == "category_shortcut"), None)
    failed = [check.code for check in checks if check.outcome is Outcome.FAILED]
    ceiling = holdout.metric("spearman_ceiling").value or 0.0
    criteria = [
        _of_metric(
            "spearman",
            holdout,
            settings.spearman * ceiling / _BALANCED_CEILING,
            f"a second name of ROC-AUC on labels of 0 and 1; its ceiling here is {ceiling:.3f}, so the "
            f"target is that of balanced pairs, {settings.spearman:g}, scaled to it",
        ),
        _of_metric("roc_auc", holdout, settings.roc_auc),
        _of_metric("false_positive_rate", holdout, settings.false_positive_rate),
        Criterion(
            "category_shortcut",
            _as_interval(None if shortcut is None or shortcut.outcome is Outcome.SKIPPED else float(
                shortcut.outcome is Outcome.PASSED
            )),
            1.0,
            False,
            "" if shortcut is None else shortcut.evidence,
        ),
        Criterion(
            "beats_baseline",
            beats_baseline,
            0.0,
            False,
            f"gain in {primary.title}; passes if the whole interval lies above zero",
            by_lower_end=True,
        ),
        Criterion(
            "holdout_gap",
            _as_interval(drop),
            settings.holdout_gap,
            True,
            f"share of {primary.title} lost" if has_holdout else "all links judged, none were put aside",
        ),
        Criterion(
            "latency_ms",
            _as_interval(latency_ms),
            settings.latency_ms,
            True,
            "median of one ticket encoded and ranked, on this machine",
        ),
        Criterion(
            "failed_checks",
            _as_interval(float(len(failed))),
            0.0,
            True,
            f"with one, nothing is proven{': ' * bool(failed)}{', '.join(failed)}",
        ),
    ]  # fmt: skip
    tier = _tier(criteria, holdout.metric("roc_auc").value or 0.0)
    return ReadinessResult(tier=tier, criteria=[criterion.result for criterion in criteria])


def _of_metric(name: str, scores: SplitResult, target: float, note: str = "") -> Criterion:
    """Return the criterion of a metric; which side of the target is wanted stands in the registry."""
    at_most = METRICS[name].direction is Direction.LOWER
    return Criterion(name, scores.metric(name).interval, target, at_most, note)


def _tier(criteria: Sequence[Criterion], area: float) -> Tier:
    """Return the highest tier that is reached; `area` is the ROC-AUC."""
    by_name = {criterion.name: criterion.passed for criterion in criteria}
    if area < _MINIMUM_AUC:
        return "none"
    if area < _GOOD_AUC or not (by_name["beats_baseline"] and by_name["failed_checks"]):
        return "minimum"
    if not (by_name["roc_auc"] and by_name["false_positive_rate"]):
        return "good"
    return "production" if all(by_name.values()) else "excellent"


def _as_interval(value: float | None) -> Interval:
    return Interval(value, None, None)
