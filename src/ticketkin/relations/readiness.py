"""What a champion's tier owes to what is said of new tickets, and to its false alarms."""

from ticketkin.core.wording import number_of
from ticketkin.evaluation.schema import TIERS, CriterionResult, ReadinessResult, Tier
from ticketkin.relations.record import KindsNotLearned, RelationRecord

FALSE_ALARMS_SAID = "false_alarms_said"
_WITHOUT_A_WORD: Tier = "excellent"
_WITH_TOO_MANY: Tier = "good"


def with_false_alarms(readiness: ReadinessResult, record: RelationRecord, most: float) -> ReadinessResult:
    """Return the readiness with the false alarms in 1,000 tickets, of which `most` are allowed.

    They are those of all kinds from the lower threshold on: what a person at the desk sees. With more, the
    tier is *good* at most; where nothing is said, they can't be measured, and *production* isn't reached.
    """
    value, note = _false_alarms(record)
    passed = value is not None and value <= most
    criterion = CriterionResult(
        value=value,
        low=None,
        high=None,
        name=FALSE_ALARMS_SAID,
        target=most,
        at_most=True,
        gap=None if value is None else most - value,
        passed=passed,
        note=note,
    )
    highest = TIERS[-1] if passed else _WITHOUT_A_WORD if value is None else _WITH_TOO_MANY
    tier = min(readiness.tier, highest, key=TIERS.index)
    return ReadinessResult(tier=tier, criteria=[*readiness.criteria, criterion])


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
