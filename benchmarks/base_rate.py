"""False alarms at a real base rate: a whole tracker window, each ticket judged as it opened, nothing tuned.

    python benchmarks/base_rate.py                # Hadoop: 2,503 issues, few of them duplicates

Every ticket queries all tickets opened before it; its best candidate is reported if it reaches the
threshold. Thresholds come from the other half of the kin groups and tickets (two folds, so none is
judged by a threshold it helped to choose), except "balanced F1": the threshold that F1 chooses on
as many random negatives as positives, the way a pair benchmark would.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from detection import Detections, detect, detection_rates
from real_data import DATA
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import FloatArray, IntArray, Tickets
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.thresholds import choose_threshold
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.ranking.corpus_state import FIELD_WEIGHTS
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.settings import LinkSettings, TicketSettings

N_BOOTSTRAP = 1_000
BUDGETS = (1, 5, 10, 50)


def rankers_of(tickets: Tickets) -> dict[str, Ranker]:
    """Return lexical and the untouched encoder."""
    settings = EncoderSettings(offline=True)
    texts = compose_texts(tickets, TicketSettings().template)
    embeddings = encode_texts(load_encoder(settings), texts, EmbeddingCache(default_cache_folder()), settings)
    fields = {name: tickets.frame[name].to_list() for name in FIELD_WEIGHTS}
    return {"lexical": LexicalRanker.build(fields, FIELD_WEIGHTS), "base": DenseRanker("base", embeddings)}


def cross_fitted(detections: Detections, budget: float, seed: int) -> FloatArray:
    """Return for each ticket the threshold that the other half of the kin groups chose."""
    _, cluster = np.unique(detections.clusters, return_inverse=True)
    half = np.random.default_rng(seed).permutation(cluster.max() + 1)[cluster] % 2
    thresholds = np.empty(len(half), dtype=np.float32)
    for fold in (0, 1):
        thresholds[half == fold] = detections.part(half != fold).threshold_for(budget)
    return thresholds


def balanced_f1(ranker: Ranker, groups: IntArray, seed: int) -> float:
    """Return the threshold that F1 chooses on all kin pairs and as many random others."""
    left, right = np.triu_indices(len(groups), k=1)
    kin = groups[left] == groups[right]
    drawn = np.random.default_rng(seed).choice(np.flatnonzero(~kin), int(kin.sum()), replace=False)
    chosen = np.r_[np.flatnonzero(kin), drawn]
    similarities = ranker.pair_similarities(left[chosen], right[chosen])
    settings = EvaluationSettings(threshold_target="f1")
    return choose_threshold(similarities, kin[chosen].astype(np.int64), settings).threshold


def shown(interval: Interval, digits: int) -> str:
    """Return `value [low, high]`, or a dash where nothing was reported."""
    if interval.value is None:
        return "-"
    value, low, high = (
        f"{0 if x is None else x:.{digits}f}" for x in (interval.value, interval.low, interval.high)
    )
    return f"{value} [{low}, {high}]"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA / "hadoop")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    tickets = import_tickets([arguments.data / "reports.csv"], TicketSettings()).tickets
    links = links_from_file(arguments.data / "pairs.csv", tickets, LinkSettings()).links
    groups = kin_groups(tickets, links).group
    table = Table(
        "ranking",
        "threshold for",
        "reported / 1,000",
        "false alarms / 1,000",
        "precision",
        "recall",
        box=None,
    )
    for name, ranker in rankers_of(tickets).items():
        detections = detect(ranker, np.arange(len(tickets)), groups, tickets.visibility)
        choices: dict[str, float | FloatArray] = {
            f"{budget} false alarms / 1,000": cross_fitted(detections, budget, arguments.seed)
            for budget in BUDGETS
        }
        choices["balanced F1"] = balanced_f1(ranker, groups, arguments.seed)
        for choice, threshold in choices.items():
            rates = detection_rates(detections, threshold, N_BOOTSTRAP, arguments.seed)
            table.add_row(
                name,
                choice,
                shown(rates.reported_per_1000, 0),
                shown(rates.false_alarms_per_1000, 1),
                shown(rates.precision, 2),
                shown(rates.recall, 2),
            )
    console = Console(width=140)
    console.print(f"{rates.n_tickets:,} tickets, {rates.n_with_kin} with linked kin before them")
    console.print(table)


if __name__ == "__main__":
    main()
