"""Checkpoints that survive a kill at any moment: tensors as safetensors, the rest as JSON.

Each checkpoint is a folder of its own, complete once it has its name; the last two are kept, so
that there is a good one even if the newest turns out damaged.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ticketkin.core.artifacts import atomic_path, hash_path, write_json
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.core.replacement import remove_old
from ticketkin.training.precision import ScalerState
from ticketkin.training.record import Evaluation, History

if TYPE_CHECKING:
    from torch import Tensor

_N_KEPT = 2
_NAME = re.compile(r"step-\d{8}")
_TENSORS = "tensors.safetensors"
_STATE = "state.json"


@dataclass(frozen=True)
class TrainingState:
    """What is no tensor: where a training stands, and what it has recorded."""

    history: History
    evaluations: list[Evaluation]
    pieces: int
    """Into which a batch is cut, so that it fits into memory."""
    precision: ScalerState
    seconds: float
    """Spent so far."""


@dataclass(frozen=True)
class Checkpoint:
    """Everything a training needs to go on as if it had never stopped."""

    step: int
    """Steps done."""
    tensors: Mapping[str, "Tensor"]
    """Adapter weights, optimiser moments, random number states."""
    state: TrainingState


@dataclass(frozen=True)
class _Saved:
    """What lies beside the tensors."""

    identity: str
    step: int
    tensors_sha256: str
    state: TrainingState


def save_checkpoint(folder: Path, identity: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint below `folder` and drop all but the last two of this training.

    `identity` is the hash of data, settings, base and seed: only a training that equals this one
    may continue from it. Those of another one would else be taken for later steps of this one.
    """
    from safetensors.torch import save_file

    with atomic_path(folder / f"step-{checkpoint.step:08d}") as temporary:
        temporary.mkdir()
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
        save_file(contiguous, temporary / _TENSORS)
        tensors_sha256 = hash_path(temporary / _TENSORS)
        write_json(temporary / _STATE, _Saved(identity, checkpoint.step, tensors_sha256, checkpoint.state))
    newest_first = reversed(_names(folder))
    own = [name for name in newest_first if _identity_of(folder / name) == identity][:_N_KEPT]
    for old in set(_names(folder)).difference(own):
        remove_old(folder / old)


def load_checkpoint(folder: Path, identity: str) -> Checkpoint | None:
    """Return the newest intact checkpoint of the training `identity`, or None."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in reversed(_names(folder)):
        tensors = folder / name / _TENSORS
        try:
            saved = read_record(folder / name / _STATE, _Saved, "")
            if saved.identity == identity and saved.tensors_sha256 == hash_path(tensors):
                return Checkpoint(saved.step, load_file(tensors), saved.state)
        except (UnreadableFileError, SafetensorError, OSError, ValueError):
            continue  # an older one is as good; without any, training starts anew
    return None


def _identity_of(checkpoint: Path) -> str | None:
    """Return which training a checkpoint is of; None where that can't be read."""
    try:
        return read_record(checkpoint / _STATE, _Saved, "").identity
    except UnreadableFileError:
        return None


def _names(folder: Path) -> list[str]:
    if not folder.exists():
        return []
    return sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name))
