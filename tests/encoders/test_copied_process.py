"""A fresh process for each request, by copies of one that has imported what models need."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ticketkin.core.errors import JobError
from ticketkin.encoders.copied_process import CopiedProcess

# What a copy sees of itself, and what the test tells it to do.
_MODULE = """
import json, os, signal, sys, time
from pathlib import Path
from ticketkin.encoders.copied_process import SERVE, serve

seen = []

def main(arguments):
    question, answer = map(Path, arguments)
    asked = json.loads(question.read_text())
    seen.append(asked)
    if asked.get("fails"):
        raise ValueError(asked["fails"])
    if asked.get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    if asked.get("prints"):
        print(12)
    time.sleep(asked.get("sleeps", 0))
    answer.write_text(json.dumps({
        "seen": len(seen), "folder": os.getcwd(), "server": os.getppid(), "value": os.environ.get("KIN_TEST"),
    }))

if sys.argv[1:] == [SERVE]:
    serve(main)
"""


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CopiedProcess]:
    (tmp_path / "asked_module.py").write_text(_MODULE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    process = CopiedProcess("asked_module")
    yield process
    process.close()


def asked(process: CopiedProcess, folder: Path, **question: object) -> dict[str, object]:
    (folder / "question").write_text(json.dumps(question))
    process.run(folder / "question", folder / "answer")
    return dict(json.loads((folder / "answer").read_text()))


def test_each_request_is_answered_by_a_copy_that_knows_of_no_other(
    process: CopiedProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(process, tmp_path, prints=True)
    monkeypatch.setenv("KIN_TEST", "now")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    second = asked(process, tmp_path)
    assert first["seen"] == second["seen"] == 1 and first["server"] == second["server"]
    assert second["value"] == "now" and second["folder"] == str(tmp_path / "elsewhere")


def test_a_variable_that_is_read_at_import_needs_another_process(
    process: CopiedProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(process, tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "another")
    assert asked(process, tmp_path)["server"] != first["server"]


def test_a_failure_is_reported_by_its_last_line_and_the_next_request_is_answered(
    process: CopiedProcess, tmp_path: Path
) -> None:
    with pytest.raises(JobError, match="ValueError: no such layer"):
        asked(process, tmp_path, fails="no such layer")
    (tmp_path / "answer.complaint").unlink()
    with pytest.raises(JobError, match="no message"):
        asked(process, tmp_path, dies=True)
    assert asked(process, tmp_path)["seen"] == 1


def test_a_process_that_was_killed_is_begun_again(process: CopiedProcess, tmp_path: Path) -> None:
    first = asked(process, tmp_path)
    server = first["server"]
    assert isinstance(server, int)
    os.kill(server, signal.SIGKILL)
    assert asked(process, tmp_path)["server"] != server


def test_a_module_that_can_not_begin_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="ended before"):
        asked(CopiedProcess("no_such_module_of_ours"), tmp_path)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="it looks processes up in /proc")
def test_nothing_stays_where_the_asking_process_is_killed(process: CopiedProcess, tmp_path: Path) -> None:
    (tmp_path / "question").write_text(json.dumps({"sleeps": 60}))
    code = (
        "import sys; from pathlib import Path; from ticketkin.encoders.copied_process import CopiedProcess; "
        "CopiedProcess('asked_module').run(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    others = _processes_of("asked_module")
    command = [sys.executable, "-c", code, str(tmp_path / "question"), str(tmp_path / "answer")]
    asking = subprocess.Popen(command)
    while not (tmp_path / "answer.complaint").exists():
        time.sleep(0.02)
    copies = _processes_of("asked_module") - others
    assert len(copies) == 2
    asking.kill()
    asking.wait()
    while copies & _processes_of("asked_module"):
        time.sleep(0.02)


def _processes_of(module: str) -> set[int]:
    """Return the processes that serve for a module, the asking one left out."""
    named = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            is_alive = b"Z" not in (folder / "stat").read_bytes().rpartition(b")")[2][:3]
        except OSError:
            continue
        if is_alive and {module.encode(), b"--serve"} <= set(words):
            named.add(int(folder.name))
    return named
