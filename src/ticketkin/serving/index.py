"""Tickets that a bundle answers from: stored whole, found by the bundle's ranking."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ticketkin.core.arrays import load_arrays, save_arrays
from ticketkin.core.artifacts import atomic_path, write_json
from ticketkin.core.errors import InputError, MissingInputError, UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.core.tables import BoolArray, IntArray, Tickets
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.retriever import Retriever
from ticketkin.ranking.single_source import Scorer

_RECORD, _TICKETS, _EMBEDDINGS, _TEXTS = "index.json", "tickets.parquet", "embeddings.safetensors", "_text"
_VERSION = 1
_REMEDY = "Build it again: ticketkin index BUNDLE EXPORT"


@dataclass(frozen=True)
class IndexChange:
    """What storing tickets changed."""

    n_added: int
    n_updated: int
    n_unchanged: int


@dataclass(frozen=True)
class _Record:
    version: int
    bundle: str
    names: list[str]


class Index:
    """Stored tickets with their embeddings; what `put` returns from is on the disk."""

    def __init__(self, folder: Path, scorer: Scorer, bundle_id: str, stored: EmbeddedTickets | None) -> None:
        self._folder, self._scorer, self._bundle = folder, scorer, bundle_id
        self._hold(stored)

    @classmethod
    def open(cls, folder: Path, scorer: Scorer, bundle_id: str, *, create: bool = False) -> "Index":
        """Return the index in `folder`, an empty one where there is none and `create` is given.

        Raises MissingInputError where there is none, InputError for the index of another bundle,
        UnreadableFileError where it is damaged or of another version.
        """
        if not (folder / _RECORD).exists():
            if not create:
                raise MissingInputError(
                    f"There is no index at {folder}, so there are no tickets to compare with. Build one: "
                    "ticketkin index BUNDLE EXPORT"
                )
            return cls(folder, scorer, bundle_id, None)
        record = read_record(folder / _RECORD, _Record, _REMEDY)
        if record.version != _VERSION:
            raise UnreadableFileError(f"The index {folder} is of version {record.version}. {_REMEDY}")
        if record.bundle != bundle_id:
            raise InputError(
                f"The index {folder} belongs to the bundle {record.bundle[:12]}…, this one is "
                f"{bundle_id[:12]}…: its embeddings are of other models. {_REMEDY}"
            )
        return cls(folder, scorer, bundle_id, _read(folder, record.names))

    def _hold(self, stored: EmbeddedTickets | None) -> None:
        self._stored = stored
        self.retriever: Retriever | None = None
        self._rows: dict[str, int] = {}
        if stored is not None:
            self.retriever = Retriever(self._scorer.describe(stored))
            frame = stored.tickets.frame
            self._rows = {number: row for row, number in enumerate(frame["number"]) if number}
            self._rows |= stored.tickets.position

    def __len__(self) -> int:
        return 0 if self._stored is None else len(self._stored.tickets)

    def put(self, given: EmbeddedTickets) -> IndexChange:
        """Store tickets; one that is there already is replaced."""
        stored = self._stored
        n_unchanged = int(self.is_current(given.tickets).sum())
        n_known = sum(ticket in self._rows for ticket in given.tickets.ids)
        if stored is not None:
            new = set(given.tickets.ids)
            kept = np.array([row for row, name in enumerate(stored.tickets.ids) if name not in new], np.int64)
            given = _joined(stored.take(kept), given)
        self._write(given)
        n_new = len(given.tickets) - len(self) if stored is not None else len(given.tickets)
        self._hold(given)
        return IndexChange(n_new, n_known - n_unchanged, n_unchanged)

    def is_current(self, tickets: Tickets) -> BoolArray:
        """Return for each ticket whether it is stored exactly as it is given."""
        mine = (
            {} if self._stored is None else dict(zip(self._stored.tickets.ids, self._content(), strict=True))
        )
        hashes = _content_hashes(tickets)
        return np.array([mine.get(n) == h for n, h in zip(tickets.ids, hashes, strict=True)], dtype=np.bool_)

    def _content(self) -> list[int]:
        return [] if self._stored is None else _content_hashes(self._stored.tickets)

    def embedded(self, rows: IntArray) -> EmbeddedTickets:
        """Return some stored tickets with texts and embeddings."""
        assert self._stored is not None  # noqa: S101 - rows come from a retriever
        return self._stored.take(rows)

    def tickets(self, rows: IntArray) -> Tickets:
        """Return some stored tickets."""
        return self.embedded(rows).tickets

    def row_of(self, name: str) -> int | None:
        """Return the row of a stored ticket by its id or number."""
        return self._rows.get(name)

    def _write(self, given: EmbeddedTickets) -> None:
        with atomic_path(self._folder) as folder:
            folder.mkdir(parents=True)
            texts = pl.Series(_TEXTS, given.texts, dtype=pl.String)
            given.tickets.frame.with_columns(texts).write_parquet(folder / _TICKETS)
            save_arrays(folder / _EMBEDDINGS, dict(given.embeddings))
            record: dict[str, Any] = {
                "version": _VERSION, "bundle": self._bundle, "names": list(given.embeddings)
            }  # fmt: skip
            write_json(folder / _RECORD, record)


def _read(folder: Path, names: list[str]) -> EmbeddedTickets:
    frame = pl.read_parquet(folder / _TICKETS)
    arrays = load_arrays(folder / _EMBEDDINGS, _REMEDY)
    embeddings = {name: arrays.get(name, np.float32, (frame.height, None)) for name in names}
    return EmbeddedTickets(Tickets(frame.drop(_TEXTS)), frame[_TEXTS].to_list(), embeddings)


def _joined(one: EmbeddedTickets, other: EmbeddedTickets) -> EmbeddedTickets:
    return EmbeddedTickets(
        Tickets(pl.concat([one.tickets.frame, other.tickets.frame])),
        [*one.texts, *other.texts],
        {name: np.concatenate([v, other.embeddings[name]]) for name, v in one.embeddings.items()},
    )


def _content_hashes(tickets: Tickets) -> list[int]:
    rows = tickets.frame.drop("source_row").select(pl.all().cast(pl.String)).rows()
    found: list[int] = stable_hashes(["\x1f".join(map(str, row)) for row in rows]).tolist()
    return found
