"""How much of a tuned change to keep: W + strength x change, 0 being the untouched model."""

from collections.abc import Callable
from dataclasses import dataclass

from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.encoders.dense import DenseRanker
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.training.settings import StrengthSettings


@dataclass(frozen=True)
class StrengthSweep:
    """MRR on the evaluation links at each strength."""

    strengths: list[float]
    mrr: list[float]
    chosen: float


def sweep_strengths(
    embed: Callable[[float], FloatArray],
    queries: IntArray,
    groups: IntArray,
    visibility: Visibility,
    settings: StrengthSettings,
) -> StrengthSweep:
    """Return the strength with the highest MRR; on a tie the smaller one.

    `embed` gives embeddings of all tickets at a strength, shape (n_tickets, d). Because 0 is among
    the strengths, the choice can't end below the untouched model on these queries.
    """
    strengths = sorted(set(settings.strengths))
    mrr = []
    for strength in strengths:
        ranker = DenseRanker(f"strength {strength:g}", embed(strength))
        scores = evaluate_retrieval(ranker, queries, groups, visibility)
        mrr.append(float(scores.per_query("mrr").mean()))
    best = max(range(len(strengths)), key=lambda place: (mrr[place], -strengths[place]))
    return StrengthSweep(strengths, mrr, strengths[best])
