"""Text from files on its way to a terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ticketkin.core.printing import printable, printable_line

anything = st.text(st.characters(categories=None))


@given(anything)
def test_nothing_printed_can_move_a_cursor_or_break_a_stream(text: str) -> None:
    shown = printable_line(text)
    shown.encode("utf-8")
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown)
    assert printable_line(shown) == shown
    assert printable(printable(text)) == printable(text)


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs", "M"))))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == printable_line(text) == text


def test_escapes_are_visible() -> None:
    assert printable_line("red \x1b[31m\n\ud83d\u202e") == "red \\x1b[31m\\x0a\\ud83d\\u202e"
    assert printable("two\nlines\t\x1b") == "two\nlines\t\\x1b"
