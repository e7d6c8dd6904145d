"""The result of a finished training: read where the same training is asked for again, in place of training.

Its record is written after its models, and checkpoints go after the record: a process killed in between
goes on from them. They hold the weights several times over, with what the optimiser needs beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ticketkin.core.artifacts import hash_path, write_json
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.core.replacement import remove_old
from ticketkin.training.record import TrainingRecord

CHECKPOINT = "checkpoint"
"""How the folders begin in which a training keeps its checkpoints, beside its models."""
_RECORD = "finished.json"


@dataclass(frozen=True)
class _Saved:
    """What is kept of a training beside its models."""

    identity: str
    models: dict[str, str]
    """sha256 of each folder that it wrote, by its name."""
    record: TrainingRecord


@dataclass(frozen=True)
class FinishedTraining:
    """The training `identity` in a folder, finished or not."""

    folder: Path
    identity: str
    """Hash of all that shapes it."""
    models: Sequence[str]
    """Folders that it writes."""

    def read(self) -> TrainingRecord | None:
        """Return what it did; None where it is not finished or a model is not the one it wrote."""
        try:
            saved = read_record(self.folder / _RECORD, _Saved, "")
        except UnreadableFileError:
            return None
        if saved.identity != self.identity or saved.models.keys() != set(self.models):
            return None
        if any(not (self.folder / name).is_dir() for name in self.models) or saved.models != self._hashes():
            return None
        self._drop_checkpoints()
        return saved.record

    def keep(self, record: TrainingRecord) -> None:
        """Write what it did, its models being written, and drop its checkpoints."""
        write_json(self.folder / _RECORD, _Saved(self.identity, self._hashes(), record))
        self._drop_checkpoints()

    def _hashes(self) -> dict[str, str]:
        return {name: hash_path(self.folder / name) for name in self.models}

    def _drop_checkpoints(self) -> None:
        for place in self.folder.glob(f"{CHECKPOINT}*"):
            remove_old(place)
