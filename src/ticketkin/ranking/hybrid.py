"""The hybrid: meaning and words together, without a label."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ticketkin.core.tables import FloatArray
from ticketkin.ranking.columns import TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.pair_features import HYBRID_SOURCES, hybrid_z
from ticketkin.ranking.retriever import Candidates
from ticketkin.ranking.scorer import UnlearnedScorer


@dataclass(frozen=True)
class HybridScorer(UnlearnedScorer):
    """Ranks by the sum of the z-scores of meaning and of words, each within what the query meets."""

    @classmethod
    def of(cls, state: CorpusState) -> "HybridScorer":
        """Return the scorer over a corpus state, whose crowd it does not need."""
        return cls(replace(state, crowd=replace(state.crowd, embeddings={})))

    @classmethod
    def load(cls, folder: Path) -> "HybridScorer":
        """Return the scorer over the corpus state saved in `folder`. Raises as `CorpusState.load`."""
        return cls.of(CorpusState.load(folder))

    @property
    def sources(self) -> Sequence[str]:
        """Meaning and words."""
        return HYBRID_SOURCES

    def score(self, queries: TicketColumns, candidates: Candidates) -> FloatArray:
        """Return scores from 0 to 1, shape of `candidates.rows` (n_queries, k), 0 beside -1.

        One half stands for what is as near as the average of the source's best. It is no probability.
        """
        mean = hybrid_z(queries, candidates, candidates.places)
        scores: FloatArray = np.where(candidates.rows >= 0, (1 + mean / (1 + np.abs(mean))) / 2, 0.0)
        return scores.astype(np.float32)
