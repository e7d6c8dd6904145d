"""Ctrl-C and SIGTERM: one plain line, everything put away, exit 130 or 143.

Imports nothing slow, since it must be at work before anything else is imported. Three phases:

- while commands are imported there is nothing to put away: say the line and end at once;
- while a command runs, `Stopped` unwinds it, so that bars close and temporary files go;
- after it, there is nothing to put away again.

A handler runs between two steps of Python. Where the command is deep in a library's C code it would
wait for minutes, so a thread watches: a second signal, or five seconds, end the process. That is
safe: results are written whole or not at all, and locks die with the process.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

_LINE = "Stopped. The same command continues where it was."
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_GRACE_SECONDS = 5.0
_SHOW_CURSOR = "\x1b[?25h"


class Stopped(BaseException):
    """The user or the system asked to stop; no library takes it for an error of its own."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class _State:
    asked: int | None = None
    """The first signal that came."""
    unwinds = False
    """True while a command runs that must put things away."""
    is_announced = False
    """True once the message was printed."""


_ending = threading.RLock()


def install() -> None:
    """Take over SIGINT, SIGTERM and SIGHUP, but not one that the process was started to ignore."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)
    if hasattr(os, "register_at_fork"):  # a forked worker ends like any process
        os.register_at_fork(after_in_child=_restore)


def _restore() -> None:
    _State.unwinds = False
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        if signal.getsignal(number) is _on_signal:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if _State.asked is not None:
        end(_State.asked)
    _State.asked = number
    if not _State.unwinds:
        end(number)
    raise Stopped(number)


def was_asked() -> int | None:
    """Return the signal that asked to stop, or None: libraries turn `Stopped` into errors of their own."""
    return _State.asked


@contextmanager
def unwinding() -> Iterator[None]:
    """While the block runs, a signal raises `Stopped` in it."""
    hook = sys.unraisablehook
    sys.unraisablehook = _silent_about_stops
    wakeup = _start_watcher()
    _State.unwinds = True
    try:
        yield
    finally:
        _State.unwinds = False
        sys.unraisablehook = hook
        if wakeup is not None and _State.asked is None:
            signal.set_wakeup_fd(-1)
            os.close(wakeup)  # the watcher ends


def _silent_about_stops(unraisable: Any) -> None:
    """A stop that fell into a destructor is lost there; the watcher ends the process instead."""
    if not isinstance(unraisable.exc_value, Stopped):
        sys.__unraisablehook__(unraisable)


def _start_watcher() -> int | None:
    """Return the end of a pipe to which signals are written; closing it ends the watching thread."""
    if os.name != "posix":  # elsewhere a wake-up needs a socket; the handlers alone do there
        return None
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(readable,), daemon=True, name="signals").start()
    return writable


def _watch(readable: int) -> None:
    try:
        first = _next_signal(readable, None)
        if first is None:
            return
        _next_signal(readable, _GRACE_SECONDS)
        end(first, flushes=False)
    finally:
        os.close(readable)


def _next_signal(readable: int, seconds: float | None) -> int | None:
    """Wait for one of our signals; None after `seconds`, or once the pipe is closed."""
    while select.select([readable], [], [], seconds)[0]:
        written = os.read(readable, 1)
        if not written:
            return None
        if written[0] in _SIGNALS:
            return written[0]
    return None


def end(number: int, *, flushes: bool = True) -> NoReturn:
    """Say that the command stopped and end the process at once, without a last word of any library.

    `flushes` is False in the watching thread, which must not wait for a lock on a stream.
    """
    if flushes:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, RuntimeError):  # a reader that has gone; a write cut short
                stream.flush()
    # The handler and the watching thread may both be here: one says the line, the other waits for it.
    with _ending, suppress(OSError):
        if not _State.is_announced:
            _State.is_announced = True
            os.write(2, f"{_SHOW_CURSOR if os.isatty(2) else ''}{_LINE}\n".encode())
    os._exit(128 + number)
