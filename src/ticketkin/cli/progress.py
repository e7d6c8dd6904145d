"""Progress bars on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import rich.progress as bars
from rich.console import Console

from ticketkin.core.progress import Task


class _Bar:
    def __init__(self, progress: bars.Progress, task: bars.TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, steps: int = 1) -> None:
        self._progress.advance(self._task, steps)

    def describe(self, text: str) -> None:
        self._progress.update(self._task, note=text)


class _RateColumn(bars.ProgressColumn):
    def render(self, task: bars.Task) -> str:
        rate = task.finished_speed or task.speed
        return "" if rate is None else f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s"


class ConsoleProgress:
    """Shows bars with rate and time left on the error stream, so that output stays pipeable."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = bars.Progress(
            bars.TextColumn("  {task.description}"),
            bars.BarColumn(bar_width=24),
            bars.MofNCompleteColumn(),
            _RateColumn(),
            bars.TimeRemainingColumn(elapsed_when_finished=True),
            bars.TextColumn("[dim]{task.fields[note]}"),
            console=console,
            transient=True,
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
        """Show a bar while the block lasts."""
        task = self._bars.add_task(description, total=total, note="")
        try:
            yield _Bar(self._bars, task)
        finally:
            self._bars.remove_task(task)

    def say(self, message: str) -> None:
        """Print one line above the bars."""
        self._bars.console.print(message, highlight=False, markup=False)
