"""Fixtures of all tests: no network, and a tiny encoder made once a session."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

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


@pytest.fixture(scope="session")
def tiny_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder with a 2-layer, 32-dimensional random BERT."""
    from tiny_model import build_tiny_encoder

    return build_tiny_encoder(tmp_path_factory.mktemp("models") / "tiny")
