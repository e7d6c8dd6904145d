"""The `ticketkin` command: signals first, then the commands, and every error as one plain line."""

import gc
import os
import sys

from ticketkin.cli import signals

_SELDOM = (100_000, 50, 50)
"""After how many new objects garbage is looked for. By default, after 700, imports and the reading of tickets
look for it again and again and find next to none: what they make is kept.
"""


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed job, 2 bad input, 130 Ctrl-C, 143 SIGTERM."""
    signals.install()
    gc.set_threshold(*_SELDOM)
    _open_streams()
    code = _ending()
    stopped = signals.was_asked()
    if stopped is not None:
        signals.end(stopped)
    code = _flushed(code)
    gc.freeze()  # else the interpreter searches a second and more through what ends with it anyway
    sys.exit(code)


def _open_streams() -> None:
    """Give the process streams that take anything: closed ones write nowhere, ASCII ones write escapes."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:  # else the next file would be standard output
        pass
    os.close(opened)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open to the end
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open to the end
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _ending() -> int:
    """Return the exit code; whatever went wrong has been printed."""
    try:
        from ticketkin.cli.app import app, is_debugging

        with signals.unwinding():
            return int(app(prog_name="ticketkin", standalone_mode=False) or 0)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except BaseException as error:
        if signals.was_asked() is not None:
            return 1
        if "ticketkin.cli.app" in sys.modules and is_debugging():
            raise
        return _say(error)


def _say(error: BaseException) -> int:
    """Print one plain line (or the usage, where the command was mistyped) and return the exit code."""
    import io

    from typer import TyperException

    from ticketkin.cli.console import errors
    from ticketkin.core.faults import as_ticketkin_error

    if isinstance(error, TyperException) and hasattr(error, "show"):
        usage = io.StringIO()
        error.show(file=usage)
        errors.print(usage.getvalue(), end="", soft_wrap=True)
        return error.exit_code
    known = as_ticketkin_error(error)
    if known is not None:
        errors.print(f"Error: {known}", soft_wrap=True)
        return known.exit_code
    errors.print(
        f"Error: {type(error).__name__}: {error}. This is a fault of Ticketkin; run again with "
        "`ticketkin --debug …` and report what it shows.",
        soft_wrap=True,
    )
    return 1


def _flushed(code: int) -> int:
    """Write out what is left; a reader that has gone (`ticketkin … | head`) is no error to talk about."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            code = code or 1
            if stream is sys.stdout and not isinstance(error, BrokenPipeError):
                _say(error)
    return code
