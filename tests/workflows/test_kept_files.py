"""Files that a user put among a run's own, or edited there, are moved to kept/ and never lost."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from progress_material import KeptLines
from ticketkin.core import replacement
from ticketkin.core.errors import OutputRefusedError
from ticketkin.core.replacement import sweep_leftovers
from ticketkin.tickets.sample import AT_ONCE, OMITTED, write_sample
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.demo import SAMPLE_TICKETS, run_demo
from ticketkin.workflows.job import run_context, run_job, run_one_stage
from ticketkin.workflows.sharing import share_report


@pytest.fixture
def run(quick_run: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    shutil.copytree(quick_run, folder)
    return folder


MINE = {
    "families/notes.txt": b"mine",
    "families/deep/er/notes.txt": b"mine too",
    "figures/mine.png": b"\x89PNG",
    "relations/mine.npy": b"numbers",
}


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def kept(folder: Path) -> dict[str, bytes]:
    return {
        "/".join(path.relative_to(folder / "kept").parts[1:]): path.read_bytes()
        for path in (folder / "kept").rglob("*")
        if path.is_file()
    }


def late_stages(folder: Path, progress: KeptLines) -> None:
    for name in ("relations", "families", "report"):
        run_one_stage(name, folder, progress)


def test_files_of_the_user_in_output_folders_are_kept(run: Path) -> None:
    put(run, MINE)
    (run / "families/families.csv").write_text("edited")
    (run / "report.html").write_text("edited")
    (run / "figures/link").symlink_to("../families")
    progress = KeptLines()
    late_stages(run, progress)
    edited = {"families/families.csv": b"edited", "report.html": b"edited"}
    assert kept(run) == MINE | edited
    assert [path.name for path in (run / "kept").rglob("*") if path.is_symlink()] == ["link"]
    assert (run / "families/families.csv").read_text() != "edited"
    lines = [line for line in progress.lines if "Moved to" in line]
    assert any("3 files not written by Ticketkin" in line and "families/notes.txt" in line for line in lines)
    assert all(str(run / "kept") in line for line in lines)


def test_what_ticketkin_wrote_and_what_is_merely_damaged_is_not_kept(run: Path) -> None:
    progress = KeptLines()
    late_stages(run, progress)
    (run / "links.parquet").write_bytes(b"")
    (run / "families/.DS_Store").write_bytes(b"")
    run_one_stage("links", run, progress)
    run_one_stage("families", run, progress)
    assert not (run / "kept").exists()
    assert not [line for line in progress.lines if "Moved" in line]


def test_a_run_of_an_earlier_version_which_lists_no_files(run: Path) -> None:
    shutil.rmtree(run / "stages" / "written")
    (run / "links.parquet").write_bytes(b"")
    put(run, {"families/notes.txt": b"mine"})
    progress = KeptLines()
    run_one_stage("links", run, progress)
    run_one_stage("relations", run, progress)
    assert not (run / "kept").exists()
    run_one_stage("families", run, progress)
    assert kept(run)["families/notes.txt"] == b"mine"  # and the rest, since nobody knows whose it is


def test_kept_files_are_never_swept_copied_or_replaced(run: Path) -> None:
    own = {"families/notes.txt": b"mine", "families/.notes.txt.0123abcd.part": b"ours"}
    put(run, own)
    for content in (b"first", b"second"):
        put(run, {"families/notes.txt": content})
        run_one_stage("families", run)
    places = sorted((run / "kept").glob("*/families/notes.txt"))
    assert [place.read_bytes() for place in places] == [b"first", b"second"]
    put(run, {"kept/.x.0123abcd.old/a.txt": b"mine", "kept/deep/.x.0123abcd.part": b"mine"})
    before = kept(run)
    assert sweep_leftovers(run) == []
    late_stages(run, KeptLines())
    assert kept(run) == before


def test_a_file_called_kept_stops_the_stage_before_anything_is_lost(run: Path) -> None:
    put(run, {"kept": b"mine", "families/notes.txt": b"mine too"})
    with pytest.raises(OutputRefusedError, match="rename the file"):
        run_one_stage("families", run)
    assert (run / "families/notes.txt").read_bytes() == b"mine too"


_KILLED = """
import os, signal, sys
from pathlib import Path
from ticketkin.core import artifacts
from ticketkin.workflows.job import run_one_stage

put_in_place = artifacts.put_in_place
def killed(temporary, path):
    if sys.argv[2] == "after":
        put_in_place(temporary, path)
    if path.name == "families":
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[2] == "before":
        put_in_place(temporary, path)
artifacts.put_in_place = killed
run_one_stage("families", Path(sys.argv[1]))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_between_loses_nothing_and_our_own_files_are_known_afterwards(run: Path, moment: str) -> None:
    put(run, {"families/notes.txt": b"mine"})
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(run), moment], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert kept(run) == {"families/notes.txt": b"mine"}
    assert not (run / "stages/families.json").exists()
    put(run, {"families/later.txt": b"mine as well"})
    run_one_stage("families", run)
    assert kept(run) == {"families/notes.txt": b"mine", "families/later.txt": b"mine as well"}


def test_files_are_kept_where_names_can_not_be_exchanged(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacement, "_exchange", lambda *_: False)
    for content in (b"first", b"second"):  # over a plain folder, then over a link to a version
        put(run, {"families/notes.txt": content})
        run_one_stage("families", run)
    places = sorted((run / "kept").glob("*/families/*"))
    assert [place.read_bytes() for place in places] == [b"first", b"second"]


def test_a_link_of_the_user_in_place_of_an_output_is_kept_and_its_target_stays(run: Path) -> None:
    elsewhere = run.parent / "elsewhere"
    shutil.move(run / "families", elsewhere)
    put(elsewhere, {"notes.txt": b"mine"})
    (run / "families").symlink_to(elsewhere)
    run_one_stage("families", run)
    assert (elsewhere / "notes.txt").read_bytes() == b"mine"
    assert not (run / "families").is_symlink()


def test_a_run_let_into_a_foreign_folder_replaces_nothing_there(
    tmp_path: Path, quick_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    names = ("config.toml", "manifest.json", "report.html", "model/weights.bin", "stages/a.txt", "log.jsonl")
    foreign = {name: f"my {name}".encode() for name in names}
    for number, begin in enumerate((run_job, lambda job, folder, **_: run_demo_sample(folder))):
        folder = tmp_path / f"mine{number}"
        put(folder, foreign | {"notes.txt": b"mine"})
        begin(quick_job, folder, force=True)
        assert {name: content for name, content in kept(folder).items() if name != "sample.csv"} == foreign
        assert (folder / "notes.txt").read_bytes() == b"mine"


def run_demo_sample(folder: Path) -> None:
    """Begin a demo in `folder` and stop it at its first stage, for the rest takes minutes."""
    put(folder, {"sample.csv": b"mine"})

    class StoppedError(Exception):
        pass

    class Stopping(KeptLines):
        def say(self, message: str) -> None:
            if message.startswith("[1/"):
                raise StoppedError
            super().say(message)

    for _ in range(2):
        with pytest.raises(StoppedError):
            run_demo(folder, 42, Stopping(), force=True)
    assert kept(folder)["sample.csv"] == b"mine"
    assert sum(1 for _ in (folder / "sample.csv").open()) > SAMPLE_TICKETS
    write_sample(folder / "again.csv", SAMPLE_TICKETS, 42, at_once=AT_ONCE, omitted=OMITTED)
    assert (folder / "again.csv").read_bytes() == (folder / "sample.csv").read_bytes()


def test_a_shared_copy_that_a_user_changed_is_kept(run: Path) -> None:
    context = run_context(run, read_job(run), KeptLines())
    for _ in range(2):
        path = share_report(context)
    assert not (run / "kept").exists()
    path.write_text("edited")
    share_report(context)
    assert kept(run) == {"report-shared.html": b"edited"}


def test_the_list_of_files_holds_what_is_there(run: Path) -> None:
    run_one_stage("families", run)
    listed = json.loads((run / "stages/written/families.json").read_text())
    assert sorted(listed) == sorted(f"families/{path.name}" for path in (run / "families").iterdir())
    assert all(len(hashes) == 1 for hashes in listed.values())
