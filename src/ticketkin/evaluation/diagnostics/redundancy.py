"""Two metrics that are one number under two names."""

from collections.abc import Mapping
from functools import cache
from itertools import combinations

import numpy as np

from ticketkin.core.checks import Check, failed, passed
from ticketkin.core.wording import number_of
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores

_CODE = "metric_redundancy"


def metric_redundancy(values: Mapping[str, Mapping[str, float | None]]) -> Check:
    """Find two metrics that are one: equal to the last digit for every candidate, without need.

    `values` gives for each candidate its metrics by name. On few tickets different metrics may agree, as MAP
    and MRR do where every ticket has one kin: those that differ on a made-up example are two metrics.
    """
    candidates = list(values.values())
    names = sorted(set.intersection(*(set(metrics) for metrics in candidates))) if candidates else []
    by_metric = {name: [metrics[name] for metrics in candidates] for name in names}
    twins = [
        f"{one} and {other}"
        for one, other in combinations(names, 2)
        if len(candidates) > 1
        and None not in by_metric[one]
        and by_metric[one] == by_metric[other]
        and not _differ_by_definition(one, other)
    ]
    if twins:
        return failed(
            _CODE,
            f"{'; '.join(twins)} are equal for all {number_of(len(candidates), 'candidate')}: one number "
            "under two names",
            "count it once",
        )
    return passed(_CODE, f"no two of {number_of(len(names), 'metric')} are one number")


def _differ_by_definition(one: str, other: str) -> bool:
    example = _example()
    return one in example and other in example and example[one] != example[other]


@cache
def _example() -> dict[str, float | None]:
    """Return every metric of the registry on an example in which no two of them agree."""
    ranks = [np.array(kin) for kin in ([1, 4], [2, 30], [3], [7, 9, 40], [15], [60], [1])]
    rows = np.arange(len(ranks))
    similarities = np.array([0.9, 0.8, 0.7, 0.65, 0.6, 0.5, 0.45, 0.3, 0.2, 0.1], dtype=np.float32)
    labels = np.array([1, 0, 1, 1, 0, 0, 1, 0, 0, 0])
    retrieval = RetrievalScores(rows, rows, ranks, 99).measured(_FEWEST_RESAMPLES, 0)
    pairs = PairScores(similarities, labels, np.arange(10)).measured(0.55, 0.01, _FEWEST_RESAMPLES, 0)
    return {name: metric.value for name, metric in (retrieval.metrics | pairs.metrics).items()}


_FEWEST_RESAMPLES = 2
