"""What leaves the machine with a report: no path of it, and in a shared copy nothing of a ticket."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ticketkin.core.artifacts import read_json
from ticketkin.core.errors import InputError, MissingInputError
from ticketkin.encoders.cache import default_cache_folder
from ticketkin.pipeline import run_data as artifact
from ticketkin.pipeline.run_data import RunData
from ticketkin.pipeline.stage import RunContext
from ticketkin.reports.html import write_shared_report
from ticketkin.reports.page import SHARED_MARK
from ticketkin.reports.sharing import shareable

SHARED_HTML = "report-shared.html"
# "/" and "/tmp" name nobody, and stand in tickets; "/home/jane" does.
_FEWEST_PARTS = 3


def share_report(context: RunContext, out: Path | None = None) -> Path:
    """Write a copy of a run's report without any text, id, name or value of a ticket; returns its path.

    Raises MissingInputError for a run without a verdict, InputError where `out` exists and is no such copy.
    """
    from ticketkin.pipeline.judge_stages import whole_material

    path = out or context.folder / SHARED_HTML
    needed = (artifact.REPORT_JSON, artifact.MATERIAL, artifact.RELATIONS_JSON, artifact.FAMILIES_JSON)
    lacking = [name for name in needed if not (context.folder / name).exists()]
    if lacking:
        raise MissingInputError(
            f"{context.folder} has no report to share: it lacks {', '.join(lacking)}. Run: ticketkin run "
            f"--resume --out {context.folder}"
        )
    if path.exists() and not _is_shared_report(path):
        raise InputError(f"{path} exists and is no shared report, so it stays as it is; choose another --out")
    tickets = RunData(context.folder, context.job).tickets.frame
    values = (value for column in tickets.iter_columns() for value in _texts(column))
    report = read_json(context.folder / artifact.REPORT_JSON)
    bare, material = shareable(report, whole_material(context.folder), values)
    write_shared_report(bare, material, path)
    return path


def _is_shared_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return SHARED_MARK.encode() in stream.read(4_096)


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
