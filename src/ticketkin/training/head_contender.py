"""The linear head as a candidate that is judged in folds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Visibility
from ticketkin.encoders.dense import DenseRanker, unit_length
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.training.head import Head, train_head
from ticketkin.training.positives import PositivePairs
from ticketkin.training.settings import HeadSettings


@dataclass(frozen=True)
class HeadContender:
    """A head on frozen embeddings, at each of some strengths."""

    base: FloatArray
    """Embeddings of all tickets, shape (n_tickets, d), unit length."""
    positives: PositivePairs
    """Of all kin, with their negatives."""
    queries: IntArray
    groups: IntArray
    """Kin-group number of each ticket."""
    unit_of_ticket: IntArray
    """Unit of each ticket; folds never split a unit."""
    visibility: Visibility
    settings: HeadSettings
    strengths: Sequence[float]
    seed: int

    name = "head"

    @property
    def options(self) -> list[str]:
        """The strengths."""
        return [f"strength {strength:g}" for strength in self.strengths]

    def fit(self, seen: BoolArray) -> Head | None:
        """Return a head trained on what may be seen; None where no kin is."""
        kept = seen[self.unit_of_ticket[self.positives.left]]
        if not kept.any():
            return None
        part = self.positives.take(kept)
        part = replace(part, negatives=seen_first(part.negatives, seen, self.unit_of_ticket))
        return train_head(*compacted(self.base, part), self.settings, self.seed)

    def embeddings(self, seen: BoolArray, option: int) -> FloatArray:
        """Return all tickets by a head trained on what may be seen, shape (n_tickets, d), unit length."""
        head = self.fit(seen)
        return self.base if head is None else head.apply(self.base, self.strengths[option])

    def ranks(self, seen: BoolArray, asked: IntArray, options: Sequence[int]) -> list[list[IntArray]]:
        """Return the ranks of kin of the queries at the places `asked`, for each of `options`."""
        head = self.fit(seen)
        moves = np.zeros_like(self.base) if head is None else head.moves(self.base)
        ranks = []
        for option in options:
            moved = self.base + np.float32(self.strengths[option]) * moves
            ranker = DenseRanker(self.name, unit_length(moved))
            scores = evaluate_retrieval(ranker, self.queries[asked], self.groups, self.visibility)
            ranks.append(scores.ranks)
        return ranks


def seen_first(negatives: IntArray, seen: BoolArray, unit_of_ticket: IntArray) -> IntArray:
    """Return the negatives that may be seen, in their order and before the padding, shape of `negatives`."""
    visible = (negatives >= 0) & seen[unit_of_ticket[np.maximum(negatives, 0)]]
    order = np.argsort(~visible, axis=1, kind="stable")
    return np.take_along_axis(np.where(visible, negatives, -1), order, axis=1)


def compacted(base: FloatArray, positives: PositivePairs) -> tuple[FloatArray, PositivePairs]:
    """Return only the embeddings that the pairs use, and the pairs by rows of these: steps are cheaper."""
    used = np.unique(np.concatenate([positives.left, positives.right, positives.negatives.ravel()]))
    used = used[used >= 0]

    def places(rows: IntArray) -> IntArray:
        return np.where(rows >= 0, np.searchsorted(used, rows), -1)

    return base[used], replace(
        positives,
        left=places(positives.left),
        right=places(positives.right),
        negatives=places(positives.negatives),
    )
