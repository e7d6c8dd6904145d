"""Runs a module of this package in a child process, which ends with this process however that ends."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ticketkin.core.errors import JobError

LIMIT_SECONDS = 1_800
"""Longest time that a child process may take."""


def run_module(module: str, arguments: Sequence[str]) -> None:
    """Run `python -m module arguments` to its end; one that must not outlive this process calls
    `end_with_parent` first.

    Raises JobError with the last line of its complaint where it fails.
    """
    # -P keeps files of the working directory from shadowing modules; all input is made here.
    command = [sys.executable, "-P", "-m", module, *arguments]
    with _alive() as lifeline:
        done = subprocess.run(  # noqa: S603
            command, stdin=lifeline, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise JobError(last)


@contextmanager
def _alive() -> Iterator[int]:
    """Yield the reading end of a pipe that closes when this process ends, however it ends."""
    reading, writing = os.pipe()  # children inherit neither; the one below gets the reading end as its input
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def end_with_parent() -> None:
    """End this process as soon as its parent has gone: nobody would read its result."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    os.read(0, 1)  # not sys.stdin, whose lock a thread would hold while Python shuts down
    os._exit(1)
