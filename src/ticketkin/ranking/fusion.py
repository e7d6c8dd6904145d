"""The learned ranking: words, meaning, fields and filing order, weighed by what links taught.

Two levels. The first, a logistic regression that starts at the hybrid, with boosted trees beside it where
links are many, learns on training links, with head embeddings that never saw the kin group they score. The
second, a logistic regression on evaluation links that no encoder was tuned on, adds the best encoder and
what a cross-encoder read, and turns the result into a probability of kinship. Evaluation tickets are always
scored by a second level fitted without their own kin group.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from ticketkin.core.errors import NotEnoughDataError, UnreadableFileError
from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.ranking.candidate_lists import CandidateLists, blocks, candidate_lists, joined
from ticketkin.ranking.columns import ENCODER, EmbeddedTickets, TicketColumns
from ticketkin.ranking.corpus_state import REMEDY, CorpusState
from ticketkin.ranking.crowd import rounded
from ticketkin.ranking.kept_candidates import KeptCandidates
from ticketkin.ranking.list_ranker import ListRanker
from ticketkin.ranking.models import LogisticModel
from ticketkin.ranking.pair_features import WORD_SOURCES, feature_names
from ticketkin.ranking.reranker import Reranker
from ticketkin.ranking.retriever import Candidates
from ticketkin.ranking.scorer import (
    TUNED,
    FirstLevel,
    PairScorer,
    Reach,
    apply_head,
    probabilities,
    stacked_features,
)
from ticketkin.ranking.settings import FusionSettings
from ticketkin.ranking.shrinkage import LevelFit, Pull, choose_pull, pulls_for

MOST_TRAINING_QUERIES = 3_000
"""More teach the ranking nothing new and cost memory."""
# Among so many queries the pull is chosen; all of them fit the weights.
_MOST_CHOOSING_QUERIES = 600


@dataclass(frozen=True)
class DescribedCorpus:
    """All tickets of a run over a frozen state, and which are kin."""

    state: CorpusState
    columns: TicketColumns
    groups: IntArray
    """Kin-group number of each ticket, shape (n_tickets,)."""

    def with_encoder(self, embeddings: FloatArray) -> "DescribedCorpus":
        """Return the corpus with the embeddings, shape (n_tickets, d), that the second level alone reads."""
        return replace(self, columns=self.state.with_embeddings(self.columns, {ENCODER: embeddings}))

    def with_tuned(self, out_of_fold: "OutOfFold", fold: int) -> "DescribedCorpus":
        """Return the corpus with the embedding 'tuned' of one head."""
        crowd = out_of_fold.tuned(self.state.crowd.embeddings["base"], fold)
        state = self.state.with_crowd_of(TUNED, rounded(crowd))
        tuned = out_of_fold.tuned(self.columns.embeddings["base"], fold)
        return replace(self, state=state, columns=state.with_embeddings(self.columns, {TUNED: tuned}))

    def without_tuned(self) -> "DescribedCorpus":
        """Return the corpus without the embedding 'tuned', which every training link shaped."""
        columns, crowd = self.columns, self.state.crowd
        embeddings = {name: rows for name, rows in columns.embeddings.items() if name != TUNED}
        crowding = {name: near for name, near in columns.crowding.items() if name != TUNED}
        members = {name: rows for name, rows in crowd.embeddings.items() if name != TUNED}
        return replace(
            self,
            state=replace(self.state, crowd=replace(crowd, embeddings=members)),
            columns=replace(columns, embeddings=embeddings, crowding=crowding),
        )

    def kin(self, queries: IntArray, candidates: Candidates) -> IntArray:
        """Return 1 where a candidate is kin of its query, shape of `candidates.rows`."""
        same: IntArray = (self.groups[candidates.rows] == self.groups[queries][:, None]).astype(np.int64)
        return same


@dataclass(frozen=True)
class OutOfFold:
    """Tuned embeddings for fitting: fold f of kin groups is embedded by a head that never saw it."""

    weights: FloatArray
    """Head weights, shape (n_folds + 1, d, d); the last saw every group."""
    fold_of_group: IntArray

    def tuned(self, base: FloatArray, fold: int) -> FloatArray:
        """Return the embeddings of head `fold`, shape (n_tickets, d), unit length."""
        return apply_head(self.weights[fold], base)


def training_lists(
    corpus: DescribedCorpus,
    queries: IntArray,
    settings: FusionSettings,
    seed: int,
    out_of_fold: OutOfFold | None = None,
    progress: Progress = SILENT,
) -> CandidateLists:
    """Return the lists of `queries` of the training split, or of some where they are very many.

    Where `out_of_fold` is given, the embedding called 'tuned' is replaced for every query by one that
    never saw its kin group. Raises NotEnoughDataError where no candidate is kin.
    """
    if len(queries) > MOST_TRAINING_QUERIES:
        chosen = np.random.default_rng(seed).choice(len(queries), MOST_TRAINING_QUERIES, replace=False)
        queries = queries[np.sort(chosen)]
    folds = np.zeros(len(queries), dtype=np.int64)
    if out_of_fold is not None:
        folds = out_of_fold.fold_of_group[corpus.groups[queries]]
    parts = []
    for fold in np.unique(folds):
        view = corpus if out_of_fold is None else corpus.with_tuned(out_of_fold, int(fold))
        own = queries[folds == fold]
        parts.append(
            candidate_lists(
                view.state, view.columns, own, settings.depth, progress, f"fusion fold {fold + 1}"
            )
        )
    lists = joined(parts) if parts else None
    if lists is None or not lists.kin(corpus.groups).any():
        raise NotEnoughDataError(
            "No training ticket has kin among its nearest tickets, so a ranking can't be learned; give more "
            "links with --links FILE, or leave it out: --candidates base,head"
        )
    return lists


def fit_first_level(
    corpus: DescribedCorpus,
    lists: CandidateLists,
    settings: FusionSettings,
    seed: int,
    head: FloatArray | None = None,
    progress: Progress = SILENT,
) -> FirstLevel:
    """Return the first level fitted on `training_lists`.

    `head`, if there is one, makes the embedding 'tuned' of tickets that come later.
    """
    is_kin, names = lists.kin(corpus.groups), feature_names(corpus.state)
    clusters = corpus.groups[lists.queries]
    pulls = pulls_for(len(np.unique(clusters)))
    sample = np.random.default_rng(seed).permutation(len(lists.queries))[:_MOST_CHOOSING_QUERIES]
    asked = lists.take(np.sort(sample))
    fit = LevelFit.of(lists.features, is_kin.astype(np.int64), lists.query_of_pair, names, seed)
    levels: dict[Pull, FirstLevel] = {}  # that of the pull which stays unless another is clearly better
    pull = choose_pull(
        asked,
        corpus.groups,
        names,
        pulls,
        settings.folds,
        seed,
        meanwhile=lambda: levels.update({pulls[0]: fit.level(pulls[0])}),
    )
    progress.say(f"  the ranking starts at the hybrid; how far it may move from it: {pull.name}")
    return replace(levels.get(pull) or fit.level(pull), head=head)


class FusionRanker(ListRanker):
    """Ranks the tickets of a run by probability of kinship."""

    scorer: PairScorer

    def __init__(
        self,
        scorer: PairScorer,
        columns: TicketColumns,
        cross_fitted: list[LogisticModel] | None = None,
        model_of_ticket: IntArray | None = None,
        lists: KeptCandidates | None = None,
    ) -> None:
        """`cross_fitted[model_of_ticket[row]]` replaces the second level for queries where that is not -1."""
        super().__init__("fusion" if scorer.reranker is None else "reranker", scorer, columns, lists)
        self._cross_fitted = cross_fitted or []
        self._model_of_ticket = (
            np.full(len(columns), -1, dtype=np.int64) if model_of_ticket is None else model_of_ticket
        )

    def _scores(self, rows: IntArray, queries: TicketColumns, candidates: Candidates) -> FloatArray:
        """Return the probability of kinship of each candidate, shape (n_queries, k)."""
        stacked = self.scorer.stacked(queries, candidates)
        result = probabilities(self.scorer.second, stacked, candidates)
        for number, second in enumerate(self._cross_fitted):
            mine = self._model_of_ticket[rows] == number
            if mine.any():
                result[mine] = probabilities(second, stacked, candidates)[mine]
        return result

    def with_weights(self, scorer: PairScorer) -> "FusionRanker":
        """Return the ranker of the same tickets by another scorer over the same corpus state."""
        return FusionRanker(scorer, self._columns, lists=self.lists)

    def save(self, folder: Path, notes: Mapping[str, JsonValue]) -> None:
        """Write the scorer with its corpus state; see `PairScorer.save`."""
        self.scorer.save(folder, notes)

    @classmethod
    def load(
        cls,
        folder: Path,
        given: EmbeddedTickets,
        *,
        reranked: bool = False,
        describe: Callable[[PairScorer, EmbeddedTickets], TicketColumns] = PairScorer.describe,
    ) -> "FusionRanker":
        """Return the ranking saved in `folder` over the tickets of a run; fields may hold new values.

        It is the one with a cross-encoder where `reranked` is given. `describe` is asked for what
        `PairScorer.describe` returns.

        Raises MissingInputError where the folder holds none, UnreadableFileError where it is damaged or the
        run lacks an embedding it was fitted on.
        """
        scorer = PairScorer.load_reranked(folder) if reranked else PairScorer.load(folder)
        lacking = [name for name in scorer.encoders if name not in given.embeddings]
        if lacking:
            raise UnreadableFileError(
                f"The ranking in {folder} was fitted on embeddings that the run does not hold: "
                f"{', '.join(lacking)}. {REMEDY}"
            )
        return cls(scorer, describe(scorer, given))


def fit_second_level(
    first: FirstLevel,
    corpus: DescribedCorpus,
    queries: IntArray,
    settings: FusionSettings,
    seed: int,
    progress: Progress = SILENT,
    reranker: Reranker | None = None,
) -> FusionRanker:
    """Return the ranking calibrated on evaluation `queries`, cross-fitted by kin group.

    Every ticket of fold f is scored by a model that never saw fold f; the last model, fitted on all
    of them, scores every other ticket and is what is saved.
    """
    lists = KeptCandidates(corpus.state, corpus.columns, Reach(settings.depth, WORD_SOURCES))
    features, labels, owners = [], [], []
    parts = blocks(queries)
    for block in track(parts, progress, "calibrate fusion", len(parts)):
        asked = corpus.columns.take(block)
        candidates = lists.of(block)
        there = candidates.rows >= 0
        features.append(stacked_features(corpus.state, first, asked, candidates, reranker)[there])
        labels.append(corpus.kin(block, candidates)[there])
        owners.append(np.broadcast_to(corpus.groups[block][:, None], there.shape)[there])
    x, y, owner = np.concatenate(features), np.concatenate(labels), np.concatenate(owners)
    kin_groups = np.unique(corpus.groups[queries])
    n_folds = min(settings.folds, len(kin_groups))
    fold_of_kin_group = np.random.default_rng(seed).permutation(len(kin_groups)) % max(1, n_folds)
    fold = fold_of_kin_group[np.searchsorted(kin_groups, owner)]
    cross_fitted = [fit_or_pass(x[fold != f], y[fold != f]) for f in range(n_folds)]
    model_of_ticket = np.full(len(corpus.groups), -1, dtype=np.int64)
    place = np.searchsorted(kin_groups, corpus.groups).clip(max=len(kin_groups) - 1)
    evaluated = kin_groups[place] == corpus.groups
    model_of_ticket[evaluated] = fold_of_kin_group[place[evaluated]]
    uses_encoder = ENCODER in corpus.columns.embeddings
    scorer = PairScorer(corpus.state, first, fit_or_pass(x, y), settings.depth, uses_encoder, reranker)
    return FusionRanker(scorer, corpus.columns, cross_fitted, model_of_ticket, lists)


def fit_or_pass(features: FloatArray, labels: IntArray) -> LogisticModel:
    """Fit, or pass the first level through where one class is missing."""
    if 0 < labels.sum() < len(labels):
        return LogisticModel.fit(features, labels)
    width = features.shape[1]
    weights = np.r_[1.0, np.zeros(width)]
    return LogisticModel(np.zeros(width), np.ones(width), weights)
