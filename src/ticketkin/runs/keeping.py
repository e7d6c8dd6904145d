"""Files of the user among those of a run: moved to `kept/` before a stage replaces what holds them."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from itertools import count
from pathlib import Path

from ticketkin.core.artifacts import before_replacing, hash_path, read_json, write_json
from ticketkin.core.errors import OutputRefusedError
from ticketkin.core.progress import Progress
from ticketkin.core.replacement import KEPT, contained_entries, contained_files, flush_folder, is_leftover
from ticketkin.core.run_ownership import RECORDS
from ticketkin.core.wording import number_of

WRITTEN = "written"
"""Folder beside the records of stages: which files each stage wrote."""
# Nobody edits these by hand: one that is not what its stage wrote is damaged, and is made again.
_BULK = (".parquet", ".npy", ".npz", ".safetensors")
_OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")
_MOST_NAMED = 3


class KeptFolder:
    """A folder `kept/<date-time>` of a run, made when the first file is moved there."""

    def __init__(self, run: Path) -> None:
        self._run = run

    @cached_property
    def _place(self) -> Path:
        kept = self._run / KEPT
        if kept.exists() and not kept.is_dir():
            raise OutputRefusedError(
                f"{kept} is a file, and files that Ticketkin did not write are moved into a folder of that "
                "name before results replace them; rename the file"
            )
        name = f"{datetime.now():%Y-%m-%dT%H%M%S}"
        places = (kept / (name if number == 1 else f"{name}-{number}") for number in count(1))
        place = next(place for place in places if not place.exists())
        place.mkdir(parents=True)
        return place

    def take(self, entries: Sequence[Path]) -> str:
        """Move files, folders or links of the run here, under the same names; returns the line to say."""
        for entry in entries:
            target = self._place / entry.relative_to(self._run)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(entry, target)
            flush_folder(target.parent)
        names = [str(entry.relative_to(self._run)) for entry in entries]
        shown = ", ".join(names[:_MOST_NAMED]) + (" …" if len(names) > _MOST_NAMED else "")
        what = number_of(len(names), "file")
        return f"Moved to {self._place}: {what} not written by Ticketkin, or changed since ({shown})"


class StageFiles:
    """What one stage has written, and what lies among it that it did not write."""

    def __init__(self, run: Path, stage: str, recorded: Mapping[str, bool], progress: Progress) -> None:
        """`recorded`: the outputs in the stage's record, and whether each is as it was then.

        They stand in for the list of files that earlier versions did not write.
        """
        self._run, self._progress = run, progress
        self._path = run / RECORDS / WRITTEN / f"{stage}.json"
        self._kept = KeptFolder(run)
        self._hashes = _read(self._path)
        if not self._hashes:
            for name, unchanged in recorded.items():
                self._hashes |= self._listed(name, unchanged=unchanged)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Within the block, what the user put or changed where outputs go is moved to `kept/` first.

        A block that fails leaves the list of old and new files as it is, since either may be there.
        """
        with before_replacing(self._make_way):
            yield
        self._finish()

    def _make_way(self, temporary: Path, path: Path) -> None:
        """Move away what the user put where `temporary` is about to go, and list what goes there.

        Both the old and the new files are listed for now, since a kill may leave either.
        """
        if not path.is_relative_to(self._run):
            return
        parts = path.relative_to(self._run).parts
        if parts[0] == RECORDS or any(map(is_leftover, parts)):
            return
        foreign = [entry for entry in contained_entries(path) if self._is_foreign(entry)]
        if foreign:
            self._progress.say(self._kept.take(foreign))
        there = {name: hashes for name, hashes in self._hashes.items() if (self._run / name).exists()}
        for file in contained_files(temporary) if temporary.is_dir() else [temporary]:
            name = self._name(path / file.relative_to(temporary))
            there[name] = [*there.get(name, ()), *_text_hash(file, path.suffix)]
        self._hashes = there
        write_json(self._path, self._hashes)

    def _finish(self) -> None:
        """Remove from the list what the stage wrote earlier and has replaced."""
        there = {name: hashes for name, hashes in self._hashes.items() if (self._run / name).exists()}
        self._hashes = {name: hashes[-1:] for name, hashes in there.items()}
        write_json(self._path, self._hashes)

    def _is_foreign(self, entry: Path) -> bool:
        if entry.is_symlink():
            return True
        name = self._name(entry)
        if name not in self._hashes:
            return entry.name not in _OF_THE_SYSTEM
        return entry.suffix not in _BULK and hash_path(entry) not in self._hashes[name]

    def _listed(self, output: str, *, unchanged: bool) -> dict[str, list[str]]:
        path = self._run / output
        if unchanged:
            files = contained_files(path) if path.is_dir() else [path]
            return {self._name(file): _text_hash(file, file.suffix) for file in files}
        return {output: []} if path.suffix in _BULK else {}

    def _name(self, path: Path) -> str:
        return path.relative_to(self._run).as_posix()


def keep_foreign(run: Path, own_names: Iterable[str], progress: Progress) -> None:
    """Move what lies under a run's names in a folder that is no run yet."""
    entries = [run / name for name in sorted(own_names)]
    there = [entry for entry in entries if entry.exists() or entry.is_symlink()]
    if there:
        progress.say(KeptFolder(run).take(there))


def _text_hash(file: Path, suffix: str) -> list[str]:
    return [] if (file.suffix in _BULK or suffix in _BULK) else [hash_path(file)]


def _read(path: Path) -> dict[str, list[str]]:
    try:
        listed = read_json(path)
        return {str(name): [str(one) for one in hashes] for name, hashes in listed.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
