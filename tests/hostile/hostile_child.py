"""The command, many times in one process: the heavy libraries are loaded once.

Reads one request a line from its standard input, runs `ticketkin` as typed with both screens going to files,
and answers with one line: how it ended, and how much memory it held at most.
"""

import contextlib
import functools
import json
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

# Built once, and not for each request: that takes longer than many a request.
typer.main.get_command = functools.cache(typer.main.get_command)
_ADDRESS_SPACE_BYTES = 12 << 30


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


_largest_child_kib = 0


def _peak_bytes() -> int:
    """The most memory held since `_forget_peak`, by this process or by one that it started.

    What children held is known as the most of all so far alone: it counts where it has grown.
    """
    global _largest_child_kib  # noqa: PLW0603 - one number a process, as the kernel keeps it
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                own = int(line.split()[1])
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if child > _largest_child_kib:
        _largest_child_kib = child
        own = max(own, child)
    return own << 10


@contextlib.contextmanager
def _largest_file(limit_bytes: int | None) -> Iterator[None]:
    """No file grows beyond the limit meanwhile: a disk that is full, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft if limit_bytes is None else limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _screen(target: str) -> int:
    if target == "a closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
        return writer
    return os.open(
        target, os.O_WRONLY | os.O_CREAT | (0 if target.startswith("/dev/") else os.O_TRUNC), 0o600
    )


def _call(argv: list[str]) -> tuple[int, str]:
    """Return the exit code, and the traceback of what `main` let through."""
    from ticketkin.cli.console import errors, screen
    from ticketkin.cli.entry import main

    # Rich silences a console whose reader has gone, for the rest of the process: here, of one command.
    screen.quiet = errors.quiet = False
    sys.argv = ["ticketkin", *argv]
    code, crash = 0, ""
    try:
        main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        code, crash = 1, traceback.format_exc()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code, crash = 120, crash + "at the end: " + traceback.format_exc()
    return code, crash


def _run(request: dict[str, Any]) -> dict[str, Any]:
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    kept = os.dup(1), os.dup(2), sys.stdout, sys.stderr
    for number, target in ((1, request["out"]), (2, request["err"])):
        screen = _screen(target)
        os.dup2(screen, number)
        os.close(screen)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    _forget_peak()
    try:
        with _largest_file(request["largest_file_bytes"]):
            code, crash = _call(request["argv"])
    finally:
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        os.close(kept[0])
        os.close(kept[1])
        sys.stdout, sys.stderr = kept[2:]
    return {"code": code, "crash": crash, "peak_bytes": _peak_bytes()}


def serve() -> None:
    """Answer requests until there are no more."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES, _ADDRESS_SPACE_BYTES))
    for line in requests:
        answers.write(json.dumps(_run(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
