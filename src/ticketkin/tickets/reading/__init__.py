"""Files to tables of plain text, whatever wrote them.

Every cell becomes a string or null; types are decided later, column by column, because exports lie
about them. Records that can't be read are returned with their number and the reason: a record of the
file is a row, rejected, or blank, and the counts are checked.

To add a format: a module with a reader, and its line in `_READERS`.
"""

import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from ticketkin.core.errors import UnreadableFileError, UnsafeArtifactError
from ticketkin.core.near_names import near_file
from ticketkin.core.wording import number_of
from ticketkin.tickets.reading.delimited import read_delimited
from ticketkin.tickets.reading.isolated import read_isolated
from ticketkin.tickets.reading.json_records import read_json_records
from ticketkin.tickets.reading.table import RawTable
from ticketkin.tickets.reading.xml_unload import read_xml_unload

__all__ = ["TABLE_ENDINGS", "RawTable", "read_table"]

_READERS: Mapping[str, Callable[[Path, str | None], RawTable]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".json": read_json_records,
    ".jsonl": read_json_records,
    ".ndjson": read_json_records,
    ".xlsx": read_isolated,
    ".parquet": read_isolated,
    ".xml": read_xml_unload,
}
TABLE_ENDINGS = tuple(ending for ending in _READERS if ending != ".json")
"""Files that can only be tables; JSON has other shapes too."""
_PICKLES = {".pkl", ".pickle", ".joblib", ".pt", ".bin"}
_PACKED = {".gz", ".zip", ".bz2", ".xz", ".zst", ".7z"}


def read_table(path: Path, encoding: str | None = None) -> RawTable:
    """Return the content of a CSV, JSON, JSON Lines, XLSX, Parquet or ServiceNow XML file as strings.

    Records are numbered as a person counts them: the first is 1. `encoding` names the encoding of a CSV or
    JSON file; None or 'auto' finds it. Raises UnreadableFileError for a missing, empty, damaged or unknown
    file, UnsafeArtifactError for a pickle, ConfigurationError for an encoding that Python does not know.
    """
    reader = _reader_of(path)
    try:
        size = _size_of(path)
        if size == 0:
            raise UnreadableFileError(f"{path} is empty; export it again with its header row")
        table = reader(path, encoding)
    except MemoryError:
        raise UnreadableFileError(
            f"{path} needs more memory than this machine gives; export it in parts"
        ) from None
    except OSError as error:
        raise UnreadableFileError(f"{path} can't be read: {error.strerror or error}") from None
    if not table.frame.height:
        _refuse_without_rows(path, table)
    return table


def _reader_of(path: Path) -> Callable[[Path, str | None], RawTable]:
    suffix = path.suffix.lower()
    if suffix in _READERS:
        return _READERS[suffix]
    _size_of(path)
    if suffix in _PICKLES:
        raise UnsafeArtifactError(
            f"{path}: {suffix} files can run code when opened; export CSV or JSON instead"
        )
    if suffix in _PACKED:
        raise UnreadableFileError(f"{path}: packed files are not read; unpack it first")
    raise UnreadableFileError(
        f"{path}: files of the kind {suffix or 'without a suffix'} are not read; allowed are "
        + ", ".join(_READERS)
    )


def _size_of(path: Path) -> int:
    """Return the size of an ordinary file in bytes; a folder, pipe or device is refused, not waited for."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise UnreadableFileError(
                f"{path}: the link points to {path.readlink()}, which is absent"
            ) from None
        at_home = str(path).startswith("~")
        hint = "; write out the home folder instead of ~" if at_home else near_file(path)
        raise UnreadableFileError(f"{path}: no such file{hint}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableFileError(f"{path} can't be read: {reason}") from None
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableFileError(f"{path} is a folder; name the export in it")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFileError(f"{path} is a pipe or a device; save its content as a file first")
    return status.st_size


def _refuse_without_rows(path: Path, table: RawTable) -> None:
    if not table.rejected:
        raise UnreadableFileError(f"{path} holds no rows; export it again with at least one ticket")
    if not table.frame.width:
        number, reason = table.rejected[0]
        raise UnreadableFileError(
            f"{path}: none of its {number_of(table.n_records, 'record')} can be read; record {number}: "
            f"{reason}"
        )
