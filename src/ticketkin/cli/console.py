"""The only way to the terminal: what is printed can't steer it, whatever names and texts it holds.

Every command prints through `screen` (results) or `errors` (progress, messages), or writes JSON with
`print_json`. Markup is off: a column called `[red]` is printed as it is. Control characters are
shown as escapes, in strings, tables, bars and styled texts alike.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from ticketkin.core.artifacts import plain
from ticketkin.core.printing import printable, printable_json


class SafeConsole(Console):
    """A console without markup, emoji codes and highlighting that escapes control characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text to print for a string: escapes in place of control characters."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of anything printed; those of rich's own cursor movements stay as they are."""
        for segment in super().render(renderable, options):
            if segment.control is None:
                yield Segment(printable(segment.text), segment.style)
            else:
                yield segment

    def mark(self, sign: str, plain: str) -> str:
        """Return `sign`, or `plain` where the stream's encoding lacks it."""
        try:
            sign.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return plain
        return sign


screen = SafeConsole()
errors = SafeConsole(stderr=True)


def print_json(value: Any) -> None:
    """Print machine-readable results on standard output: valid JSON in any encoding of the stream.

    `value` is what JSON knows, a dataclass, a pydantic model, or lists and mappings of these.
    """
    text = json.dumps(value, indent=2, ensure_ascii=not _holds_unicode(sys.stdout.encoding), default=_plain)
    sys.stdout.write(printable_json(text) + "\n")


def _plain(value: object) -> object:
    try:
        return plain(value)
    except TypeError:
        return str(value)


def _holds_unicode(encoding: str | None) -> bool:
    return (encoding or "").lower().replace("-", "").replace("_", "").startswith("utf")
