"""Which pairs the learned ranking is fitted on: all of every list, or those that `pair_weights` chooses.

    python benchmarks/read_pairs.py RUN [RUN ...]           # run folders whose tickets are embedded

The learned ranking without the linear head under the pull of many links, by folds of kin groups: each fold
is ranked by weights and trees fitted on the lists of the other folds. Both ways fit the same folds one after
the other. Gains in MRR, 95 % intervals over kin groups; kin outside of a list counts 0.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from ticketkin.core.tables import BoolArray, Float64Array, FloatArray, IntArray, SplitName
from ticketkin.evaluation.bootstrap import Resamples, mean_interval
from ticketkin.ranking import shrinkage
from ticketkin.ranking.candidate_lists import CandidateLists, candidate_lists
from ticketkin.ranking.pair_features import feature_names
from ticketkin.ranking.shrinkage import MANY_LINKS, LevelFit, list_ranks
from ticketkin.tickets.folds import deal_folds, held_out_folds
from ticketkin.workflows.cross_judging import label_free_corpus
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_folders import job_stored_in

Weigh = Callable[[IntArray, FloatArray, IntArray, int], Float64Array]
WAYS: dict[str, Weigh] = {
    "all": lambda labels, *_: np.ones(len(labels)),
    "chosen": shrinkage.pair_weights,
}


def lists_of(data: RunData) -> tuple[CandidateLists, list[str]]:
    """Return the lists of all tickets with kin, and the names of the features."""
    corpus = label_free_corpus(data)
    queries = np.sort(np.concatenate([data.queries(split) for split in SplitName]))
    depth = data.job.settings.fusion.depth
    return candidate_lists(corpus.state, corpus.columns, queries, depth), feature_names(corpus.state)


def fitted(
    lists: CandidateLists, is_kin: IntArray, names: list[str], held: BoolArray, weigh: Weigh
) -> tuple[Float64Array, float]:
    """Return the log-odds of all pairs by a fit without the pairs `held`, and the seconds it took."""
    own = ~held
    features, labels, queries = lists.features[own], is_kin[own], lists.query_of_pair[own]
    with patch.object(shrinkage, "pair_weights", weigh):
        started = time.perf_counter()
        level = LevelFit.of(features, labels, queries, names, 0).level(MANY_LINKS[0])
    return level.logits(lists.features), time.perf_counter() - started


def measured(data: RunData, seed: int) -> tuple[dict[str, Float64Array], dict[str, float], IntArray]:
    """Return the reciprocal rank of each query and the seconds of fitting by each way, and the kin groups."""
    lists, names = lists_of(data)
    is_kin = lists.kin(data.groups.group)
    units = data.units[lists.queries]
    dealt = deal_folds(units, int(data.units.max()) + 1, 5, seed)
    reciprocal = {way: np.zeros(len(lists.queries)) for way in WAYS}
    seconds = dict.fromkeys(WAYS, 0.0)
    for _, held_units in held_out_folds(dealt):
        held = held_units[units]
        for way, weigh in WAYS.items():
            logits, taken = fitted(lists, is_kin.astype(np.int64), names, held[lists.query_of_pair], weigh)
            seconds[way] += taken
            ranks = list_ranks(lists, is_kin, logits, [np.zeros(0, dtype=np.int64)] * len(lists.queries))
            best = np.array([1 / own[0] if len(own) else 0.0 for own in ranks])
            reciprocal[way][held] = best[held]
    return reciprocal, seconds, data.groups.group[lists.queries]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    columns = ("run", "seed", "queries", "MRR all", "MRR chosen", "gain", "seconds all", "seconds chosen")
    table = Table(*columns, box=None)
    for run in arguments.runs:
        job = job_stored_in(run)
        if job is None:
            raise SystemExit(f"{run} is no run folder")
        data = RunData.of(run, job)
        for seed in range(arguments.seeds):
            reciprocal, seconds, clusters = measured(data, seed)
            gain = mean_interval(
                reciprocal["chosen"] - reciprocal["all"], Resamples.draw(clusters, 1_000, seed)
            )
            table.add_row(
                run.name,
                str(seed),
                str(len(clusters)),
                *(f"{values.mean():.4f}" for values in reciprocal.values()),
                f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]",
                *(f"{value:.1f}" for value in seconds.values()),
            )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
