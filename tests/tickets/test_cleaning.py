"""Cleaning: idempotent, and right on the cases that matter."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.tickets.cleaning import clean_text, strip_mail_threads


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_cleaning_is_idempotent(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert "\x00" not in once


@pytest.mark.parametrize("text", ["null", " N/A ", "?", "-", "None", "(empty)"])
def test_placeholders_become_empty(text: str) -> None:
    assert clean_text(text) == ""


def test_mail_threads_and_signatures() -> None:
    text = "Printer broken\n-- \nJane Doe\nDesk 4"
    assert strip_mail_threads(text) == "Printer broken"
    assert strip_mail_threads("New\nOn Monday Jane wrote:\n> old") == "New"
    assert strip_mail_threads("> only quoted") == "> only quoted"


def test_control_characters_that_a_spreadsheet_wrote_out_are_read_back() -> None:
    assert clean_text("one._x000D_\ntwo_x0009_three_x000d_") == "one.\ntwo three"
    assert clean_text("a variable named x_x0041_y stays") == "a variable named x_x0041_y stays"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\u2028", "\u2029", "\x0c"])
def test_every_line_end_is_one_and_empty_lines_are_few(end: str) -> None:
    assert clean_text(f" one  two{end}{end} {end}\t{end}three\u00a0 {end}four ") == "one two\n\nthree\nfour"


@given(
    st.lists(
        st.sampled_from(["a", " ", "\t", "\n", "\r", "\u2028", "\u3000", "\u00c3\u00a9", "_x000D_", "\x00"])
    ).map("".join)
)
@settings(max_examples=200, deadline=None)
def test_cleaning_white_space_is_idempotent(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert "\n\n\n" not in once
