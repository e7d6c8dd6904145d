"""Progress bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType

import rich.progress as bars

from ticketkin.cli.console import SafeConsole
from ticketkin.core.progress import Task

_SECONDS_BETWEEN_LINES = 30.0


class _Bar:
    def __init__(self, progress: bars.Progress, task: bars.TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, steps: int = 1) -> None:
        self._progress.advance(self._task, steps)

    def describe(self, text: str) -> None:
        self._progress.update(self._task, note=text)


class _Lines:
    """Says in plain lines how far a long task is, where nobody watches a bar: a log, a pipe."""

    def __init__(self, say: Callable[[str], None], description: str, total: int | None) -> None:
        self._say = say
        self._description = description
        self._total = total
        self._done = 0
        self._note = ""
        self._began = self._spoke = time.monotonic()

    def advance(self, steps: int = 1) -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._spoke < _SECONDS_BETWEEN_LINES or self._done == self._total:
            return
        self._spoke = now
        rate = self._done / (now - self._began)
        line = f"  {self._description}: {self._done:,}"
        if self._total is not None:
            left = timedelta(seconds=round((self._total - self._done) / rate))
            line += f" of {self._total:,}, {left} left"
        self._say(f"{line}, {_rate(rate)} {self._note}".rstrip())

    def describe(self, text: str) -> None:
        self._note = text


def _rate(per_second: float) -> str:
    if per_second < 1:
        return f"{1 / per_second:,.1f} s each"
    return f"{per_second:,.1f}/s" if per_second < 100 else f"{per_second:,.0f}/s"


class _RateColumn(bars.ProgressColumn):
    def render(self, task: bars.Task) -> str:
        rate = task.finished_speed or task.speed
        return _rate(rate) if rate else ""


class ConsoleProgress:
    """Shows bars with rate and time left on the error stream, so that output stays pipeable."""

    def __init__(self, console: SafeConsole) -> None:
        self._console = console
        self._bars = bars.Progress(
            bars.TextColumn("  {task.description}", markup=False),
            bars.BarColumn(bar_width=24),
            bars.MofNCompleteColumn(),
            _RateColumn(),
            bars.TimeRemainingColumn(elapsed_when_finished=True),
            bars.TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console,
            transient=True,
            # On the same terminal rich puts what is printed above the bars; a pipe or file gets it as it is.
            redirect_stdout=sys.stdout.isatty(),
        )

    def __enter__(self) -> "ConsoleProgress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Task]:
        """Show a bar while the block lasts; lines now and then where the console is no terminal."""
        if not self._console.is_terminal:
            yield _Lines(self.say, description, total)
            return
        task = self._bars.add_task(description, total=total, note="")
        try:
            yield _Bar(self._bars, task)
        finally:
            self._bars.remove_task(task)

    def say(self, message: str) -> None:
        """Print one line above the bars."""
        # A log has lines of any length; only a terminal needs them broken, between words.
        self._bars.console.print(message, soft_wrap=not self._console.is_terminal)
