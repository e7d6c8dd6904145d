"""A copy of the report for others, with nothing of a ticket in it."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ticketkin.core.errors import MissingInputError
from ticketkin.core.outputs import check_file_output
from ticketkin.evaluation.schema import Report
from ticketkin.reports.html import write_shared_report
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.sharing import shareable
from ticketkin.runs.keeping import StageFiles
from ticketkin.runs.stages import RunContext
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.report_material import whole_material
from ticketkin.workflows.run_data import RunData

SHARED_HTML = "report-shared.html"


def share_report(context: RunContext[Job], out: Path | None = None, *, force: bool = False) -> Path:
    """Write a copy of a run's report without any text, id, name or value of a ticket; returns its path.

    Without `out` it lies in the run folder; what a user changed in the one there is moved to `kept/`. Raises
    MissingInputError for a run without a verdict, OutputRefusedError where `out` is read, belongs to a run,
    or exists and `force` is not given.
    """
    needed = (artifact.REPORT_JSON, artifact.MATERIAL, artifact.RELATIONS_JSON, artifact.FAMILIES_JSON)
    lacking = [place.name for place in needed if not (context.folder / place).exists()]
    if lacking:
        raise MissingInputError(
            f"{context.folder} has no report to share: it lacks {', '.join(lacking)}. Run: ticketkin run "
            f"--resume --out {context.folder}"
        )
    path = out or context.folder / SHARED_HTML
    read = [context.folder / name for name in (*needed, artifact.TICKETS)]
    check_file_output(path, [*context.job.files, *read], force=force or out is None)
    data = RunData(context.values, context.job)
    report = context.values.read(artifact.REPORT_JSON)
    bare, material = shared_parts(data, report, whole_material(context.values))
    if out is not None:
        write_shared_report(bare, material, path)
        return path
    files = StageFiles(context.folder, Path(SHARED_HTML).stem, {}, context.progress)
    with files.keeping():
        write_shared_report(bare, material, path)
    return path


def shared_parts(data: RunData, report: Report, material: ReportMaterial) -> tuple[Report, ReportMaterial]:
    """Return report and material without any text, id, name or value of the run's tickets."""
    columns = data.tickets.frame.iter_columns()
    return shareable(report, material, (value for column in columns for value in _texts(column)))


def _texts(column: pl.Series) -> Iterator[str]:
    if column.dtype == pl.String():
        yield from column.drop_nulls().unique()
