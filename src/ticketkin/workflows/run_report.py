"""The report of a finished run: the verdict's, its tier with what is said of new tickets."""

from ticketkin.evaluation.schema import Report
from ticketkin.relations.readiness import with_false_alarms
from ticketkin.runs.values import RunValues
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.settings import Settings


def finished_report(values: RunValues, settings: Settings) -> Report:
    """Return report.json with the readiness that kinds add to; they are learned after the verdict."""
    report = values.read(artifact.REPORT_JSON)
    readiness = with_false_alarms(
        report.readiness, values.read(artifact.RELATIONS_JSON), settings.readiness.false_alarms
    )
    return report.model_copy(update={"readiness": readiness})
