"""The manifest of an index: which segments it has, and which of their rows are deleted."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from pydantic import Field

from ticketkin.core.errors import InputError, OutputRefusedError, UnreadableFileError
from ticketkin.core.locks import folder_lock
from ticketkin.core.records import read_record
from ticketkin.core.replacement import LOCK, is_leftover
from ticketkin.serving.segment_files import REMEDY, SegmentRecord

MANIFEST = "index.json"
VERSION = 4
_SEGMENT = "segment-"


@dataclass(frozen=True)
class ListedSegment:
    """A segment, and which of its rows are deleted."""

    segment: SegmentRecord
    deleted: list[Annotated[int, Field(ge=0)]]


@dataclass(frozen=True)
class IndexManifest:
    """What an index consists of."""

    version: int
    bundle: str
    segments: list[ListedSegment]


def read_manifest(folder: Path, bundle_id: str) -> IndexManifest:
    """Return the manifest of the index in a folder.

    Raises InputError for that of another bundle, UnreadableFileError for one that is damaged or of another
    version.
    """
    path = folder / MANIFEST
    manifest = read_record(path, IndexManifest, REMEDY)
    if manifest.version != VERSION:
        raise UnreadableFileError(
            f"The index {folder} is of version {manifest.version}, this release reads version {VERSION}. "
            f"{REMEDY}"
        )
    if manifest.bundle != bundle_id:
        raise InputError(
            f"The index {folder} belongs to the bundle {manifest.bundle[:12]}…, this one is "
            f"{bundle_id[:12]}…: its embeddings are of other models. Give the bundle it was built with, or "
            "build an index for this one: ticketkin index BUNDLE EXPORT"
        )
    return manifest


def new_segment_name() -> str:
    """Return a name that no segment has."""
    return f"{_SEGMENT}{uuid4().hex[:8]}"


def refuse_other_content(folder: Path) -> None:
    """Raise where a folder that is no index holds files of someone else."""
    if folder.exists() and not folder.is_dir():
        raise OutputRefusedError(f"{folder} is a file; an index is a folder, so choose another name")
    if folder.is_dir() and any(
        not is_leftover(path.name) and path.name != LOCK and not path.name.startswith(_SEGMENT)
        for path in folder.iterdir()
    ):
        raise OutputRefusedError(
            f"{folder} holds other files and no index; choose a new folder for the index"
        )


@contextmanager
def writing_lock(folder: Path) -> Iterator[None]:
    """Own the index in a folder. Raises RunLockedError while another process does."""
    with folder_lock(
        folder,
        taken=lambda: f"The index {folder} is being changed by another process; try again when it is done",
        unusable=lambda reason: (
            f"The index {folder} can't be changed: {reason}. Choose a folder where this user may write"
        ),
    ):
        yield


def leftovers(folder: Path, manifest: IndexManifest) -> list[Path]:
    """Return what killed processes left in the folder of an index."""
    named = {listed.segment.name for listed in manifest.segments}
    if not folder.is_dir():
        return []
    return [
        path
        for path in folder.iterdir()
        if is_leftover(path.name) or (path.name.startswith(_SEGMENT) and path.name not in named)
    ]


def copy_index(source: Path, folder: Path) -> None:
    """Make an index in `folder` of the files of another one, which another process may be changing.

    Files of segments never change, so that both may be the same on the disk. Where the other process took a
    segment away meanwhile, what was made is no whole index. Raises OSError.
    """
    shutil.copytree(source, folder, copy_function=_same_file, ignore=_not_of_an_index)


def _not_of_an_index(_: str, names: list[str]) -> set[str]:
    return {name for name in names if name == LOCK or is_leftover(name)}


def _same_file(source: str, target: str) -> None:
    if not Path(source).parent.name.startswith(_SEGMENT):
        shutil.copy2(source, target)
        return
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # on another disk, or one that knows no links
        shutil.copy2(source, target)
