"""Cells find what an exact search finds: where tickets are scattered, and where templates write thousands."""

from pathlib import Path

import numpy as np
import pytest

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.dense import unit_length
from ticketkin.ranking.cells import Cells

N, D, NEAREST = 20_000, 48, 200


def vectors(n_templates: int) -> FloatArray:
    """N texts of so many templates; as many templates as texts are tickets that share none."""
    generator = np.random.default_rng(3)
    # Real embeddings lie near a space of few dimensions.
    templates = generator.normal(size=(n_templates, 12)) @ generator.normal(size=(12, D))
    own = 0.3 * generator.normal(size=(N, D))
    return unit_length(templates[np.arange(N) % n_templates] + own)


@pytest.mark.parametrize("n_templates", [20, 200, N])
def test_the_nearest_are_found_however_tickets_cluster(n_templates: int, tmp_path: Path) -> None:
    stored = vectors(n_templates)
    cells = Cells.of(stored)
    cells.save(tmp_path / "cells.faiss")
    loaded = Cells.load(tmp_path / "cells.faiss", (N, D), "make it again")
    asked = stored[::400]
    exact = np.argpartition(-(asked @ stored.T), NEAREST, axis=1)[:, :NEAREST]
    for one in (cells, loaded):
        proposed = one.search(asked, 2 * NEAREST)
        shares = [np.isin(best, own).mean() for best, own in zip(exact, proposed, strict=True)]
        assert np.mean(shares) > 0.97
    with pytest.raises(UnreadableFileError, match="no cells over"):
        Cells.load(tmp_path / "cells.faiss", (N + 1, D), "make it again")


def test_few_vectors_and_added_ones_are_found() -> None:
    stored = vectors(N)[:7]
    cells = Cells.of(stored[:4])
    cells.add(stored[4:])
    assert len(cells) == 7 and cells.dimension == D
    assert cells.search(stored, 1)[:, 0].tolist() == list(range(7))
