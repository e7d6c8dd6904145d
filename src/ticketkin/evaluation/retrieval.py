"""Retrieval as a user meets it: a new ticket asks for its kin among those that exist."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import Float64Array, FloatArray, IntArray, Visibility
from ticketkin.evaluation.bootstrap import Resamples
from ticketkin.evaluation.metric_definitions import Place, interval_of
from ticketkin.evaluation.metric_results import Metric, Retrieval
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.rank_statistics import first_rank

_CURVE_TO = 50
_BLOCK_QUERIES = 128
# Entries of a query x tickets block, so that 200,000 tickets stay within about a gigabyte.
_BLOCK_ENTRIES = 25_000_000


@dataclass(frozen=True)
class RetrievalScores:
    """Ranks per query; every metric is derived, so nothing needs a second run."""

    queries: IntArray
    """Ticket rows, shape (n_queries,)."""
    clusters: IntArray
    """Kin group of each query, the unit of the bootstrap."""
    ranks: list[IntArray]
    """For each query the ascending 1-based ranks of all its visible kin."""
    n_candidates: int
    """Tickets a query can meet at most."""
    n_repeats: int = 1
    """How often each query was ranked, each time by other weights: the arrays hold all of them in turn."""

    @classmethod
    def over_repeats(
        cls, queries: IntArray, clusters: IntArray, repeats: Sequence[list[IntArray]], n_candidates: int
    ) -> "RetrievalScores":
        """Return the scores of `queries` that were ranked several times; a query counts as much as before."""
        n = len(repeats)
        ranks = [ranks for repeat in repeats for ranks in repeat]
        return cls(np.tile(queries, n), np.tile(clusters, n), ranks, n_candidates, n)

    @property
    def n_queries(self) -> int:
        """Number of queries."""
        return len(self.queries) // self.n_repeats

    @cached_property
    def first_rank(self) -> IntArray:
        """Rank of the nearest kin, shape (n_queries,)."""
        return first_rank(self.ranks)

    def per_query(self, metric: str) -> Float64Array:
        """Return one metric of the registry for each query. Raises ValueError for an unknown name."""
        return METRICS.of_retrieval(metric).per_query(self.ranks)

    def summary(self) -> str:
        """Return the means that tell while a run goes on how good a candidate is, in one line."""
        shown = [metric for metric in METRICS.retrieval if Place.PROGRESS in metric.places]
        return "   ".join(f"{metric.title} {metric.per_query(self.ranks).mean():.3f}" for metric in shown)

    def recall_curve(self) -> tuple[list[int], list[float]]:
        """Return k = 1…50 and the recall at each."""
        ks = list(range(1, _CURVE_TO + 1))
        return ks, [float((self.first_rank <= k).mean()) for k in ks]

    def measured(self, n_bootstrap: int, seed: int) -> Retrieval:
        """Return counts and metrics with intervals, as in report.json."""
        resamples = Resamples.draw(self.clusters, n_bootstrap, seed)
        drawn = {metric.name: metric.draw(self.ranks, resamples) for metric in METRICS.retrieval}
        return Retrieval(
            n_queries=self.n_queries,
            n_clusters=resamples.n_clusters,
            n_candidates=self.n_candidates,
            metrics={name: Metric.of(interval_of(values)) for name, values in drawn.items()},
        )


def queries_with_kin(rows: IntArray, groups: IntArray, visibility: Visibility) -> IntArray:
    """Return those of `rows` that have a visible ticket of the same kin group.

    `groups` is the kin-group number of each ticket, shape (n_tickets,).
    """
    if visibility.order is None:
        sizes = np.bincount(groups)
        return rows[sizes[groups[rows]] > 1]
    first = np.full(int(groups.max()) + 1 if len(groups) else 0, np.iinfo(np.int64).max)
    np.minimum.at(first, groups, visibility.order)
    return rows[first[groups[rows]] < visibility.order[rows]]


def evaluate_retrieval(
    ranker: Ranker,
    queries: IntArray,
    groups: IntArray,
    visibility: Visibility,
    progress: Progress = SILENT,
) -> RetrievalScores:
    """Return the exact ranks of every query's visible kin among all tickets it may see.

    A tie counts against the kin by half: its rank is one more than the tickets above it and half
    of those beside it, rounded up. A ranker that scores everything alike gains nothing. Raises
    NotEnoughDataError without queries.
    """
    if not len(queries):
        raise NotEnoughDataError(
            "No held-out ticket has kin that it could have found, so retrieval can't be judged; "
            "give more links with --links FILE, or another --seed"
        )
    block = max(1, min(_BLOCK_QUERIES, _BLOCK_ENTRIES // max(1, len(groups))))
    starts = range(0, len(queries), block)
    ranks: list[IntArray] = []
    for start in track(starts, progress, f"rank {ranker.name}", len(starts)):
        part = queries[start : start + block]
        mask = visibility.mask(part)
        similarities = ranker.similarities(part, visibility)
        for row, query in enumerate(part):
            seen = similarities[row][mask[row]]
            is_kin = (groups == groups[query])[mask[row]]
            ranks.append(kin_ranks(seen[is_kin], seen[~is_kin]))
    n_candidates = visibility.n_tickets - 1
    return RetrievalScores(queries, groups[queries], ranks, n_candidates)


def kin_ranks(kin: FloatArray | Float64Array, others: FloatArray | Float64Array) -> IntArray:
    """Return 1-based ranks of `kin` similarities among themselves and `others`, ascending."""
    nearest = np.sort(kin)[::-1]
    ordered = np.sort(others)
    above = len(ordered) - np.searchsorted(ordered, nearest, side="right")
    beside = len(ordered) - np.searchsorted(ordered, nearest, side="left") - above
    ranks: IntArray = np.arange(1, len(nearest) + 1) + above + (beside + 1) // 2
    return ranks.astype(np.int64)
