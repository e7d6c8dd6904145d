"""The process of its own that `isolated` starts: reads one file and answers on its standard output."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.reading.parquet import read_parquet
from ticketkin.tickets.reading.table import RawTable
from ticketkin.tickets.reading.workbook import read_workbook

_LIMIT_BYTES = 4 << 30
# A packed column of equal values unpacks to many times its size, and honestly so.
_LIMIT_TIMES_SIZE = 16
_READERS: Mapping[str, Callable[[Path], RawTable]] = {".xlsx": read_workbook, ".parquet": read_parquet}


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    limit = _LIMIT_BYTES + _LIMIT_TIMES_SIZE * size
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def main(arguments: Sequence[str]) -> None:
    """Read the file named; write a line of JSON to stdout, and after it the frame as an Arrow stream."""
    path = Path(arguments[0])
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)  # whatever a library prints is no part of the answer
        read = _READERS[path.suffix.lower()]
        _limit_memory(path.stat().st_size)
        head: dict[str, Any]
        frame = pl.DataFrame()
        try:
            table = read(path)
        except UnreadableFileError as error:
            head = {"error": str(error)}
        except MemoryError:
            head = {"error": f"{path} needs more memory than a file of its size may; save it as CSV"}
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            head = {"error": f"{path} is damaged: its reader stopped with {error}; save it again, or as CSV"}
        else:
            frame = table.frame
            head = {name: value for name, value in vars(table).items() if name != "frame"}
        answer.write(json.dumps(head).encode() + b"\n")
        frame.write_ipc_stream(answer)


if __name__ == "__main__":
    main(sys.argv[1:])
