"""The whole job on a small sample with a tiny encoder: artifacts, resume, locks, order."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import numpy as np
import polars as pl
import pytest
from sentence_transformers import SentenceTransformer

from progress_material import KeptLines
from ticketkin.core.artifacts import hash_path
from ticketkin.core.errors import MissingInputError, RunLockedError
from ticketkin.core.locks import run_lock
from ticketkin.evaluation.schema import report_json_schema
from ticketkin.workflows.artifacts import embeddings_of
from ticketkin.workflows.configuration import Job, read_job, write_job
from ticketkin.workflows.job import list_stages, run_job, run_one_stage
from ticketkin.workflows.run_data import RunData


def test_report_json_follows_the_published_schema(small_run: Path) -> None:
    report = json.loads((small_run / "report.json").read_text())
    jsonschema.validate(report, report_json_schema())
    assert report["synthetic"]
    assert "on the built-in synthetic sample" in report["verdict"]["reason"].lower()
    assert {"lexical", "base", "head", "hybrid", "fusion"} == report["candidates"].keys()
    judged = {name for name, candidate in report["candidates"].items() if candidate["holdout"]}
    assert judged == {report["verdict"]["champion"], "base"}
    assert report["verdict"]["holdout_opened_at"]


def test_splits_and_pairs_keep_their_borders(small_run: Path) -> None:
    splits = pl.read_parquet(small_run / "splits.parquet")
    assert splits.columns == ["ticket_id", "split"]
    assert set(splits["split"]) == {"train", "evaluation", "holdout"}
    where = dict(splits.iter_rows())
    pairs = pl.read_parquet(small_run / "pairs.parquet")
    assert all(where[a] == where[b] == s for a, b, s in pairs.select("left", "right", "split").iter_rows())


def test_kept_model_is_plain_and_gives_the_evaluated_embeddings(small_run: Path) -> None:
    data = RunData.of(small_run, read_job(small_run))
    encoder = json.loads((small_run / "report.json").read_text())["verdict"]["encoder"]
    model = SentenceTransformer(str(small_run / "model"), device="cpu")
    texts = data.texts[:20]
    embeddings = model.encode(texts, normalize_embeddings=True)
    assert np.abs(embeddings - data.embeddings(embeddings_of(encoder))[:20]).max() < 1e-5
    template = json.loads((small_run / "model" / "ticketkin.json").read_text())["template"]
    assert template == data.job.settings.tickets.template
    head = SentenceTransformer(str(small_run / "candidates" / "head"), device="cpu")
    assert np.abs(head.encode(texts) - data.embeddings(embeddings_of("head"))[:20]).max() < 1e-5


def test_nothing_is_stored_as_pickle_or_with_personal_data(small_run: Path) -> None:
    names = [path.name for path in small_run.rglob("*") if path.is_file()]
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib", ".bin", ".pt"))]
    for path in [*small_run.glob("*.json"), *small_run.glob("*.html"), small_run / "log.jsonl"]:
        assert "@example" not in path.read_text()
    assert not any(
        "@example" in str(row) for row in pl.read_parquet(small_run / "tickets.parquet").iter_rows()
    )


def test_manifest_names_every_output_with_its_hash(small_run: Path) -> None:
    manifest = json.loads((small_run / "manifest.json").read_text())
    assert {"report.html", "model", "ranking", "tickets.parquet"} <= manifest["outputs"].keys()
    for name, expected in manifest["outputs"].items():
        assert hash_path(small_run / name) == expected


def test_a_second_run_keeps_everything_and_a_setting_redoes_what_depends_on_it(
    small_run: Path, small_job: Job, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(small_run, folder)
    recorder = KeptLines()
    run_job(small_job, folder, recorder)
    n_kept = sum("up to date, kept" in line for line in recorder.lines)
    assert n_kept == len(list_stages(folder, small_job))
    evaluation = small_job.settings.evaluation.model_copy(update={"target_value": 0.1})
    settings = small_job.settings.model_copy(update={"evaluation": evaluation})
    changed = small_job.model_copy(update={"settings": settings})
    states = {status.stage.name: status.state.value for status in list_stages(folder, changed)}
    assert states["import"] == states["embed"] == states["split"] == "done"
    assert states["pairs"] == states["verdict"] == "changed"
    (folder / "splits.parquet").unlink()
    states = {status.stage.name: status for status in list_stages(folder, small_job)}
    assert states["split"].reason == "its output splits.parquet is missing or altered"


def test_out_of_order_names_the_missing_command(small_job: Job, tmp_path: Path) -> None:
    write_job(small_job, tmp_path)
    with pytest.raises(MissingInputError, match="then ticketkin links"):
        run_one_stage("split", tmp_path)


def test_two_runs_in_one_folder_are_refused(small_job: Job, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from ticketkin.core.locks import run_lock\n"
        "with run_lock(Path(sys.argv[1])): print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(RunLockedError, match=f"process {other.pid}"):
            run_job(small_job, tmp_path)
        other.send_signal(signal.SIGKILL)
        other.wait()
    with run_lock(tmp_path):
        pass


def test_a_killed_run_continues_without_redoing_finished_stages(quick_job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_job(quick_job, folder)
    code = (
        "import sys; from pathlib import Path\n"
        "from ticketkin.workflows.configuration import read_job\n"
        "from ticketkin.workflows.job import run_job\n"
        "run_job(read_job(Path(sys.argv[1])), Path(sys.argv[1]))"
    )
    environment = {**os.environ, "TICKETKIN_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], env=environment) as process:
        while not (folder / "stages" / "split.json").exists():
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (folder / "manifest.json").exists()
    recorder = KeptLines()
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    run_job(quick_job, folder, recorder)
    patch.undo()
    kept = [line for line in recorder.lines if "up to date, kept" in line]
    assert len(kept) >= 3
    assert (folder / "manifest.json").exists()
