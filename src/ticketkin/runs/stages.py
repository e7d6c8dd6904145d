"""A stage, the context that it gets, and the rule for when it runs.

A stage runs when its key changed or an output is missing or altered. The key hashes the settings
the stage reads and the content of its inputs, so that a changed input file, an edited setting or a
damaged output each redo exactly what depends on them. The record of a stage is written after its
outputs, atomically: a process killed at any point leaves the stage undone, never half done.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel

from ticketkin.core.artifacts import atomic_path, hash_value, read_json, write_json
from ticketkin.core.errors import InputError, MissingInputError
from ticketkin.core.progress import Progress
from ticketkin.core.replacement import remove_old
from ticketkin.core.run_ownership import RECORDS
from ticketkin.core.tables import TICKETS_SCHEMA
from ticketkin.runs.artifacts import Artifact, Folder, Place
from ticketkin.runs.content_hashes import content_hash
from ticketkin.runs.holdout_ledger import HoldoutLedger
from ticketkin.runs.keeping import StageFiles
from ticketkin.runs.values import RunValues, UndeclaredError

# Raised when a stage's outputs change for the same inputs, so that old runs are redone.
STAGES_VERSION = 10

T = TypeVar("T")
J = TypeVar("J")
"""The type of a job: what a run is asked to do."""


@dataclass(frozen=True)
class RunContext(Generic[J]):
    """A run folder, its job, where to report, and what was read of the folder so far."""

    folder: Path
    job: J
    progress: Progress
    private_paths: tuple[Path, ...] = ()
    """Paths of this machine that no output may show."""
    values: RunValues = field(init=False)
    ledger: HoldoutLedger = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", RunValues(self.folder))
        object.__setattr__(self, "ledger", HoldoutLedger.of_run(self.folder))


class StageRun(Generic[J]):
    """What a stage is handed: inputs, settings and progress, and where its outputs go.

    It can read nothing else than the stage declares, so that whatever shapes a result is part of its key.
    """

    def __init__(self, stage: "Stage[J]", context: RunContext[J], wanted: Mapping[Place, bool]) -> None:
        self._stage, self._folder = stage, context.folder
        self.job = cast("J", _Declared(context.job, frozenset(stage.reads), stage.name))
        """The job; only the settings that the stage declares can be read."""
        self.progress = context.progress
        self.private_paths = context.private_paths
        self.ledger = context.ledger
        self.run_name = context.folder.name
        of_settings = (path for path in stage.reads if path.startswith("settings."))
        self.settings_read = {path: attrgetter(path)(context.job) for path in of_settings}
        """Every setting and section that the stage declares, by its path."""
        self.values = context.values.limited_to(
            [*stage.wanted_inputs(context.job, wanted), *stage.outputs], stage.name
        )

    @property
    def name(self) -> str:
        """What the run is called: the name of its folder."""
        return self._folder.resolve().name

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds that each finished stage of the run took."""
        return stage_seconds(self._folder)

    def put(self, artifact: Artifact[T], value: T) -> None:
        """Write an output."""
        artifact.write(self.place(artifact), value)
        self.values.forget(artifact)

    @contextmanager
    def writing(self, folder: Folder) -> Iterator[Path]:
        """Yield a new folder that replaces the output `folder` when the block ends without an error."""
        with atomic_path(self.place(folder)) as temporary:
            temporary.mkdir(parents=True)
            yield temporary
        self.values.forget(folder)

    def place(self, output: Place) -> Path:
        """Return where an output lies, for what writes it itself; `scratch` folders survive a kill."""
        declared = (*self._stage.outputs, *self._stage.scratch)
        if not any(output.lies_in(one) for one in declared):
            raise UndeclaredError(
                f"The stage {self._stage.name!r} writes {output}, which it does not declare"
            )
        self.values.forget(output)
        return self._folder / output


class _Declared:
    """A job of which only declared attributes can be read."""

    def __init__(self, whole: object, paths: frozenset[str], stage: str, prefix: str = "") -> None:
        self._whole, self._paths, self._stage, self._prefix = whole, paths, stage, prefix

    def __getattr__(self, name: str) -> object:
        path = f"{self._prefix}{name}"
        value = getattr(self._whole, name)
        if path in self._paths:
            return value
        if any(declared.startswith(f"{path}.") for declared in self._paths):
            return _Declared(value, self._paths, self._stage, f"{path}.")
        raise UndeclaredError(f"The stage {self._stage!r} reads job.{path}, which it does not declare")


class State(StrEnum):
    """Where a stage stands."""

    DONE = "done"
    READY = "ready"
    CHANGED = "changed"
    WAITING = "waiting"


def _nothing(_: object) -> tuple[Any, ...]:
    return ()


def _needs_nothing(_: object) -> None:
    """Say that a stage opens nothing beside its inputs."""


@dataclass(frozen=True)
class Stage(Generic[J]):
    """One step from declared inputs to declared outputs."""

    name: str
    title: str
    command: str
    """The command that runs this stage alone; {folder} stands for the run folder."""
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]
    reads: tuple[str, ...]
    """The parts of the job that the stage reads, such as settings.tickets."""
    run: Callable[[StageRun[J]], None]
    wanted: Callable[[J], bool] = lambda _: True
    """False: the job does not ask for this stage; later stages do without its outputs."""
    more_inputs: Callable[[J], tuple[Place, ...]] = _nothing
    """Inputs that only some jobs need."""
    external: Callable[[J], tuple[Path, ...]] = _nothing
    """Files outside the run folder that the stage reads."""
    needs: Callable[[J], None] = _needs_nothing
    """Looks for what the stage opens beside these: models, programs, packages; raises as the stage would."""
    scratch: tuple[Folder, ...] = ()
    """Folders for work that a killed stage goes on with."""
    versions: tuple[str, ...] = ()
    """Versions of code that shapes the outputs, such as that of the redaction."""

    def wanted_inputs(self, job: J, wanted: Mapping[Place, bool]) -> list[Place]:
        """Return the inputs that `job` asks for."""
        inputs = dict.fromkeys((*self.inputs, *self.more_inputs(job)))
        return [place for place in inputs if wanted.get(place, True)]


@dataclass(frozen=True)
class StageStatus(Generic[J]):
    """The state of a stage and why."""

    stage: Stage[J]
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
    inputs: dict[str, str] = field(default_factory=dict)
    """sha256 of each input it read, by its path in the run folder; empty in older records."""


def read_record(path: Path) -> StageRecord | None:
    """Return a stage's record, or None where there is none or it can't be read: then the stage runs again."""
    try:
        record = StageRecord(**read_json(path))
    except (OSError, ValueError, TypeError):
        return None
    whole = isinstance(record.key, str) and isinstance(record.outputs, dict)
    whole = whole and isinstance(record.inputs, dict)
    return record if whole and isinstance(record.seconds, int | float) else None


def stage_seconds(folder: Path) -> dict[str, float]:
    """Return the seconds each finished stage of a run folder took."""
    records = {path.stem: read_record(path) for path in sorted((folder / RECORDS).glob("*.json"))}
    return {name: record.seconds for name, record in records.items() if record is not None}


def record_path(folder: Path, stage: Stage[J]) -> Path:
    """Return where the stage's record lies."""
    return folder / RECORDS / f"{stage.name}.json"


def stage_key(stage: Stage[J], context: RunContext[J], wanted: Mapping[Place, bool]) -> tuple[str, list[str]]:
    """Return the key of a stage and the inputs that are missing (then the key means nothing)."""
    paths = {place.name: context.folder / place for place in stage.wanted_inputs(context.job, wanted)}
    paths |= {str(path): path for path in stage.external(context.job)}
    missing = [name for name, path in paths.items() if not path.exists()]
    if missing:
        return "", missing
    content = {name: content_hash(path) for name, path in paths.items()}
    key = hash_value(
        {
            "version": STAGES_VERSION,
            "schema": list(TICKETS_SCHEMA),
            "versions": stage.versions,
            "settings": {path: _plain(attrgetter(path)(context.job)) for path in stage.reads},
            "inputs": content,
            "outputs": [place.name for place in stage.outputs],
        }
    )
    return key, []


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def stage_status(stage: Stage[J], context: RunContext[J], wanted: Mapping[Place, bool]) -> StageStatus[J]:
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


def run_stage(stage: Stage[J], context: RunContext[J], wanted: Mapping[Place, bool]) -> float:
    """Run `stage` and record it; returns the seconds it took.

    What the user put among its outputs, or changed there, is moved to `kept/` before it is replaced. A stage
    that refuses what it was given before it wrote anything leaves its earlier record: a typing error must not
    cost what hours of training made.
    """
    key, missing = stage_key(stage, context, wanted)
    if missing:
        raise MissingInputError(f"The stage {stage.name!r} lacks {', '.join(missing)} in {context.folder}")
    places = stage.wanted_inputs(context.job, wanted)
    inputs = {place.name: content_hash(context.folder / place) for place in places}
    before = read_record(record_path(context.folder, stage))
    files = StageFiles(context.folder, stage.name, _recorded(stage, context.folder), context.progress)
    remove_old(record_path(context.folder, stage))
    started = time.perf_counter()
    try:
        with files.keeping():
            stage.run(StageRun(stage, context, wanted))
    except InputError:
        if before is not None and _is_unchanged(before, context.folder):
            write_json(record_path(context.folder, stage), asdict(before))
        raise
    seconds = time.perf_counter() - started
    absent = [place.name for place in stage.outputs if not (context.folder / place).exists()]
    if absent:
        raise RuntimeError(f"stage {stage.name} did not write {absent}")
    outputs = {place.name: content_hash(context.folder / place) for place in stage.outputs}
    record = StageRecord(key, outputs, round(seconds, 3), inputs)
    write_json(record_path(context.folder, stage), asdict(record))
    return seconds


def _is_unchanged(record: StageRecord, folder: Path) -> bool:
    outputs = {name: folder / name for name in record.outputs}
    return all(path.exists() and content_hash(path) == record.outputs[n] for n, path in outputs.items())


def _recorded(stage: Stage[J], folder: Path) -> dict[str, bool]:
    """Return the outputs that a stage recorded and that are there, and whether each is as it was then."""
    record = read_record(record_path(folder, stage))
    outputs = {} if record is None else record.outputs
    return {
        name: content_hash(folder / name) == expected
        for name, expected in outputs.items()
        if (folder / name).exists()
    }
