"""Tiers with what is said of new tickets: many false alarms are not excellent."""

import copy

import pytest

from relations_material import LEARNED
from ticketkin.evaluation.schema import TIERS, ReadinessResult, Tier
from ticketkin.relations.readiness import FALSE_ALARMS_SAID, with_false_alarms
from ticketkin.relations.record import KindsLearned, KindsNotLearned


def _record(false_alarms: float, n_said: int = 100) -> KindsLearned:
    record = copy.deepcopy(LEARNED)
    for kind in ("duplicate", "related", "causal"):
        record["two_stage"]["holdout"][f"{kind}_suggest"] |= {
            "false_alarms_per_1000_tickets": false_alarms / 3, "n_said": n_said, "n_right": 0,
        }  # fmt: skip
    return KindsLearned.model_validate(record)


@pytest.mark.parametrize("reached", TIERS)
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
    reached: Tier, record: KindsLearned | KindsNotLearned, highest: Tier, value: float | None
) -> None:
    judged = with_false_alarms(ReadinessResult(tier=reached, criteria=[]), record, most=100.0)
    assert TIERS.index(judged.tier) == min(TIERS.index(reached), TIERS.index(highest))
    (criterion,) = judged.criteria
    assert criterion.name == FALSE_ALARMS_SAID
    assert criterion.value == (None if value is None else pytest.approx(value))
    assert criterion.passed == (highest == "production")
    assert criterion.note
