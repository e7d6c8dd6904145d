"""Files that survive a kill: atomic writes and content hashes."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ticketkin.core.errors import UnsafeArtifactError
from ticketkin.core.replacement import contained_files, part_beside, put_in_place, remove_old

_BLOCK_BYTES = 1 << 20
_Replacing = Callable[[Path, Path], None]
_BEFORE_REPLACING: ContextVar[_Replacing | None] = ContextVar("before_replacing", default=None)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; put in its place if the block ends without an error.

    Works for a file and for a folder, which replaces the old folder whole. A process killed at any moment
    leaves the old or the new content whole, and at most a `.part` beside it; see `core.replacement`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = part_beside(path)
    try:
        yield temporary
        act = _BEFORE_REPLACING.get()
        if act is not None:
            act(temporary, path)
        put_in_place(temporary, path)
    finally:
        if temporary.exists():
            with suppress(OSError):  # the error that led here is the one to tell
                remove_old(temporary)


@contextmanager
def before_replacing(act: _Replacing) -> Iterator[None]:
    """Within the block, `atomic_path` calls `act` with the temporary path and the one it is about to take."""
    token = _BEFORE_REPLACING.set(act)
    try:
        yield
    finally:
        _BEFORE_REPLACING.reset(token)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically; NaN is refused, since JSON has none.

    It may be or hold dataclasses and pydantic models.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=plain)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", "utf-8")


def plain(record: object) -> dict[str, Any]:
    """Return what JSON holds of a dataclass or a pydantic model. Raises TypeError for anything else.

    Parts are returned as they are: `json.dumps(..., default=plain)` asks again for each of them.
    """
    if isinstance(record, BaseModel):
        return record.model_dump(mode="json")
    if is_dataclass(record) and not isinstance(record, type):
        return {part.name: getattr(record, part.name) for part in fields(record)}
    kind = type(record).__name__
    raise TypeError(f"{kind} can't be written as JSON: give plain values, dataclasses or pydantic models")


def read_json(path: Path) -> Any:
    """Return the parsed content of a JSON file."""
    return json.loads(path.read_text("utf-8"))


def hash_path(path: Path) -> str:
    """Return the sha256 of a file, or of a folder's names and contents in sorted order."""
    digest = hashlib.sha256()
    files = contained_files(path) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode())
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def hash_value(value: Mapping[str, Any]) -> str:
    """Return the sha256 of a JSON-serialisable value, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def inside(folder: Path, name: str) -> Path:
    """Return `folder / name`. Raises UnsafeArtifactError if that lies outside `folder`."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise UnsafeArtifactError(f"{name!r} lies outside {folder}; only paths inside it are allowed")
    return path
