"""One encoder or the words alone as a ranking, with the same interface as the learned one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ticketkin.core.tables import FloatArray
from ticketkin.ranking.columns import EmbeddedTickets, TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.hybrid import HybridScorer
from ticketkin.ranking.retriever import LEXICAL, Candidates, Retrieving, pair_similarities
from ticketkin.ranking.scorer import PairScorer, Reach, UnlearnedScorer


class Scorer(Protocol):
    """What ranks stored tickets for a query: describe both, propose candidates, score them."""

    @property
    def state(self) -> CorpusState:
        """The frozen statistics."""
        ...

    @property
    def encoders(self) -> list[str]:
        """Names of the embeddings that tickets must bring."""
        ...

    def describe(self, given: EmbeddedTickets) -> TicketColumns:
        """Return tickets as the scorer reads them, stored ones and new ones alike."""
        ...

    def read(self, embeddings: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return the embeddings that the scorer reads, from those that tickets bring."""
        ...

    @property
    def reach(self) -> Reach:
        """How far a search for candidates goes."""
        ...

    def candidates(self, retriever: Retrieving, queries: TicketColumns) -> Candidates:
        """Return each query's candidate list as of its own opening."""
        ...

    def score(self, queries: TicketColumns, candidates: Candidates) -> FloatArray:
        """Return the score of each candidate, shape of `candidates.rows` (n_queries, k), 0 beside -1."""
        ...


@dataclass(frozen=True)
class SimilarityScorer(UnlearnedScorer):
    """Ranks by the similarity of one source."""

    source: str
    """Name of an embedding, or LEXICAL."""

    @property
    def sources(self) -> Sequence[str]:
        """The one source."""
        return (self.source,)

    def score(self, queries: TicketColumns, candidates: Candidates) -> FloatArray:
        """Return similarities, shape of `candidates.rows` (n_queries, k), 0 beside -1."""
        similarities = pair_similarities(self.source, queries, candidates.stored, candidates.places)
        scores: FloatArray = np.where(candidates.rows >= 0, similarities, 0.0).astype(np.float32)
        return scores


_RANKINGS: Mapping[str, Callable[[Path], Scorer]] = {
    "lexical": lambda folder: SimilarityScorer(CorpusState.load(folder), LEXICAL),
    "hybrid": HybridScorer.load,
    "fusion": PairScorer.load,
    "reranker": PairScorer.load_reranked,
}
"""Loader of each ranking; any other champion is an encoder, which ranks by its embedding."""


def load_scorer(folder: Path, champion: str) -> Scorer:
    """Return the ranking that won, from a `ranking/` folder.

    Raises as `PairScorer.load` and `CorpusState.load`.
    """
    if champion in _RANKINGS:
        return _RANKINGS[champion](folder)
    return SimilarityScorer(CorpusState.load(folder), champion)
