"""Which folders are runs, which folder a job gets, and the pointer to the newest run.

A run folder is known by run.json, written before anything else. It names the sources by content, so that
a run over other sources is distinguished from one that continues. Runs of earlier versions have none: their
config.toml is read as a job.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import count
from pathlib import Path

from ticketkin.core.artifacts import read_json, write_json
from ticketkin.core.errors import OutputRefusedError, TicketkinError
from ticketkin.core.locks import OWNER, is_locked
from ticketkin.core.outputs import check_name, check_place
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.replacement import KEPT, LOCK, move_pointer
from ticketkin.core.run_ownership import CONFIG, RECORDS, RUN_RECORD
from ticketkin.runs.content_hashes import content_hash
from ticketkin.runs.stages import STAGES_VERSION
from ticketkin.workflows.configuration import Job, read_job

RUNS = Path("runs")
LATEST = "latest"
_SCHEMA_VERSION = 1
_LONGEST_STEM = 60
_ELSEWHERE = "Leave --out out for a folder of its own, name another, or give --force"


@dataclass(frozen=True)
class RunRecord:
    """What run.json holds."""

    schema_version: int
    stages_version: int
    """Of the Ticketkin that began the run: results of another are made anew, elsewhere."""
    sources: dict[str, str | None]
    """sha256 of each file that tickets come from, by absolute path; None for one that was not there yet."""
    owns: tuple[str, ...] = field(default=(), compare=False)
    """Names in the folder that no other command may write; see `core.run_ownership`."""

    @classmethod
    def of(cls, job: Job, owns: Iterable[str] = ()) -> "RunRecord":
        """Return the record of a job as its sources are now."""
        sources = {str(path): content_hash(path) if path.is_file() else None for path in job.tickets_from}
        return cls(_SCHEMA_VERSION, STAGES_VERSION, sources, tuple(sorted(owns)))


def followed(folder: Path) -> Path:
    """Return the folder that a link such as runs/latest stands for, so that a later move changes nothing."""
    return folder.parent / folder.readlink() if os.path.islink(folder) else folder  # noqa: PTH114 - never raises


def is_run(folder: Path) -> bool:
    """Return whether Ticketkin made this folder for a run."""
    return _record(folder) is not None or job_stored_in(folder) is not None


def has_results(folder: Path) -> bool:
    """Return whether a stage of a run has finished."""
    return any((folder / RECORDS).glob("*.json"))


def check_run_folder(folder: Path, job: Job, own_names: frozenset[str], *, force: bool = False) -> None:
    """Check that `job` may run in `folder`, where runs write `own_names`.

    Raises OutputRefusedError where a file the job reads is among them, even with `force` (the answers in
    to_review.csv are taken over before it is replaced); where `folder` is
    a file or can't be written to; and, without `force`, where it holds anything else than a run, or results
    of other sources.
    """
    # The kinds of all artifacts take a second to import, and every command asks for folders.
    from ticketkin.workflows.artifacts import TO_REVIEW

    check_name(folder)
    for source in job.files:
        place = _place_in(folder, source)
        is_answered = source == job.reviewed_file and place == Path(TO_REVIEW)
        if place is not None and place.parts[0] in own_names and not is_answered:
            raise OutputRefusedError(
                f"{source} is read, and a run in {folder} writes {place.parts[0]} itself; move the file, or "
                "choose another --out"
            )
    check_place(folder / RUN_RECORD)
    if not folder.exists() or force:
        return
    if not is_run(folder):
        if any(path.name not in (LOCK, OWNER) for path in folder.iterdir()):
            raise OutputRefusedError(
                f"{folder} is not empty and not a run folder, so nothing was written; choose another --out, "
                f"or give --force to let a run in: what has a name that it needs ({CONFIG}, model/ …) "
                f"is moved to {KEPT}/ there"
            )
    elif has_results(folder):
        _check_same_sources(folder, job)


def mark_run(folder: Path, job: Job, own_names: frozenset[str]) -> None:
    """Write run.json with the names that runs write.

    An existing run.json stays if a source is missing now, so that the recorded content of the source is kept.
    """
    from ticketkin.workflows.artifacts import REPEATS, REVIEWED, TUNING

    if _record(folder) is None or all(path.is_file() for path in job.tickets_from):
        write_json(
            folder / RUN_RECORD,
            asdict(RunRecord.of(job, own_names | {REPEATS.name, REVIEWED.name, TUNING.name})),
        )


def folder_for(job: Job, runs: Path = RUNS, today: date | None = None) -> Path:
    """Return where a job runs that names no folder: `runs/<date>-<name of the first source>`.

    The folder in which the same job over the same content began is continued. A name that another job took
    gets -2, -3 and so on.
    """
    wanted = RunRecord.of(job)
    same = [folder for folder in _folders(runs) if _record(folder) == wanted and job_stored_in(folder) == job]
    if same:
        return max(same, key=lambda folder: (folder / RUN_RECORD).stat().st_mtime)
    return _free_name(runs, today or date.today(), job)


def pointer_for(folder: Path, runs: Path = RUNS) -> Path | None:
    """Return the pointer that a run in `folder` moves: runs/latest for runs in runs/, else None."""
    beside = folder.resolve().parent == runs.resolve()
    return runs / LATEST if beside and folder.name != LATEST else None


def point_latest(pointer: Path, folder: Path, progress: Progress = SILENT) -> None:
    """Make `pointer` stand for `folder`, which lies beside it; a run that has its name is renamed first."""
    if pointer.exists() and not pointer.is_symlink():
        kept = _dated(pointer)
        if kept is None:
            progress.say(f"{pointer} is no link, so it was left as it is; this run is {folder}")
            return
        pointer.rename(kept)
        progress.say(f"{pointer} now points to the newest run; the run that had this name is {kept}")
    try:
        move_pointer(pointer, folder.name)
    except OSError as error:
        progress.say(f"{pointer} can't point to this run ({error.strerror}); it is {folder}")


def _dated(folder: Path) -> Path | None:
    """Return a free dated name for a run called latest, or None where it must not be moved."""
    job = job_stored_in(folder)
    if job is None or is_locked(folder) or any(_place_in(folder, path) for path in job.files):
        return None
    began = date.fromtimestamp((folder / CONFIG).stat().st_mtime)
    return _free_name(folder.parent, began, job)


def _free_name(runs: Path, day: date, job: Job) -> Path:
    stem = re.sub(r"[^\w.]+", "-", job.tickets_from[0].stem)[:_LONGEST_STEM].strip("-._") or "tickets"
    name = f"{day:%Y-%m-%d}-{stem}"
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(runs / name for name in names if _is_free(runs / name))


def _check_same_sources(folder: Path, job: Job) -> None:
    before = _recorded_sources(folder)
    now = {str(path): path for path in job.tickets_from}
    if before.keys() != now.keys():
        raise OutputRefusedError(
            f"{folder} holds a run over {', '.join(before)}, and this one reads {', '.join(now)}: its "
            f"results would be overwritten. {_ELSEWHERE}"
        )
    changed = [
        name
        for name, path in now.items()
        if before[name] is not None and path.is_file() and content_hash(path) != before[name]
    ]
    if changed:
        raise OutputRefusedError(
            f"{', '.join(changed)} changed since the run in {folder} read it: its results would be "
            f"overwritten. {_ELSEWHERE}"
        )


def _recorded_sources(folder: Path) -> dict[str, str | None]:
    """Return the sources of a run and what they held then; None where an earlier version did not say."""
    record = _record(folder)
    if record is not None:
        return dict(record.sources)
    job = job_stored_in(folder)
    return {str(path): None for path in job.tickets_from} if job is not None else {}


def _record(folder: Path) -> RunRecord | None:
    try:
        record = RunRecord(**read_json(folder / RUN_RECORD))
    except (OSError, ValueError, TypeError):
        return None
    ours = record.schema_version == _SCHEMA_VERSION and isinstance(record.sources, dict)
    return record if ours else None


def job_stored_in(folder: Path) -> Job | None:
    """Return the job of a run folder, or None where there is none or it can't be read."""
    try:
        return read_job(folder)
    except (TicketkinError, OSError):
        return None


def _folders(runs: Path) -> Iterator[Path]:
    if runs.is_dir():
        yield from (path for path in sorted(runs.iterdir()) if path.is_dir() and not path.is_symlink())


def _is_free(folder: Path) -> bool:
    """Return whether a new run may take this name: nothing is lost, and nobody works there."""
    if folder.is_symlink():
        return False
    if not folder.exists():
        return True
    if not folder.is_dir() or has_results(folder) or is_locked(folder):
        return False
    return is_run(folder) or not any(folder.iterdir())


def _place_in(folder: Path, path: Path) -> Path | None:
    """Return where `path` lies in `folder`, or None where it does not."""
    inner, outer = path.resolve(), folder.resolve()
    return inner.relative_to(outer) if inner.is_relative_to(outer) and inner != outer else None
