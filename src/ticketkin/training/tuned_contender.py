"""LoRA and full tuning as candidates that are judged in folds: the encoder is tuned anew in each.

That costs a training and several encodings of all tickets for every part of the links, so a setting must
enable it. The result of each part is kept on the disk by the hash of everything it depends on: a kill loses
only the current part, and no part is trained twice.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from ticketkin.core.arrays import load_array, save_array
from ticketkin.core.artifacts import hash_value
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Visibility
from ticketkin.core.threads import n_threads
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.training.positives import LabelledRows, PositivePairs
from ticketkin.training.preparation import TunedEncoder
from ticketkin.training.tuning_data import TuningData
from ticketkin.training.tuning_methods import TuningMethod

_TRAINING = "training"


@dataclass(frozen=True)
class TunedContender:
    """An encoder tuned on what may be seen, at each of some strengths."""

    method: TuningMethod
    settings_hash: str
    """Of all settings that shape a training."""
    load: Callable[[], LoadedEncoder]
    """Loads the encoder that tuning begins with."""
    base: FloatArray
    """Its embeddings of all tickets, shape (n_tickets, d), unit length."""
    texts: list[str]
    positives: PositivePairs
    """Of all kin, with their negatives."""
    queries: IntArray
    groups: IntArray
    """Kin-group number of each ticket."""
    unit_of_ticket: IntArray
    """Unit of each ticket; folds never split a unit."""
    visibility: Visibility
    strengths: Sequence[float]
    altered: Callable[[TuningData], TuningData]
    """Adds altered positives, where they are asked for."""
    work: Path
    """Folder that survives a kill."""
    progress: Progress = SILENT
    labelled: LabelledRows | None = None
    """Pairs as a file labels them; None: the positives and their mined negatives."""
    phases_are_given: bool = False
    _trained: dict[str, TunedEncoder] = field(default_factory=dict, repr=False, compare=False)

    takes_machine = True

    @property
    def name(self) -> str:
        """Of the candidate."""
        return self.method.name

    @property
    def options(self) -> list[str]:
        """The strengths."""
        return [f"strength {strength:g}" for strength in self.strengths]

    @cached_property
    def encoder(self) -> LoadedEncoder:
        """The encoder that tuning begins with."""
        return self.load()

    def data(self, seen: BoolArray) -> TuningData:
        """Return what may be trained on: pairs whose tickets lie in units that may be seen."""
        kept = (
            seen[self.unit_of_ticket[self.positives.left]] & seen[self.unit_of_ticket[self.positives.right]]
        )
        part = self.positives.take(kept)
        visible = (part.negatives >= 0) & seen[self.unit_of_ticket[np.maximum(part.negatives, 0)]]
        labelled = self._labelled(seen, part, visible)
        return TuningData(
            texts=self.texts,
            left=part.left,
            right=part.right,
            phase=part.phase,
            group=part.group,
            negatives=np.where(visible, part.negatives, -1),
            group_of_row=self.groups,
            labelled_left=labelled.left,
            labelled_right=labelled.right,
            labels=labelled.labels,
            labelled_phase=labelled.phase,
            negative_phase=part.negative_phase,
            phases_are_given=self.phases_are_given,
        )

    def _labelled(self, seen: BoolArray, part: PositivePairs, visible: BoolArray) -> LabelledRows:
        """Return the labelled pairs whose tickets may both be seen; `visible` are the negatives of `part`."""
        if self.labelled is not None:
            of_left, of_right = (
                seen[self.unit_of_ticket[rows]] for rows in (self.labelled.left, self.labelled.right)
            )
            return self.labelled.take(of_left & of_right)
        place, column = np.nonzero(visible)
        return LabelledRows(
            np.concatenate([part.left, part.left[place]]),
            np.concatenate([part.right, part.negatives[place, column]]),
            np.repeat(np.array([1, 0]), [len(part), len(place)]),
            np.concatenate([part.phase, part.phase[place]]),
        )

    def train(self, seen: BoolArray, folder: Path) -> TunedEncoder:
        """Tune on what may be seen; a training that was killed in `folder` goes on."""
        return self.method.train(self.encoder, self.altered(self.data(seen)), folder, self.progress, None)

    def embeddings(self, seen: BoolArray, option: int) -> FloatArray:
        """Return all tickets by the encoder tuned on what may be seen, shape (n_tickets, d), unit length."""
        strength, data = self.strengths[option], self.data(seen)
        if strength == 0 or len(data.left) < 2:
            return self.base
        place = self.work / self._key(data)
        path = place / f"strength_{strength:g}.npy"
        if not path.exists():
            # The fits of the other candidates run on one thread each; a training wants all that there are.
            with threadpool_limits(limits=n_threads()):
                tuned = self._trained.get(place.name) or self.train(seen, place / _TRAINING)
                self._trained.clear()
                self._trained[place.name] = tuned
                made = self.method.embed(self.encoder, tuned, strength, self.texts, self.progress)
            save_array(path, made)
        remedy = f"Delete {place} and run again: this part is trained again"
        return load_array(path, remedy, self.base.shape).astype(np.float32, copy=False)

    def ranks(self, seen: BoolArray, asked: IntArray, options: Sequence[int]) -> list[list[IntArray]]:
        """Return the ranks of kin of the queries at the places `asked`, for each of `options`."""
        ranks = []
        for option in options:
            ranker = DenseRanker(self.name, self.embeddings(seen, option))
            scores = evaluate_retrieval(ranker, self.queries[asked], self.groups, self.visibility)
            ranks.append(scores.ranks)
        self._sweep(seen)
        return ranks

    def _sweep(self, seen: BoolArray) -> None:
        """Drop weights and checkpoints of a part whose embeddings are kept: they are many times larger."""
        self._trained.clear()
        shutil.rmtree(self.work / self._key(self.data(seen)) / _TRAINING, ignore_errors=True)

    def _key(self, data: TuningData) -> str:
        base = self.encoder.fingerprint
        shaped_by = {"settings": self.settings_hash, "data": data.digest(), "base": base}
        return hash_value(shaped_by)[:16]
