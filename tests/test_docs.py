"""The documents say what the code does: commands, their options, and what is masked."""

import re
from pathlib import Path

import pytest
import typer

from ticketkin.cli.app import app
from ticketkin.tickets.redaction import NOT_RECOGNISED, recognised_kinds
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.stages.order import stages

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


def test_the_manual_lists_the_stages_so_that_each_finds_what_it_needs() -> None:
    page = (ROOT / "docs" / "manual.md").read_text("utf-8")
    block = re.findall(r"```sh\n(ticketkin import .*?)```", page, re.DOTALL)[0]
    listed = [
        line.split(" SOURCE")[0].split(" --out")[0].split(" --offline")[0] for line in block.splitlines()
    ]
    job = Job(sources=(Path("incidents.csv"),), settings=Settings())
    due = [stage for stage in stages() if stage.wanted(job) and stage.name != "bundle"]
    commands = [stage.command.format(folder="runs/june").split(" SOURCE")[0] for stage in due]
    assert [line.replace("import incidents.csv", "import") for line in listed[:-1]] == commands
    assert listed[-1] == "ticketkin stages runs/june"


def test_the_page_on_personal_data_lists_what_is_masked_and_what_is_not() -> None:
    page = (ROOT / "docs" / "personal-data.md").read_text("utf-8")
    for kind in recognised_kinds():
        assert f"| `{kind.placeholder}` | {kind.description} |" in page
    for sentence in NOT_RECOGNISED:
        assert f"- {sentence}" in page
