"""Which run folder a command is about."""

from collections.abc import Sequence
from pathlib import Path

from ticketkin.core.errors import InputError, MissingInputError
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.run_folders import LATEST, RUNS, folder_for, followed, is_run

# A run folder named so is a slip: whoever types it expects a file.
_FILE_ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xlsx", ".xml", ".parquet", ".html", ".txt")


def run_among(sources: Sequence[Path], out: Path | None) -> Path | None:
    """Return the run folder that was named in place of an export, None where exports were named.

    Raises InputError where something else is named beside it.
    """
    runs = [path for path in sources if path.is_dir() and is_run(path)]
    if not runs:
        return None
    if len(sources) > 1 or out is not None:
        raise InputError(
            f"{runs[0]} is a run, and a run goes on by itself; name it alone, or exports to begin another"
        )
    return followed(runs[0])


def run_to_resume(out: Path | None) -> Path:
    """Return the folder of --out, else the newest run. Raises MissingInputError where there is none."""
    if out is not None:
        return out
    latest = RUNS / LATEST
    if not latest.exists():
        raise MissingInputError(
            f"There is no run to resume: {latest} does not exist. Name the run with --out, or start one: "
            "ticketkin run SOURCE"
        )
    return followed(latest)


def run_folder_of(out: Path | None, job: Job) -> Path:
    """Return the folder of --out, else the one a job without --out gets.

    Raises InputError where `out` names a data file, for which a folder would be made.
    """
    if out is None:
        return folder_for(job)
    if out.suffix.lower() in _FILE_ENDINGS and not is_run(out):
        raise InputError(
            f"--out {out} is to be a run folder and is named like a file; name a folder, such as "
            f"{RUNS / out.stem}, or a .parquet file for: ticketkin import"
        )
    return out
