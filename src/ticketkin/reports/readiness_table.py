"""What a tier asks for, as a person reads it: no `.000`, no `at least 1.000`."""

from dataclasses import dataclass

from ticketkin.core.wording import percent
from ticketkin.evaluation.schema import CriterionResult, Report
from ticketkin.reports.formatting import ABSENT, format_metric, format_name, format_share

_NAMES = {
    "category_shortcut": "Reads more than the category",
    "holdout_gap": "Lost on tickets put aside",
    "latency_ms": "Time for one ticket",
    "failed_checks": "Checks that failed",
    "false_alarms_said": "False alarms in 1,000 tickets",
    "false_positive_rate": "Strangers called kin",
}


@dataclass(frozen=True)
class ReadinessRow:
    """One target of readiness."""

    name: str
    met: str
    """yes, no, kept or not measured."""
    value: str
    target: str
    note: str


def readiness_rows(report: Report) -> list[ReadinessRow]:
    """Return the criteria of a report's tier, each value and target in its own unit."""
    return [_row(criterion, report) for criterion in report.readiness.criteria]


def _row(criterion: CriterionResult, report: Report) -> ReadinessRow:
    name = _NAMES.get(criterion.name, format_name(criterion.name))
    if criterion.name == "beats_baseline":
        name = f"Better than {report.base_called}"
        if report.verdict.kept_baseline:
            note = f"it is {report.base_called} itself"
            return ReadinessRow(name, "kept", ABSENT, _target(criterion), note)
    if criterion.value is None:
        return ReadinessRow(name, "not measured", ABSENT, _target(criterion), criterion.note)
    return ReadinessRow(
        name, "yes" if criterion.passed else "no", _value(criterion), _target(criterion), criterion.note
    )


def _value(criterion: CriterionResult) -> str:
    value = criterion.value or 0.0
    match criterion.name:
        case "category_shortcut":
            return "passed" if criterion.passed else "did not pass"
        case "failed_checks" | "false_alarms_said":
            return f"{value:,.0f}" if value else "none"
        case "latency_ms":
            return f"{value:,.0f} ms"
        case "false_positive_rate" if criterion.low is not None and criterion.high is not None:
            return f"{percent(value, 1)} [{percent(criterion.low)}, {percent(criterion.high)}]"
        case "holdout_gap" | "false_positive_rate":
            return percent(value, 1)
    return format_metric(criterion)


def _target(criterion: CriterionResult) -> str:
    sign, target = "at most" if criterion.at_most else "at least", criterion.target
    match criterion.name:
        case "category_shortcut":
            return "passed"
        case "failed_checks" | "false_alarms_said":
            return f"{sign} {target:,.0f}" if target else "none"
        case "beats_baseline":
            return "the whole range above zero"
        case "latency_ms":
            return f"{sign} {target:,.0f} ms"
        case "holdout_gap" | "false_positive_rate":
            return f"{sign} {100 * target:.3g} %"
    return f"{sign} {format_share(target)}"
