"""What an XLSX file really holds, before a library that trusts it opens it."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.wording import number_of

# A sheet that unpacks to more than this, or by more than this factor, is taken for a zip bomb.
_LARGEST_UNPACKED_BYTES = 2 << 30
_LARGEST_RATIO = 200
_NEVER_A_BOMB_BYTES = 64 << 20
# The reader sets aside memory for every cell up to the last row and column, filled or not.
_MOST_CELLS = 100_000_000
_CHUNK_BYTES = 1 << 20
_CELL_COLUMN = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Za-z]+)')
_FAR_CELL = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Za-z]+)(\d{6,})"')
_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_ROW_NUMBER = re.compile(rb'\br="(\d+)"')
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')
_FROM_1904 = re.compile(rb"""<(?:\w+:)?workbookPr\s[^>]*?\bdate1904\s*=\s*["'](?:1|true|on)["']""")
_LAST_COLUMN = 16_384
_LAST_ROW = 1_048_576


@dataclass
class SheetExtent:
    """How far the cells of a worksheet reach."""

    n_rows: int = 0
    n_hidden_rows: int = 0
    last_row: int = 0
    last_column: int = 0


@dataclass
class WorkbookFacts:
    """What the reader of a workbook's cells does not tell."""

    n_hidden_rows: int = 0
    counts_from_1904: bool = False
    """True where the workbook's numbers of days count from 1904 instead of 1900."""


def check_archive(path: Path) -> WorkbookFacts:
    """Return what the workbook says beside its cells.

    Unpacks everything once, as the sizes in a ZIP directory may lie. Raises UnreadableFileError for a damaged
    archive, one that unpacks to too much, and a sheet that reaches too far.
    """
    facts = WorkbookFacts()
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(path, sum(member.file_size for member in archive.infolist()), "would unpack to")
            for member in archive.infolist():
                extent = SheetExtent()
                is_sheet = member.filename.endswith(".xml") and "sharedStrings" not in member.filename
                for content in _content(archive, member):
                    total += len(content)
                    _check_size(path, total, "unpacks to more than")
                    if member.filename.endswith("workbook.xml"):
                        facts.counts_from_1904 |= _FROM_1904.search(content) is not None
                    if is_sheet:
                        _measure(content, extent)
                _check_extent(path, member.filename, extent)
                facts.n_hidden_rows += extent.n_hidden_rows
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        raise UnreadableFileError(
            f"{path} is not a readable XLSX file ({error}); save it again, or as .csv"
        ) from None
    return facts


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Return a member's content in pieces that end between two tags, to its real end."""
    unbounded = copy(member)
    unbounded.file_size = 1 << 62
    # A wrong checksum is the reader's affair; here only sizes count.
    unbounded.CRC = None  # type: ignore[assignment]
    rest = b""
    with archive.open(unbounded) as file:
        while piece := file.read(_CHUNK_BYTES):
            piece = rest + piece
            end = piece.rfind(b"<") if len(piece) < 2 * _CHUNK_BYTES else len(piece)
            end = len(piece) if end <= 0 else end
            yield piece[:end]
            rest = piece[end:]
    yield rest


def _check_size(path: Path, unpacked: int, verb: str) -> None:
    ratio = unpacked / max(1, path.stat().st_size)
    if unpacked > _LARGEST_UNPACKED_BYTES or (ratio > _LARGEST_RATIO and unpacked > _NEVER_A_BOMB_BYTES):
        raise UnreadableFileError(
            f"{path} {verb} {unpacked >> 20:,} MiB, {ratio:,.0f} times its size; refused as a "
            "zip bomb. Save it as CSV if it is genuine"
        )


def _measure(content: bytes, extent: SheetExtent) -> None:
    for row in _ROW.finditer(content):
        extent.n_rows += 1
        extent.n_hidden_rows += _HIDDEN.search(row[1]) is not None
        number = _ROW_NUMBER.search(row[1])
        extent.last_row = max(extent.last_row, extent.n_rows, int(number[1][:20]) if number else 0)
    columns = {_column_number(letters) for letters in set(_CELL_COLUMN.findall(content))}
    extent.last_column = max(extent.last_column, *columns, 0)
    for _, digits in _FAR_CELL.findall(content):
        extent.last_row = max(extent.last_row, int(digits[:20]))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + letter - 64
    return number


def _check_extent(path: Path, name: str, extent: SheetExtent) -> None:
    is_beyond = extent.last_column > _LAST_COLUMN or extent.last_row > _LAST_ROW
    if is_beyond or extent.last_row * extent.last_column > _MOST_CELLS:
        raise UnreadableFileError(
            f"{path}: {Path(name).stem} has a cell in row {extent.last_row:,} or column "
            f"{extent.last_column:,}, but {number_of(extent.n_rows, 'row')} with cells; delete the empty "
            "rows and columns after the last ticket, or save it as CSV"
        )
