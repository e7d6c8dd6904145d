"""The files of a segment: what they are called, what each must be, and their checks."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ticketkin.core.arrays import damaged
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.wording import number_of

REMEDY = "Delete the folder and build the index again: ticketkin index BUNDLE EXPORT"
TICKETS = "tickets.arrow"
POSTINGS = {"whole": "postings", "field_title": "title_postings"}
"""The inverted index of words that is kept for a matrix, by name of the matrix."""
TEXT = "_text"
"""The column of the composed texts beside those of the tickets."""
_BLOCK_BYTES = 1 << 20
Size = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class FileRecord:
    """What a file of a segment must be."""

    n_bytes: Size
    checksum: Size
    """CRC-32."""


@dataclass(frozen=True)
class SegmentRecord:
    """What the manifest of an index says about a segment."""

    name: Annotated[str, Field(pattern=r"^segment-[0-9a-f]{8}$")]
    n_tickets: Annotated[int, Field(ge=1)]
    given: list[str]
    """Embeddings that the tickets came with."""
    described: list[str]
    """Embeddings that the ranking reads."""
    crowds: list[str]
    """Of these, the ones whose crowd is known."""
    widths: dict[str, Size]
    """Columns of each sparse matrix."""
    recall: dict[str, Annotated[float, Field(ge=0, le=1)]]
    """Of each embedding that cells answer for."""
    files: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")], FileRecord]


def cells_file(name: str) -> str:
    """Return what the cells of an embedding are called."""
    return f"cells_{name}.faiss"


def file_records(folder: Path) -> dict[str, FileRecord]:
    """Return what every file of a folder is."""
    return {path.name: file_record(path) for path in sorted(folder.iterdir())}


def file_record(path: Path) -> FileRecord:
    """Return what a file is."""
    return FileRecord(path.stat().st_size, _checksum(path))


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            value = zlib.crc32(block, value)
    return value


def check_size(path: Path, file: FileRecord) -> None:
    """Raise UnreadableFileError where a file is missing or of another size."""
    if not path.is_file():
        raise UnreadableFileError(f"{path} is missing: the index is not complete. {REMEDY}")
    if path.stat().st_size != file.n_bytes:
        raise damaged(
            path, ValueError(f"{number_of(path.stat().st_size, 'byte')} of {file.n_bytes:,}"), REMEDY
        )


def check_content(path: Path, file: FileRecord) -> None:
    """Raise UnreadableFileError where the content of a file changed."""
    if _checksum(path) != file.checksum:
        raise damaged(path, ValueError("its content changed"), REMEDY)
