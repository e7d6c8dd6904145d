"""A command that reads part of a run refuses what the records of the run do not match."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from progress_material import KeptLines
from ticketkin.core.errors import DamagedArtifactError, StaleInputError
from ticketkin.runs.content_hashes import content_hash
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.comparison import compare_models
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.relater import Relater
from ticketkin.workflows.searching import search_settings


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_run, tmp_path / "run"))


def _train(run: Path) -> None:
    run_one_stage("head", run)


def _evaluate(run: Path) -> None:
    run_one_stage("verdict", run)


def _tune(run: Path) -> None:
    pytest.importorskip("optuna", reason="the extra 'tune' is not installed")
    search_settings(run, read_job(run), "head", minutes=1, n_trials=1)


def _compare(run: Path) -> None:
    compare_models([], run, read_job(run).settings.encoder.base_model)


def _edit(path: Path, change: Callable[[dict[str, dict[str, str]]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("read", [_train, _evaluate, _tune, Relater])
def test_embeddings_in_another_order_are_refused(run: Path, read: Callable[[Path], object]) -> None:
    stored = artifact.BASE_EMBEDDINGS
    stored.write(run / stored, np.roll(stored.read(run / stored), 1, axis=0))
    with pytest.raises(DamagedArtifactError, match=r"base\.npy .*'embed' wrote it.*ticketkin embed"):
        read(run)


def test_what_was_made_with_other_settings_is_read_and_named(run: Path) -> None:
    job, progress = read_job(run), KeptLines()
    encoder = job.settings.encoder.model_copy(update={"max_length_tokens": 16})
    settings = job.settings.model_copy(update={"encoder": encoder})
    run_one_stage("head", run, progress, job.model_copy(update={"settings": settings}))
    assert progress.lines[0].startswith("settings of this run that change: encoder.max_length_tokens")
    assert "made with other settings than the run has now, and read as it is: embed" in progress.lines[1]
    assert f"ticketkin run --resume --out {run}" in progress.lines[1]
    again = KeptLines()
    run_one_stage("head", run, again, job)
    assert not any("made with other settings" in line for line in again.lines)


def test_the_ranking_of_another_run_answers_nothing(run: Path) -> None:
    path = run / artifact.RANKING / "fusion.safetensors"
    save_file({name: -values for name, values in load_file(path).items()}, path)
    with pytest.raises(DamagedArtifactError, match=r"ranking .*'verdict' wrote it.*ticketkin evaluate"):
        Relater(run)


def test_what_was_made_of_other_links_is_refused(run: Path) -> None:
    """As `ticketkin links` leaves a run that had gone further before."""
    links = artifact.LINKS.read(run / artifact.LINKS)
    artifact.LINKS.write(run / artifact.LINKS, type(links)(links.frame.head(links.frame.height - 2)))
    changed = content_hash(run / artifact.LINKS)
    _edit(run / "stages/links.json", lambda record: record["outputs"].update({"links.parquet": changed}))
    for read in (_evaluate, _compare, Relater):
        with pytest.raises(StaleInputError, match=r"splits\.parquet was made of another links\.parquet"):
            read(run)
    run_one_stage("split", run)
    with pytest.raises(StaleInputError, match=r"pairs\.parquet was made of another .*ticketkin pairs"):
        _train(run)


def test_what_a_killed_stage_left_is_not_built_on(run: Path) -> None:
    (run / "stages/pairs.json").unlink()
    with pytest.raises(StaleInputError, match=r"the stage 'pairs' did not finish\. Make it again"):
        _train(run)


def test_a_damaged_record_tells_nothing_and_stops_nothing(run: Path) -> None:
    (run / "stages/pairs.json").write_text("{")
    _train(run)


def test_records_of_an_older_release_do_not_name_their_inputs_and_are_believed(run: Path) -> None:
    for path in (run / "stages").glob("*.json"):
        _edit(path, lambda record: record.pop("inputs"))
    _train(run)
