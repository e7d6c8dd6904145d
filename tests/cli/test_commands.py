"""The commands as typed: exit codes, plain messages, JSON, help; no traceback for a user's mistake."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from child import ticketkin
from typer.main import get_command
from typer.testing import CliRunner

from in_process import run_in_process
from ticketkin.cli.app import app
from ticketkin.core.errors import InputError

ROOT = Path(__file__).parents[2]
runner = CliRunner()


COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined] # a click group


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    if command != "stages":
        assert f"ticketkin {command}" in result.output


def test_the_version_is_told() -> None:
    result = runner.invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"ticketkin {version('ticketkin')}\n")


def test_every_command_in_the_docs_exists() -> None:
    text = "\n".join(path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    named = set(re.findall(r"^ *(?:\$ )?ticketkin ([a-z]+)", text, re.MULTILINE))
    assert named
    assert named <= set(COMMANDS)


def test_sample_then_import_gives_tickets_and_a_summary(tmp_path: Path) -> None:
    made = ticketkin("sample", str(tmp_path / "s.csv"), "--tickets", "60", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["n_tickets"] == 60
    out = tmp_path / "t.parquet"
    done = ticketkin("import", str(tmp_path / "s.csv"), "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["system"] == "servicenow"
    assert pl.read_parquet(out).height == summary["n_tickets"] == 60


def test_bad_input_exits_2_with_one_plain_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    cases = [
        (["run", "nowhere.csv"], "nowhere.csv: no such file"),
        (["run"], "No export was given"),
        (["import", "empty.csv"], "is empty"),
        (["import", "odd.csv"], "--map title=COLUMN"),
        (["import", "odd.csv", "--map", "title"], "is not FIELD=COLUMN"),
        (["import", "odd.csv", "--set", "lora.rnak=1"], "unknown setting"),
        (["train", "x", "forest"], "choose adapted, head, lora, full"),
    ]
    monkeypatch.chdir(tmp_path)
    for arguments, message in cases:
        result = run_in_process(*arguments, monkeypatch=monkeypatch, capsys=capsys)
        assert result.returncode == 2, (arguments, result.stderr)
        assert message in result.stderr.replace("\n", " ")
        assert "Traceback" not in result.stderr


def test_failed_job_exits_1(tmp_path: Path) -> None:
    result = ticketkin("split", str(tmp_path))
    assert result.returncode == 1
    assert "Make one with: ticketkin import SOURCE --out" in result.stderr.replace("\n", " ")


def test_dry_run_says_what_would_run_and_why(tmp_path: Path) -> None:
    ticketkin("sample", str(tmp_path / "s.csv"), "--tickets", "30")
    result = ticketkin("run", str(tmp_path / "s.csv"), "--dry-run", "--json", "--out", str(tmp_path / "r"))
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert [row["stage"] for row in rows][:3] == ["import", "links", "split"]
    assert rows[0]["reason"] == "has not run"
    assert rows[1]["state"] == "waiting"
    assert not (tmp_path / "r" / "tickets.parquet").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "nowhere.csv"], ["import", "nowhere.csv"]])
def test_help_and_a_refusal_come_without_what_takes_seconds_to_import(arguments: list[str]) -> None:
    code = (
        "import sys; from ticketkin.cli.app import app; from typer.testing import CliRunner\n"
        f"CliRunner().invoke(app, {arguments})\n"
        "print(sorted({'torch', 'sklearn', 'scipy.stats', 'networkx', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def _parameters(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _parameters(inner, f"{path} {name}".strip())
    for parameter in command.params:
        yield f"{path} {parameter.opts[0]}", parameter


NUMBERS = [
    (name, parameter)
    for name, parameter in _parameters(get_command(app))
    if parameter.type_descriptor.annotation in (int, float)
]


@pytest.mark.parametrize(("name", "option"), NUMBERS, ids=[name for name, _ in NUMBERS])
def test_every_number_on_the_command_line_is_bounded(name: str, option: Any) -> None:
    command, _, flag = name.rpartition(" ")
    needed = {"merge": ["a", "--out", "b"], "tune": ["r", "head"], "relate": ["r", "T1"], "families": ["r"]}
    given = [*command.split(), *needed.get(command, []), flag]
    for text in ("inf", "nan", "-1", "1e400", "9" * 5_000, "x\x1b[31m"):
        result = runner.invoke(app, [*given, text])
        output = result.output if result.exit_code == 2 else str(result.exception)
        assert result.exit_code == 2 or isinstance(result.exception, InputError), (name, text, output)


def test_numbers_in_lists_are_bounded() -> None:
    for seeds in ("-1", "0,4294967296", "1,,2", "9" * 5_000, "a", "1.5"):
        with pytest.raises(InputError, match="--seeds"):
            raise_of(["repeat", str(ROOT), "--seeds", seeds])


def raise_of(arguments: list[str]) -> None:
    exception = runner.invoke(app, arguments).exception
    assert exception is not None
    raise exception
