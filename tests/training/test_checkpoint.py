"""A checkpoint that is damaged, in whatever way, is left aside for the one before it."""

import json
import pickle
from pathlib import Path

import pytest
import torch

from ticketkin.core.artifacts import hash_path
from ticketkin.training.checkpoint import Checkpoint, TrainingState, load_checkpoint, save_checkpoint
from ticketkin.training.record import Evaluation, History

SCALING = {"scale": 65536.0, "growth_factor": 2.0, "growth_interval": 2000, "_growth_tracker": 7}


def state_at(step: int) -> TrainingState:
    history = History(loss=[0.5] * step, learning_rate=[1e-4] * step, gradient_norm=[1.0] * step)
    return TrainingState(history, [Evaluation(step, 0.25)], 2, SCALING, 12.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for step in (1, 2):
        tensors = {"w": torch.full((3,), float(step))}
        save_checkpoint(tmp_path, "abc", Checkpoint(step, tensors, state_at(step)))
    return tmp_path


def test_the_newest_of_this_training_is_continued(folder: Path) -> None:
    loaded = load_checkpoint(folder, "abc")
    assert loaded is not None and (loaded.step, loaded.state) == (2, state_at(2))
    assert loaded.tensors["w"].tolist() == [2.0] * 3
    assert load_checkpoint(folder, "other") is None


def test_the_counts_of_the_loss_scaling_stay_integers(folder: Path) -> None:
    """Of a float torch makes no number of steps."""
    loaded = load_checkpoint(folder, "abc")
    assert loaded is not None
    kinds = {name: type(value) for name, value in loaded.state.precision.items()}
    assert kinds == {name: type(value) for name, value in SCALING.items()}


def test_the_state_stands_in_the_file_as_in_the_first_version(folder: Path) -> None:
    saved = json.loads((folder / "step-00000002/state.json").read_text())
    assert saved["state"].keys() == {"history", "evaluations", "pieces", "precision", "seconds"}
    assert saved["state"]["history"]["loss"] == [0.5, 0.5]
    assert saved["state"]["evaluations"][0]["value"] == 0.25
    del saved["state"]["history"]["phase"], saved["state"]["evaluations"][0]["loss"]
    (folder / "step-00000002/state.json").write_text(json.dumps(saved))
    loaded = load_checkpoint(folder, "abc")
    assert loaded is not None and loaded.step == 2, "what came later may be absent"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 50_000,
        b"null",
        b"{}",
        b'{"identity": 1}',
        b'{"identity": "abc", "step": 2, "tensors_sha256": "", "state": {"pieces": "two"}}',
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


def test_another_training_in_the_folder_is_no_later_step_of_this_one(folder: Path) -> None:
    tensors = {"w": torch.zeros(3)}
    save_checkpoint(folder, "old", Checkpoint(8, tensors, state_at(8)))
    save_checkpoint(folder, "old", Checkpoint(9, tensors, state_at(9)))
    save_checkpoint(folder, "new", Checkpoint(1, tensors, state_at(1)))
    loaded = load_checkpoint(folder, "new")
    assert loaded is not None and loaded.step == 1
    assert [path.name for path in folder.iterdir()] == ["step-00000001"]
