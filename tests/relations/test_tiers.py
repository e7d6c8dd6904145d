"""Tiers: what the verdict measured and what is said of new tickets add up in one place."""

import copy
from collections.abc import Sequence

import pytest

from relations_material import LEARNED
from ticketkin.evaluation.schema import TIERS, CriterionResult, ReadinessResult, Tier
from ticketkin.relations.readiness import FALSE_ALARMS_SAID, readiness_of
from ticketkin.relations.record import KindsLearned, KindsNotLearned

MEASURED = (
    "spearman", "roc_auc", "false_positive_rate", "category_shortcut", "beats_baseline", "holdout_gap",
    "latency_ms", "failed_checks",
)  # fmt: skip


def _record(false_alarms: float, n_said: int = 100) -> KindsLearned:
    record = copy.deepcopy(LEARNED)
    for kind in ("duplicate", "related", "causal"):
        record["two_stage"]["holdout"][f"{kind}_suggest"] |= {
            "false_alarms_per_1000_tickets": false_alarms / 3, "n_said": n_said, "n_right": 0,
        }  # fmt: skip
    return KindsLearned.model_validate(record)


def _criteria(area: float = 0.97, failing: Sequence[str] = ()) -> list[CriterionResult]:
    """Return what a verdict measured: everything met but `failing`; `area` is the ROC-AUC."""
    return [
        CriterionResult(
            value=area if name == "roc_auc" else 1.0,
            low=None,
            high=None,
            name=name,
            target=0.95,
            at_most=False,
            gap=None,
            passed=name not in failing and (name != "roc_auc" or area >= 0.95),
            note="",
        )
        for name in MEASURED
    ]


def _judged(**measured: object) -> ReadinessResult:
    return readiness_of(_criteria(**measured), _record(99.9), most=100.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("readiness", "tier"),
    [
        (_judged(), "production"),
        (_judged(failing=["latency_ms"]), "excellent"),
        (_judged(failing=["holdout_gap"]), "excellent"),
        (_judged(failing=["category_shortcut"]), "excellent"),
        (_judged(area=0.9), "good"),
        (_judged(failing=["false_positive_rate"]), "good"),
        (_judged(failing=["beats_baseline"]), "minimum"),
        (_judged(area=0.8), "minimum"),
        (_judged(failing=["failed_checks"]), "minimum"),
        (_judged(area=0.6), "none"),
    ],
)
def test_tiers_add_up(readiness: ReadinessResult, tier: str) -> None:
    assert readiness.tier == tier


@pytest.mark.parametrize(
    ("reached", "criteria"),
    [
        ("none", _criteria(area=0.6)),
        ("minimum", _criteria(area=0.8)),
        ("good", _criteria(area=0.9)),
        ("excellent", _criteria(failing=["latency_ms"])),
        ("production", _criteria()),
    ],
)
@pytest.mark.parametrize(
    ("record", "highest", "value"),
    [
        (_record(99.9), "production", 99.9),
        (_record(479), "good", 479),
        (_record(0, n_said=0), "excellent", None),
        (KindsNotLearned(reason="no kinds"), "excellent", None),
    ],
)
def test_a_tier_counts_what_is_said(
    reached: Tier,
    criteria: list[CriterionResult],
    record: KindsLearned | KindsNotLearned,
    highest: Tier,
    value: float | None,
) -> None:
    judged = readiness_of(criteria, record, most=100.0)
    assert TIERS.index(judged.tier) == min(TIERS.index(reached), TIERS.index(highest))
    assert judged.criteria[:-1] == criteria
    said = judged.criteria[-1]
    assert said.name == FALSE_ALARMS_SAID
    assert said.value == (None if value is None else pytest.approx(value))
    assert said.passed == (highest == "production")
    assert said.note
