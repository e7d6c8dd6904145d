"""Paths of this machine, which no report shows."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from ticketkin.encoders.cache import default_cache_folder
from ticketkin.workflows.configuration import Job

# "/" and "/tmp" name nobody, and stand in tickets; "/home/jane" does.
_FEWEST_PARTS = 3


_Model = TypeVar("_Model")


def without_paths(part: _Model, paths: Sequence[Path]) -> _Model:
    """Return a part of a report in which each of `paths`, and each folder above it, is cut to its last name.

    `part` is a pydantic model or a dataclass. The profile is left as it is: its sentences are tickets'.
    """
    adapter = TypeAdapter(type(part))
    values = adapter.dump_python(part, mode="json")
    known = {path.absolute() for path in paths} | {path.resolve() for path in paths}
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

    return adapter.validate_python(
        {key: value if key == "profile" else name_alone(value) for key, value in values.items()}
    )


def private_paths(job: Job, folder: Path) -> tuple[Path, ...]:
    """Return the paths of this machine that a report of the run in `folder` must not show."""
    beside = [path for path in (job.links_file, job.reviewed_file) if path is not None]
    places = [folder, default_cache_folder(), Path.cwd(), Path(job.settings.encoder.base_model)]
    return (*places, *job.tickets_from, *beside)
