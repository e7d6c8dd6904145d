"""Search over several blocks, and over cells, scores what one exact search does."""

import itertools

import numpy as np
import pytest
from ranking_material import EVALUATION, N, fitted, material, with_times

from ticketkin.core.tables import BoolArray
from ticketkin.ranking.retriever import Retriever
from ticketkin.ranking.segmented import SegmentedRetriever

CUTS = (0, 1, 50, 51, 120, N)


@pytest.mark.parametrize("timed", [True, False])
def test_scores_over_blocks_are_those_over_one(timed: bool) -> None:
    given, groups = material()
    given = with_times(given) if timed else given
    scorer = fitted(given, groups).scorer
    stored = scorer.describe(given)
    blocks = [stored.take(np.arange(low, high)) for low, high in itertools.pairwise(CUTS)]
    queries = stored.take(EVALUATION)
    whole = scorer.candidates(Retriever(stored), queries)
    parts = scorer.candidates(SegmentedRetriever([Retriever(block) for block in blocks]), queries)
    assert (whole.rows == parts.rows).all()
    assert len(parts.stored) == len(np.unique(whole.rows[whole.rows >= 0]))
    assert (scorer.score(queries, whole) == scorer.score(queries, parts)).all()


def test_deleted_tickets_are_found_nowhere() -> None:
    given, groups = material()
    scorer = fitted(given, groups).scorer
    stored = scorer.describe(given)
    is_deleted: BoolArray = np.random.default_rng(0).random(N) < 0.4
    kept = np.flatnonzero(~is_deleted)
    queries = stored.take(EVALUATION)
    without = scorer.candidates(Retriever(stored.take(kept)), queries)
    halves = [
        Retriever(stored.take(np.arange(low, low + 90)), is_deleted=is_deleted[low : low + 90])
        for low in (0, 90)
    ]
    hidden = scorer.candidates(SegmentedRetriever(halves), queries)
    there = without.rows >= 0
    assert (kept[without.rows[there]] == hidden.rows[hidden.rows >= 0]).all()
    assert (scorer.score(queries, without) == scorer.score(queries, hidden)).all()


def test_a_query_whose_lists_cells_find_whole_is_scored_as_by_exact_search() -> None:
    given, groups = material()
    scorer = fitted(given, groups).scorer
    stored = scorer.describe(given)
    queries = stored.take(EVALUATION)
    exact = scorer.candidates(Retriever(stored), queries)
    approximate = scorer.candidates(Retriever(stored, approximate=True), queries)
    wholly = [
        query
        for query in range(len(queries))
        if all(
            np.array_equal(exact.nearest[name].rows[query], approximate.nearest[name].rows[query])
            for name in exact.nearest
        )
    ]
    assert len(wholly) > 0.9 * len(queries)
    mine, theirs = scorer.score(queries, exact), scorer.score(queries, approximate)
    for query in wholly:
        own, other = exact.rows[query] >= 0, approximate.rows[query] >= 0
        assert (exact.rows[query][own] == approximate.rows[query][other]).all()
        assert (mine[query][own] == theirs[query][other]).all()
