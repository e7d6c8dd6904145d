"""How a finished model decides its borderline pairs: those nearest its threshold."""

from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import IntArray
from ticketkin.evaluation.pair_decisions import PairScores

_SHARE, _FEWEST, _MOST = 0.1, 20, 200
"""Of all pairs, so many are borderline, within these bounds."""


@dataclass(frozen=True)
class BorderlineKind:
    """The borderline pairs of one label, beside all pairs of it."""

    is_kin: bool
    n_pairs: int
    n_right: int
    share_right_of_all: float | None
    """Share of all pairs of this label that are decided correctly; None without such pairs."""


@dataclass(frozen=True)
class BorderlineTest:
    """The pairs nearest a threshold."""

    threshold: float
    lowest: float
    """Similarity of the least alike of them."""
    highest: float
    kinds: tuple[BorderlineKind, ...]


def borderline_test(scores: PairScores, threshold: float) -> tuple[BorderlineTest | None, IntArray]:
    """Return how the tenth of the pairs nearest `threshold` is decided, and their places, nearest first.

    At least 20 and at most 200 pairs are looked at, as far as there are any; without one there is no test.
    """
    n = len(scores.labels)
    if not n:
        return None, np.zeros(0, dtype=np.int64)
    wanted = min(n, max(_FEWEST, min(_MOST, round(_SHARE * n))))
    distance = np.abs(scores.similarities.astype(np.float64) - threshold)
    places: IntArray = np.argsort(distance, kind="stable")[:wanted].astype(np.int64)
    right = (scores.similarities >= threshold) == (scores.labels == 1)
    kinds = []
    for label in (1, 0):
        of_label = scores.labels == label
        chosen = places[of_label[places]]
        share = float(right[of_label].mean()) if of_label.any() else None
        kinds.append(BorderlineKind(label == 1, len(chosen), int(right[chosen].sum()), share))
    near = scores.similarities[places]
    return BorderlineTest(threshold, float(near.min()), float(near.max()), tuple(kinds)), places
