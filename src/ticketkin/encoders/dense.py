"""An encoder as a ranker: cosine of embeddings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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


def unit_length(vectors: npt.NDArray[np.floating]) -> FloatArray:
    """Return vectors, shape (n, d), scaled to length 1 as float32; one of zeros stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
