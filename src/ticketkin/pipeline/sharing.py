"""What leaves the machine with a report: no path of it, and in a shared copy nothing of a ticket."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ticketkin.core.errors import MissingInputError
from ticketkin.core.outputs import check_file_output
from ticketkin.encoders.cache import default_cache_folder
from ticketkin.evaluation.schema import Report, read_report
from ticketkin.pipeline import run_data as artifact
from ticketkin.pipeline.keeping import StageFiles
from ticketkin.pipeline.run_data import RunData
from ticketkin.pipeline.stage import RunContext
from ticketkin.reports.html import write_shared_report
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.sharing import shareable

SHARED_HTML = "report-shared.html"
# "/" and "/tmp" name nobody, and stand in tickets; "/home/jane" does.
_FEWEST_PARTS = 3


def share_report(context: RunContext, out: Path | None = None, *, force: bool = False) -> Path:
    """Write a copy of a run's report without any text, id, name or value of a ticket; returns its path.

    Without `out` it lies in the run folder; what a user changed in the one there is moved to `kept/`. Raises
    MissingInputError for a run without a verdict, OutputRefusedError where `out` is read, belongs to a run,
    or exists and `force` is not given.
    """
    from ticketkin.pipeline.judge_stages import whole_material

    needed = (artifact.REPORT_JSON, artifact.MATERIAL, artifact.RELATIONS_JSON, artifact.FAMILIES_JSON)
    lacking = [name for name in needed if not (context.folder / name).exists()]
    if lacking:
        raise MissingInputError(
            f"{context.folder} has no report to share: it lacks {', '.join(lacking)}. Run: ticketkin run "
            f"--resume --out {context.folder}"
        )
    path = out or context.folder / SHARED_HTML
    read = [context.folder / name for name in (*needed, artifact.TICKETS)]
    check_file_output(path, [*context.job.files, *read], force=force or out is None)
    report = read_report(context.folder / artifact.REPORT_JSON)
    data = RunData(context.folder, context.job)
    bare, material = shared_parts(data, report, whole_material(context.folder))
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


def without_paths(values: Mapping[str, Any], context: RunContext) -> dict[str, Any]:
    """Return a part of a report with the name alone for each path of this run; texts of tickets stay.

    The profile is left as it is: its sentences are tickets'.
    """
    known = {path.absolute() for path in _paths(context)} | {path.resolve() for path in _paths(context)}
    known |= {parent for path in known for parent in path.parents}
    shown = sorted((str(path) for path in known if len(path.parts) >= _FEWEST_PARTS), key=len, reverse=True)
    pattern = re.compile(rf"(?:{'|'.join(map(re.escape, shown))})(?![\w-])")

    def name_alone(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda match: Path(match.group()).name, value)
        if isinstance(value, Mapping):
            return {key: name_alone(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [name_alone(inner) for inner in value]
        return value

    return {key: value if key == "profile" else name_alone(value) for key, value in values.items()}


def _paths(context: RunContext) -> Iterator[Path]:
    job = context.job
    yield from (context.folder, default_cache_folder(), Path.cwd(), Path(job.settings.encoder.base_model))
    yield from job.tickets_from
    yield from (path for path in (job.links_file, job.reviewed_file) if path is not None)
