"""How long stages will take, from what they took before on this machine.

The seconds of every finished stage are kept beside the cached embeddings, with how much its run read and
the settings of the stage. A forecast is a range over the latest of those like it. Where only runs of another
size or with other settings were measured it is a rough one, a wider range; where none was, or only runs of
quite another size, there is none.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from ticketkin.core.artifacts import hash_value
from ticketkin.core.errors import ConfigurationError
from ticketkin.core.wording import number_of, time_range
from ticketkin.encoders.cache import default_cache_folder
from ticketkin.runs.stages import Stage
from ticketkin.workflows.configuration import Job

_FILE = "stage_times.jsonl"
_MOST_NAMED = 4
# Parts of a job that are paths or seeds: they don't change the amount of work.
_PLACES = (
    "sources",
    "tickets_from",
    "pairs_file",
    "test_pairs_file",
    "links_file",
    "reviewed_file",
    "settings.seed",
)
_LARGEST_FILE_BYTES = 512 * 1024
# Beyond this factor in size a time grows otherwise than measured; within it, runs differ by this much.
_FARTHEST_SIZE = 4.0
_FASTER, _SLOWER = 0.7, 1.5
# With other settings or another size, the work of a stage may be very different.
_ROUGHLY_FASTER, _ROUGHLY_SLOWER = 0.3, 3.0
# Beyond this factor even a rough forecast would say hours of what takes seconds.
_FARTHEST_ROUGH_SIZE = 30.0
# The range rests on the latest runs whose sizes lie within this factor of the nearest.
_MOST_RUNS, _ALIKE_IN_SIZE = 5, 1.25
# Times grow with the size, or a little faster (docs/benchmarks.md, "Growth": 3.6 to 4.1 times where it is 4).
_GROWTH = 1.25


@dataclass(frozen=True)
class StageTime:
    """What one stage of one run took."""

    stage: str
    work: str
    """Hash of the settings that the stage reads, without its seed and its files."""
    n_bytes: int
    """Size of the files that the tickets of the run come from."""
    seconds: float


@dataclass(frozen=True)
class Forecast:
    """The least and the most seconds that a stage, or several, will take."""

    low: float
    high: float
    rough: bool = False
    """True where no run like this one was measured."""

    def __str__(self) -> str:
        span = "less than a second" if self.high < 1 else time_range(self.low, self.high)
        return f"{span} (rough)" if self.rough else span


_TIME = TypeAdapter(StageTime)


def work_of(stage: Stage[Job], job: Job) -> StageTime:
    """Return a stage of a job in the form in which earlier runs are compared; its seconds are 0."""
    settings = {path: _settings(attrgetter(path)(job)) for path in stage.reads if path not in _PLACES}
    n_bytes = sum(path.stat().st_size for path in job.tickets_from if path.is_file())
    kinds = sorted({path.suffix.lower() for path in job.tickets_from})
    return StageTime(stage.name, hash_value({"settings": settings, "kinds": kinds}), n_bytes, 0.0)


def _settings(value: object) -> object:
    return value.model_dump(mode="json", exclude={"seed"}) if isinstance(value, BaseModel) else str(value)


def forecast(stages: Iterable[Stage[Job]], job: Job) -> dict[str, Forecast | None]:
    """Return what each stage will take by its name; None where it was never measured here."""
    measured = _measured()
    return {stage.name: _of(work_of(stage, job), measured) for stage in stages}


def _of(work: StageTime, measured: Sequence[StageTime]) -> Forecast | None:
    growth = [(one, (work.n_bytes + 1) / (one.n_bytes + 1)) for one in measured if one.stage == work.stage]
    near = [
        (one, times) for one, times in growth if one.work == work.work and _is_within(times, _FARTHEST_SIZE)
    ]
    comparable = near or [(one, times) for one, times in growth if _is_within(times, _FARTHEST_ROUGH_SIZE)]
    if not comparable:
        return None
    like = _latest_nearest_in_size(comparable)
    faster, slower = (_FASTER, _SLOWER) if near else (_ROUGHLY_FASTER, _ROUGHLY_SLOWER)
    # A stage may not grow at all with its size: much of a short one is its start.
    low = min(one.seconds * min(1.0, times**_GROWTH) for one, times in like)
    high = max(one.seconds * max(1.0, times**_GROWTH) for one, times in like)
    return Forecast(faster * low, slower * high, rough=not near)


def _is_within(times: float, factor: float) -> bool:
    return 1 / factor <= times <= factor


def _latest_nearest_in_size(growth: Sequence[tuple[StageTime, float]]) -> list[tuple[StageTime, float]]:
    """Return the latest runs of those that come nearest in size.

    A run of half the size and a stage that took hours on a busy machine a year ago would make the range so
    wide that it tells nothing.
    """
    nearest = min(abs(math.log(times)) for _, times in growth)
    like = [
        (one, times) for one, times in growth if abs(math.log(times)) <= nearest + math.log(_ALIKE_IN_SIZE)
    ]
    return like[-_MOST_RUNS:]


def total(of_stages: Mapping[str, Forecast | None]) -> Forecast | None:
    """Return the sum of what is known; None where nothing is."""
    known = [one for one in of_stages.values() if one is not None]
    if not known:
        return None
    rough = any(one.rough for one in known)
    return Forecast(sum(one.low for one in known), sum(one.high for one in known), rough)


def forecast_line(of_stages: Mapping[str, Forecast | None]) -> str:
    """Return in a sentence how long the stages will take, and what of that is not known."""
    whole = total(of_stages)
    unknown = [name for name, one in of_stages.items() if one is None]
    if whole is None:
        return "Time: unknown until measured; no run like this one was finished on this machine"
    known = {name: one.high for name, one in of_stages.items() if one is not None}
    longest = max(known, key=lambda name: known[name])
    most = f", most of it {longest}" if known[longest] > 0.5 * whole.high and len(known) > 1 else ""
    if not unknown:
        return f"Time: {whole}{most}"
    of_it = f" for {longest}" if len(known) == 1 else most
    rest = number_of(len(unknown), "stage is", "stages are")
    named = f" ({', '.join(unknown)})" if len(unknown) <= _MOST_NAMED else ""
    return f"Time: {whole}{of_it}; {rest} unknown until a first run{named}"


def remember(stage: Stage[Job], job: Job, seconds: float) -> None:
    """Keep the time of a finished stage; the time is lost without a message if the cache can't be written."""
    line = json.dumps(asdict(work_of(stage, job)) | {"seconds": round(seconds, 3)}) + "\n"
    with suppress(OSError, ConfigurationError):
        path = default_cache_folder() / _FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if path.stat().st_size > _LARGEST_FILE_BYTES:
                path.unlink()  # old times tell little; the next runs measure anew
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode("utf-8"))  # in one piece, so that runs side by side don't mix
        finally:
            os.close(descriptor)


def _measured() -> list[StageTime]:
    """Return the times of earlier runs, oldest first; lines that can't be read are left out."""
    try:
        path = default_cache_folder() / _FILE
        lines = _lines(path)
    except (OSError, ConfigurationError):
        return []
    times = []
    for line in lines:
        with suppress(ValidationError, ValueError):
            times.append(_TIME.validate_json(line))
    return times


def _lines(path: Path) -> list[bytes]:
    if not path.is_file() or path.stat().st_size > 2 * _LARGEST_FILE_BYTES:
        return []
    return path.read_bytes().splitlines()
