"""Cleaning and redaction: idempotent, and right on the cases that matter."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.tickets.cleaning import clean_text, strip_mail_threads
from ticketkin.tickets.redaction import passes_luhn, redact


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


pieces = st.sampled_from(
    ["a@b.com", "password: hunter2", "4111 1111 1111 1111", "+49 30 5550 1234", "token=abc123", "text", "\n",
     " ", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "[EMAIL]", "INC0012345", "Bearer abcdefghijklmnopqrst"]
)  # fmt: skip


@given(st.lists(pieces, max_size=12).map(" ".join) | st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_redaction_is_idempotent(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane.doe@example.com please", "email"),
        ("call +49 30 5550 1234 now", "phone"),
        ("call (030) 555-01234", "phone"),
        ("pay with 4111 1111 1111 1111", "card"),
        ("password: hunter2", "credential"),
        ("my Passwort ist Sommer2025", "credential"),
        ("key AKIAIOSFODNN7EXAMPLE leaked", "token"),
        ("https://user:secret@host/path", "credential"),
    ],
)
def test_kinds_are_found_and_counted(text: str, kind: str) -> None:
    counts: Counter[str] = Counter()
    assert f"[{kind.upper()}]" in redact(text, counts)
    assert counts == {kind: 1}


@pytest.mark.parametrize(
    "text",
    ["INC0012345 again", "version 10.4.2.1183", "at 2024-01-02 03:04:05", "192.168.100.200", "1404344000123",
     "4111 1111 1111 1112", "error 0x80070005", "PRB0040123"],
)  # fmt: skip
def test_what_is_no_personal_data_stays(text: str) -> None:
    assert redact(text) == text


@given(st.integers(min_value=0, max_value=10**15 - 1))
@settings(max_examples=50, deadline=None)
def test_luhn_accepts_exactly_one_check_digit(number: int) -> None:
    assert sum(passes_luhn(f"{number}{digit}") for digit in range(10)) == 1


def test_control_characters_that_a_spreadsheet_wrote_out_are_read_back() -> None:
    assert clean_text("one._x000D_\ntwo_x0009_three_x000d_") == "one.\ntwo three"
    assert clean_text("a variable named x_x0041_y stays") == "a variable named x_x0041_y stays"
