"""Fixtures of all tests: no network, and a tiny encoder made once a session."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="session")
def tiny_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder with a 2-layer, 32-dimensional random BERT."""
    from tiny_model import build_tiny_encoder

    return build_tiny_encoder(tmp_path_factory.mktemp("models") / "tiny")
