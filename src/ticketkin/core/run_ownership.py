"""Which files are a run's own, so that no other command writes over them.

A run names in run.json what it writes in its folder. Runs of earlier versions do not; what their stages
recorded as outputs is theirs, beside the files that every run has.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import read_json
from ticketkin.core.locks import OWNER
from ticketkin.core.replacement import KEPT, LOCK, is_leftover

CONFIG = "config.toml"
RUN_RECORD = "run.json"
RECORDS = "stages"
LOG = "log.jsonl"
OPENINGS = "openings.jsonl"
_OF_EVERY_RUN = frozenset({CONFIG, RUN_RECORD, RECORDS, LOG, OPENINGS, LOCK, OWNER, KEPT})


def owning_run(path: Path) -> Path | None:
    """Return the run folder of which `path` is an own file or lies in an own folder, or None.

    Both the given path and the path that its links lead to are checked.
    """
    for place in dict.fromkeys((Path(os.path.abspath(path)), _resolved(path))):  # noqa: PTH100 - keeps links
        folder = next(filter(_is_run, place.parents), None)  # of runs within runs, the inner one decides
        if folder is not None and _owns(folder, place.relative_to(folder).parts[0]):
            return folder
    return None


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return path.absolute()


def _is_run(folder: Path) -> bool:
    if isinstance(_read(folder / RUN_RECORD).get("sources"), dict):
        return True
    known = (folder / RUN_RECORD).is_file() or (folder / CONFIG).is_file()
    return known and (folder / RECORDS).is_dir()


def _owns(folder: Path, name: str) -> bool:
    return name in _OF_EVERY_RUN or is_leftover(name) or name in _named(folder)


def _named(folder: Path) -> Iterator[str]:
    named = _read(folder / RUN_RECORD).get("owns")
    yield from (str(name) for name in (named if isinstance(named, list) else ()))
    for record in (folder / RECORDS).glob("*.json"):
        outputs = _read(record).get("outputs")
        yield from (Path(name).parts[0] for name in (outputs if isinstance(outputs, dict) else ()) if name)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
