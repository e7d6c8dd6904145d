"""While a server handles signals by itself, whoever started it does not count them."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_signals() -> Iterator[None]:
    """Within the block no signal is written to the wake-up pipe of the process.

    The server raises a signal again once it has stopped. Counted with the first, that would be a second one,
    which ends the command line at once: the database that was started would run on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pipe = signal.set_wakeup_fd(-1)
    try:
        yield
    finally:
        signal.set_wakeup_fd(pipe)
