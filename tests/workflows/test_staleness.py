"""A stage is due again when anything that shapes its result has changed."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ticketkin.runs.artifacts import Artifact
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.job import list_stages
from ticketkin.workflows.stages.order import stages


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(small_run, tmp_path / "run")


def states(folder: Path, job: Job | None = None) -> dict[str, str]:
    return {status.stage.name: status.state.value for status in list_stages(folder, job)}


def with_settings(job: Job, section: str, **values: object) -> Job:
    part = getattr(job.settings, section).model_copy(update=values)
    return job.model_copy(update={"settings": job.settings.model_copy(update={section: part})})


def altered(folder: Path, stored: Artifact) -> None:  # type: ignore[type-arg]
    array = np.load(folder / stored)
    stored.write(folder / stored, -array)


@pytest.mark.parametrize("stored", [artifact.embeddings_of("head"), artifact.HEAD_OUT_OF_FOLD])
def test_relations_are_due_when_the_head_was_tuned_anew(run: Path, stored: Artifact) -> None:  # type: ignore[type-arg]
    """Their bands are calibrated on what the ranking gives, which ranks by the head's embeddings."""
    assert set(states(run).values()) == {"done"}
    altered(run, stored)
    states_now = states(run)
    assert states_now["verdict"] == states_now["relations"] == "changed"
    assert states_now["families"] == "done"  # as people's links alone make them


def test_families_of_what_is_reported_are_due_when_what_it_is_reported_by_changed(run: Path) -> None:
    reported = with_settings(read_job(run), "families", said=True)
    assert states(run, reported)["families"] == "changed"
    families = next(stage for stage in stages() if stage.name == "families")
    read = set(families.wanted_inputs(reported, {}))
    assert {artifact.BASE_EMBEDDINGS, artifact.BASE_ENCODER} <= read
    assert {artifact.HEAD_OUT_OF_FOLD, artifact.RANKING, artifact.RELATIONS} <= read


@pytest.mark.parametrize(
    ("section", "values", "stage"),
    [
        ("readiness", {"latency_ms": 1.5}, "verdict"),
        ("split", {"near_identical": 0.8}, "verdict"),
        ("adapted", {"texts": "train"}, "verdict"),
        ("strength", {"strengths": (0.0, 1.0)}, "head"),
    ],
)
def test_every_setting_that_shapes_a_result_makes_its_stage_due(
    run: Path, section: str, values: dict[str, object], stage: str
) -> None:
    assert states(run, with_settings(read_job(run), section, **values))[stage] == "changed"
