"""Embeddings made smaller: cut to fewer dimensions, as int8, as bits."""

from collections.abc import Sequence

import numpy as np

from ticketkin.core.tables import FloatArray
from ticketkin.encoders.dense import unit_length


def embedding_variants(
    model: str, embeddings: FloatArray, dimensions: Sequence[int]
) -> list[tuple[str, FloatArray, float]]:
    """Return the embeddings whole, cut, as int8 and as bits: name, unit-length rows, bytes a value."""
    variants: list[tuple[str, FloatArray, float]] = [(model, embeddings, 4)]
    if dimensions:
        variants += [
            (f"{model} [{size}]", unit_length(embeddings[:, :size]), 4)
            for size in dimensions
            if size < embeddings.shape[1]
        ]
        scale = np.abs(embeddings).max(axis=0, keepdims=True) / 127
        variants.append((f"{model} [int8]", unit_length(np.round(embeddings / scale) * scale), 1))
        variants.append((f"{model} [binary]", unit_length(np.where(embeddings > 0, 1.0, -1.0)), 1 / 8))
    return variants
