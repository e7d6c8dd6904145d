"""Progress as the stages see it: a protocol, so that no stage depends on a terminal."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")


class Task(Protocol):
    """One piece of long work on the screen."""

    def advance(self, steps: int = 1) -> None:
        """Report `steps` more units as done."""

    def describe(self, text: str) -> None:
        """Replace the words beside the bar, for example with the current loss."""


class Progress(Protocol):
    """Where stages report what they do. The command line shows bars, a library user nothing."""

    def task(self, description: str, total: int | None) -> AbstractContextManager[Task]:
        """Open a bar of `total` units (None: unknown); it closes with the context."""

    def say(self, message: str) -> None:
        """Tell the user one line."""


class _SilentTask:
    def advance(self, steps: int = 1) -> None:
        """Nothing is shown."""

    def describe(self, text: str) -> None:
        """Nothing is shown."""


class SilentProgress:
    """Shows nothing; the default of every library function."""

    def task(self, description: str, total: int | None) -> AbstractContextManager[Task]:
        """Return a task that shows nothing."""
        return nullcontext(_SilentTask())

    def say(self, message: str) -> None:
        """Nothing is shown."""


SILENT: Progress = SilentProgress()


def track(items: Iterable[T], progress: Progress, description: str, total: int | None) -> Iterator[T]:
    """Yield `items`, advancing a bar by one for each."""
    with progress.task(description, total) as task:
        for item in items:
            yield item
            task.advance()
