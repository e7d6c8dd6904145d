"""The container and compose files name what is there: extras, options, variables."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import typer
import yaml

from ticketkin.cli.app import app
from ticketkin.store.database import DATABASE_URL, OLDEST_PGVECTOR
from ticketkin.tickets.pseudonyms import SECRET

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text("utf-8")
COMPOSE = yaml.safe_load(COMPOSE_TEXT)


def options_of(words: list[str]) -> set[str]:
    command = typer.main.get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    return {option for parameter in command.params for option in parameter.opts}


def test_every_command_in_them_is_one() -> None:
    (default,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    commands = [json.loads(default), COMPOSE["services"]["service"]["command"]]
    commands += [
        shlex.split(line) for line in re.findall(r"run --rm service (.*)$", COMPOSE_TEXT, re.MULTILINE)
    ]
    assert len(commands) == 3
    for words in commands:
        assert {word for word in words if word.startswith("--")} <= options_of(words)


def test_what_is_installed_is_an_extra_and_what_is_copied_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    (installed,) = re.findall(r"'\.\[(.*)\]'", DOCKERFILE)
    assert set(installed.split(",")) <= extras.keys()
    for names in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE):
        assert all((ROOT / name).exists() for name in names.split())


def test_the_database_is_new_enough_and_named_as_the_service_reads_it() -> None:
    version = re.search(r":(\d+)\.(\d+)\.(\d+)-pg", COMPOSE["services"]["database"]["image"])
    assert tuple(map(int, version.groups())) >= OLDEST_PGVECTOR
    assert set(COMPOSE["services"]["service"]["environment"]) == {DATABASE_URL, SECRET}


def test_a_database_that_is_still_set_up_does_not_count_as_healthy() -> None:
    asked = COMPOSE["services"]["database"]["healthcheck"]["test"]
    assert asked[asked.index("-h") + 1] == "127.0.0.1", "its socket answers while it is set up"


def test_nothing_listens_beyond_the_machine_and_nobody_enters_without_a_key() -> None:
    service = COMPOSE["services"]["service"]
    assert "ports" not in COMPOSE["services"]["database"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "--sign-in" in service["command"] and "USER ticketkin" in DOCKERFILE
