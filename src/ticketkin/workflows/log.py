"""log.jsonl: what a run printed, with times, kept for later."""

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from ticketkin.core.printing import printable_json
from ticketkin.core.progress import Progress, Task
from ticketkin.core.run_ownership import LOG


@dataclass(frozen=True)
class _LoggingProgress:
    """Passes everything on and writes each printed line to the log."""

    shown: Progress
    stream: TextIO

    def task(self, description: str, total: int | None) -> AbstractContextManager[Task]:
        """Open a bar; bars are not logged."""
        return self.shown.task(description, total)

    def say(self, message: str) -> None:
        """Tell the user one line and log it."""
        self.shown.say(message)
        self.write("info", message)

    def write(self, level: str, message: str) -> None:
        """Append one record, flushed at once so that a kill loses nothing."""
        record = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "message": message,
        }
        self.stream.write(printable_json(json.dumps(record, ensure_ascii=False)) + "\n")
        self.stream.flush()


@contextmanager
def logged(folder: Path, progress: Progress) -> Iterator[Progress]:
    """Yield `progress` that also appends to log.jsonl in `folder`; an error is logged too."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOG
    with path.open("a", encoding="utf-8") as stream:
        if _is_cut_short(path):  # by a kill: the next line must not be lost with it
            stream.write("\n")
        telling = _LoggingProgress(progress, stream)
        try:
            yield telling
        except BaseException as error:
            telling.write("error", f"{type(error).__name__}: {error}")
            raise


def _is_cut_short(path: Path) -> bool:
    with path.open("rb") as stream:
        if not stream.seek(0, os.SEEK_END):
            return False
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) != b"\n"
