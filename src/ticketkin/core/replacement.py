"""One file or folder put in the place of another in a single step, and what killed processes left behind.

What is written lies beside its place under a name that begins with a dot and ends in `.part`. It is
flushed to the disk, and then one directory entry changes:

- a file is renamed onto the old one;
- a folder and the old one exchange their names (`renameat2` on Linux, `renamex_np` on macOS), so that a run
  holds plain folders, which every tool copies;
- where the file system can't exchange names, the folder's name becomes a relative link to
  `.<name>.<id>.version`, and the link is renamed onto the old link. A plain folder that is there already has
  to step aside once, as `.<name>.<id>.old`: a kill at this one moment leaves its name empty, and
  `sweep_leftovers` puts it back.

The old content is deleted last, so a kill at any moment leaves the old or the new one whole.
"""

import contextlib
import ctypes
import errno
import os
import re
import shutil
import stat
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LEFTOVER = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(?P<kind>part|old|version)", re.DOTALL)
# What a file system, or a system without the call, answers where names can't be exchanged.
_CAN_NOT_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}
_AT_WORKING_FOLDER = -100
_EXCHANGE = 2  # RENAME_EXCHANGE on Linux, RENAME_SWAP on macOS
_ARRAYS, _PRIVATE = ".safetensors", 0o600
# Characters of a name that its temporary neighbour repeats: long names stay within what a file system takes.
_MOST_REPEATED = 40
# A folder with this file is a run of its own, which its own process sweeps.
LOCK = ".lock"
# The folder in a run that holds files of the user; nothing in it is swept.
KEPT = "kept"


def part_beside(path: Path) -> Path:
    """Return a new name beside `path` for what is being written."""
    return path.with_name(f".{path.name[:_MOST_REPEATED]}.{_new_id()}.part")


def put_in_place(temporary: Path, path: Path) -> None:
    """Move `temporary`, a file or folder beside `path`, to `path` in one step, on the disk for good.

    Raises OSError as the file system does; NotADirectoryError where a folder would replace a file, and
    IsADirectoryError the other way round.
    """
    _make_readable(temporary, path)
    flush(temporary)
    if not temporary.is_dir():
        temporary.replace(path)
    elif not os.path.lexists(path):
        temporary.rename(path)
    elif path.is_file():
        raise NotADirectoryError(errno.ENOTDIR, "a file is where a folder belongs", str(path))
    elif _exchange(temporary, path):
        flush_folder(path.parent)
        with contextlib.suppress(OSError):  # the new one is in place; what stays is swept at the next start
            remove_old(temporary)
    else:
        _point_to(temporary, path)
    flush_folder(path.parent)


def move_pointer(link: Path, target: str) -> None:
    """Make `link` a link to `target`, a name beside it, in one step. Raises OSError without links."""
    temporary = part_beside(link)
    temporary.symlink_to(target)
    try:
        temporary.replace(link)
    except OSError:
        temporary.unlink()
        raise
    flush_folder(link.parent)


def remove_old(path: Path) -> None:
    """Delete a file, folder or link, and the version that a link of `put_in_place` stands for."""
    version = _version_of(path)
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)
    if version is not None:
        shutil.rmtree(version)


def flush(path: Path) -> None:
    """Wait until a file, or a folder with all that is in it, is on the disk."""
    if not path.is_dir():
        _flush_file(path)
        return
    for folder, _, names in os.walk(path):
        for name in names:
            _flush_file(Path(folder) / name)
        flush_folder(Path(folder))


def flush_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where the file system can tell."""
    with contextlib.suppress(OSError):  # folders can't be opened everywhere
        _flush_file(path)


def sweep_leftovers(folder: Path, idle_seconds: float = 0) -> list[str]:
    """Delete what killed processes left below `folder`; put back a folder that had stepped aside.

    Only names of this module are touched, nothing in `kept/`, and no run folder below this one. The caller
    owns the folder, since what another process is writing would be lost; or gives `idle_seconds`, for which
    what is deleted must not have changed. Returns a line for each thing done.
    """
    latest = time.time() - idle_seconds
    own = (path for path in _leftovers(folder) if path.relative_to(folder).parts[0] != KEPT)
    idle = (path for path in own if not idle_seconds or path.lstat().st_mtime < latest)
    return [line for path in idle if (line := _swept(path, folder)) is not None]


def contained_files(folder: Path) -> list[Path]:
    """Return the files of a folder in sorted order, through links of this module, without its leftovers."""
    return sorted(_contained(folder))


def contained_entries(path: Path) -> list[Path]:
    """Return what would be deleted with `path`, in sorted order: itself, or the files and links in it.

    The leftovers of this module are not among them.
    """
    return sorted(_entries(path)) if os.path.lexists(path) else []


def is_leftover(name: str) -> bool:
    """Return whether a name is one that this module gives to what is being written or replaced."""
    return _LEFTOVER.fullmatch(name) is not None


def _entries(path: Path) -> Iterator[Path]:
    if not path.is_dir() or (path.is_symlink() and _version_of(path) is None):
        yield path
        return
    for inner in path.iterdir():
        if not is_leftover(inner.name):
            yield from _entries(inner)


def _contained(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if is_leftover(path.name):
            continue
        if path.is_dir():
            if not path.is_symlink() or _version_of(path) is not None:
                yield from _contained(path)
        elif path.is_file():
            yield path


def _leftovers(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if is_leftover(path.name):
            yield path
        elif path.is_dir() and not path.is_symlink() and not (path / LOCK).exists():
            yield from _leftovers(path)


def _swept(path: Path, folder: Path) -> str | None:
    parts = _LEFTOVER.fullmatch(path.name)
    assert parts is not None  # noqa: S101 - `_leftovers` yields such names only
    place = path.with_name(parts["name"])
    if parts["kind"] == "version" and _version_of(place) == path:
        return None
    if parts["kind"] == "old" and not os.path.lexists(place):
        path.rename(place)
        return f"put back {place.relative_to(folder)}, which a killed run was replacing"
    try:
        remove_old(path)
    except OSError as error:
        return f"can't delete {path.relative_to(folder)}, left by a killed run: {error.strerror}"
    return f"deleted {path.relative_to(folder)}, left by a killed run"


def _version_of(path: Path) -> Path | None:
    """Return the folder that a link of this module stands for, or None for anything else."""
    if not path.is_symlink():
        return None
    target = path.readlink()
    parts = _LEFTOVER.fullmatch(target.name)
    ours = parts is not None and parts["kind"] == "version" and len(target.parts) == 1
    version = path.parent / target
    return version if ours and version.is_dir() else None


def _point_to(temporary: Path, path: Path) -> None:
    version = path.with_name(f".{path.name}.{_new_id()}.version")
    temporary.rename(version)
    before = _version_of(path)
    if not path.is_symlink():
        before = path.with_name(f".{path.name}.{_new_id()}.old")
        path.rename(before)
    try:
        move_pointer(path, version.name)
    except OSError:
        if os.path.lexists(path):
            raise
        version.rename(path)  # a file system without links
    if before is not None:
        with contextlib.suppress(OSError):
            remove_old(before)


def _make_readable(temporary: Path, path: Path) -> None:
    """Give arrays the mode of any new file here: safetensors makes them readable by their owner alone."""
    if temporary.is_dir():
        arrays = list(temporary.rglob(f"*{_ARRAYS}"))
    else:
        arrays = [temporary] if path.suffix == _ARRAYS else []
    private = [file for file in arrays if stat.S_IMODE(file.lstat().st_mode) == _PRIVATE]
    if not private:
        return
    new = part_beside(path)
    new.touch()
    for file in private:
        shutil.copymode(new, file)
    new.unlink()


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system can't. Raises OSError for other faults."""
    library: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    first, second = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        failed = library.renamex_np(first, second, _EXCHANGE)
    elif hasattr(library, "renameat2"):
        failed = library.renameat2(_AT_WORKING_FOLDER, first, _AT_WORKING_FOLDER, second, _EXCHANGE)
    else:
        return False
    if not failed:
        return True
    fault = ctypes.get_errno()
    if fault in _CAN_NOT_EXCHANGE:
        return False
    raise OSError(fault, os.strerror(fault), str(other))


def _flush_file(path: Path) -> None:
    if path.is_symlink() or os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _new_id() -> str:
    return uuid.uuid4().hex[:8]
