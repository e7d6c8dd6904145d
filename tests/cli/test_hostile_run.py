"""A run over tickets whose every value, column and file name is hostile and private.

Nothing of it steers the terminal, no path leaves with the report, and no ticket leaves with a shared one.
"""

import getpass
import json
import os
import re
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from drawn_once import figures_drawn_anew
from hostile_strings import HOSTILE, steering_characters
from ticketkin.cli.app import app
from ticketkin.core.errors import OutputRefusedError, TicketkinError
from ticketkin.tickets.sample import write_sample

CANARY = "canary"
_REFERENCES = re.compile(r"\b(INC|PRB)\d+")
_FREE_TEXT = ("short_description", "description", "close_notes")


def hostile_export(path: Path, n_tickets: int = 120) -> None:
    """Write a sample export in which every text column holds a canary and many hold hostile strings."""
    plain = path.with_name("plain.csv")
    write_sample(plain, n_tickets, 3)
    frame = pl.read_csv(plain, infer_schema_length=0)
    columns = [
        frame[name]
        if name.endswith("_at") or "updated" in name
        else pl.Series(
            name, [_hostile(name, *cell) for cell in enumerate(frame[name].fill_null("").to_list())]
        )
        for name in frame.columns
    ]
    extra = [pl.Series(f"{HOSTILE[place]} Canary", ["x"] * len(frame)) for place in (0, 2, 8)]
    pl.DataFrame([*columns, *extra]).write_csv(path)


def _hostile(column: str, place: int, value: str) -> str:
    changed = _REFERENCES.sub(lambda match: f"{match.group()}Canary", value)
    if not value or changed != value:
        return changed
    hostile = HOSTILE[place % len(HOSTILE)].replace("\x00", "").replace("\ud83d", "")
    return f"{value} Canary {hostile}" if column in _FREE_TEXT else f"{value} Canary{column}"


runner = CliRunner()


def invoke(*arguments: str | Path) -> Any:
    """Run a command in this process and check what every command owes."""
    result = runner.invoke(app, [str(word) for word in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        assert isinstance(result.exception, TicketkinError), repr(result.exception)
    assert steering_characters(result.output) == []
    return result


@pytest.fixture(scope="module", autouse=True)
def _figures_of_this_run() -> Iterator[None]:
    """A figure of another run would hold no canary."""
    with figures_drawn_anew():
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canaryuser")


@pytest.fixture(scope="module")
def run(place: Path, tiny_encoder_folder: Path) -> Iterator[Path]:
    """The finished run, in a folder whose path is private."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(place / "cache"))
    export = place / "canaryfile [red] inci\x1b[31mdents.csv"
    hostile_export(export)
    folder = place / "canaryrun" / "june"
    result = invoke(
        "run", export, "--out", folder, "--base-model", tiny_encoder_folder, "--offline",
        "--candidates", "head", "--set", "evaluation.n_bootstrap=100", "--set", "relations.repeats=1",
        "--set", "evaluation.by=split",
        "--set", "relations.folds=2", "--set", "relations.model=logistic", "--set", "head.epochs=1",
    )  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    yield folder
    patch.undo()


def test_every_command_prints_what_steers_nothing(run: Path, place: Path, tiny_encoder_folder: Path) -> None:
    families = json.loads((run / "families" / "families.json").read_text("utf-8"))["families"]
    ticket = families[0]["tickets"][0]
    pairs = place / "[red]\x1b[31mpairs.json"
    commands: Sequence[Sequence[str | Path]] = [
        ("stages", run), ("stages", run, "--json"), ("evaluate", run), ("evaluate", run, "--json"),
        ("ready", run), ("ready", run, "--json"), ("families", run), ("families", run, "--json"),
        ("relate", run, ticket, "--all"), ("relate", run, ticket, "--all", "--json"),
        ("relate", run, "\x1b[31mnone[/nope]"), ("relations", run), ("report", run), ("links", run),
        ("doctor", "[red]\x1b[2Jnowhere[/x]"),
        ("pairs", "export", run, pairs), ("pairs", "check", pairs),
        ("compare", tiny_encoder_folder, "\x1b[31m[/nope]", "--on", run, "--baseline", tiny_encoder_folder),
        ("run", "\x1b[31m[/nope].csv"), ("train", run, "\x1b[31m"), ("run", "--map", "\x1b[31m", run),
        ("import", place / "plain.csv", "--out", place / "[red]\x1b[31mx.parquet", "--json"),
        ("report", run, "--out", "x"), ("--set", "\x1b[31m"), ("sample", place / "[/x]\x1b[31m.csv"),
    ]  # fmt: skip
    for command in commands:
        result = invoke(*command)
        if "--json" in command and result.exit_code == 0:
            json.loads(result.stdout)


def test_no_path_and_no_user_leave_with_the_report(run: Path, place: Path) -> None:
    private = {str(place), "canaryuser", "canaryrun", str(Path.home()), socket.gethostname()}
    private |= {os.environ.get("USER", ""), getpass.getuser()}
    private = {word for word in private if len(word) > 4}  # "root" and "vm" are words of every page
    names = (
        "report.html", "report.json", "report_material.json", "manifest.json", "embeddings/base.json",
        "relations/relations.json", "families/families.json", "provisional.json", "verdict.json",
    )  # fmt: skip
    for name in names:
        text = (run / name).read_text("utf-8")
        for word in private:
            assert word not in text, (name, word)


def test_a_shared_report_holds_nothing_of_a_ticket(run: Path) -> None:
    whole = (run / "report.html").read_text("utf-8").lower()
    assert CANARY in whole  # else what follows proves nothing
    assert invoke("report", run, "--share").exit_code == 0
    page = (run / "report-shared.html").read_text("utf-8")
    at = page.lower().find(CANARY)
    assert at < 0, page[max(0, at - 200) : at + 50]
    tickets = pl.read_parquet(run / "tickets.parquet")
    for column in ("ticket_id", "title", "description", "caller", "assignment_group"):
        for value in tickets[column].drop_nulls().unique():
            assert len(value) < 4 or value not in page, (column, value)
    assert page.count("<svg") == whole.count("<svg") > 5
    assert "no text, number or name from any ticket" in page
    for phrase in ("MRR", "Recall@10", "ROC-AUC", "Largest families", "Readiness"):
        assert phrase in page


def test_a_shared_report_replaces_nothing_unasked(run: Path, place: Path) -> None:
    mine = place / "mine.html"
    mine.write_text("mine")
    for kept in (mine, run / "report.html", run):
        refused = invoke("report", run, "--share", "--out", kept)
        assert isinstance(refused.exception, OutputRefusedError)
    assert mine.read_text() == "mine"
    assert invoke("report", run, "--share", "--out", mine, "--force").exit_code == 0
    assert "shared copy" in mine.read_text()
    for _ in range(2):  # its own place in the run folder is written again
        assert invoke("report", run, "--share").exit_code == 0
    assert isinstance(invoke("report", place, "--share").exception, TicketkinError)


def test_the_report_says_what_was_masked_and_what_was_not(run: Path) -> None:
    from ticketkin.tickets.redaction import NOT_RECOGNISED, recognised_kinds

    page = (run / "report.html").read_text("utf-8")
    assert len(recognised_kinds()) >= 5
    for shown in (*(kind.placeholder for kind in recognised_kinds()), *NOT_RECOGNISED):
        assert shown.replace("'", "&#39;") in page
