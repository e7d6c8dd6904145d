"""Approximate search: the cells nearest to a query give candidates, exact similarities rank them.

An inverted file of Jégou, Douze and Schmid, "Product quantization for nearest neighbor search" (2011), each
dimension in eight bits, a quarter of the embeddings themselves, which may stay on the disk. A graph index
(HNSW) is faster on scattered tickets, but fails where thousands are written by one template: all neighbours
of a ticket are then its own copies, and no edge leads from one template to the next.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.arrays import damaged
from ticketkin.core.tables import FloatArray, IntArray

_CELLS_PER_ROOT = 2.0
"""Cells as a multiple of the root of the number of vectors."""
_TRAINED_ON_PER_CELL, _TRAINING_ROUNDS = 40, 8
# Shares of the cells to look at: the smallest that finds enough of the exact nearest is kept.
_SHARES = (0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.6, 1.0)
_WANTED_RECALL, _OF_NEAREST, _N_TRIED = 0.99, 200, 100
# A search takes this many times the wanted rows, as exact similarities correct the eight-bit order.
_SPARE, _SAME = 2, 1e-6
# Vectors that are handled at once, so that embeddings on the disk are never in memory as a whole.
_BLOCK_ROWS = 50_000


class Cells:
    """Unit vectors in cells, asked by inner product; vectors can be added."""

    def __init__(self, built: Any) -> None:
        self._built = built

    @classmethod
    def of(cls, vectors: FloatArray) -> "Cells":
        """Return the cells of `vectors`, shape (n, d), n at least 1.

        As many are looked at for a query as find .99 of the 200 nearest of some of the vectors.
        """
        import faiss

        n_cells = max(
            1, min(int(_CELLS_PER_ROOT * len(vectors) ** 0.5), len(vectors) // _TRAINED_ON_PER_CELL)
        )
        built = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(vectors.shape[1]),
            vectors.shape[1],
            n_cells,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
        )
        built.cp.niter = _TRAINING_ROUNDS
        built.cp.spherical = True
        built.cp.min_points_per_centroid = 1
        built.cp.max_points_per_centroid = _TRAINED_ON_PER_CELL
        step = max(1, len(vectors) // (n_cells * _TRAINED_ON_PER_CELL))
        built.train(np.ascontiguousarray(vectors[::step]))
        cells = cls(built)
        cells.add(vectors)
        cells._look_at_enough(vectors)
        return cells

    def _look_at_enough(self, vectors: FloatArray) -> None:
        rows = np.unique(np.linspace(0, len(vectors) - 1, _N_TRIED).astype(np.int64))
        asked = np.ascontiguousarray(vectors[rows])
        n = min(_OF_NEAREST, len(vectors))
        border = _nth_highest(asked, vectors, n)
        for share in _SHARES:
            self._built.nprobe = max(1, round(share * self._built.nlist))
            _, proposed = self._built.search(asked, min(_SPARE * n, len(vectors)))
            n_hits = [
                int((vectors[own[own >= 0]] @ query >= lowest - _SAME).sum())
                for query, own, lowest in zip(asked, proposed, border, strict=True)
            ]
            if np.mean(np.minimum(n_hits, n)) >= _WANTED_RECALL * n:
                return

    def add(self, vectors: FloatArray) -> None:
        """Add vectors, shape (n, d); their rows follow those that are there."""
        for start in range(0, len(vectors), _BLOCK_ROWS):
            self._built.add(np.ascontiguousarray(vectors[start : start + _BLOCK_ROWS]))

    def __len__(self) -> int:
        return int(self._built.ntotal)

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return int(self._built.d)

    def search(self, vectors: FloatArray, n: int) -> IntArray:
        """Return the rows of about the `n` nearest of each vector, shape (len(vectors), n), -1 for none."""
        _, rows = self._built.search(np.ascontiguousarray(vectors), n)
        return np.asarray(rows, dtype=np.int64)

    def save(self, path: Path) -> None:
        """Write the cells to a file."""
        import faiss

        faiss.write_index(self._built, str(path))

    @classmethod
    def load(cls, path: Path, shape: tuple[int, int], remedy: str) -> "Cells":
        """Return the cells in a file, over vectors of `shape`. Raises UnreadableFileError otherwise."""
        import faiss

        try:
            cells = cls(faiss.read_index(str(path)))
        except RuntimeError as error:
            raise damaged(path, ValueError("it holds no cells"), remedy) from error
        fits = isinstance(cells._built, faiss.IndexIVFScalarQuantizer)
        if not fits or (len(cells), cells.dimension) != shape:
            raise damaged(path, ValueError(f"it holds no cells over {shape[0]} tickets"), remedy)
        return cells


def _nth_highest(asked: FloatArray, vectors: FloatArray, n: int) -> FloatArray:
    """Return the n-th highest inner product of each vector that is asked, shape (len(asked),)."""
    best = np.full((len(asked), n), -np.inf, dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = asked @ vectors[start : start + _BLOCK_ROWS].T
        both = np.concatenate([best, block], axis=1)
        best = np.partition(both, both.shape[1] - n, axis=1)[:, -n:]
    lowest: FloatArray = best.min(axis=1)
    return lowest
