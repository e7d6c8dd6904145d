"""Hashes of what stages read and wrote."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from pydantic import BaseModel
from ticketkin.core.artifacts import atomic_path, hash_path, hash_value, read_json, write_json
from ticketkin.core.errors import MissingInputError
from ticketkin.core.progress import Progress
from ticketkin.core.replacement import contained_files, remove_old
from ticketkin.core.run_ownership import RECORDS
from ticketkin.core.tables import TICKETS_SCHEMA
from ticketkin.runs.artifacts import Artifact, Folder, Place
from ticketkin.runs.holdout_ledger import HoldoutLedger
from ticketkin.runs.keeping import StageFiles
from ticketkin.runs.values import RunValues, UndeclaredError




@lru_cache(maxsize=4096)
def _hash_of(path: Path, _changed_ns: int, _size: int) -> str:
    return hash_path(path)


def content_hash(path: Path) -> str:
    """Hash of a file or folder, remembered while size and modification times stay."""
    files = contained_files(path) if path.is_dir() else [path]
    stats = [file.stat() for file in files]
    newest = max((s.st_mtime_ns for s in stats), default=0)
    return _hash_of(path, newest, sum(s.st_size for s in stats) + len(stats))
