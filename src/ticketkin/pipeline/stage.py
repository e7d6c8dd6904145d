"""A stage, its state, and the rule for when it runs.

A stage runs when its key changed or an output is missing or altered. The key hashes the settings
the stage reads and the content of its inputs, so that a changed input file, an edited setting or a
damaged output each redo exactly what depends on them. The record of a stage is written after its
outputs, atomically: a process killed at any point leaves the stage undone, never half done.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import hash_path, hash_value, read_json, write_json
from ticketkin.core.errors import MissingInputError
from ticketkin.core.progress import Progress
from ticketkin.core.replacement import contained_files, remove_old
from ticketkin.core.run_ownership import RECORDS
from ticketkin.core.tables import TICKETS_SCHEMA
from ticketkin.pipeline.configuration import Job
from ticketkin.pipeline.keeping import StageFiles

# Raised when a stage's outputs change for the same inputs, so that old runs are redone.
STAGES_VERSION = 8


@dataclass(frozen=True)
class RunContext:
    """What a stage is given: the job, its folder, where to report."""

    folder: Path
    job: Job
    progress: Progress


class State(StrEnum):
    """Where a stage stands."""

    DONE = "done"
    READY = "ready"
    CHANGED = "changed"
    WAITING = "waiting"


@dataclass(frozen=True)
class Stage:
    """One step from named inputs to named outputs, all paths relative to the run folder."""

    name: str
    title: str
    command: str
    """The command that runs this stage alone; {folder} stands for the run folder."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reads: Callable[[Job], Mapping[str, Any]]
    """The part of the job the stage depends on."""
    run: Callable[[RunContext], None]
    wanted: Callable[[Job], bool] = lambda _: True
    """False: the job does not ask for this stage; later stages do without its outputs."""
    external: Callable[[Job], tuple[Path, ...]] = lambda _: ()
    """Files outside the run folder that the stage reads."""


@dataclass(frozen=True)
class StageStatus:
    """The state of a stage and why."""

    stage: Stage
    state: State
    reason: str
    seconds: float | None


@dataclass(frozen=True)
class StageRecord:
    """What a finished stage leaves behind: `stages/<name>.json`."""

    key: str
    outputs: dict[str, str]
    """sha256 of each output, by its path in the run folder."""
    seconds: float


def read_record(path: Path) -> StageRecord | None:
    """Return a stage's record, or None where there is none or it can't be read: then the stage runs again."""
    try:
        record = StageRecord(**read_json(path))
    except (OSError, ValueError, TypeError):
        return None
    whole = isinstance(record.key, str) and isinstance(record.outputs, dict)
    return record if whole and isinstance(record.seconds, int | float) else None


def record_path(folder: Path, stage: Stage) -> Path:
    """Return where the stage's record lies."""
    return folder / RECORDS / f"{stage.name}.json"


@lru_cache(maxsize=4096)
def _hash_of(path: Path, _changed_ns: int, _size: int) -> str:
    return hash_path(path)


def content_hash(path: Path) -> str:
    """Hash of a file or folder, remembered while size and modification times stay."""
    files = contained_files(path) if path.is_dir() else [path]
    stats = [file.stat() for file in files]
    newest = max((s.st_mtime_ns for s in stats), default=0)
    return _hash_of(path, newest, sum(s.st_size for s in stats) + len(stats))


def stage_key(stage: Stage, context: RunContext, wanted: Mapping[str, bool]) -> tuple[str, list[str]]:
    """Return the key of a stage and the inputs that are missing (then the key means nothing)."""
    paths = {name: context.folder / name for name in stage.inputs if wanted.get(name, True)}
    paths |= {str(path): path for path in stage.external(context.job)}
    missing = [name for name, path in paths.items() if not path.exists()]
    if missing:
        return "", missing
    content = {name: content_hash(path) for name, path in paths.items()}
    key = hash_value(
        {
            "version": STAGES_VERSION,
            "schema": list(TICKETS_SCHEMA),
            "settings": stage.reads(context.job),
            "inputs": content,
        }
    )
    return key, []


def stage_status(stage: Stage, context: RunContext, wanted: Mapping[str, bool]) -> StageStatus:
    """Return whether `stage` is done, must run, or waits for an earlier one, and why."""
    key, missing = stage_key(stage, context, wanted)
    if missing:
        return StageStatus(stage, State.WAITING, f"lacks {', '.join(missing)}", None)
    path = record_path(context.folder, stage)
    if not path.exists():
        return StageStatus(stage, State.READY, "has not run", None)
    record = read_record(path)
    if record is None:
        return StageStatus(stage, State.READY, "its record is damaged: runs again", None)
    if record.key != key:
        return StageStatus(stage, State.CHANGED, "its inputs or settings changed", None)
    for name, expected in record.outputs.items():
        output = context.folder / name
        if not output.exists() or content_hash(output) != expected:
            return StageStatus(stage, State.CHANGED, f"its output {name} is missing or altered", None)
    return StageStatus(stage, State.DONE, "up to date", record.seconds)


def run_stage(stage: Stage, context: RunContext, wanted: Mapping[str, bool]) -> float:
    """Run `stage` and record it; returns the seconds it took.

    What the user put among its outputs, or changed there, is moved to `kept/` before it is replaced.
    """
    key, missing = stage_key(stage, context, wanted)
    if missing:
        raise MissingInputError(f"The stage {stage.name!r} lacks {', '.join(missing)} in {context.folder}")
    files = StageFiles(context.folder, stage.name, _recorded(stage, context.folder), context.progress)
    remove_old(record_path(context.folder, stage))
    started = time.perf_counter()
    with files.keeping():
        stage.run(context)
    seconds = time.perf_counter() - started
    absent = [name for name in stage.outputs if not (context.folder / name).exists()]
    if absent:
        raise RuntimeError(f"stage {stage.name} did not write {absent}")
    outputs = {name: content_hash(context.folder / name) for name in stage.outputs}
    write_json(record_path(context.folder, stage), asdict(StageRecord(key, outputs, round(seconds, 3))))
    return seconds


def _recorded(stage: Stage, folder: Path) -> dict[str, bool]:
    """Return the outputs that a stage recorded and that are there, and whether each is as it was then."""
    record = read_record(record_path(folder, stage))
    outputs = {} if record is None else record.outputs
    return {
        name: content_hash(folder / name) == expected
        for name, expected in outputs.items()
        if (folder / name).exists()
    }
