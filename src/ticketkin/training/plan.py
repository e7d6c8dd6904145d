"""Which examples every step of a tuning sees.

The plan of all steps is made before the first one from the seed alone, so that a training that
continues after a kill sees exactly the batches it would have seen.
"""

import numpy as np

from ticketkin.core.tables import IntArray
from ticketkin.training.record import PhaseRecord
from ticketkin.training.settings import TuningSettings
from ticketkin.training.tuning_data import Step, TuningData

_BATCHES_A_WINDOW = 16  # sorting by length happens within so many batches: still well shuffled
_LABELLED_SHARE = 8  # one labelled pair for so many positives of a batch


def plan_steps(data: TuningData, lengths: IntArray, settings: TuningSettings, seed: int) -> list[Step]:
    """Return all steps in order, deterministic by `seed`.

    Phase p passes `epochs_per_phase[p - 1]` times over its pairs (curriculum learning, Bengio et al. 2009):
    its own, or those of phases <= p (`settings.curriculum`). That holds for positives, for labelled pairs
    beside them, and for labelled pairs alone where there is no ranking loss. `lengths` are the texts' tokens,
    shape (len(texts),): a batch holds pairs of like length, since padding is what costs most on a CPU. Every
    pass takes the next of a positive's hard negatives.
    """
    if settings.ranking_loss == "none":
        return _labelled_steps(data, lengths, settings, seed)
    rng = np.random.default_rng(seed)
    longest = np.maximum(lengths[data.left], lengths[data.right])
    steps: list[Step] = []
    n_passes = 0
    for phase, epochs in _passes(data, settings):
        chosen = data.positives_of(phase, settings)
        labelled = _EndlessPermutation(data.labelled_of(phase, settings), rng)
        negatives = _negatives_in(data, phase, settings)
        for _ in range(epochs if len(chosen) >= 2 else 0):
            for batch in bucketed_batches(chosen, longest, settings.batch_size, rng):
                n_labelled = min(len(labelled), -(-len(batch) // _LABELLED_SHARE))
                in_turn = _negatives_of_pass(negatives[batch], n_passes)
                steps.append(Step(phase, n_passes, batch, in_turn, labelled.take(n_labelled)))
            n_passes += 1
    return steps


def _passes(data: TuningData, settings: TuningSettings) -> list[tuple[int, int]]:
    """Return phase and passes in order; augmented positives kept apart come first, once."""
    apart = [(0, 1)] if (data.phase == 0).any() else []
    return [*apart, *enumerate(settings.epochs_per_phase, start=1)]


def _labelled_steps(data: TuningData, lengths: IntArray, settings: TuningSettings, seed: int) -> list[Step]:
    """Return steps over labelled pairs alone."""
    rng = np.random.default_rng(seed)
    longest = np.maximum(lengths[data.labelled_left], lengths[data.labelled_right])
    nothing = np.zeros(0, dtype=np.int64)
    passes = [phase for phase, epochs in enumerate(settings.epochs_per_phase, start=1) for _ in range(epochs)]
    trained = [(phase, chosen) for phase in passes if len(chosen := data.labelled_of(phase, settings))]
    return [
        Step(phase, epoch, nothing, nothing, batch)
        for epoch, (phase, chosen) in enumerate(trained)
        for batch in bucketed_batches(chosen, longest, settings.batch_size, rng)
    ]


def phase_records(data: TuningData, steps: list[Step]) -> list[PhaseRecord]:
    """Return what the steps of each phase held."""
    return [
        _phase_record(data, phase, [step for step in steps if step.phase == phase])
        for phase in sorted({step.phase for step in steps})
    ]


def _phase_record(data: TuningData, phase: int, steps: list[Step]) -> PhaseRecord:
    positives = np.unique(np.concatenate([step.positives for step in steps]))
    labelled = np.unique(np.concatenate([step.labelled for step in steps]))
    of_phases = np.unique(np.concatenate([data.phase[positives], data.labelled_phase[labelled]]))
    return PhaseRecord(
        phase=phase,
        positives=len(positives),
        labelled=len(labelled),
        of_phases=of_phases.tolist(),
        steps=len(steps),
        examples=sum(step.n_examples for step in steps),
    )


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


def _negatives_in(data: TuningData, phase: int, settings: TuningSettings) -> IntArray:
    """Return the hard negatives that a phase may use, shape (n, h), padded -1.

    A mined one belongs to its positive's phase; a stranger that is labelled with a phase of its own to that.
    """
    if data.negative_phase is None or not data.phases_are_given:
        return data.negatives
    cumulative = data.is_cumulative(settings)
    fits = data.negative_phase <= phase if cumulative else data.negative_phase == phase
    return np.where(fits, data.negatives, -1)


def _negatives_of_pass(candidates: IntArray, n_passes: int) -> IntArray:
    """Return one hard negative for each positive: the next in turn among its `candidates`, shape (b, h)."""
    n_real = (candidates >= 0).sum(axis=1)
    if candidates.shape[1] == 0:
        return np.full(len(candidates), -1, dtype=np.int64)
    by_presence = np.argsort(candidates < 0, axis=1, kind="stable")
    turn = np.where(n_real > 0, n_passes % np.maximum(n_real, 1), 0)
    place = np.take_along_axis(by_presence, turn[:, None], axis=1)
    return np.asarray(np.take_along_axis(candidates, place, axis=1)[:, 0], dtype=np.int64)


class _EndlessPermutation:
    """Draws some indices without repeat until all were drawn, then shuffles anew."""

    def __init__(self, indices: IntArray, rng: np.random.Generator) -> None:
        self._indices, self._rng = indices, rng
        self._rest: IntArray = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._indices)

    def take(self, count: int) -> IntArray:
        while len(self._rest) < count:
            self._rest = np.concatenate([self._rest, self._rng.permutation(self._indices)])
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken
