"""What scoring needs to know of a corpus, fitted once and frozen.

Fitted from tickets that were there before the evaluation began. A pair's score depends on the two tickets,
on the query's candidate list and on this state; on no other ticket.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ticketkin.core.arrays import load_arrays, save_arrays
from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.core.tables import Float64Array, FloatArray, IntArray, Tickets
from ticketkin.core.ticket_fields import PERSON_FIELDS
from ticketkin.lexical.bm25 import FieldStatistics
from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.lexical.vocabulary import stable_hash, stable_hashes
from ticketkin.ranking.columns import ENCODER, EmbeddedTickets, TextRows, TicketColumns
from ticketkin.ranking.crowd import NO_TIME, Crowd
from ticketkin.ranking.filing import FilingPlaces
from ticketkin.tickets.templates import Signatures, signatures_of

_VERSION = 3
_ARRAYS = "corpus_state.safetensors"
_DESCRIPTION = "corpus_state.json"
REMEDY = "Make the ranking again: ticketkin evaluate RUN"
"""What a user does about a saved ranking that can't be read."""
FIELD_WEIGHTS = {"title": 4.0, "description": 1.0}
"""Of BM25F."""
AGREEMENT_FIELDS = (
    "service", "subcategory", "category", "configuration_item", "assignment_group", *PERSON_FIELDS,
)  # fmt: skip
"""Fields of which a pair can have the same value."""
_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class _Description:
    """The part of a saved state that is no array."""

    version: int
    agreement_fields: list[str]
    clock: Literal["opened_at", "filing", "none"]
    filing_prefix: str
    dimensions: dict[str, int]


@dataclass(frozen=True)
class CorpusState:
    """Statistics, agreement fields, the filing order and the crowd, all frozen."""

    fields: FieldStatistics
    words: TermStatistics
    """Of the whole text."""
    characters: TermStatistics
    """Of the title."""
    agreement_fields: tuple[str, ...]
    clock: Literal["opened_at", "filing", "none"]
    """What tells how far apart two tickets were filed: opening times, numeric ids, or nothing."""
    filing: FilingPlaces | None
    """Where the clock is 'filing'."""
    crowd: Crowd

    @classmethod
    def fit(cls, given: EmbeddedTickets, rows: IntArray) -> "CorpusState":
        """Fit on `rows` of the tickets, which are the crowd, too.

        The order of rows does not matter. The embedding called ENCODER has no crowd. An agreement field is
        one that has more than one value there. Opening times count where every ticket of the file has one.
        """
        there = given.take(rows)
        frame = there.tickets.frame
        filing = None if given.tickets.has_times else FilingPlaces.fit(there.tickets.ids)
        clock: Literal["opened_at", "filing", "none"] = "none" if filing is None else "filing"
        return cls(
            fields=field_statistics(there.tickets),
            words=TermStatistics.fit(there.texts, "word"),
            characters=TermStatistics.fit(there.titles, "characters"),
            agreement_fields=tuple(name for name in AGREEMENT_FIELDS if frame[name].n_unique() > 1),
            clock="opened_at" if given.tickets.has_times else clock,
            filing=filing,
            crowd=crowd_of(there),
        )

    @property
    def has_times(self) -> bool:
        """Whether a query sees only what opened before it."""
        return self.clock == "opened_at"

    def describe(self, given: EmbeddedTickets, signatures: Signatures | None = None) -> TicketColumns:
        """Return tickets as the scorer reads them, whether the state was fitted on them or not.

        `signatures` are those of the texts by `signatures_of`, if already computed.
        """
        ids = given.tickets.ids
        identity = stable_hashes(ids)
        opened_at = opening_times(given.tickets)
        frame = given.tickets.frame
        columns = TicketColumns(
            ids=np.array(ids, dtype=object),
            identity=identity,
            opened_at=opened_at,
            place=self._places(ids, opened_at),
            values=value_hashes({name: frame[name].to_list() for name in self.agreement_fields}, len(ids)),
            lengths=np.log1p(np.array([len(text) for text in given.texts], dtype=np.float32)),
            signatures=signatures_of(given.texts) if signatures is None else signatures,
            lexical=self.fields.rows({name: frame[name].to_list() for name in self.fields.weights}),
            words=self.words.rows(given.texts),
            characters=self.characters.rows(given.titles),
            embeddings={},
            texts=TextRows.of(given.texts),
            crowd_row=self.crowd.rows_of(identity),
        )
        return self.with_embeddings(columns, given.embeddings)

    def reads_like(self, other: "CorpusState") -> bool:
        """Return whether `describe` of both is the same of any tickets, but for embeddings and crowd."""
        if self.filing is None or other.filing is None:
            same_places = self.filing is other.filing
        else:
            same_places = self.filing.same_as(other.filing)
        return (
            same_places
            and self.agreement_fields == other.agreement_fields
            and self.clock == other.clock
            and self.fields.same_as(other.fields)
            and self.words.same_as(other.words)
            and self.characters.same_as(other.characters)
        )

    def in_crowd(self, columns: TicketColumns, embeddings: Mapping[str, FloatArray]) -> TicketColumns:
        """Return tickets with `embeddings` alone, from those that a state described that reads like this."""
        bare = replace(columns, crowd_row=self.crowd.rows_of(columns.identity), embeddings={}, crowding={})
        return self.with_embeddings(bare, embeddings)

    def with_crowd(self, given: EmbeddedTickets) -> "CorpusState":
        """Return the state with `given` as its crowd."""
        return replace(self, crowd=crowd_of(given))

    def with_embeddings(self, columns: TicketColumns, embeddings: Mapping[str, FloatArray]) -> TicketColumns:
        """Return tickets with embeddings added or replaced, and how crowded each is by an encoder's crowd."""
        crowding = {
            name: self.crowd.neighbours(name, vectors, columns.identity, self._as_of(columns.opened_at))
            for name, vectors in embeddings.items()
            if name in self.crowd.embeddings
        }
        return replace(
            columns,
            embeddings={**columns.embeddings, **embeddings},
            crowding={**columns.crowding, **crowding},
        )

    def with_crowd_of(self, name: str, embeddings: FloatArray) -> "CorpusState":
        """Return the state with the crowd embedded by `name` as `embeddings`, shape (n_members, d)."""
        return replace(
            self, crowd=replace(self.crowd, embeddings={**self.crowd.embeddings, name: embeddings})
        )

    def _as_of(self, opened_at: IntArray) -> IntArray:
        return opened_at if self.has_times else np.full(len(opened_at), NO_TIME)

    def _places(self, ids: list[str], opened_at: IntArray) -> Float64Array:
        """Return where each ticket stands on the clock, NaN where that is not known."""
        if self.clock == "opened_at":
            return np.where(opened_at == NO_TIME, np.nan, opened_at / _MICROSECONDS_A_DAY)
        if self.filing is not None:
            return self.filing.of(ids)
        return np.full(len(ids), np.nan)

    def save(self, folder: Path) -> None:
        """Write plain arrays and a description; neither holds a word of any ticket."""
        self.fields.save(folder)
        arrays = self.words.arrays() | self.characters.arrays() | self.crowd.arrays()
        save_arrays(folder / _ARRAYS, arrays | (self.filing.arrays() if self.filing else {}))
        write_json(
            folder / _DESCRIPTION,
            {
                "version": _VERSION,
                "agreement_fields": list(self.agreement_fields),
                "clock": self.clock,
                "filing_prefix": self.filing.prefix if self.filing else "",
                "dimensions": {name: v.shape[1] for name, v in self.crowd.embeddings.items()},
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "CorpusState":
        """Return the state saved in `folder`.

        Raises UnreadableFileError where it is missing, damaged or of another version.
        """
        description = read_record(folder / _DESCRIPTION, _Description, REMEDY)
        if description.version != _VERSION:
            raise UnreadableFileError(
                f"{folder / _DESCRIPTION} is of version {description.version}, this release reads version "
                f"{_VERSION}. {REMEDY}"
            )
        arrays = load_arrays(folder / _ARRAYS, REMEDY)
        unknown = set(description.agreement_fields) - set(AGREEMENT_FIELDS)
        if unknown:
            raise arrays.damaged(f"{_DESCRIPTION} names fields that tickets don't have")
        is_filed = description.clock == "filing"
        return cls(
            fields=FieldStatistics.load(folder, FIELD_WEIGHTS, REMEDY),
            words=TermStatistics.from_arrays(arrays, "word"),
            characters=TermStatistics.from_arrays(arrays, "characters"),
            agreement_fields=tuple(description.agreement_fields),
            clock=description.clock,
            filing=FilingPlaces.from_arrays(arrays, description.filing_prefix) if is_filed else None,
            crowd=Crowd.from_arrays(arrays, description.dimensions),
        )


def field_statistics(tickets: Tickets) -> FieldStatistics:
    """Return the BM25F statistics of title and description."""
    texts = {name: tickets.frame[name].to_list() for name in FIELD_WEIGHTS}
    return FieldStatistics.fit(texts, FIELD_WEIGHTS)


def crowd_of(given: EmbeddedTickets) -> Crowd:
    """Return the crowd of the given tickets, by every embedding that the first level reads."""
    embeddings = {name: vectors for name, vectors in given.embeddings.items() if name != ENCODER}
    return Crowd.of(stable_hashes(given.tickets.ids), opening_times(given.tickets), embeddings)


def opening_times(tickets: Tickets) -> IntArray:
    """Return microseconds since 1970, shape (n_tickets,), NO_TIME where the time is not known."""
    # NumPy's own value for no time is NO_TIME.
    return tickets.frame["opened_at"].to_numpy().astype("datetime64[us]").view(np.int64)


def value_hashes(fields: Mapping[str, Sequence[str]], n_tickets: int) -> IntArray:
    """Return the hash of each field's value, shape (n_tickets, n_fields), 0 where it is empty."""
    hashed = np.zeros((n_tickets, len(fields)), dtype=np.int64)
    for column, texts in enumerate(fields.values()):
        hash_of = {text: stable_hash(text) if text else 0 for text in set(texts)}
        hashed[:, column] = [hash_of[text] for text in texts]
    return hashed
