"""Fixtures of all tests: no network, and a tiny encoder made once a session."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from bundle_material import Judged
    from ticketkin.store.embedded import EmbeddedServer

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The key file of people's pseudonyms is made in the configuration folder: not in that of whoever runs tests.
_CONFIGURATION = tempfile.TemporaryDirectory(prefix="ticketkin-tests-")
os.environ["XDG_CONFIG_HOME"] = _CONFIGURATION.name
for variable in ("TICKETKIN_SECRET", "TICKETKIN_KEY_FILE"):
    os.environ.pop(variable, None)
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Workers whose threads ask for every core slow each other down several times over.
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))


# The same examples on every machine, so that a change is judged by what it changed; no deadline, as machines
# are not equally fast. `make test-explore` draws new ones.
settings.register_profile("same-examples", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("same-examples")


_NUMBERS = count()


@pytest.fixture(autouse=True)
def _own_ledger() -> None:
    """Give each test a ledger of holdout openings of its own: what one looks at is no look of another."""
    os.environ["XDG_STATE_HOME"] = f"{_CONFIGURATION.name}/state-{next(_NUMBERS)}"


@pytest.fixture(scope="session")
def tiny_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder with a 2-layer, 32-dimensional random BERT."""
    from tiny_model import build_tiny_encoder

    return build_tiny_encoder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_folder: Path) -> Iterator[Path]:
    """The folder of the finished run: 300 sample tickets, untouched encoder, head and learned ranking."""
    from ticketkin.encoders.settings import EncoderSettings
    from ticketkin.evaluation.settings import EvaluationSettings
    from ticketkin.relations.settings import RelationSettings
    from ticketkin.tickets.sample import write_sample
    from ticketkin.workflows.configuration import Job
    from ticketkin.workflows.job import run_job
    from ticketkin.workflows.settings import Settings

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
def judged(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> "Judged":
    """The bundle of the run on another path, with an index, and what the run knew."""
    from bundle_material import judged_copy

    return judged_copy(run_folder, tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def bundle(judged: "Judged", tmp_path: Path) -> Path:
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(judged.bundle, tmp_path / "kin"))


@pytest.fixture(scope="session")
def postgres() -> "Iterator[EmbeddedServer]":
    """A PostgreSQL server of the session's own; its folder is short, as sockets need it."""
    from ticketkin.store.embedded import EmbeddedServer

    with tempfile.TemporaryDirectory(prefix="kin-") as folder:
        server = EmbeddedServer(Path(folder) / "pg")
        yield server
        server.stop()


@pytest.fixture
def database_url(postgres: "EmbeddedServer") -> Iterator[str]:
    """The address of a new, empty database."""
    from new_databases import new_database

    with new_database(postgres) as url:
        yield url
