"""How many questions a process computes at once.

Several at once answer fewer a second than a few after each other: their threads take Python's lock and the
cores from one another (`benchmarks/service.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from ticketkin.core.threads import n_threads

_MOST_AT_ONCE = 2
"""One can compute while the encoder of another one runs without Python's lock."""


class Turns:
    """Lets questions wait for their turn, the longest waiting first."""

    def __init__(self, n_processes: int = 1) -> None:
        """`n_processes` share the cores of this machine."""
        self.n_at_once = max(1, min(_MOST_AT_ONCE, n_threads() // n_processes))
        self._free = BoundedSemaphore(self.n_at_once)
        self._counting = Lock()
        self._n_asking = 0

    @property
    def is_busy(self) -> bool:
        """Whether more than one question is computed or waits."""
        return self._n_asking > 1

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a turn, and have it within the block."""
        self._count(1)
        try:
            with self._free:
                yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._counting:
            self._n_asking += change
