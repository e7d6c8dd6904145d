"""Fixtures of all tests: no network, and a tiny encoder made once a session."""

import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.main
import typer.testing
from hypothesis import settings

if TYPE_CHECKING:
    from bundle_material import Judged
    from ticketkin.store.embedded import EmbeddedServer
    from ticketkin.workflows.configuration import Job

if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    # Else each of the many processes that tests start compiles the package anew: a second of every start.
    sys.dont_write_bytecode = False
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The key file of people's pseudonyms is made in the configuration folder: not in that of whoever runs tests.
_CONFIGURATION = tempfile.TemporaryDirectory(prefix="ticketkin-tests-")
os.environ["XDG_CONFIG_HOME"] = _CONFIGURATION.name
os.environ["TICKETKIN_CACHE"] = f"{_CONFIGURATION.name}/cache"
for variable in ("TICKETKIN_SECRET", "TICKETKIN_KEY_FILE"):
    os.environ.pop(variable, None)
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Workers whose threads ask for every core slow each other down several times over.
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for variable in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(variable, str(max(1, share)))


# The commands are built once a process, not for each that tests call: that takes longer than many of them.
typer.main.get_command = typer.testing._get_command = functools.cache(typer.main.get_command)


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: tests wait for processes that they start, and for times to kill them."""
    return (os.cpu_count() or 1) + 1


# Folders whose tests run the whole job: begun last, the last of them would run beside idle workers.
_LONG = ("workflows", "serving", "cli", "hostile", "service")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long; pytest-xdist would begin with the modules that hold most tests."""
    turns = {folder: turn for turn, folder in enumerate(_LONG)}
    items.sort(key=lambda item: turns.get(item.path.parent.name, len(turns)))


# The same examples on every machine, so that a change is judged by what it changed; no deadline, as machines
# are not equally fast. `make test-explore` draws new ones.
settings.register_profile("same-examples", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("same-examples")


@pytest.fixture(scope="session", autouse=True)
def _figures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Draw each figure once where tests run the whole job; the tests of reports draw their own."""
    if any(item.path.parent.name in _LONG for item in request.session.items):
        from drawn_once import figures_drawn_once

        with figures_drawn_once():
            yield
    else:
        yield


_NUMBERS = count()


def _own_state() -> str:
    return f"{_CONFIGURATION.name}/state-{next(_NUMBERS)}"


os.environ["XDG_STATE_HOME"] = _own_state()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
    """Give each run that tests share a ledger of its own, as `_own_ledger` gives each test one."""
    if fixturedef.scope == "function":
        return (yield)
    before = os.environ["XDG_STATE_HOME"]
    os.environ["XDG_STATE_HOME"] = _own_state()
    try:
        return (yield)
    finally:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture(autouse=True)
def _own_ledger() -> None:
    """Give each test a ledger of holdout openings of its own: what one looks at is no look of another."""
    os.environ["XDG_STATE_HOME"] = _own_state()


@pytest.fixture(scope="session")
def tiny_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder with a 2-layer, 32-dimensional random BERT."""
    from tiny_model import build_tiny_encoder

    return build_tiny_encoder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def small_job(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_folder: Path) -> "Job":
    """A job over 300 sample tickets: untouched encoder, head and learned ranking."""
    from ticketkin.encoders.settings import EncoderSettings
    from ticketkin.evaluation.settings import EvaluationSettings
    from ticketkin.relations.settings import RelationSettings
    from ticketkin.tickets.sample import write_sample
    from ticketkin.workflows.configuration import Job
    from ticketkin.workflows.settings import Settings

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
def small_run(tmp_path_factory: pytest.TempPathFactory, small_job: "Job") -> Path:
    """The folder of the finished run, which tests copy before they change it."""
    from ticketkin.workflows.job import run_job

    folder = tmp_path_factory.mktemp("runs") / "small"
    run_job(small_job, folder)
    return folder


@pytest.fixture(scope="session")
def quick_job(small_job: "Job", tmp_path_factory: pytest.TempPathFactory) -> "Job":
    """A job that passes through all stages, for tests that look at files and not at what is learned."""
    from ticketkin.relations.settings import RelationSettings
    from ticketkin.tickets.sample import write_sample

    sample = tmp_path_factory.mktemp("sample") / "incidents.csv"
    write_sample(sample, 100, 3)
    settings = small_job.settings.model_copy(
        update={
            "candidates": ("lexical", "base"),
            "relations": RelationSettings(model="logistic", folds=2, repeats=1),
        }
    )
    return small_job.model_copy(update={"sources": (sample,), "settings": settings})


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory: pytest.TempPathFactory, quick_job: "Job") -> Path:
    """The folder of the finished quick job, for tests that make its later stages again in a copy."""
    from ticketkin.workflows.job import run_job

    folder = tmp_path_factory.mktemp("runs") / "quick"
    run_job(quick_job, folder)
    return folder


@pytest.fixture(scope="session")
def judged(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> "Judged":
    """The bundle of the run on another path, with an index, and what the run knew."""
    from bundle_material import judged_copy

    return judged_copy(small_run, tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def bundle(judged: "Judged", tmp_path: Path) -> Path:
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(judged.bundle, tmp_path / "kin"))


@pytest.fixture(scope="session")
def postgres() -> "Iterator[EmbeddedServer]":
    """A PostgreSQL server of the session's own; its folder is short, as sockets need it."""
    import psycopg

    from ticketkin.store.embedded import EmbeddedServer

    with tempfile.TemporaryDirectory(prefix="kin-") as folder:
        server = EmbeddedServer(Path(folder) / "pg")
        with psycopg.connect(server.url, autocommit=True) as connection:
            # What a test stores need not outlive a crash of the machine; waiting for the disk took its time.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server
        server.stop()


@pytest.fixture
def database_url(postgres: "EmbeddedServer") -> Iterator[str]:
    """The address of a new, empty database."""
    from new_databases import new_database

    with new_database(postgres) as url:
        yield url
