"""Options in records: each field shows in the help, and a command is handed the records."""

from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from ticketkin.cli.option_records import takes_records


@dataclass(frozen=True)
class Sizes:
    """Options of a command for tests."""

    width: Annotated[int, typer.Option("--width", min=1, help="How wide.")]
    names: Annotated[list[str], typer.Option("--name", help="What for.")] = field(default_factory=list)
    depth: Annotated[int, typer.Option("--depth", help="How deep.")] = 3


@pytest.fixture
def handed() -> list[tuple[Sizes, str, bool]]:
    return []


@pytest.fixture
def command(handed: list[tuple[Sizes, str, bool]]) -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    @takes_records
    def measure(
        place: Annotated[str, typer.Argument(help="Where.")],
        sizes: Sizes,
        dry: Annotated[bool, typer.Option("--dry", help="Not really.")] = False,
    ) -> None:
        """Measure a place."""
        handed.append((sizes, place, dry))

    return app


def test_a_command_is_handed_what_was_given(
    command: typer.Typer, handed: list[tuple[Sizes, str, bool]]
) -> None:
    call = ["here", "--width", "2", "--name", "a", "--name", "b", "--dry"]
    assert CliRunner().invoke(command, call).exit_code == 0
    assert handed == [(Sizes(2, ["a", "b"], 3), "here", True)]


def test_defaults_hold_and_lists_are_made_anew(
    command: typer.Typer, handed: list[tuple[Sizes, str, bool]]
) -> None:
    for _ in range(2):
        assert CliRunner().invoke(command, ["here", "--width", "2"]).exit_code == 0
    first, second = (sizes for sizes, _, _ in handed)
    assert first == second == Sizes(2) and first.names is not second.names


def test_fields_are_options_like_others(command: typer.Typer) -> None:
    shown = CliRunner().invoke(command, ["--help"]).output
    assert "Measure a place." in shown
    places = [shown.index(option) for option in ("--width", "--name", "--depth", "--dry")]
    assert places == sorted(places)
    assert CliRunner().invoke(command, ["here"]).exit_code == 2
    assert CliRunner().invoke(command, ["here", "--width", "0"]).exit_code == 2
