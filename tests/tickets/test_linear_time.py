"""Cleaning and redaction take linear time, whatever the text: each pattern is fed its worst cases at 1 MB.

What is fed is made from the registry: the beginnings of each recogniser's own example, repeated, are texts in
which its pattern almost matches everywhere. A child process works on them; it is killed after minutes, which
only quadratic work needs (hours, at 1 MB), and the last line it wrote names the pattern.
"""

import subprocess
import sys

import pytest

_TIMEOUT_SECONDS = 400

_FEED = """
import sys
from ticketkin.tickets.redaction.redactor import RECOGNISERS

N = 1_000_000

def feed(recogniser, unit):
    print(recogniser.name, repr(unit), flush=True)
    text = (unit * (N // len(unit) + 1))[:N]
    for match in recogniser.pattern.finditer(text):
        recogniser.locate(match)
    for trigger in (*recogniser.triggers, recogniser.gate):
        if trigger is not None and not isinstance(trigger, str):
            trigger.search(text)
"""

_OWN_BEGINNINGS = """
for recogniser in RECOGNISERS:
    example = recogniser.example
    feed(recogniser, example[:-1] + " ")
"""

_EVERY_UNIT = """
UNITS = [
    "_", " ", "a", "1", "-", ".", ":", "/", "@", '"', "'", "=", "e", "A", "\\n", " \\n", "1 ", "1-", "1.", "a.", "a@",
    "a b ", "A b. ", "eyJ", "-----BEGIN ", "://", "a:", "0:", "password for a ", "pass", "net use ", "curl -", "key=",
]
for unit in UNITS:
    for recogniser in RECOGNISERS:
        feed(recogniser, unit)
for recogniser in RECOGNISERS:
    example = recogniser.example
    for length in {1, 2, 3, len(example) // 4, 3 * len(example) // 4, len(example) - 1, len(example)} - {0}:
        for end in ("", " ", "\\n"):
            feed(recogniser, example[:length] + end)
"""

_WHOLE = """
from ticketkin.tickets.cleaning import clean_text, is_placeholder, strip_mail_threads
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.redaction.known_names import WordList

N = 1_000_000
redact = Redactor(WordList.of(["a a a b", "jane doe"])).redact
for unit in {units}:
    text = (unit * (N // len(unit) + 1))[:N]
    for function in (clean_text, is_placeholder, strip_mail_threads, redact):
        print(function.__name__, repr(unit), flush=True)
        function(text)
"""
_UNITS = ["_", "1", " \n", "\u2028", "eyJ", "a@", "--\n", "von: a\n", "\u00c3", "(030) 1234567"]


def _run(script: str) -> None:
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            _, error = child.communicate(timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            lines = child.communicate()[0].splitlines()
            pytest.fail(f"not done after {_TIMEOUT_SECONDS} s: {lines[-1] if lines else 'nothing begun'}")
    assert child.returncode == 0, error


def test_each_pattern_takes_linear_time_on_its_own_beginnings() -> None:
    _run(_FEED + _OWN_BEGINNINGS)


@pytest.mark.slow
def test_each_pattern_takes_linear_time_on_every_worst_case() -> None:
    _run(_FEED + _EVERY_UNIT)


@pytest.mark.parametrize("units", [_UNITS[:5], _UNITS[5:]])
def test_cleaning_and_redaction_take_linear_time(units: list[str]) -> None:
    _run(_WHOLE.format(units=units))
