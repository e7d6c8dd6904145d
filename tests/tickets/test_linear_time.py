"""Cleaning and redaction take linear time, whatever the text: each pattern is fed its worst cases at 400 kB.

What is fed is made from the registry: the beginnings of each recogniser's own example, repeated, are texts in
which its pattern almost matches everywhere. A child process works on them and is ended by its own watchdog
where one text takes a minute, which only quadratic work needs (many minutes, at this length); the last line
it wrote names the pattern.
"""

import subprocess
import sys

import pytest

_BEGIN = """
import faulthandler

N = 400_000

def watched(name, unit, function):
    print(name, repr(unit), flush=True)
    faulthandler.dump_traceback_later(60, exit=True)
    function((unit * (N // len(unit) + 1))[:N])
    faulthandler.cancel_dump_traceback_later()
"""

_FEED = """
from ticketkin.tickets.redaction.redactor import RECOGNISERS

def feed(recogniser, unit):
    def ask(text):
        for match in recogniser.pattern.finditer(text):
            recogniser.locate(match)
        for trigger in (*recogniser.triggers, recogniser.gate):
            if trigger is not None and not isinstance(trigger, str):
                trigger.search(text)

    watched(recogniser.name, unit, ask)
"""

_OWN_BEGINNINGS = """
for recogniser in RECOGNISERS:
    feed(recogniser, recogniser.example[:-1] + " ")
"""

_EVERY_UNIT = """
UNITS = [
    "_", " ", "a", "1", "-", ".", ":", "/", "@", '"', "'", "=", "e", "A", "\\n", " \\n", "1 ", "1-",
    "1.", "a.", "a@", "a b ", "A b. ", "eyJ", "-----BEGIN ", "://", "a:", "0:", "password for a ", "pass",
    "net use ", "curl -", "key=",
]
for recogniser in RECOGNISERS:
    example = recogniser.example
    n = len(example)
    beginnings = {example[:length] for length in (1, n // 4, 3 * n // 4, n - 1)}
    for unit in [*UNITS, *sorted(beginnings - {""})]:
        feed(recogniser, unit)
"""

_WHOLE = """
from ticketkin.tickets.cleaning import clean_text, is_placeholder, strip_mail_threads
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.redaction.known_names import WordList

redact = Redactor(WordList.of(["a a a b", "jane doe"])).redact
for unit in UNITS:
    for function in (clean_text, is_placeholder, strip_mail_threads, redact):
        watched(function.__name__, unit, function)
"""
_UNITS = ["_", "1", " \n", "\u2028", "eyJ", "a@", "--\n", "von: a\n", "\u00c3", "(030) 1234567"]


def _run(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN + script], check=False, capture_output=True, text=True
    )
    last = done.stdout.splitlines()[-1:] or ["nothing begun"]
    assert done.returncode == 0, f"ended in {last[0]}\n{done.stderr}"


def test_each_pattern_takes_linear_time_on_its_own_beginnings() -> None:
    _run(_FEED + _OWN_BEGINNINGS)


@pytest.mark.slow
def test_each_pattern_takes_linear_time_on_every_worst_case() -> None:
    _run(_FEED + _EVERY_UNIT)


@pytest.mark.parametrize("units", [_UNITS[:5], _UNITS[5:]])
def test_cleaning_and_redaction_take_linear_time(units: list[str]) -> None:
    _run(f"UNITS = {units!r}" + _WHOLE)
