"""All candidates side by side on the evaluation links."""

from dataclasses import dataclass

import polars as pl

from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.evaluation.thresholds import ThresholdChoice, choose_threshold
from ticketkin.evaluation.verdict import best_encoder
from ticketkin.runs.stages import StageRun
from ticketkin.training.candidates import CANDIDATES
from ticketkin.workflows.candidates import encoder_candidates, fusion_ranker, simple_rankers
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.run_data import RunData


@dataclass(frozen=True)
class Judged:
    """All candidates on the evaluation links."""

    rankers: dict[str, Ranker]
    encoders: list[str]
    best_encoder: str
    retrieval: dict[str, RetrievalScores]
    pairs: dict[str, PairScores]
    thresholds: dict[str, ThresholdChoice]
    forward_passes: dict[str, int]
    """Passes of an encoder that a new ticket costs, by candidate."""


def score_pairs(data: RunData, ranker: Ranker, split: SplitName) -> PairScores:
    """Return a ranker's similarities on the fixed pairs of a split."""
    pairs = data.pairs.of(split)
    left, right = pairs.rows(data.tickets)
    labels: IntArray = pairs.frame["label"].cast(pl.Int64).to_numpy()
    return PairScores(ranker.pair_similarities(left, right), labels, data.groups.group[left])


def judge(run: StageRun[Job], data: RunData, *, with_slow: bool) -> Judged:
    """Evaluate every candidate on the evaluation links; the fusion stands on the best encoder."""
    settings = run.job.settings
    encoders = encoder_candidates(data, with_slow=with_slow)
    rankers = simple_rankers(data, encoders)
    queries = data.queries(SplitName.EVALUATION)
    groups, visibility = data.groups.group, data.visibility
    retrieval = {
        name: evaluate_retrieval(ranker, queries, groups, visibility, run.progress)
        for name, ranker in rankers.items()
    }
    best = best_encoder(retrieval, encoders.names, settings.evaluation.n_bootstrap, settings.seed)
    if "fusion" in settings.candidates:
        fused = fusion_ranker(data, encoders, best, run.progress)
        rankers["fusion"] = fused
        retrieval["fusion"] = evaluate_retrieval(fused, queries, groups, visibility, run.progress)
    pairs = {name: score_pairs(data, ranker, SplitName.EVALUATION) for name, ranker in rankers.items()}
    thresholds = {
        name: choose_threshold(scores.similarities, scores.labels, settings.evaluation)
        for name, scores in pairs.items()
    }
    passes = {name: _forward_passes(name, best) for name in rankers}
    return Judged(rankers, encoders.names, best, retrieval, pairs, thresholds, passes)


def _forward_passes(name: str, best: str) -> int:
    """Return how often an encoder reads a new ticket; `best` is the encoder that a learned ranking adds."""
    if CANDIDATES[name].role == "ranking":
        return 2 + CANDIDATES[best].is_slow  # text and title, and the text by a tuned encoder
    return int(CANDIDATES[name].role == "encoder")
