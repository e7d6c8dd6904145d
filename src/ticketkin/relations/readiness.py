"""Is a run's champion fit for production use? The one place where criteria add up to a tier."""

from collections.abc import Sequence

from ticketkin.core.wording import number_of
from ticketkin.evaluation.schema import CriterionResult, ReadinessResult, Tier
from ticketkin.relations.record import KindsNotLearned, RelationRecord

FALSE_ALARMS_SAID = "false_alarms_said"
_MINIMUM_AUC, _GOOD_AUC = 0.75, 0.85


def readiness_of(criteria: Sequence[CriterionResult], record: RelationRecord, most: float) -> ReadinessResult:
    """Return the readiness of a champion: the `criteria` of its verdict, false alarms beside them, the tier.

    False alarms are those in 1,000 tickets, of all kinds from the lower threshold on: what a person at the
    desk sees; `most` are allowed. Tiers: *minimum* tells kin from strangers at all (ROC-AUC .75); *good* does
    at .85, beats the baseline, and no check failed; *excellent* reaches the ROC-AUC and false-positive
    targets and has no more false alarms than allowed, or none as nothing is said; *production* meets every
    criterion.
    """
    whole = [*criteria, _false_alarms_criterion(record, most)]
    return ReadinessResult(tier=_tier(whole), criteria=whole)


def _tier(criteria: Sequence[CriterionResult]) -> Tier:
    """Return the highest tier that is reached."""
    by_name = {criterion.name: criterion for criterion in criteria}
    area, alarms = by_name["roc_auc"].value or 0.0, by_name[FALSE_ALARMS_SAID]
    if area < _MINIMUM_AUC:
        return "none"
    if area < _GOOD_AUC or not (by_name["beats_baseline"].passed and by_name["failed_checks"].passed):
        return "minimum"
    has_too_many = alarms.value is not None and not alarms.passed
    if has_too_many or not (by_name["roc_auc"].passed and by_name["false_positive_rate"].passed):
        return "good"
    return "production" if all(criterion.passed for criterion in criteria) else "excellent"


def _false_alarms_criterion(record: RelationRecord, most: float) -> CriterionResult:
    value, note = _false_alarms(record)
    return CriterionResult(
        value=value,
        low=None,
        high=None,
        name=FALSE_ALARMS_SAID,
        target=most,
        at_most=True,
        gap=None if value is None else most - value,
        passed=value is not None and value <= most,
        note=note,
    )


def _false_alarms(record: RelationRecord) -> tuple[float | None, str]:
    """Return how many in 1,000 holdout tickets, None where nothing is said, and what they are."""
    if isinstance(record, KindsNotLearned):
        return None, f"nothing is said of new tickets: {record.reason}"
    reported = [bands["suggest"] for bands in record.two_stage.holdout.by_kind.values()]
    n_reported = sum(quality.n_reported for quality in reported)
    if not n_reported:
        return None, "nothing was said of any ticket that was put aside"
    return (
        sum(quality.false_alarms_per_1000_tickets for quality in reported),
        f"of {number_of(n_reported, 'pair')} said or suggested, "
        f"{sum(quality.n_right for quality in reported):,} were linked by people; what nobody linked counts "
        "as a false alarm",
    )
