"""A small real run, made once: sample tickets, a tiny encoder, every stage but LoRA."""

from pathlib import Path

import pytest

from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.relations.settings import RelationSettings
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_job
from ticketkin.workflows.settings import Settings


@pytest.fixture(scope="session")
def small_job(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_folder: Path) -> Job:
    """A job over 300 sample tickets."""
    sample = tmp_path_factory.mktemp("sample") / "incidents.csv"
    write_sample(sample, 300, 3)
    return Job(
        sources=(sample,),
        synthetic=True,
        settings=Settings(
            candidates=("lexical", "base", "head", "fusion"),
            encoder=EncoderSettings(base_model=str(tiny_encoder_folder), offline=True),
            evaluation=EvaluationSettings(n_bootstrap=100, by="split"),
            relations=RelationSettings(choose_from=("logistic", "kernel_svm"), folds=3, repeats=1),
        ),
    )


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, small_job: Job) -> Path:
    """The folder of the finished run."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(tmp_path_factory.mktemp("cache")))
    folder = tmp_path_factory.mktemp("runs") / "small"
    run_job(small_job, folder)
    patch.undo()
    return folder
