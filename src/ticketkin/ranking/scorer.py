"""The second step of a search: how probably each candidate is kin.

scorer = PairScorer.load(folder / "ranking")
index = Retriever(scorer.state.describe(stored))        # EmbeddedTickets: tickets, texts, embeddings
query = scorer.state.describe(new)                      # of any number of tickets, one included
candidates = scorer.candidates(index, query)
probabilities = scorer.score(query, candidates)         # beside candidates.rows
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, JsonValue
from scipy.special import expit

from ticketkin.core.arrays import load_arrays, save_arrays
from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import MissingInputError
from ticketkin.core.records import read_record
from ticketkin.core.tables import Float64Array, FloatArray, IntArray
from ticketkin.encoders.dense import unit_length
from ticketkin.encoders.device import pick_device
from ticketkin.encoders.safety import check_model_folder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.ranking.best import Nearest
from ticketkin.ranking.columns import ENCODER, EmbeddedTickets, TicketColumns
from ticketkin.ranking.corpus_state import REMEDY, CorpusState
from ticketkin.ranking.models import LogisticModel
from ticketkin.ranking.pair_features import (
    DEEPEST_RANK,
    N_RELATIVE,
    WORD_SOURCES,
    feature_names,
    pair_features,
    relative_features,
)
from ticketkin.ranking.reranker import N_FEATURES, Reranker
from ticketkin.ranking.retriever import LEXICAL, Candidates, Retrieving, pair_similarities
from ticketkin.ranking.trees import BoostedTrees

TUNED = "tuned"
"""The embedding that the head makes of 'base'."""
UNLEARNED_DEPTH = 60
"""Candidates taken from each source by a ranking that learned nothing."""
RERANKED = "reranker"
"""Folder of the second level that reads pairs, beside the first level and the corpus state."""
_CROSS_ENCODER = "cross_encoder"
_ARRAYS = "fusion.safetensors"
_DESCRIPTION = "fusion.json"


@dataclass(frozen=True)
class Reach:
    """How far a search for candidates goes."""

    depth: int
    """Candidates taken from each source."""
    words: Sequence[str]
    """Sources by words, beside the embeddings."""

    @property
    def n_nearest(self) -> int:
        """Tickets of each source that a list is described by."""
        return max(self.depth, DEEPEST_RANK)


@dataclass(frozen=True)
class _Description:
    """What a saved ranking was fitted on."""

    features: list[str]
    depth: Annotated[int, Field(ge=1)]
    uses_encoder: bool
    has_head: bool
    has_trees: bool = True
    n_read: Annotated[int, Field(ge=0)] = 0
    """Tickets of a list that a cross-encoder reads; 0 without one."""


@dataclass(frozen=True)
class FirstLevel:
    """Weights learned on training links."""

    names: list[str]
    logistic: LogisticModel
    trees: BoostedTrees | None
    """None where links are too few to grow them."""
    head: FloatArray | None = None
    """Weights of the head whose embeddings are called TUNED, shape (d, d); None where there is none."""

    def logits(self, features: FloatArray) -> Float64Array:
        """Return the mean log-odds of both models, shape (n,)."""
        if self.trees is None:
            return self.logistic.logits(features)
        mean: Float64Array = (self.logistic.logits(features) + self.trees.raw(features)[:, 0]) / 2
        return mean


@dataclass(frozen=True)
class ScoredPairs:
    """The scores of candidates and the features behind them."""

    scores: FloatArray
    """Probability of kinship, shape (n_queries, k), 0 beside -1."""
    rows: FloatArray
    """Features of both levels and last the log-odds of kinship, shape (n_queries, k, f)."""


@dataclass(frozen=True)
class StateScorer:
    """What all rankings share that read tickets over the frozen statistics of a corpus state."""

    state: CorpusState

    @property
    def encoders(self) -> list[str]:
        """Names of the embeddings that tickets must bring."""
        raise NotImplementedError

    @property
    def reach(self) -> Reach:
        """How far a search for candidates goes."""
        raise NotImplementedError

    def describe(self, given: EmbeddedTickets) -> TicketColumns:
        """Return tickets as the scorer reads them, stored ones and new ones alike.

        `given` holds at least the embeddings that `encoders` names; others are left out.
        """
        return self.state.describe(replace(given, embeddings=self.read(given.embeddings)))

    def read(self, embeddings: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return the embeddings that the scorer reads, from those that tickets bring."""
        return {name: embeddings[name] for name in self.encoders}

    def candidates(self, retriever: Retrieving, queries: TicketColumns) -> Candidates:
        """Return each query's candidate list as of its own opening."""
        return candidates_of(self.state, retriever, queries, self.reach)


@dataclass(frozen=True)
class PairScorer(StateScorer):
    """Both levels of the learned ranking over a corpus state; holds no ticket."""

    first: FirstLevel
    second: LogisticModel
    depth: int
    """Candidates taken from each source."""
    uses_encoder: bool
    """Whether tickets need the embedding ENCODER."""
    reranker: Reranker | None = None
    """What reads the first tickets of a list together with the query."""

    @property
    def encoders(self) -> list[str]:
        """Names of the embeddings that tickets must bring: TUNED is made of 'base' by the head."""
        names = [name for name in self.state.crowd.embeddings if name != TUNED or self.first.head is None]
        return names + [ENCODER] * self.uses_encoder

    @property
    def n_row_features(self) -> int:
        """Numbers in each of `ScoredPairs.rows`."""
        return len(self.first.names) + len(self.second.mean)

    def read(self, embeddings: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return the embeddings that the scorer reads, from those that tickets bring."""
        own = super().read(embeddings)
        if self.first.head is not None:
            own[TUNED] = apply_head(self.first.head, embeddings["base"])
        return own

    @property
    def reach(self) -> Reach:
        """How far a search for candidates goes."""
        return Reach(self.depth, WORD_SOURCES)

    def score(self, queries: TicketColumns, candidates: Candidates) -> FloatArray:
        """Return the probability of kinship, shape of `candidates.rows` (n_queries, k), 0 beside -1."""
        return probabilities(self.second, self.stacked(queries, candidates), candidates)

    def scored(self, queries: TicketColumns, candidates: Candidates) -> ScoredPairs:
        """Return what `score` returns, with the features and log-odds that it comes from."""
        features = pair_features(self.state, queries, candidates)
        stacked = stacked_features(self.state, self.first, queries, candidates, self.reranker, features)
        logits = second_logits(self.second, stacked)
        rows = np.concatenate([features, stacked[:, :, 1:], logits[:, :, None]], axis=2)
        return ScoredPairs(kin_probabilities(logits, candidates), rows.astype(np.float32))

    def stacked(self, queries: TicketColumns, candidates: Candidates) -> FloatArray:
        """Return the features of the second level, as `stacked_features`."""
        return stacked_features(self.state, self.first, queries, candidates, self.reranker)

    def save(self, folder: Path, notes: Mapping[str, JsonValue]) -> None:
        """Write plain arrays and descriptions, the corpus state among them; nothing in them can run code."""
        self.state.save(folder)
        self.save_weights(folder, notes)

    def save_weights(self, folder: Path, notes: Mapping[str, JsonValue]) -> None:
        """Write what was learned, without the corpus state; a cross-encoder is copied."""
        arrays = self.first.logistic.arrays("logistic")
        if self.first.trees is not None:
            arrays |= self.first.trees.arrays("trees")
        if self.first.head is not None:
            arrays["head"] = self.first.head
        save_arrays(folder / _ARRAYS, arrays | self.second.arrays("second"))
        description = {"features": self.first.names, "depth": self.depth, **notes}
        description |= {
            "uses_encoder": self.uses_encoder,
            "has_head": self.first.head is not None,
            "has_trees": self.first.trees is not None,
            "n_read": 0 if self.reranker is None else self.reranker.n_read,
        }
        if self.reranker is not None:
            shutil.copytree(self.reranker.folder, folder / _CROSS_ENCODER)
        write_json(folder / _DESCRIPTION, description)

    @classmethod
    def load(cls, folder: Path, state: CorpusState | None = None) -> "PairScorer":
        """Return the scorer saved in `folder`, over `state` where the folder holds weights alone.

        Raises MissingInputError where the folder holds none, UnreadableFileError where it is damaged.
        """
        if not (folder / _ARRAYS).exists():
            raise MissingInputError(f"{folder} holds no ranking; make one with: ticketkin evaluate RUN")
        description = read_record(folder / _DESCRIPTION, _Description, REMEDY)
        state = state or CorpusState.load(folder)
        arrays = load_arrays(folder / _ARRAYS, REMEDY)
        names = feature_names(state)
        if names != description.features:
            raise arrays.damaged(
                f"it was fitted on other features than those of the corpus state in {folder}"
            )
        head = None
        if description.has_head:
            dimensions = {name: vectors.shape[1] for name, vectors in state.crowd.embeddings.items()}
            head = arrays.get("head", np.float32, (dimensions.get(TUNED), dimensions.get("base")))
        first = FirstLevel(
            names,
            LogisticModel.from_arrays(arrays, "logistic", len(names)),
            BoostedTrees.from_arrays(arrays, "trees", len(names)) if description.has_trees else None,
            head,
        )
        n_read = description.n_read
        n_stacked = 1 + N_RELATIVE * description.uses_encoder + N_FEATURES * (n_read > 0)
        second = LogisticModel.from_arrays(arrays, "second", n_stacked)
        reranker = None
        if n_read:
            check_model_folder(folder / _CROSS_ENCODER)
            reranker = Reranker(folder / _CROSS_ENCODER, n_read, pick_device(EncoderSettings()))
        return cls(state, first, second, description.depth, description.uses_encoder, reranker)

    @classmethod
    def load_reranked(cls, folder: Path) -> "PairScorer":
        """Return the scorer with a cross-encoder from a `ranking/` folder. Raises as `load`."""
        return cls.load(folder / RERANKED, CorpusState.load(folder))


def apply_head(weight: FloatArray, base: FloatArray) -> FloatArray:
    """Return the embeddings of a head over those of its encoder, shape (n, d), unit length."""
    return unit_length(base @ weight.T)


def candidates_of(
    state: CorpusState,
    retriever: Retrieving,
    queries: TicketColumns,
    reach: Reach,
    by_words: Mapping[str, Nearest] | None = None,
) -> Candidates:
    """Return each query's candidate list as of its own opening where times count.

    Sources are the embeddings and the words of `reach`; `by_words` is what `nearest_by_words` returned of the
    latter, if that was asked before.
    """
    words = reach.words if by_words is None else ()
    nearest = retriever.nearest(queries, reach.n_nearest, _as_of(state, queries), words)
    return retriever.candidates(queries, reach.depth, {**nearest, **(by_words or {})})


def nearest_by_words(
    state: CorpusState, retriever: Retrieving, queries: TicketColumns, reach: Reach
) -> dict[str, Nearest]:
    """Return the part of a search that needs no embedding; `queries` bring none."""
    return retriever.nearest(queries, reach.n_nearest, _as_of(state, queries), reach.words)


def _as_of(state: CorpusState, queries: TicketColumns) -> IntArray | None:
    return queries.opened_at if state.has_times else None


class UnlearnedScorer(StateScorer):
    """What rankings share that learn nothing: they read some sources of a ticket."""

    @property
    def sources(self) -> Sequence[str]:
        """Names of the embeddings it ranks by, and LEXICAL."""
        raise NotImplementedError

    @property
    def encoders(self) -> list[str]:
        """Names of the embeddings that tickets must bring."""
        return [name for name in self.sources if name != LEXICAL]

    @property
    def reach(self) -> Reach:
        """How far a search for candidates goes."""
        return Reach(UNLEARNED_DEPTH, (LEXICAL,))


def stacked_features(
    state: CorpusState,
    first: FirstLevel,
    queries: TicketColumns,
    candidates: Candidates,
    reranker: Reranker | None = None,
    features: FloatArray | None = None,
) -> FloatArray:
    """Return the features of the second level, shape (n_queries, k, f), from those of the first, if given.

    They are the first level's log-odds and, where there are such, the relative features of the encoder and
    what the cross-encoder read.
    """
    if features is None:
        features = pair_features(state, queries, candidates)
    logits = first.logits(features.reshape(-1, features.shape[2])).reshape(candidates.rows.shape)
    columns = [logits.astype(np.float32)]
    if ENCODER in queries.embeddings:
        own = pair_similarities(ENCODER, queries, candidates.stored, candidates.places)
        columns += relative_features(own, candidates.nearest[ENCODER].similarities)
    if reranker is not None:
        columns += reranker.features(queries, candidates)
    stacked: FloatArray = np.stack(columns, axis=2).astype(np.float32)
    return stacked


def probabilities(second: LogisticModel, stacked: FloatArray, candidates: Candidates) -> FloatArray:
    """Return the probability of kinship, shape (n_queries, k), 0 beside -1."""
    return kin_probabilities(second_logits(second, stacked), candidates)


def second_logits(second: LogisticModel, stacked: FloatArray) -> Float64Array:
    """Return the log-odds of kinship by a model over features of shape (n_queries, k, f)."""
    logits: Float64Array = second.logits(stacked.reshape(-1, stacked.shape[2])).reshape(stacked.shape[:2])
    return logits


def kin_probabilities(logits: Float64Array, candidates: Candidates) -> FloatArray:
    """Return the probability of kinship by log-odds, shape (n_queries, k), 0 beside -1."""
    kin = expit(logits)  # float64: the order of hopeless candidates stays, too
    result: FloatArray = np.where(candidates.rows >= 0, kin, 0.0).astype(np.float32)
    return result
