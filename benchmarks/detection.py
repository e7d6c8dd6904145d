"""Detection at the real base rate: as each ticket opens, is it a duplicate of an earlier one, and of which?

Pair metrics are measured on pairs that were picked; a desk meets every ticket, and most have no kin. Here
every ticket queries all it could see, its best candidate is reported if similar enough, and a reported
candidate that is not kin is a false alarm, whether the ticket has other kin or none.
"""

from dataclasses import dataclass

import numpy as np

from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Visibility
from ticketkin.evaluation.bootstrap import Interval, Resamples, mean_interval, percentile_interval

_BLOCK_QUERIES = 256


@dataclass(frozen=True)
class Detections:
    """The best candidate of each ticket; all arrays have shape (n_tickets,)."""

    queries: IntArray
    """Ticket rows."""
    candidates: IntArray
    """Row of the most similar visible ticket, -1 where none is visible."""
    similarities: FloatArray
    """Its similarity, -inf where none is visible."""
    is_right: BoolArray
    """The candidate is kin."""
    has_kin: BoolArray
    """Some visible ticket is kin."""
    clusters: IntArray
    """Kin group, the unit of the bootstrap."""

    def part(self, chosen: BoolArray) -> "Detections":
        """Return the detections of the chosen tickets."""
        return Detections(
            self.queries[chosen],
            self.candidates[chosen],
            self.similarities[chosen],
            self.is_right[chosen],
            self.has_kin[chosen],
            self.clusters[chosen],
        )

    def threshold_for(self, false_alarms_per_1000: float) -> float:
        """Return the lowest threshold with at most so many false alarms per 1,000 tickets.

        Infinite where no ticket has a candidate.
        """
        allowed = int(np.floor(false_alarms_per_1000 / 1000 * len(self.queries)))
        wrong = np.sort(self.similarities[~self.is_right])[::-1]
        if len(wrong) <= allowed:
            return float(np.min(self.similarities, initial=np.inf, where=self.candidates >= 0))
        return float(np.nextafter(wrong[allowed], np.float32(np.inf)))


@dataclass(frozen=True)
class DetectionRates:
    """What a threshold means for a desk, each with its 95 % interval."""

    n_tickets: int
    n_with_kin: int
    reported_per_1000: Interval
    false_alarms_per_1000: Interval
    precision: Interval
    """Share of reported candidates that are kin."""
    recall: Interval
    """Share of tickets with kin whose reported candidate is kin."""


def detect(
    ranker: Ranker,
    queries: IntArray,
    groups: IntArray,
    visibility: Visibility,
    progress: Progress = SILENT,
) -> Detections:
    """Return the best candidate of each of `queries` among the tickets it may see.

    Cost: one row of n_tickets similarities a query.
    """
    candidates = np.full(len(queries), -1, dtype=np.int64)
    similarities = np.full(len(queries), -np.inf, dtype=np.float32)
    has_kin = np.zeros(len(queries), dtype=np.bool_)
    starts = range(0, len(queries), _BLOCK_QUERIES)
    for start in track(starts, progress, "detect", len(starts)):
        block = queries[start : start + _BLOCK_QUERIES]
        visible = visibility.mask(block)
        scores = np.where(visible, ranker.similarities(block, visibility), -np.inf)
        best = np.argmax(scores, axis=1)
        part = slice(start, start + len(block))
        similarities[part] = scores[np.arange(len(block)), best]
        candidates[part] = np.where(visible.any(axis=1), best, -1)
        has_kin[part] = (visible & (groups[None, :] == groups[block][:, None])).any(axis=1)
    is_right = (candidates >= 0) & (groups[candidates] == groups[queries])
    return Detections(queries, candidates, similarities, is_right, has_kin, groups[queries])


def detection_rates(
    detections: Detections, threshold: float | FloatArray, n_bootstrap: int, seed: int
) -> DetectionRates:
    """Return the rates at a threshold: one number, or one for each ticket where it was cross-fitted."""
    reported = detections.similarities >= threshold
    right = reported & detections.is_right
    resamples = Resamples.draw(detections.clusters, n_bootstrap, seed)

    def per_1000(hits: BoolArray) -> Interval:
        mean = mean_interval(hits.astype(np.float64), resamples)
        scaled = (None if x is None else 1000 * x for x in (mean.value, mean.low, mean.high))
        return Interval(*scaled)

    def share(hits: BoolArray, among: BoolArray) -> Interval:
        if not among.any():
            return Interval(None, None, None)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = resamples.means(hits.astype(np.float64)) / resamples.means(among.astype(np.float64))
        return percentile_interval(float(hits.sum() / among.sum()), means)

    return DetectionRates(
        n_tickets=len(detections.queries),
        n_with_kin=int(detections.has_kin.sum()),
        reported_per_1000=per_1000(reported),
        false_alarms_per_1000=per_1000(reported & ~detections.is_right),
        precision=share(right, reported),
        recall=share(right, detections.has_kin),
    )
