"""Retrieval as a user meets it: a new ticket asks for its kin among those that exist."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import BoolArray, Float64Array, FloatArray, IntArray, Visibility
from ticketkin.evaluation.bootstrap import Resamples
from ticketkin.evaluation.metric_definitions import Place, interval_of
from ticketkin.evaluation.metric_results import Metric, Retrieval
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.rank_statistics import first_rank

_CURVE_TO = 50
# Up to so many kin, counting what lies above each costs less than sorting everything.
_FEW_KIN = 8
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
    return evaluate_groupings(ranker, [Asked(queries, groups)], visibility, progress)[0]


@dataclass(frozen=True)
class Asked:
    """Which tickets are asked for their kin, and which kin that is."""

    queries: IntArray
    """Ticket rows."""
    groups: IntArray
    """Kin-group number of each ticket, shape (n_tickets,)."""


def evaluate_groupings(
    ranker: Ranker, asked: Sequence[Asked], visibility: Visibility, progress: Progress = SILENT
) -> list[RetrievalScores]:
    """Return what `evaluate_retrieval` does for each of several groupings, which share the similarities."""
    every = np.unique(np.concatenate([one.queries for one in asked]))
    block = max(1, min(_BLOCK_QUERIES, _BLOCK_ENTRIES // max(1, visibility.n_tickets)))
    starts = range(0, len(every), block)
    ranks: list[dict[int, IntArray]] = [{} for _ in asked]
    for start in track(starts, progress, f"rank {ranker.name}", len(starts)):
        part = every[start : start + block]
        mask = visibility.mask(part)
        similarities = ranker.similarities(part, visibility)
        for one, own in zip(asked, ranks, strict=True):
            rows = np.flatnonzero(np.isin(part, one.queries))
            is_kin = one.groups[None, :] == one.groups[part[rows]][:, None]
            of_rows = visible_kin_ranks(similarities[rows], mask[rows], is_kin)
            own.update(zip(part[rows].tolist(), of_rows, strict=True))
    n_candidates = visibility.n_tickets - 1
    return [
        RetrievalScores(
            one.queries, one.groups[one.queries], [own[query] for query in one.queries.tolist()], n_candidates
        )
        for one, own in zip(asked, ranks, strict=True)
    ]


def visible_kin_ranks(
    similarities: FloatArray | Float64Array, visible: BoolArray, is_kin: BoolArray
) -> list[IntArray]:
    """Return for each query the ranks of its visible kin; arrays have the shape (n_queries, n_tickets)."""
    kin, others = visible & is_kin, visible & ~is_kin
    return [
        kin_ranks(row[own], row[other]) for row, own, other in zip(similarities, kin, others, strict=True)
    ]


def kin_ranks(kin: FloatArray | Float64Array, others: FloatArray | Float64Array) -> IntArray:
    """Return 1-based ranks of `kin` similarities among themselves and `others`, ascending."""
    nearest = kin[np.argsort(-kin)]
    above, beside = _counted(nearest, others) if len(nearest) <= _FEW_KIN else _sorted(nearest, others)
    ranks: IntArray = np.arange(1, len(nearest) + 1) + above + (beside + 1) // 2
    return ranks


def _counted(
    nearest: FloatArray | Float64Array, others: FloatArray | Float64Array
) -> tuple[IntArray, IntArray]:
    """Return how many of `others` lie above and beside each of `nearest`."""
    above = [np.count_nonzero(others > one) for one in nearest]
    beside = [np.count_nonzero(others == one) for one in nearest]
    return np.array(above, dtype=np.int64), np.array(beside, dtype=np.int64)


def _sorted(
    nearest: FloatArray | Float64Array, others: FloatArray | Float64Array
) -> tuple[IntArray, IntArray]:
    """Return what `_counted` does; sorting pays where many are compared with the same others."""
    ordered = np.sort(others)
    above = len(ordered) - np.searchsorted(ordered, nearest, side="right")
    beside = len(ordered) - np.searchsorted(ordered, nearest, side="left") - above
    return above.astype(np.int64), beside.astype(np.int64)
