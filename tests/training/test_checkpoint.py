"""A checkpoint that is damaged, in whatever way, is left aside for the one before it."""

import json
import pickle
from pathlib import Path

import pytest
import torch

from ticketkin.core.artifacts import hash_path
from ticketkin.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for step in (1, 2):
        save_checkpoint(tmp_path, "abc", Checkpoint(step, {"w": torch.full((3,), float(step))}, {"n": step}))
    return tmp_path


def test_the_newest_of_this_training_is_continued(folder: Path) -> None:
    loaded = load_checkpoint(folder, "abc")
    assert loaded is not None and (loaded.step, loaded.state) == (2, {"n": 2})
    assert loaded.tensors["w"].tolist() == [2.0] * 3
    assert load_checkpoint(folder, "other") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 50_000,
        b"null",
        b"{}",
        b'{"identity": 1}',
        b"\xff\xfe",
        pickle.dumps({"identity": "abc"}),
    ],
)
def test_a_damaged_state_falls_back(folder: Path, content: bytes) -> None:
    (folder / "step-00000002/state.json").write_bytes(content)
    loaded = load_checkpoint(folder, "abc")
    assert loaded is not None and loaded.step == 1


@pytest.mark.parametrize("content", [b"", b"\0" * 100, pickle.dumps([1])])
def test_tensors_that_are_none_fall_back_even_where_their_hash_fits(folder: Path, content: bytes) -> None:
    tensors, state = folder / "step-00000002/tensors.safetensors", folder / "step-00000002/state.json"
    tensors.write_bytes(content)
    state.write_text(json.dumps(json.loads(state.read_text()) | {"tensors_sha256": hash_path(tensors)}))
    loaded = load_checkpoint(folder, "abc")
    assert loaded is not None and loaded.step == 1
