"""All candidates side by side on the evaluation links."""

from dataclasses import dataclass, replace

from ticketkin.core.progress import Progress
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import SplitName
from ticketkin.encoders.dense import DenseRanker
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.evaluation.threshold_folds import choose_threshold_in_folds
from ticketkin.evaluation.thresholds import ThresholdChoice
from ticketkin.evaluation.verdict import best_encoder
from ticketkin.ranking.hybrid import HybridScorer
from ticketkin.runs.stages import StageRun
from ticketkin.training.candidates import CANDIDATES
from ticketkin.training.rivals import PairRows
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import (
    EncoderCandidates,
    encoder_candidates,
    first_level_sources,
    first_level_start,
    fusion_ranker,
    hybrid_over,
    lexical_over,
    reranker_of,
    simple_names,
    simple_ranker,
)
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.cross_judging import LABEL_FREE, FoldMaterial, label_free_corpus
from ticketkin.workflows.fold_verdict import FoldVerdict, judge_in_folds
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.tuned_folds import contender_maker, tuned_in_folds

# Which tickets are asked, and which pairs are scored, where a split judges.
_EVALUATED = (artifact.TICKETS, artifact.LINKS, artifact.SPLITS, artifact.PAIRS, artifact.GIVEN_PAIRS)


@dataclass(frozen=True)
class Judged:
    """All candidates on the evaluation links."""

    rankers: dict[str, Ranker]
    kept: dict[str, Ranker]
    """As they are saved: the same ones, or fitted on all links where folds judged."""
    encoders: list[str]
    best_encoder: str
    retrieval: dict[str, RetrievalScores]
    pairs: dict[str, PairScores]
    thresholds: dict[str, ThresholdChoice]
    forward_passes: dict[str, int]
    """Forward passes of an encoder that a new ticket needs, by candidate."""
    folds: FoldVerdict | None
    """What folds gave; None where a split judged."""


def score_pairs(data: RunData, ranker: Ranker, pairs: PairRows) -> PairScores:
    """Return a ranker's similarities on labelled pairs."""
    similarities = ranker.pair_similarities(pairs.left, pairs.right)
    return PairScores(similarities, pairs.labels, data.groups.group[pairs.left], pairs.grades)


def judge(run: StageRun[Job], data: RunData, *, with_slow: bool) -> Judged:
    """Evaluate every candidate: on the evaluation links, or by folds of all links."""
    by = _judge_in_folds if data.is_judged_in_folds else _judge_by_split
    return by(run, data, with_slow)


@dataclass(frozen=True)
class _Result:
    """A candidate with its results on the evaluation links."""

    ranker: Ranker
    retrieval: RetrievalScores
    pairs: PairScores


def _judge_by_split(run: StageRun[Job], data: RunData, with_slow: bool) -> Judged:
    """Evaluate every candidate on the evaluation links; the fusion stands on the best encoder."""
    settings, progress = run.job.settings, run.progress
    encoders = encoder_candidates(data, with_slow=with_slow)
    names = simple_names(encoders)
    results = {name: _result_of_simple(data, encoders, name, progress) for name in names}
    retrieval = {name: one.retrieval for name, one in results.items()}
    best = best_encoder(retrieval, encoders.names, settings.evaluation, settings.seed)
    if "fusion" in settings.candidates:
        results["fusion"] = _result_of_fusion(data, encoders, best, progress)
    reranker = reranker_of(data) if with_slow else None
    if reranker is not None:
        reranked = fusion_ranker(data, encoders, best, progress, reranker)
        results["reranker"] = _on_evaluation_links(data, reranked, progress)
    return _judged(data, results, encoders.names, best)


def _result_of_simple(data: RunData, encoders: EncoderCandidates, name: str, progress: Progress) -> _Result:
    """Return the result of a ranking that is not fitted; the verdict takes over the quick comparison's."""
    read = artifact.embeddings_of(name) if name in encoders.names else artifact.BASE_EMBEDDINGS
    return data.values.derive(
        ("on evaluation links", name),
        (*_EVALUATED, read),
        lambda: _on_evaluation_links(data, simple_ranker(data, encoders, name), progress),
    )


def _result_of_fusion(data: RunData, encoders: EncoderCandidates, best: str, progress: Progress) -> _Result:
    """Return the result of the learned ranking; it adds the `best` encoder only if that one is slow."""
    added = (artifact.embeddings_of(best),) if CANDIDATES[best].is_slow else ()
    return data.values.derive(
        ("on evaluation links", "fusion", *added),
        (*_EVALUATED, *first_level_sources(data, first_level_start(encoders.names)), *added),
        lambda: _on_evaluation_links(data, fusion_ranker(data, encoders, best, progress), progress),
    )


def _on_evaluation_links(data: RunData, ranker: Ranker, progress: Progress) -> _Result:
    queries = data.queries(SplitName.EVALUATION)
    retrieval = evaluate_retrieval(ranker, queries, data.groups.group, data.visibility, progress)
    return _Result(ranker, retrieval, score_pairs(data, ranker, data.judging_pairs()))


def _judge_in_folds(run: StageRun[Job], data: RunData, with_slow: bool) -> Judged:
    """Evaluate every candidate on all links, each ticket by weights that never saw its kin."""
    settings = run.job.settings
    material = fold_material(data)
    key = "folds"
    if with_slow and tuned_in_folds(settings):
        key = "folds with tuned encoders"
        material = replace(
            material, tuned=contender_maker(data, run.place(artifact.TUNED_FOLDS), run.progress)
        )
    sources = (*LABEL_FREE, artifact.FOLD_PAIRS, artifact.PAIR_ACCOUNT, artifact.GIVEN_PAIRS)
    folds = data.values.derive(key, sources, lambda: judge_in_folds(material, run.progress))
    retrieval = folds.cross_fitted.scores
    encoders = [name for name in CANDIDATES if CANDIDATES[name].role == "encoder" and name in retrieval]
    best = best_encoder(retrieval, encoders, settings.evaluation, settings.seed)
    rankers = {**material.unlearned, **folds.rankers}
    kept = {**material.unlearned} | ({} if folds.kept is None else {"fusion": folds.kept})

    def results() -> dict[str, _Result]:
        pairs = data.judging_pairs()
        return {
            name: _Result(rankers[name], retrieval[name], score_pairs(data, rankers[name], pairs))
            for name in CANDIDATES
            if name in retrieval
        }

    scored = data.values.derive((key, "on pairs"), sources, results)
    return _judged(data, scored, encoders, best, kept, folds)


def _judged(
    data: RunData,
    results: dict[str, _Result],
    encoders: list[str],
    best: str,
    kept: dict[str, Ranker] | None = None,
    folds: FoldVerdict | None = None,
) -> Judged:
    rankers = {name: one.ranker for name, one in results.items()}
    pairs = {name: one.pairs for name, one in results.items()}
    thresholds = {
        name: choose_threshold_in_folds(scores, data.job.settings.evaluation, data.job.settings.seed)
        for name, scores in pairs.items()
    }
    added = "base" if folds else best
    return Judged(
        rankers,
        rankers if kept is None else kept,
        encoders,
        best,
        {name: one.retrieval for name, one in results.items()},
        pairs,
        thresholds,
        {name: _n_forward_passes(data, name, added) for name in rankers},
        folds,
    )


def fold_material(data: RunData) -> FoldMaterial:
    """Return what folds are judged by: rankers that learn nothing, over statistics of all tickets."""
    corpus = label_free_corpus(data)

    def unlearned() -> dict[str, Ranker]:
        return {
            "lexical": lexical_over(data, corpus.state),
            "base": DenseRanker("base", data.embeddings(artifact.BASE_EMBEDDINGS)),
            "hybrid": hybrid_over(data, HybridScorer.of(corpus.state)),
        }

    return FoldMaterial(data, corpus, data.values.derive("unlearned rankers", LABEL_FREE, unlearned))


def _n_forward_passes(data: RunData, name: str, best: str) -> int:
    """Return the forward passes for a new ticket; `best` is the encoder that a learned ranking adds."""
    candidate = CANDIDATES[name]
    n_read = data.job.settings.reranker.n_read if candidate.reads_pairs else 0
    return len(candidate.forward_passes("base", best)) + n_read
