"""A progress whose lines can be looked at."""

from ticketkin.core.progress import SilentProgress


class KeptLines(SilentProgress):
    """Progress that remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        """Keep a line."""
        self.lines.append(message)
