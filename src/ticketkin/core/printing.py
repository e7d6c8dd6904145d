"""Texts from files and users as a terminal may show them: none of their characters can control it."""

import re
from collections.abc import Callable

# C0 and C1 controls but newline and tab, DEL, controls of the writing direction, lone surrogates.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What ends a line or makes a gap in it, as a pattern for `printable_line` alone.
_LINE_ENDS = re.compile("[\n\t\u2028\u2029\ufeff]")


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


def printable(text: str) -> str:
    r"""Return `text` with control characters, direction controls and lone surrogates as escapes like `\x1b`.

    Newlines and tabs stay. Idempotent.
    """
    return _UNPRINTABLE.sub(_visible, text)


def printable_json(text: str) -> str:
    r"""Return JSON `text` with the same characters as `\u` escapes: it means the same, and steers nothing."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def printable_line(text: str) -> str:
    r"""Return `text` as `printable`, and on one line: a cell's newline must not forge a line of a log."""
    return _LINE_ENDS.sub(_visible, printable(text))


def masked_words(text: str, is_harmless: Callable[[str], bool] = lambda word: False) -> str:
    """Return a cell as a message may quote it: words that could name somebody cut to their first letter."""

    def masked(word: re.Match[str]) -> str:
        return word[0] if len(word[0]) == 1 or is_harmless(word[0]) else f"{word[0][0]}…"

    return re.sub(r"[^\W\d_]+", masked, printable_line(text[:200]))[:40]
