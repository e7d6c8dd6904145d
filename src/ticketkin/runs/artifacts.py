"""The contents of a run folder: where each value lies, and how it is read and written."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from pydantic import TypeAdapter

from ticketkin.core.arrays import load_array, save_array
from ticketkin.core.artifacts import write_json
from ticketkin.core.records import read_record
from ticketkin.core.tables import FloatArray

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A file or folder of a run, `name` relative to the run folder; `folder / place` is its path."""

    name: str

    def __fspath__(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name

    def lies_in(self, other: "Place") -> bool:
        """Return whether this is `other` or something within it."""
        # Of text alone: every read of a value asks it of all that a stage declares.
        return self.name == other.name or self.name.startswith(f"{other.name}/")


@dataclass(frozen=True)
class Folder(Place):
    """A folder that a stage writes whole, such as a model's."""


@dataclass(frozen=True)
class Artifact(Place, Generic[T]):
    """A file that holds a value of type T."""

    read: Callable[[Path], T]
    """Reads the value at a path. Raises UnreadableFileError, OSError or ValueError for a damaged file."""
    write: Callable[[Path, T], None]
    """Writes a value to a path, atomically."""


def remaking(folder: Path) -> str:
    """Return the remedy for a damaged file of the run in `folder`."""
    return f"Its stage writes it again: ticketkin run --resume --out {shlex.quote(str(folder))}"


def record_artifact(name: str, kind: type[T] | TypeAdapter[T]) -> Artifact[T]:
    """Return an artifact that is a JSON object of fixed keys: a dataclass or a pydantic model."""
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    depth = len(Path(name).parts)

    def read(path: Path) -> T:
        return read_record(path, adapter, remaking(path.parents[depth - 1]))

    def write(path: Path, value: T) -> None:
        write_json(path, adapter.dump_python(value, mode="json"))

    return Artifact(name, read, write)


def array_artifact(name: str, n_dimensions: int) -> Artifact[FloatArray]:
    """Return an artifact that is one array of finite float32 numbers with `n_dimensions`."""
    depth = len(Path(name).parts)

    def read(path: Path) -> FloatArray:
        loaded = load_array(path, remaking(path.parents[depth - 1]), (None,) * n_dimensions)
        array: FloatArray = loaded.astype(np.float32, copy=False)
        array.flags.writeable = False  # stages of one run share it
        return array

    return Artifact(name, read, save_array)
