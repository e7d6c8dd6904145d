"""A child process that runs commands and may die of one: that one is blamed, and another takes its place."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_CHILD = Path(__file__).with_name("hostile_child.py")
SECONDS = float(os.environ.get("HOSTILE_SECONDS", "60"))
"""A command that takes longer hangs."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """The exit code; negative where a signal ended the process."""
    out: str
    err: str
    crash: str
    """A traceback, or how the process died; "" where it ended by itself."""
    peak_bytes: int
    seconds: float

    @property
    def screen(self) -> str:
        """All that was printed, on one line."""
        return " ".join(f"{self.err} {self.out}".split())


class Worker:
    """Runs commands one after another."""

    def __init__(self, cache: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TICKETKIN_")}
        # Screens as wide as their lines, so that no path is broken; no network, no cache of the user's.
        self._environment = kept | {
            "COLUMNS": "1000",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "POLARS_MAX_THREADS": "2",
            "TICKETKIN_CACHE": str(cache),
        }
        self._process: subprocess.Popen[str] | None = None

    def run(
        self,
        argv: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        out: str | None = None,
        largest_file_bytes: int | None = None,
        seconds_allowed: float = SECONDS,
    ) -> Ended:
        """Run `ticketkin ARGV` in `folder`; `out` is where its output goes instead of a file."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        screens = {name: folder.with_name(f"{folder.name}.{name}") for name in ("out", "err")}
        for path in screens.values():
            path.write_bytes(b"")
        request = {
            "argv": list(argv),
            "folder": str(folder),
            "environment": self._environment | dict(environment or {}),
            "out": out or str(screens["out"]),
            "err": str(screens["err"]),
            "largest_file_bytes": largest_file_bytes,
        }
        started = time.monotonic()
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], seconds_allowed)
        line = process.stdout.readline() if ready else ""
        seconds = time.monotonic() - started
        answer = json.loads(line) if line else self._buried(bool(ready), seconds_allowed)
        printed = {name: path.read_text("utf-8", "surrogateescape") for name, path in screens.items()}
        return Ended(
            answer["code"], printed["out"], printed["err"], answer["crash"], answer["peak_bytes"], seconds
        )

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                text=True,
                start_new_session=True,  # what it started dies with it
            )
        return self._process

    def _buried(self, died: bool, seconds_allowed: float) -> dict[str, object]:
        """Return the answer of a process that gave none."""
        assert self._process is not None
        if died:
            code = self._process.wait()
            crash = f"the process died with {code}"
        else:
            code, crash = -int(signal.SIGKILL), f"it took more than {seconds_allowed:g} s"
        self.close()
        self._process = None
        return {"code": code, "crash": crash, "peak_bytes": 0}
