"""Every door that writes: what it refuses, what --force allows, and what --resume does with each option."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import polars as pl
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from ticketkin.cli.app import app
from ticketkin.core.errors import TicketkinError
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.sharing import SHARED_FROM

runner = CliRunner()


def ticketkin(*arguments: str) -> tuple[int, str]:
    """Return exit code and what was said; errors raised on purpose as `main` ends them."""
    result = runner.invoke(app, list(arguments))
    if isinstance(result.exception, TicketkinError):
        return result.exception.exit_code, f"Error: {result.exception}"
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "june.csv", 40, 1)
    write_sample(tmp_path / "july.csv", 40, 2)
    yield tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


PAIRS = {"texts1": ["a b", "c d"], "texts2": ["a b c", "e f"], "labels": [1, 0]}


# Commands that would replace something of the user's, and what they say instead.
REFUSED = [
    (["run", "june.csv", "--out", "."], "not a run folder"),
    (["run", "june.csv", "--out", ""], "is empty"),
    (["run", "june.csv", "--out", "july.csv"], "july.csv"),
    (["run", "june.csv", "--out", "x" * 300], "File name too long"),
    (["import", "june.csv", "--out", "x" * 300 + ".parquet"], "File name too long"),
    (["run", "june.csv", "--out", "june.csv", "--force"], "june.csv"),
    (["run", "june.csv", "--out", "new.csv"], "named like a file"),
    (["demo", "--out", "."], "not a run folder"),
    (["demo", "--out", ""], "is empty"),
    (["import", "june.csv", "--out", "."], "not a run folder"),
    (["import", "june.csv", "--out", ""], "is empty"),
    (["import", "june.csv", "--out", "mine.parquet"], "mine.parquet exists"),
    (["import", "june.csv", "--out", "over.parquet"], "over.rejected.csv exists"),
    (["import", "s.parquet", "--out", "s.parquet"], "can't be written too"),
    (["import", "s.parquet", "--out", "s.parquet", "--force"], "can't be written too"),
    (["import", "s.parquet", "--out", "./linked.parquet", "-f"], "can't be written too"),
    (["import", "over.rejected.csv", "--out", "over.parquet", "-f"], "can't be written too"),
    (["import", "june.csv", "--out", "folder.parquet", "-f"], "is a folder"),
    (["import", "june.csv", "--out", "june.csv/o.parquet", "-f"], "june.csv is a file"),
    (["import", "june.csv", "--out", "june2.csv"], "named like a file"),
    (["sample", "june.csv"], "june.csv exists"),
    (["sample", ""], "is empty"),
    (["sample", "folder.csv", "-f"], "is a folder"),
    (["pairs", "check", "p.json", "--out", "p.json", "--force"], "can't be written too"),
    (["pairs", "check", "p.json", "--out", "mine.json"], "mine.json exists"),
    (["pairs", "check", "p.json", "--out", ""], "is empty"),
    (["pairs", "conflicts", "run", "--out", "mine.json"], "mine.json exists"),
    (["pairs", "conflicts", "run", "--out", "run/config.toml", "-f"], "belongs to the run"),
    (["backup", "judged", "--out", "mine.json"], "mine.json exists"),
    (["backup", "judged", "--out", "run/config.toml", "-f"], "belongs to the run"),
    (["pairs", "export", "run", "mine.json"], "mine.json exists"),
    (["pairs", "export", "run", "run/tickets.parquet", "-f"], "belongs to the run"),
    (["pairs", "export", "run", "run/config.toml", "-f"], "belongs to the run"),
    (["pairs", "export", "run", "run/stages/notes.json", "-f"], "belongs to the run"),
    (["pairs", "export", "run", "to-run/report.html", "-f"], "belongs to the run"),
    (["pairs", "check", "p.json", "--out", "run/config.toml", "-f"], "belongs to the run"),
    (["pairs", "check", "p.json", "--out", "to-config.json", "-f"], "belongs to the run"),
    (["pairs", "check", "p.json", "--out", "old/tickets.parquet", "-f"], "belongs to the run"),
    (["pairs", "check", "p.json", "--out", "old/config.toml", "-f"], "belongs to the run"),
    (["sample", "run/rejected.csv", "-f"], "belongs to the run"),
    (["import", "july.csv", "--out", "run/tickets.parquet", "-f"], "belongs to the run"),
    (["compare", "base", "--on", "p.json", "--out", "run/families", "-f"], "belongs to the run"),
    (["report", "judged", "--share", "--out", "judged/config.toml", "-f"], "belongs to the run"),
    (["report", "judged", "--share", "--out", "run/model", "-f"], "belongs to the run"),
    (["merge", "adapter", "--out", "run/model", "--base-model", "base", "-f"], "belongs to the run"),
    (["merge", "adapter", "--out", "run", "--base-model", "base", "-f"], "not even with --force"),
    (["merge", "adapter", "--out", "noted", "--base-model", "base", "-f"], "not even with --force"),
    (["doctor", "adapter", "--fix", "--out", "run/model", "--base-model", "base", "-f"], "belongs to"),
    (["doctor", "adapter", "--fix", "--out", "noted", "--base-model", "base", "-f"], "not even with"),
    (["merge", "adapter", "--out", "folder.csv", "--base-model", "base"], "not even with --force"),
    (["merge", "adapter", "--out", "folder.csv", "--base-model", "base", "-f"], "not even with --force"),
    (["merge", "adapter", "--out", "other", "--base-model", "base"], "other exists"),
    (["merge", "adapter", "--out", "adapter", "--base-model", "base", "-f"], "lies there"),
    (["merge", "adapter", "--out", "base", "--base-model", "base", "-f"], "lies there"),
    (["merge", "adapter", "--out", ".", "--base-model", "base", "-f"], "lies there"),
    (["merge", "adapter", "--out", "june.csv", "--base-model", "base", "-f"], "is a file"),
    (["doctor", "adapter", "--fix", "--out", "folder.csv", "--base-model", "base", "-f"], "not even with"),
    (["doctor", "adapter", "--fix", "--out", "other", "--base-model", "base"], "other exists"),
    (["compare", "base", "--on", "p.json", "--out", "boards"], "leaderboard.json exists"),
    (["compare", "base", "--on", "boards/leaderboard.json", "--out", "boards", "-f"], "can't be written too"),
    (["report", "judged", "--share", "--out", "mine.json"], "mine.json exists"),
    (["report", "judged", "--share", "--out", "judged/report.json", "-f"], "can't be written too"),
    (["report", "judged", "--share", "--out", "june.csv", "-f"], "can't be written too"),
    (["report", "judged", "--share", "--out", ""], "is empty"),
    (["bundle", "judged", "--out", ""], "is empty"),
    (["bundle", "judged", "--out", "june.csv", "-f"], "is a file"),
    (["bundle", "judged", "--out", "folder.csv", "-f"], "not even with --force"),
    (["bundle", "judged", "--out", "judged", "-f"], "lies there"),
    (["bundle", "judged", "--out", "run/model", "-f"], "belongs to the run"),
    (["relate", "judged", "--text", "x", "--out", "over.rejected.csv"], "over.rejected.csv exists"),
    (["relate", "judged", "--text", "x", "--out", "run/rejected.csv", "-f"], "belongs to the run"),
    (["relate", "judged", "--file", "june.csv", "--out", "june.csv", "-f"], "can't be written too"),
    (["relate", "judged", "--text", "x", "--out", ""], "is empty"),
    (["replay", "kin", "june.csv", "--since", "2026-01-01", "--out", ""], "is empty"),
    (["replay", "kin", "june.csv", "--since", "2026-01-01", "--out", "june.csv", "-f"], "lies there"),
    (["replay", "kin", "june.csv", "--since", "2026-01-01", "--out", "july.csv", "-f"], "is a file"),
    (["replay", "kin", "june.csv", "--since", "2026-01-01", "--out", "model", "-f"], "not even with"),
    (["replay", "kin", "june.csv", "--since", "2026-01-01", "--out", "run/model", "-f"], "belongs to"),
]


@pytest.fixture
def crowded(here: Path, tiny_encoder_folder: Path) -> Path:
    """A working folder full of the user's own files."""
    pl.read_csv("june.csv").write_parquet("s.parquet")
    Path("linked.parquet").symlink_to("s.parquet")
    shutil.copyfile("june.csv", "over.rejected.csv")
    Path("mine.parquet").write_text("mine")
    Path("mine.json").write_text("mine")
    Path("p.json").write_text(json.dumps(PAIRS))
    for name in ("folder.parquet", "folder.csv", "model", "figures"):
        Path(name).mkdir()
        Path(name, "mine.txt").write_text("mine")
    for name in ("adapter", "other"):
        Path(name).mkdir()
        Path(name, "adapter_config.json").write_text("{}")
    Path("boards").mkdir()
    Path("boards/leaderboard.csv").write_text("mine")
    Path("boards/leaderboard.json").write_text(json.dumps(PAIRS))
    shutil.copytree(tiny_encoder_folder, "base")
    run_one_stage("import", Path("run"), job=Job(sources=(Path("june.csv").resolve(),)))
    shutil.copytree("run", "old")  # as earlier versions left it: without the names that are its own
    Path("old/run.json").unlink()
    shutil.copytree("adapter", "run/model")
    Path("to-run").symlink_to("run")
    Path("to-config.json").symlink_to("run/config.toml")
    shutil.copytree("adapter", "noted")
    Path("noted/notes.md").write_text("mine")
    shutil.copytree("run", "judged")
    for name in SHARED_FROM:
        Path("judged", name).parent.mkdir(exist_ok=True)
        Path("judged", name).write_text("{}")
    return here


def _shown(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else ""


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=_shown)
def test_nothing_of_the_users_is_replaced(crowded: Path, arguments: list[str], message: str) -> None:
    before = contents(crowded)
    code, output = ticketkin(*arguments)
    assert code == 2, output
    assert message in output.replace("\n", " "), output
    assert contents(crowded) == before


def test_every_command_that_writes_to_a_place_of_the_users_has_cases_and_force() -> None:
    """A new option or argument for an output must come with --force and with cases above."""
    commands = dict(get_command(app).commands)  # type: ignore[attr-defined] # a click group
    commands |= {f"pairs {name}": command for name, command in commands["pairs"].commands.items()}
    writing = {
        name
        for name, command in commands.items()
        if any(parameter.name == "out" for parameter in command.params)
    }
    covered = {
        " ".join(arguments[:2]) if arguments[0] == "pairs" else arguments[0] for arguments, _ in REFUSED
    }
    assert writing == covered
    for name in writing:
        options = {option for parameter in commands[name].params for option in parameter.opts}
        assert {"--force", "-f"} <= options, name


def test_force_replaces_what_exists_and_nothing_that_is_read(crowded: Path) -> None:
    for arguments, path in (
        (["sample", "july.csv", "--tickets", "30"], "july.csv"),
        (["import", "june.csv", "--out", "mine.parquet"], "mine.parquet"),
        (["pairs", "check", "p.json", "--out", "mine.json"], "mine.json"),
    ):
        before = Path(path).read_bytes()
        assert ticketkin(*arguments)[0] == 2
        code, output = ticketkin(*arguments, "--force")
        assert code == 0, output
        assert Path(path).read_bytes() != before


def test_a_file_of_the_users_own_in_a_run_folder_is_theirs(crowded: Path) -> None:
    for name in ("run/notes.json", "run/repeats/seed-1/notes.json"):
        if "repeats" in name:  # a run in a run
            shutil.copytree("judged", Path(name).parent)
        for force in ([], ["--force"]):
            code, output = ticketkin("pairs", "check", "p.json", "--out", name, *force)
            assert code == 0, output
    assert ticketkin("sample", "run/sample.csv", "--tickets", "30")[0] == 0


def test_a_model_is_not_written_over_the_current_folder(
    crowded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("empty/inner").mkdir(parents=True)
    monkeypatch.chdir("empty/inner")
    for out in (".", "..", "../inner", str(crowded / "empty")):
        for command in (["merge", "../../adapter"], ["doctor", "../../adapter", "--fix"]):
            code, output = ticketkin(*command, "--out", out, "--base-model", "../../base", "--force")
            assert code == 2
            assert "name a" in output


# Settings of a run that is continued


def test_every_command_that_continues_a_run_keeps_its_settings_and_says_what_it_changes(here: Path) -> None:
    given = ["--offline", "--set", "lora.rank=4", "--set", "seed=9", "--links", "l.csv"]
    Path("l.csv").write_text("a,b\n" + ",".join(pl.read_csv("june.csv")["number"][:2]) + "\n")
    assert ticketkin("import", "june.csv", *given, "--out", "run")[0] == 0
    stored = read_job(Path("run"))
    for command in (["import", "june.csv"], ["import", "june.csv", "--force"]):
        code, output = ticketkin(*command, "--out", "run")
        assert code == 0, output
        assert "change" not in output
        assert read_job(Path("run")) == stored
    for command in (["run", "june.csv"], ["run", "june.csv", "--resume"], ["import", "june.csv"]):
        dry = ["--dry-run"] if command[0] == "run" else []
        code, output = ticketkin(*command, "--out", "run", "--set", "lora.rank=16", *dry)
        assert code == 0, output
        assert "settings of this run that change: lora.rank: 4 -> 16" in output.replace("\n", " ")
    assert read_job(Path("run")).settings.lora.rank == 16
    code, output = ticketkin(
        "links", "run", "--set", "split.by=time", "--set", "candidates=['lexical','base']"
    )
    for change in (
        "candidates: lexical,base,head,lora,hybrid,fusion -> lexical,base",
        "split.by: category -> time",
    ):
        assert change in output.replace("\n", " ")
    job = read_job(Path("run"))
    assert (job.settings.encoder.offline, job.settings.seed, job.links_file) == (True, 9, stored.links_file)


def test_a_settings_file_changes_a_run_where_it_is_named_and_is_not_left_out_in_silence(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ticketkin("import", "june.csv", "--set", "lora.rank=4", "--out", "run")[0] == 0
    Path("ticketkin.toml").write_text("[lora]\nrank = 8\n")
    monkeypatch.setenv("TICKETKIN_SEED", "5")
    code, output = ticketkin("import", "june.csv", "--out", "run")
    assert code == 0, output
    one_line = output.replace("\n", " ")
    assert "the run keeps its settings" in one_line
    assert "seed: 42 -> 5" in one_line
    assert "lora.rank: 4 -> 8" in one_line
    assert read_job(Path("run")).settings.lora.rank == 4
    code, output = ticketkin("import", "june.csv", "--out", "run", "--config", "ticketkin.toml")
    assert code == 0, output
    assert (read_job(Path("run")).settings.lora.rank, read_job(Path("run")).settings.seed) == (8, 42)


def test_other_sources_begin_with_their_own_settings(here: Path) -> None:
    assert ticketkin("import", "june.csv", "--set", "lora.rank=4", "--out", "run")[0] == 0
    code, output = ticketkin("import", "july.csv", "--out", "run", "--force")
    assert code == 0, output
    assert read_job(Path("run")).settings.lora.rank != 4
    assert "lora.rank: 4 -> " in output


def test_families_keep_what_they_were_asked_to_say(here: Path) -> None:
    assert ticketkin("import", "june.csv", "--set", "families.said=true", "--out", "run")[0] == 0
    for asked, phrase in (([], True), (["--not-said"], False), ([], False), (["--said"], True)):
        ticketkin("families", "run", *asked)  # fails for want of a verdict, after it took the settings
        assert read_job(Path("run")).settings.families.said is phrase


def test_last_months_run_stays_when_a_second_export_comes(here: Path) -> None:
    assert ticketkin("import", "june.csv", "--out", "runs/june")[0] == 0
    before = contents(here / "runs" / "june")
    for command in ("run", "import"):
        code, output = ticketkin(command, "july.csv", "--out", "runs/june")
        assert code == 2
        assert "june.csv" in output
        assert "july.csv" in output
        assert contents(here / "runs" / "june") == before
    assert ticketkin("import", "july.csv", "--out", "runs/june", "--force")[0] == 0


def test_runs_get_folders_by_date_and_name_and_latest_follows(here: Path) -> None:
    assert ticketkin("import", "june.csv")[0] == 0
    first = Path("runs/latest").readlink().name
    assert first.endswith("-june")
    assert ticketkin("import", "june.csv")[0] == 0  # the same job: the same folder
    assert Path("runs/latest").readlink().name == first
    before = contents(here / "runs" / first)
    assert ticketkin("import", "july.csv")[0] == 0
    assert Path("runs/latest").readlink().name.endswith("-july")
    assert contents(here / "runs" / first) == before
    assert sorted(path.name for path in Path("runs").iterdir() if not path.is_symlink()) == sorted(
        [first, Path("runs/latest").readlink().name]
    )
    code, output = ticketkin("stages", "runs/latest", "--json")
    assert code == 0
    assert json.loads(output)[0]["state"] == "done"
    assert ticketkin("links", "runs/latest")[0] == 0
    # What is typed as runs/latest is the run it points to: another export is refused there.
    code, output = ticketkin("run", "june.csv", "--out", "runs/latest")
    assert code == 2
    assert "july.csv" in output


def test_a_dry_run_makes_nothing(here: Path) -> None:
    code, output = ticketkin("run", "june.csv", "--dry-run", "--json")
    assert code == 0, output
    assert not Path("runs").exists()
    assert ticketkin("run", "june.csv", "--dry-run", "--out", ".")[0] == 2


# --resume

# A value for each option of `run`, unlike what is stored, and what becomes of it beside --resume: a function
# of the stored job that must give it, or the words that refuse it.
RESUMED: dict[str, tuple[list[str], object]] = {
    "sources": (["july.csv"], "leave the files out"),
    "links": (["--links", "l.csv"], lambda job: job.links_file == Path("l.csv").resolve()),
    "link_columns": (["--link-columns", "a,b"], lambda job: job.settings.links.columns == ("a", "b")),
    "map_": (["--map", "title=x"], lambda job: job.settings.tickets.mapping.get("title") == "x"),
    "config": (["--config", "c.toml"], "--config can't be given for a run that exists"),
    "set_": (["--set", "lora.rank=4"], lambda job: job.settings.lora.rank == 4),
    "offline": (["--offline"], lambda job: job.settings.encoder.offline),
    "base_model": (["--base-model", "x/y"], lambda job: job.settings.encoder.base_model == "x/y"),
    "candidates": (["--candidates", "head"], lambda job: job.settings.candidates[-1] == "head"),
    "recipe": (["--recipe", "lora-longer"], lambda job: job.settings.recipe == "lora-longer"),
    "pairs": (["--pairs", "p.json"], "leave --pairs out"),
    "test_pairs": (["--test-pairs", "p.json"], "leave --test-pairs out"),
    "reviewed": (["--reviewed", "l.csv"], lambda job: job.reviewed_file == Path("l.csv").resolve()),
    "redact_words": (
        ["--redact-words", "l.csv"],
        lambda job: job.settings.tickets.redact_words == Path("l.csv").resolve(),
    ),
    "labels_from": (["--labels-from", "rule"], "--labels-from says who labelled a file of pairs"),
    "seed": (["--seed", "0"], lambda job: job.settings.seed == 0),
}
# These are about the call, not about the job; consent to run code is never stored.
OF_THE_CALL = {"trust_code", "out", "resume", "dry_run", "as_json", "force", "help"}


def options_of_run() -> list[click.Parameter]:
    command = get_command(app).commands["run"]  # type: ignore[attr-defined] # a click group
    return [parameter for parameter in command.params if parameter.name not in OF_THE_CALL]


@pytest.mark.parametrize("name", [parameter.name for parameter in options_of_run()])
def test_every_option_beside_resume_changes_the_stored_job_or_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for file, text in {"l.csv": "a,b\n1,2\n", "c.toml": "seed = 3\n", "p.json": json.dumps(PAIRS)}.items():
        Path(file).write_text(text)
    stored = Job(sources=(Path("june.csv").resolve(),))
    run_one_stage("import", Path("run"), job=stored)
    ran: list[Job] = []
    monkeypatch.setattr("ticketkin.workflows.job.list_stages", lambda folder, job: ran.append(job) or [])
    arguments, expected = RESUMED[name]
    code, output = ticketkin("run", "--resume", "--out", "run", "--dry-run", *arguments)
    if isinstance(expected, str):
        assert code == 2
        assert expected in output
        assert not ran
    else:
        assert code == 0, output
        assert callable(expected)
        assert not expected(stored)
        assert expected(ran[0])
        assert ran[0].sources == stored.sources


@pytest.mark.parametrize("option", ["--map", "--link-columns", "--base-model", "--candidates", "--recipe"])
@pytest.mark.parametrize("resume", [[], ["--resume", "--out", "run"]])
def test_an_option_that_an_unset_variable_left_empty_is_refused(
    here: Path, option: str, resume: list[str]
) -> None:
    run_one_stage("import", Path("run"), job=Job(sources=(Path("june.csv").resolve(),)))
    sources = [] if resume else ["june.csv"]
    code, output = ticketkin("run", *sources, *resume, "--dry-run", option, "")
    assert code == 2
    assert f"{option} is empty" in output


def test_resume_may_repeat_the_sources_and_keeps_every_stored_setting(here: Path) -> None:
    assert ticketkin("import", "june.csv", "--set", "lora.rank=4", "--out", "run")[0] == 0
    code, output = ticketkin("run", "june.csv", "--resume", "--out", "run", "--dry-run", "--json")
    assert code == 0, output
    assert json.loads(output)[0]["state"] == "done"
    assert read_job(Path("run")).settings.lora.rank == 4


def test_resume_of_nothing_says_so(here: Path) -> None:
    code, output = ticketkin("run", "--resume")
    assert code == 1
    assert "There is no run to resume: runs/latest does not exist" in output
    for out in (".", "nowhere"):
        code, output = ticketkin("run", "--resume", "--out", out)
        assert code == 1
        assert f"{out} is not a run folder" in output


def test_resume_takes_the_newest_run(here: Path) -> None:
    assert ticketkin("import", "june.csv")[0] == 0
    code, output = ticketkin("run", "--resume", "--dry-run", "--json")
    assert code == 0, output
    assert json.loads(output)[0]["state"] == "done"


def test_a_demo_of_another_seed_is_refused(here: Path) -> None:
    from ticketkin.workflows.demo import SAMPLE_TICKETS, demo_job

    write_sample(here / "demo-42.csv", SAMPLE_TICKETS, 42)
    Path("runs/demo").mkdir(parents=True)
    shutil.move("demo-42.csv", "runs/demo/sample.csv")
    sample = Path("runs/demo/sample.csv")
    content = sample.read_bytes()
    run_one_stage("import", Path("runs/demo"), job=demo_job(sample, 42), force=True)
    code, output = ticketkin("demo", "--seed", "7")
    assert code == 2
    assert "the demo with --seed 42" in output
    assert sample.read_bytes() == content
