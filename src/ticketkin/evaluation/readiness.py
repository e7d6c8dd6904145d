"""Criteria of readiness that the verdict measures; with kinds they add up to a tier, in `relations/`."""

from collections.abc import Sequence
from dataclasses import dataclass

from ticketkin.core.checks import Check, Outcome
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.metric_definitions import Direction
from ticketkin.evaluation.metric_results import SplitResult
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.schema import CriterionResult
from ticketkin.evaluation.settings import ReadinessSettings

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
) -> list[CriterionResult]:
    """Return what is asked of a champion and what it reached, as far as the verdict can measure it.

    `evaluation` and `holdout` are its results; `beats_baseline` the paired gain in the primary metric with
    its interval (all 0 where the baseline was kept); without `has_holdout` the holdout's links were also
    training data, but not for the weights that scored them.
    """
    primary = METRICS.primary
    before, after = (scores.metric(primary.name).value for scores in (evaluation, holdout))
    drop = None if not before or after is None or not has_holdout else (before - after) / before
    shortcut = next((check for check in checks if check.code == "category_shortcut"), None)
    failed = [check.code for check in checks if check.outcome is Outcome.FAILED]
    criteria = [
        _spearman(holdout, settings.spearman),
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
    return [criterion.result for criterion in criteria]


def _spearman(scores: SplitResult, target: float) -> Criterion:
    """Return the criterion of the rank correlation: the set target for grades, a scaled one for labels."""
    if scores.pairs.n_graded:
        return _of_metric("spearman", scores, target, "over the grades of the file")
    ceiling = scores.metric("spearman_ceiling").value or 0.0
    note = (
        f"a second name of ROC-AUC on labels of 0 and 1; its ceiling here is {ceiling:.3f}, so the "
        f"target is that of balanced pairs, {target:g}, scaled to it"
    )
    return _of_metric("spearman", scores, target * ceiling / _BALANCED_CEILING, note)


def _of_metric(name: str, scores: SplitResult, target: float, note: str = "") -> Criterion:
    """Return the criterion of a metric; which side of the target is wanted stands in the registry."""
    at_most = METRICS[name].direction is Direction.LOWER
    return Criterion(name, scores.metric(name).interval, target, at_most, note)


def _as_interval(value: float | None) -> Interval:
    return Interval(value, None, None)
