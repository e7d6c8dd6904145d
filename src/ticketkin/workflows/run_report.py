"""The report of a finished run: what its verdict recorded, with the tier."""

from ticketkin.evaluation.schema import Report
from ticketkin.relations.readiness import readiness_of
from ticketkin.runs.values import RunValues
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.settings import Settings


def finished_report(values: RunValues, settings: Settings) -> Report:
    """Return what report.json holds: the record of the verdict and the readiness, to which kinds add."""
    judged = values.read(artifact.VERDICT_JSON)
    relations, most = values.read(artifact.RELATIONS_JSON), settings.readiness.false_alarms
    shared = {name: value for name, value in judged if name != "criteria"}
    return Report(**shared, readiness=readiness_of(judged.criteria, relations, most))
