"""A copy of the report for others, with nothing of a ticket in it."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ticketkin.core.errors import MissingInputError
from ticketkin.core.outputs import check_file_output
from ticketkin.evaluation.schema import Report
from ticketkin.reports.html import write_page
from ticketkin.reports.sharing import SharedReport, shareable
from ticketkin.runs.keeping import StageFiles
from ticketkin.runs.stages import RunContext
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.report_material import whole_material
from ticketkin.workflows.run_data import RunData

SHARED_HTML = "report-shared.html"
SHARED_FROM = (
    artifact.REPORT_JSON,
    artifact.PAGE_FIGURES,
    artifact.MATERIAL,
    artifact.RELATIONS_JSON,
    artifact.FAMILIES_JSON,
)
"""What a page for others is made from, besides the tickets."""


def share_report(context: RunContext[Job], out: Path | None = None, *, force: bool = False) -> Path:
    """Write a copy of a run's report without any text, id, name or value of a ticket; returns its path.

    Without `out` it lies in the run folder; what a user changed in the one there is moved to `kept/`. Raises
    MissingInputError for a run without a verdict, OutputRefusedError where `out` is read, belongs to a run,
    or exists and `force` is not given.
    """
    lacking = [place.name for place in SHARED_FROM if not (context.folder / place).exists()]
    if lacking:
        raise MissingInputError(
            f"{context.folder} has no report to share: it lacks {', '.join(lacking)}. Run: ticketkin run "
            f"--resume --out {context.folder}"
        )
    path = out or context.folder / SHARED_HTML
    read = [context.folder / name for name in (*SHARED_FROM, artifact.TICKETS)]
    check_file_output(path, [*context.job.files, *read], force=force or out is None)
    data = RunData(context.values, context.job)
    shared = shared_parts(data, context.values.read(artifact.REPORT_JSON))
    if out is not None:
        write_page(path, shared.report, shared.material, shared.figures)
        return path
    files = StageFiles(context.folder, Path(SHARED_HTML).stem, {}, context.progress)
    with files.keeping():
        write_page(path, shared.report, shared.material, shared.figures)
    return path


def shared_parts(data: RunData, report: Report) -> SharedReport:
    """Return what a page for others shows of `report`, without any text, id or value of the run's tickets."""
    values = (value for column in data.tickets.frame.iter_columns() for value in _texts(column))
    return shareable(report, whole_material(data.values), data.values.read(artifact.PAGE_FIGURES), values)


def _texts(column: pl.Series) -> Iterator[str]:
    if column.dtype == pl.String():
        yield from column.drop_nulls().unique()
