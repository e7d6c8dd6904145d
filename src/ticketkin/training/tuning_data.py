"""What an encoder is tuned on, and which examples every step sees.

The plan of all steps is made before the first one from the seed alone, so that a training that
continues after a kill sees exactly the batches it would have seen.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ticketkin.core.tables import IntArray
from ticketkin.training.record import PhaseRecord
from ticketkin.training.settings import TuningSettings

_BATCHES_A_WINDOW = 16  # sorting by length happens within so many batches: still well shuffled
_LABELLED_SHARE = 8  # one labelled pair for so many positives of a batch


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

    def __post_init__(self) -> None:
        n, m = len(self.left), len(self.labels)
        shapes_fit = (
            self.right.shape == self.phase.shape == self.group.shape == (n,)
            and self.negatives.ndim == 2
            and len(self.negatives) == n
            and self.labelled_left.shape == self.labelled_right.shape == (m,)
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
            self.labelled_left, self.labelled_right, self.labels,
        ):  # fmt: skip
            digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


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


def plan_steps(data: TuningData, lengths: IntArray, settings: TuningSettings, seed: int) -> list[Step]:
    """Return all steps in order, deterministic by `seed`.

    Phase p passes `epochs_per_phase[p - 1]` times over the positives of phase <= p (curriculum
    learning, Bengio et al. 2009). `lengths` are the texts' tokens, shape (len(texts),): a batch
    holds positives of like length, since padding is what costs most on a CPU. Every pass takes
    the next of a positive's hard negatives.

    Without a ranking loss the batches are of labelled pairs, all of them in every pass of any phase.
    """
    if settings.ranking_loss == "none":
        return _labelled_steps(data, lengths, settings, seed)
    rng = np.random.default_rng(seed)
    longest = np.maximum(lengths[data.left], lengths[data.right])
    labelled = _EndlessPermutation(len(data.labels), rng)
    steps: list[Step] = []
    n_passes = 0
    for phase, epochs in _passes(data, settings):
        chosen = _positives_of_phase(data, phase)
        for _ in range(epochs if len(chosen) >= 2 else 0):
            for batch in bucketed_batches(chosen, longest, settings.batch_size, rng):
                n_labelled = min(len(data.labels), -(-len(batch) // _LABELLED_SHARE))
                negatives = _negatives_of_pass(data, batch, n_passes)
                steps.append(Step(phase, n_passes, batch, negatives, labelled.take(n_labelled)))
            n_passes += 1
    return steps


def _passes(data: TuningData, settings: TuningSettings) -> list[tuple[int, int]]:
    """Return phase and passes in order; augmented positives kept apart come first, once."""
    apart = [(0, 1)] if (data.phase == 0).any() else []
    return [*apart, *enumerate(settings.epochs_per_phase, start=1)]


def _positives_of_phase(data: TuningData, phase: int) -> IntArray:
    """Return which positives a phase trains on: its own and, from 1 up, those of the easier phases."""
    chosen = (data.phase <= phase) & (data.phase >= min(phase, 1))
    return np.flatnonzero(chosen).astype(np.int64)


def _labelled_steps(data: TuningData, lengths: IntArray, settings: TuningSettings, seed: int) -> list[Step]:
    """Return steps over labelled pairs alone; the phases of the positives do not apply to them."""
    rng = np.random.default_rng(seed)
    longest = np.maximum(lengths[data.labelled_left], lengths[data.labelled_right])
    nothing = np.zeros(0, dtype=np.int64)
    everything = np.arange(len(data.labels))
    passes = [phase for phase, epochs in enumerate(settings.epochs_per_phase, start=1) for _ in range(epochs)]
    return [
        Step(phase, epoch, nothing, nothing, batch)
        for epoch, phase in enumerate(passes)
        for batch in bucketed_batches(everything, longest, settings.batch_size, rng)
    ]


def phase_records(data: TuningData, steps: list[Step]) -> list[PhaseRecord]:
    """Return what each phase that is executed holds."""
    return [
        PhaseRecord(
            phase=phase,
            positives=len(_positives_of_phase(data, phase)),
            steps=sum(step.phase == phase for step in steps),
            examples=sum(step.n_examples for step in steps if step.phase == phase),
        )
        for phase in sorted({step.phase for step in steps})
    ]


def examples_seen(data: TuningData, steps: list[Step], settings: TuningSettings) -> dict[str, dict[str, int]]:
    """Return how many examples of which label each loss was given, repeats counted."""
    positives = sum(len(step.positives) for step in steps)
    negatives = sum(int((step.negatives >= 0).sum()) for step in steps)
    labelled = [data.labels[step.labelled] for step in steps]
    kin = sum(int((labels == 1).sum()) for labels in labelled)
    not_kin = sum(int((labels == 0).sum()) for labels in labelled)
    seen = {}
    if settings.ranking_loss != "none":
        seen["ranking"] = {"kin": positives, "hard_negatives": negatives}
    if settings.labelled_loss != "none":
        seen["labelled"] = {"kin": positives + kin, "not_kin": negatives + not_kin}
    return seen


def bucketed_batches(
    chosen: IntArray, longest: IntArray, batch_size: int, rng: np.random.Generator
) -> list[IntArray]:
    """Return `chosen` in batches of about `batch_size`, shuffled, of like length by `longest` within one."""
    shuffled = rng.permutation(chosen)
    batches: list[IntArray] = []
    window = batch_size * _BATCHES_A_WINDOW
    for start in range(0, len(shuffled), window):
        part = shuffled[start : start + window]
        part = part[np.argsort(longest[part], kind="stable")]
        # Equal shares rather than a small rest: a batch of one positive has nothing to learn from.
        batches.extend(np.array_split(part, -(-len(part) // batch_size)))
    if len(batches) > 1 and len(batches[-1]) < 2:
        last = batches.pop()
        batches[-1] = np.concatenate([batches[-1], last])
    return [batches[place] for place in rng.permutation(len(batches))]


def passes_over(lengths: IntArray, epochs: int, batch_size: int, seed: int) -> list[Step]:
    """Return steps over all examples, of like length within a batch; an example is a positive by its row."""
    rng = np.random.default_rng(seed)
    nothing = np.zeros(0, dtype=np.int64)
    return [
        Step(1, epoch, batch, nothing, nothing)
        for epoch in range(epochs)
        for batch in bucketed_batches(np.arange(len(lengths)), lengths, batch_size, rng)
    ]


def _negatives_of_pass(data: TuningData, batch: IntArray, n_passes: int) -> IntArray:
    """Return one hard negative for each positive: the next in turn among those it has."""
    candidates = data.negatives[batch]
    n_real = (candidates >= 0).sum(axis=1)
    if candidates.shape[1] == 0:
        return np.full(len(batch), -1, dtype=np.int64)
    by_presence = np.argsort(candidates < 0, axis=1, kind="stable")
    turn = np.where(n_real > 0, n_passes % np.maximum(n_real, 1), 0)
    place = np.take_along_axis(by_presence, turn[:, None], axis=1)
    return np.asarray(np.take_along_axis(candidates, place, axis=1)[:, 0], dtype=np.int64)


class _EndlessPermutation:
    """Draws indices without repeat until all were drawn, then shuffles anew."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self._n, self._rng = n, rng
        self._rest: IntArray = np.zeros(0, dtype=np.int64)

    def take(self, count: int) -> IntArray:
        while len(self._rest) < count:
            self._rest = np.concatenate([self._rest, self._rng.permutation(self._n)])
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken
