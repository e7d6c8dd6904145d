"""The documents say what the code does: commands, their options, and what is masked."""

import re
from pathlib import Path

import pytest
import typer

from ticketkin.cli.app import app
from ticketkin.tickets.redaction import NOT_RECOGNISED, recognised_kinds

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def documented_commands() -> list[str]:
    """Return every call of ticketkin in the documents: lines of shell blocks, and within a text."""
    lines = []
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            lines += [line.split(" #")[0].strip() for line in block.splitlines()]
        lines += re.findall(r"`(ticketkin [^`\n]+)`", text)
    return [line for line in lines if line.startswith("ticketkin ")]


def options_of(words: list[str]) -> set[str]:
    """Return the options of the command that `words` call."""
    command = typer.main.get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    return {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("line", documented_commands())
def test_every_option_of_a_documented_command_exists(line: str) -> None:
    words = line.split()[1:]
    named = {word.split("=")[0] for word in words if word.startswith("--")}
    assert named <= options_of(words)


def test_the_page_on_personal_data_lists_what_is_masked_and_what_is_not() -> None:
    page = (ROOT / "docs" / "personal-data.md").read_text("utf-8")
    for kind in recognised_kinds():
        assert f"| `{kind.placeholder}` | {kind.description} |" in page
    for sentence in NOT_RECOGNISED:
        assert f"- {sentence}" in page
