"""What an encoder is tuned on, and the examples of a step."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ticketkin.core.tables import IntArray
from ticketkin.training.settings import TuningSettings


@dataclass(frozen=True)
class TuningData:
    """Texts and the pairs over them. All rows index `texts`; integer arrays are int64."""

    texts: list[str]
    left: IntArray
    """Row of one ticket of each positive, shape (n,)."""
    right: IntArray
    """Row of its kin, shape (n,)."""
    phase: IntArray
    """1 easy, 2 medium, 3 hard, 0 augmented and kept apart; shape (n,)."""
    group: IntArray
    """Kin group of each positive, shape (n,)."""
    negatives: IntArray
    """Mined hard negatives of each positive, shape (n, h), padded with -1."""
    group_of_row: IntArray
    """Kin group of every text, shape (len(texts),)."""
    labelled_left: IntArray
    """Row of one ticket of each labelled pair, shape (m,)."""
    labelled_right: IntArray
    """Row of the other, shape (m,)."""
    labels: IntArray
    """1 kin, 0 not kin, shape (m,)."""
    labelled_phase: IntArray
    """1 easy, 2 medium, 3 hard, shape (m,)."""
    negative_phase: IntArray | None = None
    """Phase of each hard negative, shape (n, h), where it is labelled apart; None: its positive's."""
    phases_are_given: bool = False
    """Whether a file or a source says which phase a pair belongs to; otherwise difficulty was measured."""

    def __post_init__(self) -> None:
        n, m = len(self.left), len(self.labels)
        shapes_fit = (
            self.right.shape == self.phase.shape == self.group.shape == (n,)
            and self.negatives.ndim == 2
            and len(self.negatives) == n
            and self.labelled_left.shape == self.labelled_right.shape == self.labelled_phase.shape == (m,)
            and (self.negative_phase is None or self.negative_phase.shape == self.negatives.shape)
            and self.group_of_row.shape == (len(self.texts),)
        )
        if not shapes_fit:
            raise ValueError("TuningData: arrays over positives, labelled pairs or texts differ in length")
        rows = np.concatenate([
            self.left, self.right, self.negatives.ravel(), self.labelled_left, self.labelled_right
        ])  # fmt: skip
        if len(rows) and (rows.max() >= len(self.texts) or rows.min() < -1):
            raise ValueError(f"TuningData: rows must lie in [0, {len(self.texts)})")

    def digest(self) -> str:
        """Return the sha256 of texts and pairs: a checkpoint of other data must not be continued."""
        digest = hashlib.sha256()
        for text in self.texts:
            encoded = text.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
        for array in (
            self.left, self.right, self.phase, self.group, self.negatives, self.group_of_row,
            self.labelled_left, self.labelled_right, self.labels, self.labelled_phase,
            *(() if self.negative_phase is None else (self.negative_phase,)),
        ):  # fmt: skip
            digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def is_cumulative(self, settings: TuningSettings) -> bool:
        """Return whether a phase trains on the earlier ones' pairs, too, beside its own."""
        if settings.curriculum == "auto":
            return not self.phases_are_given
        return settings.curriculum == "cumulative"

    def positives_of(self, phase: int, settings: TuningSettings) -> IntArray:
        """Return which positives a phase trains on."""
        return _of_phase(self.phase, phase, cumulative=self.is_cumulative(settings))

    def labelled_of(self, phase: int, settings: TuningSettings) -> IntArray:
        """Return which labelled pairs a phase trains on."""
        return _of_phase(self.labelled_phase, phase, cumulative=self.is_cumulative(settings))


def _of_phase(phases: IntArray, phase: int, *, cumulative: bool) -> IntArray:
    """Return where `phases` is `phase`, or from 1 up to it; phase 0 is never included."""
    chosen = (phases <= phase) & (phases >= min(phase, 1)) if cumulative else phases == phase
    return np.flatnonzero(chosen).astype(np.int64)


class Step(NamedTuple):
    """The examples of one optimiser step."""

    phase: int
    epoch: int
    """Passes done before this one, over all phases."""
    positives: IntArray
    """Which positives, shape (b,)."""
    negatives: IntArray
    """Row of one hard negative for each positive, -1 where it has none, shape (b,)."""
    labelled: IntArray
    """Which labelled pairs, shape (l,)."""

    @property
    def n_examples(self) -> int:
        """Positives, or labelled pairs where a step has no positives."""
        return len(self.positives) or len(self.labelled)

    def split(self, pieces: int) -> list["Step"]:
        """Return the step cut into up to `pieces` smaller ones of at least two examples."""
        pieces = max(1, min(pieces, self.n_examples // 2))
        parts = [np.array_split(part, pieces) for part in (self.positives, self.negatives, self.labelled)]
        return [Step(self.phase, self.epoch, *rows) for rows in zip(*parts, strict=True)]
