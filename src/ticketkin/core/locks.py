"""One owner of a folder at a time: of a run, of an index."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ticketkin.core.errors import OutputRefusedError, RunLockedError
from ticketkin.core.replacement import LOCK

OWNER = ".owner"


@contextmanager
def folder_lock(folder: Path, *, taken: Callable[[], str], unusable: Callable[[str], str]) -> Iterator[None]:
    """Own `folder` while the block lasts; the lock dies with the process.

    Raises RunLockedError with the text of `taken` at once if another process owns it, OutputRefusedError with
    the text that `unusable` makes of the reason if no lock can be made there.
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise RunLockedError(taken()) from None
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        place = getattr(error, "filename", None) or folder / LOCK
        raise OutputRefusedError(unusable(f"{reason} ({place})")) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Own a run folder while the block lasts, as `folder_lock` does, and say there whose it is."""

    def taken() -> str:
        return f"{folder} is in use by another run{_owner(folder)}; wait for it, or choose another --out"

    def unusable(reason: str) -> str:
        return (
            f"{folder} can't be used as a run folder: {reason}. Free this name, or choose a place where this "
            "user may write with --out"
        )

    with folder_lock(folder, taken=taken, unusable=unusable):
        with suppress(OSError):  # it only tells others whom to wait for
            (folder / OWNER).write_text(str(os.getpid()))
        yield


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
