"""Duplicates that people linked elsewhere than in the tickets: in a file, in a review, in a run.

A ticket's own columns come with the ticket and go with it; these links stay when a ticket is stored anew.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from ticketkin.core.arrays import damaged
from ticketkin.core.artifacts import hash_value, write_json
from ticketkin.core.records import read_record
from ticketkin.core.tables import Kind, Links, Origin

STORED_LINKS = "links.json"
_VERSION = 1


@dataclass(frozen=True)
class _File:
    version: int
    sha256: str
    pairs: list[tuple[str, str]]


@dataclass(frozen=True)
class StoredLinks:
    """Pairs of ids of tickets that are duplicates of each other, each pair once."""

    pairs: list[tuple[str, str]]

    @classmethod
    def read(cls, folder: Path, remedy: str) -> "StoredLinks":
        """Return the links in the folder of an index; none where there is no file of them.

        Raises UnreadableFileError, ending with `remedy`, where the file is damaged or of another version.
        """
        path = folder / STORED_LINKS
        if not path.exists():
            return cls([])
        content = read_record(path, _File, remedy)
        if content.version != _VERSION or content.sha256 != _sha256(content.pairs):
            raise damaged(path, ValueError("its content changed, or another release wrote it"), remedy)
        return cls(content.pairs)

    def write(self, folder: Path) -> None:
        """Write the links into the folder of an index, whole or not at all."""
        write_json(folder / STORED_LINKS, asdict(_File(_VERSION, _sha256(self.pairs), self.pairs)))

    def with_pairs(self, pairs: Iterable[tuple[str, str]]) -> "StoredLinks":
        """Return these links and `pairs`; the order within a pair says nothing."""
        sides = [(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]]
        return StoredLinks(list(dict.fromkeys([*self.pairs, *sides])))

    def without(self, ids: Iterable[str]) -> "StoredLinks":
        """Return the links that name none of `ids`."""
        gone = set(ids)
        return StoredLinks([pair for pair in self.pairs if gone.isdisjoint(pair)])

    def of(self, ticket_id: str) -> list[str]:
        """Return the ids that are linked to a ticket."""
        return self._neighbours.get(ticket_id, [])

    @cached_property
    def _neighbours(self) -> dict[str, list[str]]:
        neighbours: dict[str, list[str]] = {}
        for one, other in self.pairs:
            neighbours.setdefault(one, []).append(other)
            neighbours.setdefault(other, []).append(one)
        return neighbours


def _sha256(pairs: list[tuple[str, str]]) -> str:
    return hash_value({"pairs": pairs})


def linked_duplicates(links: Links) -> list[tuple[str, str]]:
    """Return the pairs of ids that people linked as duplicates; a guess of a program is none."""
    duplicates = links.frame.filter(
        (pl.col("kind") == Kind.DUPLICATE.value) & (pl.col("origin") != Origin.SILVER.value)
    )
    return list(duplicates.select("source", "target").iter_rows())
