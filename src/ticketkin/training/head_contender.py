"""The linear head as a candidate that is judged in folds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

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
    takes_machine = False

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
        if head is None:
            return [self._at_rest(asked) for _ in options]
        moves = head.moves(self.base)
        return [self._moved(moves, self.strengths[option], asked) for option in options]

    def _moved(self, moves: FloatArray, strength: float, asked: IntArray) -> list[IntArray]:
        """Return the ranks at one strength of a head that moves each ticket by `moves`."""
        if not strength:
            return self._at_rest(asked)
        moved = self.base + np.float32(strength) * moves
        return self._ranks(moved, self.queries[asked])

    def _at_rest(self, asked: IntArray) -> list[IntArray]:
        """Return the ranks at strength 0, which no training changes."""
        return [self._ranks_at_rest[place] for place in asked]

    @cached_property
    def _ranks_at_rest(self) -> list[IntArray]:
        return self._ranks(self.base, self.queries)

    def _ranks(self, embeddings: FloatArray, queries: IntArray) -> list[IntArray]:
        ranker = DenseRanker(self.name, unit_length(embeddings))
        return evaluate_retrieval(ranker, queries, self.groups, self.visibility).ranks


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
