"""What shapes a result beside data and settings: versions, and what each stage cost."""

import platform
from importlib.metadata import version
from pathlib import Path

from ticketkin.core.run_ownership import RECORDS
from ticketkin.pipeline.stage import read_record

_VERSIONED = ("ticketkin", "sentence-transformers", "transformers", "torch", "scikit-learn", "polars")


def versions() -> dict[str, str]:
    """Return the versions that shape a result."""
    return {"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}}


def stage_seconds(folder: Path) -> dict[str, float]:
    """Return the seconds each finished stage of a run folder took."""
    records = {path.stem: read_record(path) for path in sorted((folder / RECORDS).glob("*.json"))}
    return {name: record.seconds for name, record in records.items() if record is not None}
