"""One worker for the hostile inputs of a test process, and a finished run to damage."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases_outputs import linked_tickets
from hostile_worker import Worker

if sys.platform != "linux":  # limits of memory and of files, /proc and /dev/full are Linux's
    collect_ignore_glob = ["test_hostile_*.py"]


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """Runs commands; restarted after one that kills it."""
    started = Worker(tmp_path_factory.mktemp("cache"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def finished(worker: Worker, tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an export, the run made of it in run/, and the encoder in encoder/."""
    folder = tmp_path_factory.mktemp("finished") / "here"
    shutil.copytree(tiny_encoder_folder, folder / "encoder")
    (folder / "a.csv").write_text(linked_tickets(30), "utf-8")
    ended = worker.run(
        [
            "run", "a.csv", "--base-model", str(tiny_encoder_folder), "--offline", "--candidates", "base",
            "--set", "evaluation.n_bootstrap=100", "--set", "evaluation.by=split",
            "--set", "relations.model=logistic", "--out", "run",
        ],
        folder,
        seconds_allowed=300,
    )  # fmt: skip
    assert ended.code == 0, ended.screen[-2000:] + ended.crash
    return folder
