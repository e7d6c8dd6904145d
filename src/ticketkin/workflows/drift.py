"""Statistics of a run's newest tickets, kept as counts, so that a service notices when tickets change."""

import numpy as np

from ticketkin.core.tables import Float64Array, IntArray, Tickets
from ticketkin.ranking.single_source import load_scorer
from ticketkin.serving.drift import (
    MOST_COMPARED,
    MOST_SCORED,
    DriftReference,
    drift_reference,
)
from ticketkin.training.candidates import CANDIDATES
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.ranking_record import RankingRecord
from ticketkin.workflows.run_data import RunData


def run_drift_reference(data: RunData, ranking: RankingRecord) -> DriftReference:
    """Return the counts of a judged run's newest tickets; the winning ranking scores their nearest ones."""
    newest = _newest(data.tickets, MOST_COMPARED)
    texts = data.texts
    return drift_reference(
        Tickets(data.tickets.frame[newest.tolist()]),
        [texts[row] for row in newest.tolist()],
        load_scorer(data.values.path(artifact.RANKING), ranking.champion).state.words,
        None if CANDIDATES[ranking.champion].reads_pairs else _best_scores(data, newest[-MOST_SCORED:]),
        are_probabilities=CANDIDATES[ranking.champion].is_learned,
    )


def _newest(tickets: Tickets, most: int) -> IntArray:
    """Return the rows of the tickets that opened last, in the order of their opening; without times all
    come in the order of the file.
    """
    rows = np.arange(len(tickets), dtype=np.int64)
    if tickets.has_times:
        rows = np.argsort(tickets.frame["opened_at"].dt.epoch("us").to_numpy(), kind="stable")
    return rows[-most:]


def _best_scores(data: RunData, rows: IntArray) -> Float64Array:
    """Return the score of the nearest ticket that each may see, (n_scored,)."""
    scores = champion_ranker(data).similarities(rows, data.visibility)
    best = np.where(data.visibility.mask(rows), scores, -np.inf).max(axis=1)
    there: Float64Array = best[np.isfinite(best)].astype(np.float64)
    return there
