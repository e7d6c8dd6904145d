"""How often one sender may ask: a bucket of tokens each, refilled evenly (RFC 2697 describes the meter)."""

import time
from collections.abc import Callable
from threading import Lock

from ticketkin.core.wording import number_of
from ticketkin.service.refusals import TooManyRequestsError

_MOST_SENDERS = 10_000
_BURST = 0.1


class RateLimit:
    """Counts the requests of each sender within this process."""

    def __init__(self, most_a_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = most_a_minute / 60
        self._size = max(1.0, most_a_minute * _BURST)
        self._most, self._now, self._lock = most_a_minute, now, Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, sender: str) -> None:
        """Count one request. Raises TooManyRequestsError where the sender has none left."""
        with self._lock:
            now = self._now()
            tokens, at = self._buckets.get(sender, (self._size, now))
            tokens = min(self._size, tokens + (now - at) * self._rate)
            if tokens < 1:
                raise TooManyRequestsError(
                    f"More than {number_of(self._most, 'request')} a minute came from here; wait, then go on "
                    "slower",
                    (1 - tokens) / self._rate,
                )
            self._buckets[sender] = (tokens - 1, now)
            if len(self._buckets) > _MOST_SENDERS:
                self._forget_full(now)

    def _forget_full(self, now: float) -> None:
        """Forget senders whose bucket is full again: they are as good as unknown."""
        self._buckets = {
            sender: (tokens, at)
            for sender, (tokens, at) in self._buckets.items()
            if tokens + (now - at) * self._rate < self._size
        }
