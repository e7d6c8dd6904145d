"""Cross-encoders trained on pairs with a kind; those of causes alone: `cause_training`."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.arrays import load_array, save_array
from ticketkin.core.artifacts import hash_value
from ticketkin.core.errors import JobError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import Float64Array, IntArray
from ticketkin.core.wording import number_of
from ticketkin.encoders.cross_encoder import CrossBase, load_cross_encoder, locate_cross_base
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.relations.cross_kinds import CROSS_ENCODER, CrossKindModel
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pairs import RelationPairs
from ticketkin.training.cross_encoder import (
    PairExamples,
    TrainedCrossEncoder,
    save_cross_encoder,
    train_cross_encoder,
)
from ticketkin.training.settings import CrossEncoderSettings

_N_PROBES = 16
_SAME = 1e-4
_CAUSAL = KINDS.index("causal")


N_CAUSE_LABELS = 1
"""Outputs of a cross-encoder of causes: how likely the first ticket caused the second."""


@dataclass(frozen=True)
class CrossTrainer:
    """Trains cross-encoders on typed pairs."""

    texts: list[str]
    """Of all tickets, whose rows the pairs hold."""
    pairs: RelationPairs
    base: CrossBase
    settings: CrossEncoderSettings
    work: Path
    """Folder of checkpoints, and of predictions of finished folds."""
    progress: Progress = SILENT

    @classmethod
    def of(
        cls,
        texts: list[str],
        pairs: RelationPairs,
        settings: CrossEncoderSettings,
        encoder: EncoderSettings,
        work: Path,
        progress: Progress,
    ) -> "CrossTrainer":
        """Find the base. Raises as `locate_cross_base`."""
        base = locate_cross_base(settings.base_model, encoder)
        return cls(texts, pairs, base, settings, work, progress)

    def say_whether_fresh(self, n_labels: int) -> None:
        """Say that a head of `n_labels` begins at random, where the base has none."""
        if self.base.n_labels != n_labels:
            what = "causes" if n_labels == N_CAUSE_LABELS else number_of(n_labels, "kind")
            self.progress.say(f"  cross-encoder on {self.base.name}: its head for {what} begins at random")

    def keep(self, places: IntArray, seed: int, folder: Path) -> CrossKindModel:
        """Train on some of the pairs, write the model into `folder`, and return it as it was read back.

        Raises JobError where the saved model predicts otherwise than the one in memory.
        """
        work, folder = self.work_folder(places, seed), folder / CROSS_ENCODER
        trained = train_cross_encoder(
            self.base, self.examples(places), self.settings, work, seed, self.progress
        )
        texts = self.pair_texts(places[:_N_PROBES])
        kept = self.saved(trained, work, folder, lambda model: CrossKindModel(model).of_texts(*texts))
        return CrossKindModel(kept)

    def saved(
        self,
        trained: TrainedCrossEncoder,
        work: Path,
        folder: Path,
        probe: Callable[[Any], Float64Array],
    ) -> Any:
        """Write a trained model into `folder`, drop its work, and return the model as it was read back.

        `probe` returns what a model says of some pairs. Raises JobError where the saved one says otherwise
        than the one in memory.
        """
        save_cross_encoder(trained, folder)
        kept = load_cross_encoder(folder, self.base.device)
        difference = float(np.abs(probe(kept) - probe(trained.model)).max())
        if difference > _SAME:
            raise JobError(
                f"The cross-encoder read back from {folder} differs by {difference:.1g} from the one that "
                "was trained; run it again, and report it if it happens twice"
            )
        if (work / "adapter").exists():
            shutil.copytree(work / "adapter", folder / "adapter")
        shutil.rmtree(work)
        return kept

    def fit(self, places: IntArray, seed: int) -> Callable[[IntArray], Float64Array]:
        """Train on some pairs and return what gives other pairs' probabilities.

        The predictions of a finished training are kept, so that a killed assessment goes on where it was.
        """

        def predicted(others: IntArray) -> Float64Array:
            work = self.work_folder(np.concatenate([places, [-1], others]), seed)
            path = work / "probabilities.npy"
            if not path.exists():
                examples = self.examples(places)
                trained = train_cross_encoder(self.base, examples, self.settings, work, seed, self.progress)
                keep_predictions(path, CrossKindModel(trained.model).of_texts(*self.pair_texts(others)))
            return kept_predictions(path, len(others), len(KINDS))

        return predicted

    def pair_texts(self, places: IntArray) -> tuple[list[str], list[str]]:
        """Return the texts of both tickets of some pairs, the earlier ones first."""
        left, right = self.pairs.left[places], self.pairs.right[places]
        return [self.texts[row] for row in left], [self.texts[row] for row in right]

    def work_folder(self, places: IntArray, seed: int) -> Path:
        """Return where a training on some pairs keeps its checkpoints and its predictions."""
        pairs = self.pairs
        identity = hash_value({
            "pairs": np.stack([pairs.left[places], pairs.right[places], pairs.kind[places]]).tolist(),
            "places": places.tolist(),
            "settings": self.settings.model_dump(),
            "seed": seed,
            "base": str(self.base.folder),
            "texts": hash_value({"texts": self.texts}),
        })  # fmt: skip
        return self.work / identity[:16]

    def examples(self, places: IntArray, *, causes_alone: bool = False) -> PairExamples:
        """Return pairs as texts, causes first; classes are the kinds, or cause against all else."""
        pairs, texts = self.pairs, self.texts
        kind = pairs.kind[places]
        turned = (kind == _CAUSAL) & ~pairs.forward[places]
        one = np.where(turned, pairs.right[places], pairs.left[places])
        other = np.where(turned, pairs.left[places], pairs.right[places])
        label = (kind == _CAUSAL).astype(np.int64) if causes_alone else kind
        return PairExamples(
            [texts[row] for row in one],
            [texts[row] for row in other],
            label,
            kind != _CAUSAL,
            2 if causes_alone else len(KINDS),
        )


def keep_predictions(path: Path, values: Float64Array) -> None:
    """Write the predictions of a finished fold and drop all else it left, which is many times larger."""
    save_array(path, values)
    for trained in ("checkpoint", "adapter"):
        shutil.rmtree(path.parent / trained, ignore_errors=True)


def kept_predictions(path: Path, n_pairs: int, n_columns: int) -> Float64Array:
    """Read the predictions of a finished fold. Raises UnreadableFileError where that is damaged."""
    remedy = f"Delete {path.parent} and run again: its fold is trained again"
    return load_array(path, remedy, (n_pairs, n_columns)).astype(np.float64)
