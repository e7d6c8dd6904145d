"""An encoder as a ranker: cosine of embeddings."""

from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import FloatArray, IntArray, Visibility


@dataclass(frozen=True)
class DenseRanker:
    """Ranks tickets by cosine similarity; `embeddings` have shape (n_tickets, d), unit length."""

    name: str
    embeddings: FloatArray

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        """Return cosines, shape (len(queries), n_tickets)."""
        cosines: FloatArray = self.embeddings[queries] @ self.embeddings.T
        return cosines

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the cosine of each pair, shape (n_pairs,)."""
        cosines: FloatArray = np.einsum("ij,ij->i", self.embeddings[left], self.embeddings[right])
        return cosines
