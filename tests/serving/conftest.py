"""A small real run, its bundle on another path, the run deleted: made once a session."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ticketkin.core.config import EncoderSettings, EvaluationSettings, RelationSettings
from ticketkin.core.tables import FloatArray, SplitName, Tickets
from ticketkin.pipeline.bundling import bundle_run
from ticketkin.pipeline.candidates import champion_ranker
from ticketkin.pipeline.configuration import Job, read_job
from ticketkin.pipeline.job import run_job
from ticketkin.pipeline.run_data import RunData
from ticketkin.pipeline.settings import Settings
from ticketkin.tickets.sample import write_sample


@dataclass(frozen=True)
class Judged:
    """What a run knew before it was deleted, and its bundle."""

    bundle: Path
    """Copied to another place."""
    tickets: Tickets
    rows: list[int]
    """Held-out tickets with kin."""
    similarities: FloatArray
    """Of the champion, (len(rows), n_tickets), -inf for what a query may not see."""


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
            evaluation=EvaluationSettings(n_bootstrap=100),
            relations=RelationSettings(model="logistic", repeats=1, folds=3),
        ),
    )
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(tmp_path_factory.mktemp("cache")))
    folder = tmp_path_factory.mktemp("runs") / "june"
    run_job(job, folder)
    yield folder
    patch.undo()


def judged_copy(folder: Path, place: Path) -> Judged:
    """Bundle a copy of a run, copy the bundle elsewhere, delete the run and the first bundle."""
    run = Path(shutil.copytree(folder, place / "run"))
    data = RunData.of(run, read_job(run))
    rows = data.queries(SplitName.HOLDOUT)
    similarities = champion_ranker(data).similarities(rows, data.visibility)
    visible = np.where(data.visibility.mask(rows), similarities, -np.inf)
    tickets = data.tickets
    bundle_run(run, place / "made", with_index=True)
    bundle = Path(shutil.copytree(place / "made", place / "elsewhere" / "kin"))
    shutil.rmtree(run)
    shutil.rmtree(place / "made")
    return Judged(bundle, tickets, rows.tolist(), visible)


@pytest.fixture(scope="session")
def judged(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The bundle of the run, with an index."""
    return judged_copy(run_folder, tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def bundle(judged: Judged, tmp_path: Path) -> Path:
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(judged.bundle, tmp_path / "kin"))
