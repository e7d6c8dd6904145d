"""The learned ranking fitted anew from people's answers, in seconds and without a text of the run.

A refit starts at the weights of a bundle: their log-odds are one more feature, and the penalty of
`LogisticModel.fit_towards` pulls only towards this feature. It is fitted on the answers and on candidate
lists of the run, whose features and labels are part of a bundle. Answers are about pairs near the top, and
weights that are fitted on answers alone rank all other pairs by chance (docs/benchmarks.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from ticketkin.core.arrays import load_arrays, save_arrays
from ticketkin.core.tables import BoolArray, Float64Array, FloatArray, IntArray
from ticketkin.evaluation.bootstrap import Interval, Resamples, mean_interval
from ticketkin.ranking.candidate_lists import blocks
from ticketkin.ranking.fusion import FusionRanker
from ticketkin.ranking.models import LogisticModel
from ticketkin.ranking.retriever import Candidates
from ticketkin.ranking.scorer import ScoredPairs, kin_probabilities, second_logits
from ticketkin.ranking.shrinkage import DEFAULT
from ticketkin.tickets.folds import deal_folds

TRAINING_ROWS = "training_rows.safetensors"
"""File of a ranking, in a run and in a bundle."""
_FOLDS = 5
_CLIP = 1e-6
_N_BOOTSTRAP = 1_000


@dataclass(frozen=True)
class PairRows:
    """What the ranking read of pairs, and whether each is kin; no text and no id."""

    rows: FloatArray
    """Shape (n_pairs, f), as `PairScorer.scored` gives them: the log-odds by the bundle are last."""
    labels: IntArray
    """1 for kin, shape (n_pairs,)."""
    unit: IntArray
    """Number of the kin group; pairs of one are not independent."""

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: BoolArray) -> "PairRows":
        """Return some of the pairs."""
        return PairRows(self.rows[chosen], self.labels[chosen], self.unit[chosen])

    def save(self, path: Path) -> None:
        """Write plain arrays."""
        save_arrays(path, {"rows": self.rows, "labels": self.labels, "unit": self.unit})

    @classmethod
    def load(cls, path: Path, remedy: str) -> "PairRows":
        """Return the rows of a file. Raises UnreadableFileError where it is damaged."""
        arrays = load_arrays(path, remedy)
        rows = arrays.get("rows", np.float32, (None, None))
        shape = (len(rows),)
        return cls(rows, arrays.get("labels", np.int64, shape), arrays.get("unit", np.int64, shape))


def rows_of_run(ranker: FusionRanker, queries: IntArray, groups: IntArray) -> PairRows:
    """Return the rows of the candidate lists of some of the ranker's tickets; there is at least one.

    `groups` numbers the kin group of each ticket.
    """
    parts = []
    for block in blocks(queries):
        asked, candidates = ranker.columns.take(block), ranker.lists.of(block)
        there = candidates.rows >= 0
        labels = (groups[candidates.rows] == groups[block][:, None]).astype(np.int64)
        unit = np.broadcast_to(groups[block][:, None], there.shape).astype(np.int64)
        parts.append(
            PairRows(ranker.scorer.scored(asked, candidates).rows[there], labels[there], unit[there])
        )
    return joined_rows(parts)


def joined_rows(parts: Sequence[PairRows]) -> PairRows:
    """Return the pairs of several, one after another; there is at least one."""
    return PairRows(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.unit for part in parts]),
    )


def fit_refit(of_run: PairRows, answered: PairRows) -> LogisticModel:
    """Return weights over `PairRows.rows` fitted on the pairs of a run and on answers."""
    both = joined_rows([of_run, answered])
    last = np.array([both.rows.shape[1] - 1])
    return LogisticModel.fit_towards(both.rows, both.labels, last, DEFAULT.strength)


@dataclass(frozen=True)
class Refit:
    """Weights that answer in place of a bundle's own."""

    number: int
    """Counted from 1 for each bundle."""
    model: LogisticModel
    """Over `PairRows.rows`."""

    def scores(self, scored: ScoredPairs, candidates: Candidates) -> FloatArray:
        """Return the probability of kinship of what the bundle scored, shape (n_queries, k), 0 beside -1."""
        return kin_probabilities(second_logits(self.model, scored.rows), candidates)


@dataclass(frozen=True)
class RefitResult:
    """A refit, and how it did on answers that its weights never saw."""

    model: LogisticModel
    n_answers: int
    n_random: int
    """Answers on pairs drawn at random; only these measure the quality."""
    loss_before: float | None
    """Mean logarithmic loss of the bundle's weights on these; None without any."""
    loss_after: float | None
    """Of the refit, each pair by weights that never saw its kin group."""
    gain: Interval
    """What the loss fell by."""

    @property
    def is_no_worse(self) -> bool:
        """Whether it may take over: on the random answers it is at least as good as the bundle's weights."""
        return self.gain.value is not None and self.gain.value >= 0

    @property
    def changes_something(self) -> bool:
        """Whether these answers show a difference from the bundle's weights."""
        return self.gain.low is not None and self.gain.low > 0


def refit(of_run: PairRows, answered: PairRows, is_random: BoolArray, seed: int = 0) -> RefitResult:
    """Fit on all answers, and judge on the random ones by folds of kin groups.

    `is_random` (n_answers,) says which pairs were drawn at random. The weights of a bundle never saw an
    answer, so every refit is compared with them, also after earlier refits.
    """
    before = _losses(answered.rows[:, -1].astype(np.float64), answered.labels)
    after = np.zeros(len(answered))
    units = answered.unit
    folds = deal_folds(units, int(units.max(initial=-1)) + 1, _FOLDS, seed)[units]
    for fold in np.unique(folds[is_random]):
        held = folds == fold
        model = fit_refit(of_run, answered.take(~held))
        after[held] = _losses(model.logits(answered.rows[held]), answered.labels[held])
    chosen = answered.take(is_random)
    gains = before[is_random] - after[is_random]
    n_random = len(chosen)
    return RefitResult(
        model=fit_refit(of_run, answered),
        n_answers=len(answered),
        n_random=n_random,
        loss_before=float(before[is_random].mean()) if n_random else None,
        loss_after=float(after[is_random].mean()) if n_random else None,
        gain=mean_interval(gains, Resamples.draw(chosen.unit, _N_BOOTSTRAP, seed)),
    )


def _losses(logits: Float64Array, labels: IntArray) -> Float64Array:
    """Return the logarithmic loss of each pair."""
    kin = np.clip(expit(logits), _CLIP, 1 - _CLIP)
    losses: Float64Array = -np.where(labels == 1, np.log(kin), np.log(1 - kin))
    return losses
