"""What one stage refuses leaves a run as it was: its settings, its files, and what counts as done."""

import shutil
from pathlib import Path

import pytest

from ticketkin.core.errors import ConfigurationError, InputError
from ticketkin.runs.stages import State
from ticketkin.workflows.configuration import Job, load_settings, read_job
from ticketkin.workflows.job import list_stages, run_one_stage


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_run, tmp_path / "run"))


def _states(run: Path) -> dict[str, str]:
    return {status.stage.name: f"{status.state.value}: {status.reason}" for status in list_stages(run)}


def _with(job: Job, *assignments: str) -> Job:
    stored = job.settings.model_dump(mode="json", exclude_none=True)
    return job.model_copy(update={"settings": load_settings(None, assignments, {}, stored=stored)})


def test_a_refused_file_of_links_is_not_kept(run: Path, tmp_path: Path) -> None:
    job, states = read_job(run), _states(run)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("source,target\nnobody,nothing\nno one,nowhere\n")
    with pytest.raises(InputError, match=r"wrong\.csv"):
        run_one_stage("links", run, job=job.model_copy(update={"links_file": wrong}))
    assert read_job(run) == job and _states(run) == states


def test_a_refused_setting_costs_no_training(run: Path) -> None:
    quick = ("lora.epochs_per_phase=0,0,1", "strength.strengths=0,1")
    run_one_stage("lora", run, job=_with(read_job(run), "candidates=lexical,base,lora", *quick))
    job, states = read_job(run), _states(run)
    assert states["lora"] == "done: up to date"
    more = {one.stage.name: one.state for one in list_stages(run, _with(job, "candidates=base,lora,full"))}
    assert more["full"] is State.READY and more["lora"] is State.DONE, "one more costs no other training"
    with pytest.raises(ConfigurationError, match=r"served_dimensions is 9,999.*give fewer than these"):
        run_one_stage("lora", run, job=_with(job, "lora.served_dimensions=9999"))
    assert read_job(run) == job and _states(run) == states
