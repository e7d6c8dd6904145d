"""The help of commands: groups, options in groups where they are many, examples that can be called."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ticketkin.cli.app import app
from ticketkin.cli.help import COMMAND_GROUPS, MANY_OPTIONS, OPTION_GROUPS

ROOT = typer.main.get_command(app)


def commands() -> dict[str, typer.core.TyperCommand]:
    """Return every command by how it is called."""
    named = {}
    for name, command in ROOT.commands.items():
        below = getattr(command, "commands", {})
        named |= {f"{name} {inner}": deeper for inner, deeper in below.items()} if below else {name: command}
    return named


def examples(command: typer.core.TyperCommand) -> list[str]:
    """Return the calls that a command shows."""
    lines = (command.epilog or "").splitlines()
    return [line.split(" #")[0].strip() for line in lines if line.strip().startswith("ticketkin ")]


def every_example() -> Iterator[str]:
    for command in commands().values():
        yield from examples(command)


def test_every_command_stands_in_one_group() -> None:
    placed = [name for names in COMMAND_GROUPS.values() for name in names]
    assert sorted(placed) == sorted(ROOT.commands)


def test_the_help_shows_the_groups_in_order_and_whole_sentences() -> None:
    printed = CliRunner().invoke(app, ["--help"]).output
    titles = [title for title in re.findall(r"^(\w[^:\n]*):$", printed, re.MULTILINE) if title != "Options"]
    assert titles == list(COMMAND_GROUPS)
    assert "..." not in printed.split("Begin:")[1]


def test_every_option_that_a_group_names_exists() -> None:
    known = {option for command in commands().values() for one in command.params for option in one.opts}
    assert {option for group in OPTION_GROUPS.values() for option in group} <= known


def test_the_options_of_run_stand_in_groups_and_examples_stand_last() -> None:
    printed = CliRunner().invoke(app, ["run", "--help"]).output
    titles = re.findall(r"^ *(\w[^:\n]*):$", printed, re.MULTILINE)
    assert titles == [
        "Arguments", "Tickets", "Links and pairs", "Model", "Settings", "Run and output",
        "Other options", "Examples",
    ]  # fmt: skip
    other = printed.split("Other options:")[1].split("Examples:")[0]
    assert re.findall(r"--\w+", other) == ["--help"]


def test_few_options_stand_together() -> None:
    assert len(commands()["stages"].params) < MANY_OPTIONS
    printed = CliRunner().invoke(app, ["stages", "--help"]).output
    assert re.findall(r"^ *(\w[^:\n]*):$", printed, re.MULTILINE) == ["Arguments", "Options", "Example"]


@pytest.mark.parametrize("name", commands())
def test_every_command_shows_an_example_of_itself(name: str) -> None:
    shown = examples(commands()[name])
    assert shown and any(line.startswith(f"ticketkin {name}") for line in shown)


@pytest.mark.parametrize("line", list(every_example()))
def test_every_example_can_be_called(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command, words = ROOT, shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context(line, words)
