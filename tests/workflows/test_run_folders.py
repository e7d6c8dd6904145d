"""Which folder a run gets, what is refused there, and what a killed or damaged run does at its next start."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from sentence_transformers import SentenceTransformer

from progress_material import KeptLines
from ticketkin.core import replacement
from ticketkin.core.checks import Outcome
from ticketkin.core.errors import (
    ConfigurationError,
    DamagedArtifactError,
    MissingInputError,
    OutputRefusedError,
    RunLockedError,
)
from ticketkin.core.locks import run_lock
from ticketkin.doctor.runs import changed_artifacts
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.importing import import_to_file
from ticketkin.workflows.job import (
    damage_named,
    list_stages,
    own_names,
    run_job,
    run_one_stage,
)
from ticketkin.workflows.relater import Relater
from ticketkin.workflows.repeating import repeat_job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_folders import (
    LATEST,
    check_run_folder,
    folder_for,
    is_run,
    point_latest,
    pointer_for,
)
from ticketkin.workflows.stages.order import stages

TODAY = date(2026, 3, 1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder of its own, with two exports."""
    monkeypatch.chdir(tmp_path)
    for name, seed in (("june", 1), ("july", 2)):
        write_sample(tmp_path / f"{name}.csv", 40, seed)
    yield tmp_path


def job_of(name: str, **settings: object) -> Job:
    return Job.model_validate({"sources": (Path(f"{name}.csv").resolve(),), "settings": settings})


def begun(job: Job, folder: Path) -> Path:
    run_one_stage("import", folder, job=job)
    return folder


# Which folder


def test_a_job_without_a_folder_gets_one_by_date_and_name_and_finds_it_again(here: Path) -> None:
    june = folder_for(job_of("june"), today=TODAY)
    assert june == Path("runs/2026-03-01-june")
    begun(job_of("june"), june)
    assert folder_for(job_of("june"), today=date(2026, 3, 2)) == june  # the same command continues
    other = folder_for(job_of("june", seed=7), today=TODAY)
    assert other == Path("runs/2026-03-01-june-2")  # other settings never write over it
    begun(job_of("june", seed=7), other)
    assert folder_for(job_of("june", seed=8), today=TODAY) == Path("runs/2026-03-01-june-3")
    assert folder_for(job_of("july"), today=TODAY) == Path("runs/2026-03-01-july")
    shutil.copyfile("july.csv", "june.csv")  # a new export under the old name
    assert folder_for(job_of("june"), today=TODAY) == Path("runs/2026-03-01-june-3")


def test_a_folder_in_which_nothing_finished_is_taken_and_one_at_work_is_not(here: Path) -> None:
    Path("bad.csv").write_text("a,b\n1,2\n")
    folder = folder_for(job_of("bad"), today=TODAY)
    with pytest.raises(Exception, match="title"):
        run_one_stage("import", folder, job=job_of("bad"))
    fixed = job_of("bad", tickets={"mapping": {"title": "a", "description": "b"}})
    assert folder_for(fixed, today=TODAY) == folder
    with run_lock(folder):
        assert folder_for(fixed, today=TODAY) == Path(f"{folder}-2")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("a b/ü [x]*?.csv", "2026-03-01-ü-x"),
        ("..csv", "2026-03-01-tickets"),
        (".hidden.csv", "2026-03-01-hidden"),
        ("x" * 200 + ".csv", "2026-03-01-" + "x" * 60),
        ("$(rm -rf).csv", "2026-03-01-rm-rf"),
    ],
)
def test_names_of_folders_are_safe(tmp_path: Path, name: str, folder: str) -> None:
    source = tmp_path / name
    source.parent.mkdir(exist_ok=True)
    source.write_text("x")
    assert folder_for(Job(sources=(source,)), tmp_path / "runs", TODAY).name == folder


def test_latest_points_to_the_newest_run_and_moves(here: Path) -> None:
    for name in ("june", "july"):
        folder = folder_for(job_of(name), today=TODAY)
        run_one_stage("import", folder, job=job_of(name), latest=pointer_for(folder))
        assert Path("runs/latest").readlink() == Path(folder.name)
    assert pointer_for(Path("elsewhere/x")) is None
    assert pointer_for(here / "runs" / "x") == Path("runs/latest")
    assert read_job(Path("runs/latest")).sources == job_of("july").sources
    # A run that fails before its tickets are read does not take the pointer.
    Path("bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(Exception, match="title"):
        run_one_stage("import", Path("runs/bad"), job=job_of("bad"), latest=Path("runs/latest"))
    assert Path("runs/latest").readlink() == Path(folder.name)


def test_a_run_that_is_named_latest_is_kept_under_a_dated_name(here: Path) -> None:
    begun(job_of("june"), Path("runs/latest"))
    kept = (Path("runs/latest") / "tickets.parquet").read_bytes()
    os.utime("runs/latest/config.toml", (1e9, 1e9))
    begun(job_of("july"), Path("runs/new"))
    progress = KeptLines()
    point_latest(Path("runs/latest"), Path("runs/new"), progress)
    assert Path("runs/latest").readlink() == Path("new")
    assert Path("runs/2001-09-09-june/tickets.parquet").read_bytes() == kept
    assert "runs/2001-09-09-june" in progress.lines[0]


def test_a_folder_of_the_user_that_is_named_latest_stays(here: Path) -> None:
    Path("runs/latest").mkdir(parents=True)
    Path("runs/latest/thesis.doc").touch()
    Path("runs/new").mkdir()
    progress = KeptLines()
    point_latest(Path("runs/latest"), Path("runs/new"), progress)
    assert Path("runs/latest/thesis.doc").exists()
    assert "left as it is" in progress.lines[0]


def test_a_file_system_without_links_is_reported(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    progress = KeptLines()
    Path("runs/new").mkdir(parents=True)
    point_latest(Path("runs/latest"), Path("runs/new"), progress)
    assert progress.lines == ["runs/latest can't point to this run (Operation not permitted); it is runs/new"]


# What is refused


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_a_folder_that_is_no_run_is_refused_and_nothing_in_it_changes(here: Path) -> None:
    for name in ("model", "figures"):
        Path(name).mkdir()
        Path(name, "mine.txt").write_text("mine")
    Path("config.toml").write_text('[site]\nname = "mine"\n')
    before = snapshot(here)
    for run in (run_job, lambda job, folder: run_one_stage("import", folder, job=job)):
        with pytest.raises(OutputRefusedError, match="not a run folder"):
            run(job_of("june"), Path())
    with pytest.raises((MissingInputError, ConfigurationError), match="run"):
        run_one_stage("split", Path(), job=job_of("june"))
    with pytest.raises(OutputRefusedError, match="not a run folder"):
        repeat_job(job_of("june"), Path(), [1]) if _made(Path("repeats/seed-1/mine.txt")) else None
    shutil.rmtree("repeats")
    assert snapshot(here) == before


def _made(path: Path) -> bool:
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    return True


def test_force_lets_a_run_into_a_folder_that_is_none(here: Path) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    run_one_stage("import", Path("mine"), job=job_of("june"), force=True)
    assert Path("mine/notes.txt").read_text() == "mine"
    assert is_run(Path("mine"))


def test_an_empty_folder_and_one_of_a_killed_start_are_free(here: Path) -> None:
    Path("runs/empty").mkdir(parents=True)
    Path("runs/killed").mkdir()
    for name in (".lock", ".owner"):
        Path("runs/killed", name).touch()
    for name in ("empty", "killed"):
        begun(job_of("june"), Path("runs", name))


def test_a_file_is_no_run_folder(here: Path) -> None:
    for place in (Path("june.csv"), Path("june.csv/deep")):
        with pytest.raises(OutputRefusedError, match=r"june\.csv"):
            run_job(job_of("june"), place, force=True)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "name", ["tickets.parquet", "rejected.csv", "model/x.csv", "stages/a.csv", "link.csv"]
)
def test_a_source_among_the_files_a_run_writes_is_refused_even_with_force(
    here: Path, name: str, force: bool
) -> None:
    source = here / "run" / name
    source.parent.mkdir(parents=True)
    real = source.with_name("rejected.csv") if name == "link.csv" else source
    pl.read_csv("june.csv").write_parquet(real) if real.suffix == ".parquet" else shutil.copyfile(
        "june.csv", real
    )
    if name == "link.csv":
        source.symlink_to("rejected.csv")
    content = real.read_bytes()
    with pytest.raises(OutputRefusedError, match="move the file"):
        run_job(Job(sources=(source,)), here / "run", force=force)
    linked = job_of("june").model_copy(update={"links_file": source})
    with pytest.raises(OutputRefusedError, match="move the file"):
        run_job(linked, here / "run", force=force)
    assert real.read_bytes() == content


def test_results_of_other_sources_stay_unless_forced(here: Path) -> None:
    folder = begun(job_of("june"), Path("runs/june"))
    before = snapshot(folder)
    with pytest.raises(OutputRefusedError, match=r"over .*june\.csv, and this one reads .*july\.csv"):
        run_job(job_of("july"), folder)
    shutil.copyfile("july.csv", "june.csv")
    with pytest.raises(OutputRefusedError, match=r"june\.csv changed since the run"):
        run_one_stage("import", folder, job=job_of("june"))
    assert snapshot(folder) == before
    run_one_stage("links", folder)  # reads no source, so it neither minds nor forgets
    with pytest.raises(OutputRefusedError, match=r"june\.csv changed since the run"):
        run_one_stage("import", folder, job=job_of("june"))
    run_one_stage("import", folder, job=job_of("june"), force=True)
    assert snapshot(folder) != before
    run_one_stage("import", folder, job=job_of("june"))  # from now on these are its sources


def test_other_settings_go_on_in_a_folder_that_is_named(here: Path) -> None:
    folder = begun(job_of("june"), Path("runs/june"))
    begun(job_of("june", seed=9), folder)
    assert read_job(folder).settings.seed == 9


def test_a_run_of_an_earlier_version_is_known_by_its_job(here: Path) -> None:
    folder = begun(job_of("june"), Path("runs/june"))
    (folder / "run.json").unlink()
    with pytest.raises(OutputRefusedError, match=r"july\.csv"):
        check_run_folder(folder, job_of("july"), own_names())
    begun(job_of("june"), folder)
    assert json.loads((folder / "run.json").read_text())["schema_version"] == 1


def test_an_import_to_a_file_replaces_neither_sources_nor_files_of_the_user(here: Path) -> None:
    job = job_of("june")
    out = Path("o.parquet")
    import_to_file(job, out)
    for path in (out, Path("o.rejected.csv")):
        content = path.read_bytes()
        for other in {out, Path("o.rejected.csv")} - {path}:
            other.unlink(missing_ok=True)
        with pytest.raises(OutputRefusedError, match=f"{path} exists"):
            import_to_file(job, out)
        assert path.read_bytes() == content
        import_to_file(job, out, force=True)
    for name, source in (("p.parquet", "p.parquet"), ("q.parquet", "q.rejected.csv")):
        frame = pl.read_csv("june.csv")
        frame.write_parquet(source) if source.endswith(".parquet") else frame.write_csv(source)
        with pytest.raises(OutputRefusedError, match="can't be written too"):
            import_to_file(Job(sources=(Path(source).resolve(),)), Path(name), force=True)
        assert Path(source).exists()


def test_a_sample_replaces_nothing_unasked(here: Path) -> None:
    Path("truth.csv").write_text("mine")
    with pytest.raises(OutputRefusedError, match=r"june\.csv exists"):
        write_sample(Path("june.csv"), 40)
    with pytest.raises(OutputRefusedError, match=r"truth\.csv exists"):
        write_sample(Path("new.csv"), 40, write_truth=True)
    assert not Path("new.csv").exists()
    write_sample(Path("june.csv"), 40, force=True)


# What killed and damaged runs do at the next start


def test_leftovers_of_a_killed_run_are_swept_and_logged(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(here / "cache"))
    cached = here / "cache" / "model" / ".shard.npz.0123abcd.part"
    cached.parent.mkdir(parents=True)
    cached.touch()
    os.utime(cached, (1e9, 1e9))
    folder = begun(job_of("june"), Path("runs/june"))
    (folder / ".model.0123abcd.part" / "deep").mkdir(parents=True)
    (folder / "candidates").mkdir()
    (folder / "candidates" / ".head.0123abcd.old").mkdir()
    progress = KeptLines()
    run_one_stage("links", folder, progress)
    names = [path.name for path in folder.rglob("*")]
    assert "head" in names
    assert not [name for name in names if name.endswith((".part", ".old"))]
    assert not cached.exists()
    logged = (folder / "log.jsonl").read_text()
    for line in ("put back candidates/head, which a killed", "deleted .model.0123abcd.part, left"):
        assert any(line in shown for shown in progress.lines)
        assert line in logged


def test_a_log_line_cut_by_a_kill_costs_that_line_alone(here: Path) -> None:
    folder = begun(job_of("june"), Path("runs/june"))
    with (folder / "log.jsonl").open("a") as log:
        log.write('{"time": "2026')
    n_before = len((folder / "log.jsonl").read_text().splitlines())
    run_one_stage("links", folder)
    after = (folder / "log.jsonl").read_text().splitlines()[n_before:]
    assert after
    assert all(json.loads(line)["message"] for line in after)


RECORD_DAMAGES = [
    "",
    "{",
    "[]",
    "null",
    '{"key": 1}',
    '{"key": "x", "outputs": [], "seconds": 1}',
    "\x00\xff",
]


@pytest.mark.parametrize("content", RECORD_DAMAGES)
def test_a_damaged_record_counts_as_not_run(here: Path, content: str) -> None:
    folder = begun(job_of("june"), Path("runs/june"))
    (folder / "stages" / "import.json").write_text(content, "latin-1")
    status = list_stages(folder)[0]
    assert (status.state.value, status.reason) == ("ready", "its record is damaged: runs again")
    begun(job_of("june"), folder)
    assert list_stages(folder)[0].state.value == "done"


def test_a_record_that_is_a_folder_is_replaced(here: Path) -> None:
    folder = begun(job_of("june"), Path("runs/june"))
    (folder / "stages" / "import.json").unlink()
    (folder / "stages" / "import.json").mkdir()
    assert list_stages(folder)[0].state.value == "ready"
    begun(job_of("june"), folder)
    assert list_stages(folder)[0].state.value == "done"


def test_a_damaged_config_says_what_to_do_and_the_command_again_mends_it(here: Path) -> None:
    folder = begun(job_of("june"), Path("runs/june"))
    config = folder / "config.toml"
    for damage in (config.read_bytes()[:40], b"", b"\xff\xfe", b"sources = 3"):
        config.write_bytes(damage)
        with pytest.raises(ConfigurationError, match=r"config\.toml.*give the command that made it again"):
            run_one_stage("links", folder)
        begun(job_of("june"), folder)
        assert read_job(folder) == job_of("june")
        with pytest.raises(OutputRefusedError, match=r"july\.csv"):
            config.write_bytes(damage)
            begun(job_of("july"), folder)


DAMAGES = {"empty": b"", "cut": None, "noise": b"\x00\x01\x02" * 100, "other shape": b"[]"}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["tickets.parquet", "links.parquet", "embeddings/base.npy", "import.json"])
def test_a_damaged_artifact_names_the_command_that_makes_it_again(
    small_run: Path, tmp_path: Path, name: str, damage: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(small_run, folder)
    path = folder / name
    content = DAMAGES[damage]
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    maker = next(stage for stage in stages() if name in map(str, stage.outputs))
    reader = {"import.json": "verdict", "embeddings/base.npy": "head"}.get(name, "split")
    with pytest.raises(DamagedArtifactError, match=maker.command.split(" {")[0].split(" SOURCE")[0]):
        run_one_stage(reader, folder)
    states = {status.stage.name: status.state.value for status in list_stages(folder)}
    assert states[maker.name] == "changed"  # so that a plain run redoes it


@pytest.mark.parametrize("name", ["ranking/ranking.json", "relations/relations.json", "tickets.parquet"])
def test_readers_of_a_run_name_a_damaged_file(small_run: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    shutil.copytree(small_run, folder)
    (folder / name).write_bytes(b"\x00")
    with pytest.raises(DamagedArtifactError, match=name.split("/", maxsplit=1)[0]), damage_named(folder):
        Relater(folder)


def test_a_failure_without_damage_stays_what_it_is(small_run: Path) -> None:
    with pytest.raises(ZeroDivisionError), damage_named(small_run):
        raise ZeroDivisionError


def test_a_redone_run_is_whole_where_folders_are_pointers(
    quick_run: Path, quick_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacement, "_exchange", lambda one, other: False)  # as on NFS
    folder = tmp_path / "run"
    shutil.copytree(quick_run, folder)
    run_one_stage("verdict", folder)
    evaluation = quick_job.settings.evaluation.model_copy(update={"n_bootstrap": 101})
    job = quick_job.model_copy(
        update={"settings": quick_job.settings.model_copy(update={"evaluation": evaluation})}
    )
    run_job(job, folder)
    assert (folder / "model").is_symlink()
    assert len(list(folder.glob(".model.*"))) == 1
    assert changed_artifacts(folder).outcome is Outcome.PASSED
    SentenceTransformer(str(folder / "model"), device="cpu")
    for place in (folder.rename(tmp_path / "moved"), shutil.copytree(tmp_path / "moved", tmp_path / "copy")):
        assert {status.state.value for status in list_stages(place, job)} == {"done"}
    progress = KeptLines()
    run_one_stage(
        "report", tmp_path / "copy", progress
    )  # the copy followed the pointers: versions are left over
    assert not list((tmp_path / "copy").glob(".model.*"))


# Names, owners


def test_a_folder_with_signs_of_patterns_in_its_name_runs_to_the_end(quick_job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "run [june] *?"
    (tmp_path / "runs" / "run j xx").mkdir(parents=True)  # what the pattern would match
    report = run_job(quick_job, folder)
    assert report.tickets["n_tickets"] == 100
    assert {status.state.value for status in list_stages(folder)} == {"done"}
    assert len(RunData.of(folder, read_job(folder)).tickets.frame) == 100


def test_the_same_command_twice_at_once_runs_once(here: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from ticketkin.core.locks import run_lock\n"
        "with run_lock(Path(sys.argv[1])): print('locked', flush=True); time.sleep(60)"
    )
    folder = begun(job_of("june"), folder_for(job_of("june")))
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert folder_for(job_of("june")) == folder
        with pytest.raises(RunLockedError, match=f"process {other.pid}"):
            run_job(job_of("june"), folder)
        other.kill()


def test_a_run_keeps_its_folder_when_latest_moves(here: Path) -> None:
    begun(job_of("june"), Path("runs/june"))
    begun(job_of("july"), Path("runs/july"))
    point_latest(Path("runs") / LATEST, Path("runs/june"))

    class Moves(KeptLines):
        def say(self, message: str) -> None:
            point_latest(Path("runs") / LATEST, Path("runs/july"))

    before = time.time()
    run_one_stage("links", Path("runs") / LATEST, Moves())
    assert (Path("runs/june/stages/links.json")).stat().st_mtime >= before - 5
    assert not Path("runs/july/stages/links.json").exists()
