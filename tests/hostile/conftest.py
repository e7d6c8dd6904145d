"""One worker for the hostile inputs of a test process, and a finished run to damage."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile_worker import Worker


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """Runs commands; restarted after one that kills it."""
    started = Worker(tmp_path_factory.mktemp("cache"))
    yield started
    started.close()
