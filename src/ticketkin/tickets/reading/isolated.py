"""Workbooks and Parquet files, read in a process of their own that may die.

Their libraries are written in Rust: a damaged file can end in a panic, one that asks for hundreds of
gigabytes in an abort. Neither can be caught where it happens. The process has a memory limit where the system
knows one, and a time limit.
"""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.reading.table import RawTable

_LIMIT_SECONDS = 600
_PACKAGES = Path(__file__).parents[3]


def read_isolated(path: Path, encoding: str | None = None) -> RawTable:
    """Return a workbook's or a Parquet file's records.

    Raises UnreadableFileError for a damaged file, and for one that needs more memory or time than it may.
    """
    del encoding  # both formats name their own
    # -P keeps files of the working directory from shadowing modules.
    command = [sys.executable, "-P", "-m", f"{__name__}_process", str(path.absolute())]
    # The package it finds is this one, wherever the working directory is.
    search_path = os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_LIMIT_SECONDS,
            check=False,
            env=os.environ | {"PYTHONPATH": search_path},
        )
    except subprocess.TimeoutExpired:
        raise UnreadableFileError(
            f"{path} took longer than {_LIMIT_SECONDS // 60} minutes to read; save it as CSV"
        ) from None
    head, _, content = done.stdout.partition(b"\n")
    if done.returncode or not head:
        raise UnreadableFileError(
            f"{path} is not readable: its reader {_how_it_ended(done.returncode, done.stderr)}; the file is "
            "damaged or needs too much memory. Save it again, or as CSV"
        )
    answer = json.loads(head)
    if "error" in answer:
        # The message names the file by its full path; the user gave another.
        raise UnreadableFileError(answer["error"].replace(str(path.absolute()), str(path)))
    frame = pl.read_ipc_stream(io.BytesIO(content))
    rejected = [(number, reason) for number, reason in answer.pop("rejected")]
    return RawTable(frame=frame, rejected=rejected, **answer)


def _how_it_ended(code: int, complaint: bytes) -> str:
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    lines = complaint.decode("utf-8", "replace").strip().splitlines() or [f"code {code}"]
    return f"stopped with {lines[-1][:200]}"
