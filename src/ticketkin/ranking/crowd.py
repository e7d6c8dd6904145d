"""The crowd: a fixed set of tickets that measures how many similar tickets a ticket has.

A high similarity of two tickets says little if a hundred others are as similar. The crowd does not grow with
the corpus, so that this measure stays the same as when the ranking was fitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import FloatArray, IntArray

NO_TIME = int(np.iinfo(np.int64).min)
"""Stands for an opening time that is not known."""
# Crowding is measured against at most this many tickets, so that its cost stays linear.
_LARGEST_CROWD = 20_000
N_NEIGHBOURS = 10
_BLOCK_ROWS = 512


@dataclass(frozen=True)
class CrowdNeighbours:
    """The nearest crowd members of each ticket: one more than needed, as a pair excludes its partner."""

    similarities: FloatArray
    """Descending, shape (n, N_NEIGHBOURS + 1), 0 where the crowd holds fewer."""
    members: IntArray
    """Rows of the crowd, -1 beside a missing one."""

    def take(self, rows: IntArray) -> "CrowdNeighbours":
        """Return some of the tickets."""
        return CrowdNeighbours(self.similarities[rows], self.members[rows])

    def append(self, other: "CrowdNeighbours") -> "CrowdNeighbours":
        """Return these tickets and then those of `other`."""
        return CrowdNeighbours(
            np.concatenate([self.similarities, other.similarities]),
            np.concatenate([self.members, other.members]),
        )


@dataclass(frozen=True)
class Crowd:
    """The embeddings of the crowd by encoder, with what tells who they are and when they opened."""

    identity: IntArray
    """Hash of each member's ticket id, ascending, shape (n_members,)."""
    opened_at: IntArray
    """Microseconds since 1970, or NO_TIME where the corpus has no times."""
    embeddings: Mapping[str, FloatArray]
    """Each (n_members, d), rounded to half precision, so that what is saved is what was fitted."""

    @classmethod
    def of(cls, identity: IntArray, opened_at: IntArray, embeddings: Mapping[str, FloatArray]) -> "Crowd":
        """Return at most 20,000 of the given tickets, chosen by the hash of their ids."""
        chosen = np.argsort(identity)[:_LARGEST_CROWD]
        halved = {name: rounded(vectors[chosen]) for name, vectors in embeddings.items()}
        return cls(identity[chosen], opened_at[chosen], halved)

    def rows_of(self, identity: IntArray) -> IntArray:
        """Return each ticket's own row in the crowd, -1 where it is not in it."""
        if not len(self.identity):
            return np.full(len(identity), -1, dtype=np.int64)
        place = np.searchsorted(self.identity, identity).clip(max=len(self.identity) - 1)
        return np.where(self.identity[place] == identity, place, -1)

    def neighbours(
        self, name: str, embeddings: FloatArray, identity: IntArray, opened_at: IntArray
    ) -> CrowdNeighbours:
        """Return the nearest of the crowd to tickets embedded by `name`: never a ticket itself.

        Where both have opening times, only members that opened before a ticket count: a query may see all
        that its candidates could see.
        """
        crowd = self.embeddings[name]
        own = self.rows_of(identity)
        k = min(N_NEIGHBOURS + 1, len(crowd))
        similarities = np.zeros((len(embeddings), N_NEIGHBOURS + 1), dtype=np.float32)
        members = np.full((len(embeddings), N_NEIGHBOURS + 1), -1, dtype=np.int64)
        for start in range(0, len(embeddings) if k else 0, _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            cosines = embeddings[rows] @ crowd.T
            opened = opened_at[rows][:, None]
            cosines[(opened != NO_TIME) & (self.opened_at[None, :] >= opened)] = -np.inf
            itself = np.flatnonzero(own[rows] >= 0)
            cosines[itself, own[rows][itself]] = -np.inf
            near = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
            exact = np.einsum("ijk,ik->ij", crowd[near], embeddings[rows])
            exact[~np.isfinite(np.take_along_axis(cosines, near, axis=1))] = -np.inf
            order = np.argsort(-exact, axis=1, kind="stable")
            exact, near = np.take_along_axis(exact, order, 1), np.take_along_axis(near, order, 1)
            there = np.isfinite(exact)
            similarities[rows, :k] = np.where(there, exact, 0.0)
            members[rows, :k] = np.where(there, near, -1)
        return CrowdNeighbours(similarities, members)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        halves = {f"crowd_of_{name}": vectors.astype(np.float16) for name, vectors in self.embeddings.items()}
        return {"crowd_identity": self.identity, "crowd_opened_at": self.opened_at, **halves}

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, dimensions: Mapping[str, int]) -> "Crowd":
        """Rebuild from saved arrays. Raises UnreadableFileError where they don't fit together."""
        identity = arrays.get("crowd_identity", np.int64, (None,))
        if (identity[1:] <= identity[:-1]).any():
            raise arrays.damaged("crowd_identity is not in order")
        embeddings = {
            name: arrays.get(f"crowd_of_{name}", np.float32, (len(identity), dimension))
            for name, dimension in dimensions.items()
        }
        return cls(identity, arrays.get("crowd_opened_at", np.int64, (len(identity),)), embeddings)


def rounded(embeddings: FloatArray) -> FloatArray:
    """Return embeddings rounded to half precision, as float32."""
    return embeddings.astype(np.float16).astype(np.float32)
