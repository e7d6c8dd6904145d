"""What the system refuses, in words a user can act on: one table for every OSError and its disguises.

A full disk or a path below a file can surface anywhere: in Python as an OSError, in polars and
safetensors as an exception of their own that ends in "(os error 28)", in numpy without a number.
None of them is a fault of Ticketkin, so each becomes an error of `core.errors`.
"""

import errno
import os
import re
import subprocess
from dataclasses import dataclass

from ticketkin.core.errors import InputError, JobError, TicketkinError
from ticketkin.core.wording import number_of


@dataclass(frozen=True)
class _Refusal:
    kind: type[TicketkinError]
    what: str
    remedy: str


_A_FILE = _Refusal(InputError, "is a file where a folder is needed", "choose another path or --out")
_FULL = _Refusal(JobError, "can't be written: the disk is full", "make room and try again")
_FORBIDDEN = _Refusal(
    InputError, "may not be read or written by this user", "change its permissions or choose another path"
)
_TOO_LONG = _Refusal(InputError, "is too long a path for this file system", "choose a shorter one")
_OPEN_FILES = _Refusal(
    JobError, "can't be opened: too many files are open", "raise the limit (ulimit -n 4096) and try again"
)
_REFUSALS = {
    errno.ENOENT: _Refusal(InputError, "does not exist", "check the name"),
    errno.ENOTDIR: _A_FILE,
    errno.EEXIST: _A_FILE,
    errno.EISDIR: _Refusal(InputError, "is a folder where a file is needed", "name a file"),
    errno.ENOTEMPTY: _Refusal(InputError, "is a folder with other content", "choose another path"),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: _Refusal(InputError, "lies in a read-only place", "choose another path or --out"),
    errno.ENAMETOOLONG: _TOO_LONG,
    errno.ELOOP: _Refusal(InputError, "is a link that leads back to itself", "choose another path"),
    errno.EINVAL: _Refusal(InputError, "is no path that this file system takes", "choose another path"),
    errno.EILSEQ: _Refusal(InputError, "is no name that this file system takes", "rename it"),
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _Refusal(JobError, "would be larger than is allowed here", "raise the limit (ulimit -f)"),
    errno.EMFILE: _OPEN_FILES,
    errno.ENFILE: _OPEN_FILES,
    errno.ENOMEM: _Refusal(JobError, "can't be read: memory ran out", "close other programs"),
    errno.EIO: _Refusal(JobError, "can't be read or written: the device failed", "check the disk"),
}

# How Rust libraries and numpy tell an operating system's refusal without an OSError's number.
_RUST_NUMBER = re.compile(r"\(os error (\d+)\)")
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")
_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
# The name that a file has while it is written; the user asked for the one within.
_PARTIAL = re.compile(r"\.([^/\\]+)\.[0-9a-f]{8,}\.part\b")
_LONGEST_CAUSE = 300


def as_ticketkin_error(error: BaseException) -> TicketkinError | None:
    """Return the error to show for one that no fault of Ticketkin caused, None for all others.

    Covers what files, disks, memory and names can do, whichever library met it.
    """
    if isinstance(error, TicketkinError):
        return error
    number = _refusal_number(error)
    if number is not None:
        return _refused(error, number)
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error))
    ):
        return JobError(
            "Memory ran out. Give fewer tickets, lower --set encoder.batch_size and "
            "--set encoder.max_length_tokens, or use a machine with more"
        )
    if isinstance(error, OSError):
        return JobError(f"The system refused: {_cause(error)}. Try again, or choose another path")
    return _unusual(error)


def _refusal_number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        return error.errno
    if not isinstance(error, Exception):
        return None
    if _SHORT_WRITE.search(str(error)):
        return errno.ENOSPC
    number = _RUST_NUMBER.search(str(error))
    return int(number[1]) if number and int(number[1]) in _REFUSALS else None


def _refused(error: BaseException, number: int) -> TicketkinError:
    refusal = _REFUSALS[number]
    named = getattr(error, "filename2", None) or getattr(error, "filename", None)
    if isinstance(named, bytes | str | os.PathLike):
        path = _PARTIAL.sub(r"\1", os.fsdecode(named))
        subject = (
            path if len(path) <= _LONGEST_CAUSE else f"{path[:100]}… ({number_of(len(path), 'character')})"
        )
    else:
        subject = "A file" if isinstance(error, OSError) else f"A file ({_cause(error)})"
    return refusal.kind(f"{subject} {refusal.what}; {refusal.remedy}")


def _unusual(error: BaseException) -> TicketkinError | None:
    if isinstance(error, RecursionError):
        return InputError(
            "Something in the input is nested too deeply to be read: thousands of brackets within "
            "each other; flatten it"
        )
    if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
        return InputError(
            f"A name holds bytes that are no text: {error.object[:100]!r}; rename the file, or correct the "
            "setting"
        )
    if isinstance(error, ValueError) and "null byte" in str(error):
        return InputError("A path holds a NUL character, which no file name can; correct it")
    if isinstance(error, subprocess.TimeoutExpired):
        return JobError(f"A process took longer than {error.timeout:,.0f} s and was ended; try again")
    if type(error).__name__ == "PanicException":  # pyo3's: a BaseException that no module exports
        return InputError(
            f"A file made its reader give up ({_cause(error)}); it is damaged, so save it again and give the "
            "new one"
        )
    return None


def _cause(error: BaseException) -> str:
    first = (str(error) or type(error).__name__).splitlines()[0]
    return first if len(first) <= _LONGEST_CAUSE else f"{first[:_LONGEST_CAUSE]}…"
