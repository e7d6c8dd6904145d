"""Retrieval as a user meets it: a new ticket asks for its kin among those that exist."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.evaluation.bootstrap import Float64Array, Resamples, mean_interval

RECALL_AT = (1, 5, 10, 20)
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

    @cached_property
    def first_rank(self) -> IntArray:
        """Rank of the nearest kin, shape (n_queries,)."""
        return np.array([ranks[0] for ranks in self.ranks], dtype=np.int64)

    def per_query(self, metric: str) -> Float64Array:
        """Return one metric for each query: recall_at_<k>, mrr, map or ndcg_at_10.

        recall_at_k is 1 where at least one kin stands among the first k, the convention of
        duplicate-report retrieval; its mean is also called recall rate or hit rate.
        """
        if metric.startswith("recall_at_"):
            hits: Float64Array = (self.first_rank <= int(metric.removeprefix("recall_at_"))).astype(
                np.float64
            )
            return hits
        if metric == "mrr":
            reciprocal: Float64Array = 1.0 / self.first_rank
            return reciprocal
        if metric == "map":
            return np.array([(np.arange(1, len(r) + 1) / r).mean() for r in self.ranks])
        if metric == "ndcg_at_10":
            return np.array([_ndcg(r, 10) for r in self.ranks])
        raise ValueError(f"unknown retrieval metric {metric!r}")

    def recall_curve(self) -> tuple[list[int], list[float]]:
        """Return k = 1…50 and the recall at each."""
        ks = list(range(1, _CURVE_TO + 1))
        return ks, [float((self.first_rank <= k).mean()) for k in ks]

    def to_json(self, n_bootstrap: int, seed: int) -> dict[str, Any]:
        """Return counts and metrics with intervals, as in report.json."""
        resamples = Resamples.draw(self.clusters, n_bootstrap, seed)
        metrics = [f"recall_at_{k}" for k in RECALL_AT] + ["mrr", "map", "ndcg_at_10"]
        return {
            "n_queries": len(self.queries),
            "n_clusters": resamples.n_clusters,
            "n_candidates": self.n_candidates,
            **{name: mean_interval(self.per_query(name), resamples).to_json() for name in metrics},
        }


def _ndcg(ranks: IntArray, k: int) -> float:
    """Järvelin and Kekäläinen (2002), binary gains."""
    found = ranks[ranks <= k]
    ideal = np.arange(1, min(k, len(ranks)) + 1)
    return float((1 / np.log2(found + 1)).sum() / (1 / np.log2(ideal + 1)).sum())


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
            ranks.append(_ranks(seen[is_kin], seen[~is_kin]))
    n_candidates = visibility.n_tickets - 1
    return RetrievalScores(queries, groups[queries], ranks, n_candidates)


def _ranks(kin: FloatArray, others: FloatArray) -> IntArray:
    """Return 1-based ranks of `kin` similarities among themselves and `others`, ascending."""
    kin = np.sort(kin)[::-1]
    ordered = np.sort(others)
    above = len(ordered) - np.searchsorted(ordered, kin, side="right")
    beside = len(ordered) - np.searchsorted(ordered, kin, side="left") - above
    ranks: IntArray = np.arange(1, len(kin) + 1) + above + (beside + 1) // 2
    return ranks.astype(np.int64)
