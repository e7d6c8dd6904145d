"""The hybrid: meaning and words together, without a label."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ticketkin.core.tables import FloatArray
from ticketkin.ranking.columns import EmbeddedTickets, TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.pair_features import z_scores
from ticketkin.ranking.retriever import LEXICAL, Candidates, Retrieving, pair_similarities
from ticketkin.ranking.scorer import UNLEARNED_DEPTH, candidates_of

SOURCES = ("base", LEXICAL)
"""Whose z-scores are summed. A third one, of the title's embedding, gained nothing on three trackers and
costs a pass of the encoder (docs/experiments.md).
"""


@dataclass(frozen=True)
class HybridScorer:
    """Ranks by the sum of the z-scores of meaning and of words, each within what the query meets."""

    state: CorpusState

    @classmethod
    def of(cls, state: CorpusState) -> "HybridScorer":
        """Return the scorer over a corpus state, whose crowd it does not need."""
        return cls(replace(state, crowd=replace(state.crowd, embeddings={})))

    @classmethod
    def load(cls, folder: Path) -> "HybridScorer":
        """Return the scorer over the corpus state saved in `folder`. Raises as `CorpusState.load`."""
        return cls.of(CorpusState.load(folder))

    @property
    def encoders(self) -> list[str]:
        """Names of the embeddings that tickets must bring."""
        return [name for name in SOURCES if name != LEXICAL]

    def describe(self, given: EmbeddedTickets) -> TicketColumns:
        """Return tickets as the scorer reads them; other embeddings than 'base' are left out."""
        return self.state.describe(
            replace(given, embeddings={name: given.embeddings[name] for name in self.encoders})
        )

    def candidates(self, retriever: Retrieving, queries: TicketColumns) -> Candidates:
        """Return each query's candidate list as of its own opening."""
        return candidates_of(self.state, retriever, queries, UNLEARNED_DEPTH)

    def score(self, queries: TicketColumns, candidates: Candidates) -> FloatArray:
        """Return scores from 0 to 1, shape of `candidates.rows` (n_queries, k), 0 beside -1.

        One half stands for what is as near as the average of the source's best. It is no probability.
        """
        total = np.zeros(candidates.rows.shape, dtype=np.float64)
        for name in SOURCES:
            own = pair_similarities(name, queries, candidates.stored, candidates.places)
            total += z_scores(own, candidates.nearest[name].similarities)
        mean = total / len(SOURCES)
        scores: FloatArray = np.where(candidates.rows >= 0, (1 + mean / (1 + np.abs(mean))) / 2, 0.0)
        return scores.astype(np.float32)
