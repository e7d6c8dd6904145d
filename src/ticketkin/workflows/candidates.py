"""The candidates of a run, built from what its folder holds."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ticketkin.core.artifacts import write_json
from ticketkin.core.progress import Progress
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import FloatArray, IntArray, SplitName
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.device import pick_device
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.ranking.candidate_lists import CandidateLists
from ticketkin.ranking.columns import ENCODER, EmbeddedTickets
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.fusion import (
    DescribedCorpus,
    FusionRanker,
    OutOfFold,
    fit_first_level,
    fit_second_level,
    training_lists,
)
from ticketkin.ranking.hybrid import HybridScorer
from ticketkin.ranking.list_ranker import ListRanker
from ticketkin.ranking.reranker import Reranker
from ticketkin.ranking.scorer import RERANKED, FirstLevel
from ticketkin.ranking.single_source import load_scorer
from ticketkin.runs.artifacts import Place
from ticketkin.training.candidates import (
    CANDIDATES,
    trained_encoders,
)
from ticketkin.training.head import fold_of_group
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.described import described
from ticketkin.workflows.ranking_record import RankingRecord, Start, ranking_record
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.saved_folds import FOLDS, by_folds, encoder_by_folds

# Crowding can't be measured against fewer tickets than these.
_SMALLEST_CROWD = 100


@dataclass(frozen=True)
class EncoderCandidates:
    """Embeddings of all tickets by encoder name, the untouched one first."""

    embeddings: dict[str, FloatArray]

    @property
    def names(self) -> list[str]:
        """Encoder names."""
        return list(self.embeddings)


def state_rows(data: RunData) -> IntArray:
    """Return the tickets that frozen statistics are fitted on: those of the training split.

    They were there before the evaluation began, where the split is by time, and none of them is evaluated or
    held out, however the split was made.
    """
    return data.splits.rows(data.tickets, SplitName.TRAIN)


def crowd_rows(data: RunData) -> IntArray:
    """Return the tickets that crowding is measured against: those of `state_rows` that have no known kin.

    Kin of an evaluated ticket is never in the training split. If the crowd contained kin, a training ticket
    would look crowded by its own kin and an evaluated one would not: a hint that new tickets don't give.
    Where fewer than a hundred have no kin, one of each kin group stands for it.
    """
    rows = state_rows(data)
    strangers = rows[~data.groups.has_kin[rows]]
    if len(strangers) >= _SMALLEST_CROWD:
        return strangers
    _, first = np.unique(data.groups.group[rows], return_index=True)
    return rows[np.sort(first)]


def training_state(data: RunData) -> CorpusState:
    """Return the statistics of the training split, whose tickets are the crowd, without an embedding."""
    key = ("training state", data.job.settings.tickets.template)
    given = EmbeddedTickets(data.tickets, data.texts, {})
    return data.values.derive(
        key, (artifact.TICKETS, artifact.SPLITS), lambda: CorpusState.fit(given, state_rows(data))
    )


def lexical_over(data: RunData, state: CorpusState) -> LexicalRanker:
    """Return BM25F over title and description with the statistics of a state."""
    return LexicalRanker(state.fields, described(data, state, {}).lexical)


def encoder_candidates(data: RunData, *, with_slow: bool) -> EncoderCandidates:
    """Return the untouched encoder and the tuned ones that the job asks for."""
    embeddings = {"base": data.embeddings(artifact.BASE_EMBEDDINGS)}
    wanted = data.job.settings.candidates
    for candidate in trained_encoders():
        if candidate.name in wanted and (with_slow or not candidate.is_slow):
            embeddings[candidate.name] = data.embeddings(artifact.embeddings_of(candidate.name))
    return EncoderCandidates(embeddings)


def simple_rankers(data: RunData, encoders: EncoderCandidates) -> dict[str, Ranker]:
    """Return lexical search, each encoder alone, and the hybrid of words and the untouched encoder."""
    return {name: simple_ranker(data, encoders, name) for name in simple_names(encoders)}


def simple_names(encoders: EncoderCandidates) -> tuple[str, ...]:
    """Return the names of the rankings that `simple_ranker` makes."""
    return ("lexical", *encoders.names, "hybrid")


def simple_ranker(data: RunData, encoders: EncoderCandidates, name: str) -> Ranker:
    """Return one of the rankings for which nothing was fitted except an encoder."""
    if name == "lexical":
        return lexical_over(data, training_state(data))
    if name == "hybrid":
        return hybrid_over(data, hybrid_scorer(data))
    return DenseRanker(name, encoders.embeddings[name])


def hybrid_scorer(data: RunData) -> HybridScorer:
    """Return the hybrid, with the statistics of the training split."""
    return HybridScorer.of(training_state(data))


def hybrid_over(data: RunData, scorer: HybridScorer) -> ListRanker:
    """Return the hybrid as a ranker of the tickets of a run."""
    embeddings = {"base": data.embeddings(artifact.BASE_EMBEDDINGS)}
    return ListRanker("hybrid", scorer, described(data, scorer.state, embeddings))


def fusion_ranker(
    data: RunData,
    encoders: EncoderCandidates,
    best: str,
    progress: Progress,
    reranker: Reranker | None = None,
) -> FusionRanker:
    """Return the learned ranking over the best encoder.

    The head enters the first level out of fold. LoRA, full tuning and the reranker, which saw training links,
    enter only at the second level, fitted on evaluation links.
    """
    settings, seed = data.job.settings.fusion, data.job.settings.seed
    fitted = fitted_first_level(data, first_level_start(encoders.names), progress)
    corpus, first = fitted.corpus, fitted.level
    if CANDIDATES[best].is_slow:
        corpus = corpus.with_encoder(encoders.embeddings[best])
    queries = data.queries(SplitName.EVALUATION)
    return fit_second_level(first, corpus, queries, settings, seed, progress, reranker)


@dataclass(frozen=True)
class FittedFirstLevel:
    """The first level of the learned ranking with what it was fitted on."""

    corpus: DescribedCorpus
    """The tickets of the run over their corpus state."""
    lists: CandidateLists
    """Of training tickets; those of one fold of the head stand together."""
    level: FirstLevel


def fitted_first_level(data: RunData, start: Start, progress: Progress) -> FittedFirstLevel:
    """Return the first level fitted on training links, once in a run.

    `start` is the encoder that the head was trained on.
    """
    return data.values.derive(
        ("first level", start),
        first_level_sources(data, start),
        lambda: _first_level(data, start, progress),
    )


def first_level_start(encoders: Collection[str]) -> Start:
    """Return which of the encoders in the race the head was trained on."""
    return "adapted" if "adapted" in encoders else "base"


def first_level_sources(data: RunData, start: Start) -> tuple[Place, ...]:
    """Return what the first level of the learned ranking is made of."""
    return (
        artifact.TICKETS,
        artifact.LINKS,
        artifact.SPLITS,
        artifact.embeddings_of(start),
        *((artifact.HEAD_OUT_OF_FOLD,) if "head" in data.job.settings.candidates else ()),
    )


def reranker_of(data: RunData) -> Reranker | None:
    """Return the trained reranker; None where the job does not ask for it, or where it was left out."""
    if data.training_record("reranker") is None:
        return None
    settings = data.job.settings
    model = artifact.model_of("reranker")
    return data.values.derive(
        "reranker",
        (model,),
        lambda: Reranker(data.values.path(model), settings.reranker.n_read, pick_device(settings.encoder)),
    )


def _first_level(data: RunData, start: Start, progress: Progress) -> FittedFirstLevel:
    settings, seed = data.job.settings.fusion, data.job.settings.seed
    embeddings, out_of_fold = fusion_embeddings(data, start)
    given = EmbeddedTickets(data.tickets, data.texts, embeddings)
    state = training_state(data).with_crowd(given.take(crowd_rows(data)))
    corpus = DescribedCorpus(state, described(data, state, embeddings), data.groups.group)
    lists = training_lists(corpus, data.queries(SplitName.TRAIN), settings, seed, out_of_fold, progress)
    head = None if out_of_fold is None else out_of_fold.weights[-1]
    return FittedFirstLevel(corpus, lists, fit_first_level(corpus, lists, settings, seed, head, progress))


def save_ranking(folder: Path, rankers: Mapping[str, Ranker], record: RankingRecord) -> None:
    """Write which ranking won, the statistics of the words, and the learned ranking where there is one."""
    for ranker in rankers.values():
        if isinstance(ranker, LexicalRanker):
            ranker.statistics.save(folder)
        if isinstance(ranker, ListRanker) and isinstance(ranker.scorer, HybridScorer):
            ranker.scorer.state.save(folder)
        if isinstance(ranker, FusionRanker) and ranker.scorer.reranker is None:
            ranker.save(folder, asdict(record))
        elif isinstance(ranker, FusionRanker):
            (folder / RERANKED).mkdir()
            ranker.scorer.save_weights(folder / RERANKED, asdict(record))
    write_json(folder / "ranking.json", asdict(record))


def champion_ranker(data: RunData) -> Ranker:
    """Return the ranking that won in a judged run, as `ranking/` holds it. Raises as `saved_ranker`."""
    ranking = data.values.path(artifact.RANKING)
    return saved_ranker(data, ranking_record(ranking.parent).champion)


def champion_by_folds(data: RunData) -> bool:
    """Return whether folds judged, so that `champion_ranker` never learned from the kin of who asks."""
    return ranking_record(data.values.path(artifact.RANKING).parent).judged_by == "folds"


def saved_ranker(data: RunData, name: str) -> Ranker:
    """Return a ranking of a judged run, as `ranking/` holds it.

    Raises as `load_scorer` and `FusionRanker.load`.
    """
    sources = (artifact.TICKETS, artifact.RANKING)
    return data.values.derive(("saved ranking", name), sources, lambda: _load_ranker(data, name))


def _load_ranker(data: RunData, name: str) -> Ranker:
    ranking, candidate = data.values.path(artifact.RANKING), CANDIDATES[name]
    if candidate.is_learned:
        record = ranking_record(ranking.parent)
        fitted = FusionRanker.load(
            ranking,
            embedded_tickets(data, record),
            reranked=candidate.reads_pairs,
            describe=lambda scorer, given: described(data, scorer.state, scorer.read(given.embeddings)),
        )
        return fitted if record.judged_by == "split" else by_folds(data, ranking / FOLDS, fitted)
    if candidate.role == "encoder":
        record = ranking_record(ranking.parent)
        if name == record.champion and candidate.is_trained and record.judged_by == "folds":
            return encoder_by_folds(data, name, ranking / FOLDS)
        return DenseRanker(name, data.embeddings(artifact.embeddings_of(name)))
    scorer = load_scorer(ranking, name)
    if isinstance(scorer, HybridScorer):
        return hybrid_over(data, scorer)
    return lexical_over(data, scorer.state)


def embedded_tickets(data: RunData, record: RankingRecord) -> EmbeddedTickets:
    """Return the tickets of a judged run with the embeddings that its learned ranking reads."""
    embeddings, _ = fusion_embeddings(data, record.start, with_head=record.judged_by == "split")
    if CANDIDATES[record.encoder].is_slow:
        embeddings[ENCODER] = data.embeddings(artifact.embeddings_of(record.encoder))
    return EmbeddedTickets(data.tickets, data.texts, embeddings)


def fusion_embeddings(
    data: RunData, start: Start, *, with_head: bool = True
) -> tuple[dict[str, FloatArray], OutOfFold | None]:
    """Return the embeddings the fusion looks at, and the head's weights by fold where there is a head.

    `start` is the encoder that the head was trained on: 'base', or 'adapted' without labels.
    """
    embeddings = {"base": data.embeddings(artifact.embeddings_of(start))}
    out_of_fold = None
    if with_head and "head" in data.job.settings.candidates:
        weights = data.fold_weights(artifact.HEAD_OUT_OF_FOLD, embeddings["base"].shape[1])
        folds = fold_of_group(data.groups.group, len(weights) - 1, data.job.settings.seed)
        out_of_fold = OutOfFold(weights, folds)
        embeddings["tuned"] = out_of_fold.tuned(embeddings["base"], -1)
    return embeddings, out_of_fold
