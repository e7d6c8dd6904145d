"""A process that has imported what models need and never loads one: copies of it answer requests.

The imports take seconds and a copy takes milliseconds, and a copy has loaded no more of any model than a new
process. Where the system can't copy a process, each request starts a new one.
"""

import json
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ticketkin.core.child_process import LIMIT_SECONDS, end_with_parent, run_module
from ticketkin.core.errors import JobError

SERVE = "--serve"
"""Argument by which a module is asked to serve and not to answer once."""
_READ_AT_IMPORT = (
    "CUDA", "HF_", "HUGGINGFACE_", "MKL_", "OMP_", "OPENBLAS_", "TOKENIZERS_", "TORCH", "TRANSFORMERS_",
)  # fmt: skip
"""Beginnings of variables that libraries read as they are imported: another value needs another process."""
_IDLE_SECONDS = 900.0
"""The imports take ten seconds and more, and a run trains for minutes between two requests."""
_COMPLAINT = ".complaint"


class CopiedProcess:
    """Runs a module's main function in copies of one process, one at a time; ends when this process does."""

    def __init__(self, module: str) -> None:
        """`module` calls `serve` where its only argument is `SERVE`."""
        self._module, self._lock = module, threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._begun_for: tuple[int, Mapping[str, str]] | None = None

    def run(self, question: Path, answer: Path) -> None:
        """Have the module read one file and write another.

        Raises JobError with the last line of its complaint where it fails.
        """
        if not hasattr(os, "fork"):
            run_module(self._module, [str(question), str(answer)])
            return
        with self._lock:
            # One that was idle for long has ended, and is begun again.
            status = self._asked(question, answer)
            if status is None:
                status = self._asked(question, answer)
        if status is None:
            raise JobError("it ended before it answered")
        if status != 0:
            complaint = answer.with_name(answer.name + _COMPLAINT)
            lines = complaint.read_text("utf-8", "replace").strip().splitlines() if complaint.exists() else []
            raise JobError(lines[-1] if lines else "no message")

    def _asked(self, question: Path, answer: Path) -> int | None:
        """Return the exit status of a copy; None where the process has ended."""
        process = self._running()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both are pipes
        request = {
            "arguments": [str(question.absolute()), str(answer.absolute())],
            "folder": os.getcwd(),  # noqa: PTH109 - as a text
            "environment": dict(os.environ),
        }
        is_answered = False
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                if not selector.select(LIMIT_SECONDS):
                    raise JobError(f"it took longer than {LIMIT_SECONDS:,} seconds")
            line = process.stdout.readline()
            is_answered = bool(line)
            return int(line) if line else None
        except BrokenPipeError:
            return None
        finally:
            if not is_answered:
                self.close()

    def _running(self) -> "subprocess.Popen[str]":
        wanted = (
            os.getpid(),
            {name: value for name, value in os.environ.items() if name.startswith(_READ_AT_IMPORT)},
        )
        if self._process is not None and (self._begun_for != wanted or self._process.poll() is not None):
            self.close()
        if self._process is None:
            # -P keeps files of the working directory from shadowing modules; all input is made here.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", self._module, SERVE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            self._begun_for = wanted
        return self._process

    def close(self) -> None:
        """Release the process: it ends, with a copy at work, as soon as nobody writes to it."""
        process, self._process = self._process, None
        if process is None or (self._begun_for is not None and self._begun_for[0] != os.getpid()):
            return
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        process.wait()


def serve(main: Callable[[Sequence[str]], None]) -> None:
    """Answer each request on the standard input by a copy of this process; end where none comes any more."""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        while selector.select(_IDLE_SECONDS):
            line = _read_line()
            if not line:
                return
            request = json.loads(line)
            copy = os.fork()
            if copy == 0:
                _answer(main, request["arguments"], request["folder"], request["environment"])
            _, status = os.waitpid(copy, 0)
            os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _read_line() -> bytes:
    """Return a line of the standard input, without reading beyond it; empty at its end."""
    parts = []
    while part := os.read(0, 1 << 16):
        parts.append(part)
        if part.endswith(b"\n"):
            break
    return b"".join(parts)


def _answer(
    main: Callable[[Sequence[str]], None],
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
) -> None:
    """Do the work of a copy, and end it."""
    status = 1
    try:
        end_with_parent()
        complaint = os.open(arguments[-1] + _COMPLAINT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(complaint, 2)
        os.dup2(complaint, 1)  # whatever a library prints is no answer of the process
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        main(arguments)
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
