"""Text from files and paths, made safe to print on a terminal or into a log."""

import re

# C0 and C1 controls (an escape sequence begins with one), lone surrogates, which no stream can encode, and
# the signs that reverse the direction of a line. Tabs and line ends too: a cell must not forge a line.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def printable(text: str) -> str:
    r"""Return `text` with control characters and lone surrogates as visible escapes such as \x1b.

    The result is one line, encodes as UTF-8 and moves no cursor; applying it twice changes nothing more.
    """
    return _UNPRINTABLE.sub(lambda match: _escape(match.group()), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
