"""What may be written where: nothing of the user's is replaced unasked, and no source ever.

Every command and function that writes outside a run folder asks here before it begins its work.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ticketkin.core.errors import InputError, OutputRefusedError
from ticketkin.core.run_ownership import owning_run


def output_path(text: str | Path) -> Path:
    """Return what a user typed as an output's path. Raises InputError for an empty one.

    `Path("")` is the current folder, so an unset variable in a script would otherwise write there.
    """
    if not str(text).strip():
        raise InputError(
            'The path of the output is empty, as "$VARIABLE" is where the variable is not set; '
            "name a file or folder, or leave the option out"
        )
    return Path(text)


def check_file_output(path: Path, sources: Iterable[Path] = (), *, force: bool = False) -> None:
    """Check that a file may be written to `path`.

    Raises OutputRefusedError where `path` is one of `sources` or a run's own file, by whatever name or link,
    even with `force`; where it is a folder; where it exists and `force` is not given; and where its folder
    can't be written to.
    """
    check_name(path)
    refuse_sources(path, sources)
    _refuse_owned(path)
    if path.is_dir():
        raise OutputRefusedError(f"{path} is a folder, and a file is written here; name a file")
    if os.path.lexists(path) and not force:
        raise OutputRefusedError(
            f"{path} exists, and nothing was written; name another file, or give --force to replace it"
        )
    check_place(path)


def check_folder_output(
    path: Path, sources: Iterable[Path], is_replaceable: Callable[[Path], bool], *, force: bool = False
) -> None:
    """Check that a folder may be written to `path`, which it would replace whole.

    Raises OutputRefusedError, even with `force`, where one of `sources` is or lies in `path`, where `path` is
    or lies in a run's own folder, where it is or holds the current folder, where it is a file, and where it
    is not empty and not what `is_replaceable` accepts, since everything in it would be deleted; without
    `force`, where it is not empty.
    """
    check_name(path)
    for source in sources:
        if _is_same(path, source) or source.resolve().is_relative_to(path.resolve()):
            raise OutputRefusedError(
                f"{path} is to be replaced, and {source}, which is read, lies there; name another folder"
            )
    _refuse_owned(path)
    if Path.cwd().is_relative_to(path.resolve()):
        raise OutputRefusedError(
            f"{path} is or holds the current folder, and it would be replaced whole; name a folder of its own"
        )
    if os.path.lexists(path) and not path.is_dir():
        raise OutputRefusedError(f"{path} is a file, and a folder is written here; name a folder")
    if path.is_dir() and any(path.iterdir()):
        if not is_replaceable(path):
            raise OutputRefusedError(
                f"{path} holds files that this command does not write, so it is not replaced, not even with "
                "--force; name another folder"
            )
        if not force:
            raise OutputRefusedError(
                f"{path} exists, and nothing was written; name another folder, or give --force to replace it"
            )
    check_place(path)


def refuse_sources(path: Path, sources: Iterable[Path]) -> None:
    """Raise OutputRefusedError if `path` is one of `sources`, by whatever name or link."""
    for source in sources:
        if _is_same(path, source):
            raise OutputRefusedError(
                f"{path} is read ({source}) and can't be written too, not even with --force; "
                "name another output"
            )


def _refuse_owned(path: Path) -> None:
    run = owning_run(path)
    if run is not None:
        raise OutputRefusedError(
            f"{path} belongs to the run in {run}, which alone writes there, so nothing was written, not even "
            "with --force; name a place outside the run"
        )


def check_name(path: Path) -> None:
    """Raise OutputRefusedError if the system takes no such path, too long a one for instance."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputRefusedError(f"{path} can't be written: {reason}; name another place") from None


def check_place(path: Path) -> None:
    """Raise OutputRefusedError if no file or folder can be made at `path`."""
    place = path if path.is_dir() else path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise OutputRefusedError(f"{path} can't be written: {place} is a file; name a place in a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputRefusedError(f"{path} can't be written: {place} is read-only for this user; name another")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return one.resolve() == other.resolve()
