"""What lies in a bundle, file by file: `bundle.json`, and the check that all of it is there unchanged.

Every file is hashed each time a bundle is opened: 100 MB take about a tenth of a second on one core, and
files are hashed side by side.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ticketkin.core.artifacts import hash_path, hash_value, write_json
from ticketkin.core.errors import InputError, UnreadableFileError, UnsafeArtifactError
from ticketkin.core.records import read_record
from ticketkin.core.replacement import is_leftover
from ticketkin.core.run_ownership import owning_run
from ticketkin.core.wording import number_of
from ticketkin.encoders.safety import PICKLED_WEIGHTS

MANIFEST = "bundle.json"
INDEX = "index"
"""Folder of stored tickets: it changes every day, so it is no part of the manifest."""
FORMAT_VERSION = 2
COPY_AGAIN = "Copy the whole folder again, or make it again: ticketkin bundle RUN --out FOLDER"
# Written by file managers wherever they look; nothing reads them.
_OF_FILE_MANAGERS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_CODE = (*PICKLED_WEIGHTS, "*.bin", "*.joblib", "*.npz", "*.npy", "*.py", "*.pyc", "*.so", "*.dll", "*.dylib")
# OpenVINO keeps the numbers of an exported model as a plain array beside the graph, which is XML.
_PLAIN_NUMBERS, _GRAPH = ".bin", ".xml"
_MOST_NAMED = 3


@dataclass(frozen=True)
class FileRecord:
    """A file of a bundle."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    n_bytes: Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Manifest:
    """The content of bundle.json."""

    format_version: int
    ticketkin: str
    """The version that made it."""
    id: str
    """Hash of all files: two bundles of one id answer alike."""
    files: dict[str, FileRecord]
    """By path in the bundle, with slashes."""


def is_bundle(folder: Path) -> bool:
    """Return whether a folder is, or was meant to be, a bundle."""
    return (folder / MANIFEST).is_file()


def default_index(folder: Path) -> Path:
    """Return where the tickets of a bundle are stored: in it, or beside it where it is a run's own.

    A run replaces its bundle whole, and its stages would take an index in it for an altered output.
    """
    run = owning_run(folder / MANIFEST)
    return (folder if run is None else run) / INDEX


def write_manifest(folder: Path) -> Manifest:
    """Write and return bundle.json over the files that lie in `folder`."""
    files = {
        name: FileRecord(hash_path(path), path.stat().st_size)
        for name, path in sorted(_files(folder))
        if name != MANIFEST
    }
    manifest = Manifest(FORMAT_VERSION, version("ticketkin"), _id_of(files), files)
    listed = {name: vars(record) for name, record in files.items()}
    write_json(folder / MANIFEST, {**vars(manifest), "files": listed})
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a bundle.

    Raises InputError where `folder` holds none, UnreadableFileError where it is damaged or of another
    version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(
            f"{folder} is no bundle: it has no {MANIFEST}. Make one: ticketkin bundle RUN --out FOLDER"
        )
    content = read_record(path, dict, COPY_AGAIN)  # of any version
    stored = content.get("format_version")
    if stored != FORMAT_VERSION:
        raise UnreadableFileError(
            f"{folder} is a bundle of format {stored!r}, made by ticketkin "
            f"{content.get('ticketkin', '?')}; this "
            f"is ticketkin {version('ticketkin')}, which reads format {FORMAT_VERSION}. Make it again "
            "from its "
            "run: ticketkin bundle RUN --out FOLDER"
        )
    manifest = read_record(path, Manifest, COPY_AGAIN)
    if manifest.id != _id_of(manifest.files):
        raise UnreadableFileError(f"{path} was changed: its id is not that of its files. {COPY_AGAIN}")
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Return nothing if exactly the files of the manifest lie in `folder`, each with its hash.

    Raises UnsafeArtifactError for a link and for a file that could hold code, UnreadableFileError naming what
    is missing, changed or unknown.
    """
    there = dict(_files(folder))
    there.pop(MANIFEST, None)
    _refuse_code(folder, there)
    faults = [
        _fault("missing", [name for name in manifest.files if name not in there], len(manifest.files)),
        _fault("not part of it", [name for name in there if name not in manifest.files], len(there)),
        _fault("changed", _changed(there, manifest), len(manifest.files)),
    ]
    what = "; ".join(fault for fault in faults if fault)
    if what:
        raise UnreadableFileError(f"The bundle {folder} is not as it was made: {what}. {COPY_AGAIN}")


def _fault(what: str, names: list[str], n_files: int) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return (
        f"{len(names):,} of {number_of(n_files, 'file')} {what} "
        f"({', '.join(sorted(names)[:_MOST_NAMED])}{more})"
    )


def _changed(there: dict[str, Path], manifest: Manifest) -> list[str]:
    names = [name for name in manifest.files if name in there]
    resized = [name for name in names if there[name].stat().st_size != manifest.files[name].n_bytes]
    rest = [name for name in names if name not in set(resized)]
    with ThreadPoolExecutor() as pool:  # hashing frees the interpreter
        hashes = pool.map(hash_path, [there[name] for name in rest])
        return resized + [
            name for name, digest in zip(rest, hashes, strict=True) if digest != manifest.files[name].sha256
        ]


def _refuse_code(folder: Path, there: dict[str, Path]) -> None:
    graphs = {path for path in there.values() if path.suffix == _GRAPH}
    for name, path in there.items():
        if path.suffix == _PLAIN_NUMBERS and path.with_suffix(_GRAPH) in graphs:
            continue
        if any(fnmatch(path.name, pattern) for pattern in _CODE):
            raise UnsafeArtifactError(
                f"{folder / name} could hold code that runs when it is loaded; a bundle holds "
                "safetensors, JSON "
                f"and text only, and nothing of it was loaded. {COPY_AGAIN}"
            )


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of every file but those of the index. Raises UnsafeArtifactError for a link."""
    for place, folders, names in os.walk(folder):
        here = Path(place)
        if here == folder and INDEX in folders:
            folders.remove(INDEX)
        for name in (*folders, *names):
            path = here / name
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise UnsafeArtifactError(
                    f"{path} is a link or no regular file; a bundle holds plain files only. {COPY_AGAIN}"
                )
        for name in names:
            if name not in _OF_FILE_MANAGERS and not is_leftover(name):
                yield (here / name).relative_to(folder).as_posix(), here / name


def _id_of(files: dict[str, FileRecord]) -> str:
    return hash_value({name: record.sha256 for name, record in files.items()})[:32]
