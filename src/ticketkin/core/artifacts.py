"""Files that survive a kill: atomic writes, content hashes, and one owner per run folder."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel

from ticketkin.core.errors import OutputRefusedError, RunLockedError, UnsafeArtifactError
from ticketkin.core.replacement import LOCK, contained_files, part_beside, put_in_place, remove_old

_BLOCK_BYTES = 1 << 20
OWNER = ".owner"
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
        return record.model_dump()
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


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Own `folder` while the block lasts; the lock dies with the process.

    Raises RunLockedError at once if another process owns it, OutputRefusedError if no lock can be made there.
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise RunLockedError(
            f"{folder} is in use by another run{_owner(folder)}; wait for it, or choose another --out"
        ) from None
    except (OSError, NotImplementedError) as error:
        raise OutputRefusedError(
            f"{folder} can't be used as a run folder: {getattr(error, 'strerror', None) or error} "
            f"({getattr(error, 'filename', None) or folder / LOCK}). Free this name, or choose a place where "
            "this user may write with --out"
        ) from None
    try:
        with suppress(OSError):  # it only tells others whom to wait for
            (folder / OWNER).write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Return whether another process owns `folder`."""
    if not (folder / LOCK).is_file():
        return False
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _owner(folder: Path) -> str:
    try:
        return f" (process {int((folder / OWNER).read_text('utf-8'))})"
    except (OSError, ValueError):
        return ""
