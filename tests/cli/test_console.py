"""Whatever names and texts hold, they don't steer the terminal, and JSON stays JSON."""

import ast
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from hostile_strings import HOSTILE, HOSTILE_TEXT, steering_characters
from ticketkin.cli.console import SafeConsole, print_json
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.printing import printable, printable_json

SOURCES = Path(__file__).parents[2] / "src" / "ticketkin"


@given(st.text(st.characters(categories=None), max_size=60))
def test_printable_is_idempotent_and_keeps_plain_text(text: str) -> None:
    shown = printable(text)
    assert steering_characters(shown) == []
    assert printable(shown) == shown
    if not steering_characters(text):
        assert "\\x" not in shown or "\\x" in text
    assert json.loads(printable_json(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("width", [1, 20, 200])
def test_every_way_to_print(terminal: bool, width: int) -> None:
    stream = io.StringIO()
    console = SafeConsole(file=stream, force_terminal=terminal, width=width)
    for text in (*HOSTILE, HOSTILE_TEXT):
        table = Table(title=text, caption=text)
        table.add_column(text, footer=text)
        table.add_row(text)
        table.add_row(Text(text, style="bold"))
        console.print(text)
        console.print(text, style="bold", soft_wrap=True)
        console.print(Text(text))
        console.print(table)
        with ConsoleProgress(console) as progress, progress.task(text, 3) as task:
            task.describe(text)
            task.advance()
            progress.say(text)
    assert steering_characters(stream.getvalue(), is_terminal=terminal) == []


def test_markup_is_printed_as_it_is() -> None:
    stream = io.StringIO()
    SafeConsole(file=stream, width=100).print("[red]x[/nope] :smile:")
    assert stream.getvalue() == "[red]x[/nope] :smile:\n"


def test_json_stays_json_and_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({text: [text] for text in HOSTILE})
    printed = capsys.readouterr().out
    assert steering_characters(printed) == []
    assert json.loads(printed) == {text: [text] for text in HOSTILE}


PRINTS = ("print", "echo", "secho", "confirm", "write")


def test_no_module_prints_past_the_console() -> None:
    """Whoever prints by another way prints what steers the terminal."""
    for path in SOURCES.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            place = f"{path.relative_to(SOURCES)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                # Only of what may be one of them is it written out, which takes longest.
                last = getattr(node.func, "attr", getattr(node.func, "id", ""))
                called = ast.unparse(node.func) if last in PRINTS else ""
                assert called not in ("print", "typer.echo", "typer.secho", "typer.confirm"), place
                if called.endswith("stdout.write") or called.endswith("stderr.write"):
                    assert path.name == "console.py", place
                assert not any(
                    word.arg == "markup" and ast.unparse(word.value) != "False" for word in node.keywords
                ), place
            if isinstance(node, ast.ImportFrom) and node.module == "rich.console":
                assert path.name == "console.py", place


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_passed_and_failed_differ_in_any_encoding(encoding: str) -> None:
    from ticketkin.cli.model_screens import show_examined
    from ticketkin.core.checks import Check, Outcome
    from ticketkin.workflows.examination import Examined

    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    checks = [Check("code", outcome, HOSTILE_TEXT, HOSTILE_TEXT) for outcome in Outcome]
    show_examined(SafeConsole(file=stream, width=100), [Examined(HOSTILE_TEXT, checks)])
    stream.flush()
    stream.seek(0)
    signs = [line.split()[0] for line in stream.read().splitlines() if " code " in line]
    assert len(signs) == len(set(signs)) == len(Outcome)
