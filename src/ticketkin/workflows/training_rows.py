"""What refits of a service need of a run: feature rows and labels of candidate lists, no text and no id."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.ranking.cross_fitted import CrossFittedRanker
from ticketkin.ranking.fusion import FusionRanker
from ticketkin.ranking.refit import TRAINING_ROWS, joined_rows, rows_of_run
from ticketkin.workflows.run_data import RunData

_MOST_QUERIES = 200
"""Lists that are kept: some megabytes, and more would change a refit little."""


def keep_training_rows(folder: Path, data: RunData, ranker: Ranker) -> None:
    """Write the rows of lists that the learned ranking was not fitted on, each by weights that never saw it.

    Nothing is written for a ranking that learns nothing, or that reads pairs.
    """
    parts = [
        rows_of_run(one, queries, data.groups.group)
        for one, queries in _judged_by(data, ranker)
        if len(queries)
    ]
    if parts:
        joined_rows(parts).save(folder / TRAINING_ROWS)


def _judged_by(data: RunData, ranker: Ranker) -> Iterator[tuple[FusionRanker, IntArray]]:
    """Yield rankers of the run with some of the tickets with kin that each of them never saw as kin."""
    seed = data.job.settings.seed
    if isinstance(ranker, FusionRanker) and ranker.scorer.reranker is None:
        yield ranker, _some(data.queries(SplitName.EVALUATION), _MOST_QUERIES, seed)
    if isinstance(ranker, CrossFittedRanker):
        of_folds = [one for one in ranker.rankers if isinstance(one, FusionRanker)]
        for number, one in enumerate(of_folds):
            own = np.flatnonzero((ranker.fold_of_ticket == number) & data.groups.has_kin)
            yield one, _some(own, _MOST_QUERIES // len(of_folds), seed)


def _some(queries: IntArray, most: int, seed: int) -> IntArray:
    if len(queries) <= most:
        return queries
    return np.sort(np.random.default_rng(seed).choice(queries, most, replace=False))
