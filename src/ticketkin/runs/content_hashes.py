"""Hashes of what stages read and wrote."""

from functools import lru_cache
from pathlib import Path

from ticketkin.core.artifacts import hash_path
from ticketkin.core.replacement import contained_files


@lru_cache(maxsize=4096)
def _hash_of(path: Path, _changed_ns: int, _size: int) -> str:
    return hash_path(path)


def content_hash(path: Path) -> str:
    """Hash of a file or folder, remembered while size and modification times stay."""
    files = contained_files(path) if path.is_dir() else [path]
    stats = [file.stat() for file in files]
    newest = max((s.st_mtime_ns for s in stats), default=0)
    return _hash_of(path, newest, sum(s.st_size for s in stats) + len(stats))
