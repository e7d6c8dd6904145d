"""Strings that break screens: markup, terminal escapes, direction controls, half characters."""

import re

HOSTILE = (
    "[red]x[/nope]",
    "[/]",
    "\x1b[31mred\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31mred",
    "back\x08\x08\x08space",
    "carriage\rreturn",
    "nul\x00byte",
    "bidi\u202eevil\u2066",
    "half \ud83d emoji",
    ":smile: {braces} %s %(x)s",
    "\U0001f469‍\U0001f4bb wide 漢字",
)
# One string that holds them all.
HOSTILE_TEXT = " ".join(HOSTILE)

_SGR_AND_CURSOR = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]")
_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def steering_characters(output: str, *, is_terminal: bool = False) -> list[str]:
    """Return the characters of `output` that could steer a terminal; rich's own colours are none there."""
    if is_terminal:
        output = _SGR_AND_CURSOR.sub("", output).replace("\r", "")
    return _STEERS.findall(output)
