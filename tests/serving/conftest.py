"""A small real run, its bundle on another path, the run deleted: made once a session."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bundle_material import Judged, judged_copy

from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.relations.settings import RelationSettings
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_job
from ticketkin.workflows.settings import Settings


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_folder: Path) -> Iterator[Path]:
    """The folder of the finished run: 300 sample tickets, untouched encoder, head and learned ranking."""
    sample = tmp_path_factory.mktemp("sample") / "incidents.csv"
    write_sample(sample, 300, 3)
    job = Job(
        sources=(sample,),
        synthetic=True,
        settings=Settings(
            candidates=("lexical", "base", "head", "fusion"),
            encoder=EncoderSettings(base_model=str(tiny_encoder_folder), offline=True),
            evaluation=EvaluationSettings(n_bootstrap=100, by="split"),
            relations=RelationSettings(model="logistic", repeats=1, folds=3),
        ),
    )
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(tmp_path_factory.mktemp("cache")))
    folder = tmp_path_factory.mktemp("runs") / "june"
    run_job(job, folder)
    yield folder
    patch.undo()


@pytest.fixture(scope="session")
def judged(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The bundle of the run, with an index."""
    return judged_copy(run_folder, tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def bundle(judged: Judged, tmp_path: Path) -> Path:
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(judged.bundle, tmp_path / "kin"))
