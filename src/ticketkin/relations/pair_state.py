"""What the features of a pair need to know of a corpus, fitted once and frozen.

Fitted from tickets that were there before the evaluation began. The features of a pair depend on its two
tickets and on this state, on no other ticket, and are all known when the later ticket opens.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import numpy as np
import polars as pl
from pydantic import Field

from ticketkin.core.arrays import AnyArray, load_arrays, save_arrays
from ticketkin.core.artifacts import hash_value, write_json
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.core.tables import FloatArray, IntArray, Tickets
from ticketkin.core.ticket_fields import PERSON_FIELDS
from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.corpus_state import CorpusState, opening_times, value_hashes
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.pair_comparison import field_features, similarities, time_features
from ticketkin.relations.pair_tickets import Objects, PairTickets, TermRows

REMEDY = "Learn the kinds again: ticketkin relations RUN"
"""What a user does about a saved relation model that can't be read."""
_VERSION = 2
_ARRAYS = "pair_state.safetensors"
_DESCRIPTION = "pair_state.json"
_PROJECT: Final = "project"
_Valued = Literal["category", "priority", "project"]
_FIELDS = (
    "category", "subcategory", "service", "configuration_item", "assignment_group", "priority",
    *PERSON_FIELDS, _PROJECT,
)  # fmt: skip
_VALUED: tuple[_Valued, ...] = get_args(_Valued)
"""Fields whose common values are features."""
# Features by group, in column order.
_OF_EMBEDDINGS = ("earlier", "later", "difference", "product")
_SIMILARITIES = ("cosine", "words", "title_characters", "length_gap", "shorter")
_NAMING = ("shared_parts", "earlier_names_later", "later_names_earlier")
_TIMES = ("log_days", "within_hour", "within_day")
_MOST_VALUES = 8
_FEWEST_OF_A_VALUE = 20
_PARTS = re.compile(r"\s*[;,|]\s*")
_SHORTEST_NAME = 4
"""A ticket's name in another's text; shorter ones would be there by chance."""
# A project (DFR-10), or what the record is: an incident (INC0000060) or a change (CHG0000042).
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9]*?)-?\d+\Z")


@dataclass(frozen=True)
class _Description:
    """The part of a saved state that is no array."""

    version: int
    has_times: bool
    dimension: Annotated[int, Field(ge=1)]
    common_values: dict[_Valued, list[str]]


@dataclass(frozen=True)
class PairState:
    """Document frequencies, the fields' common values, and whether opening times count, all frozen."""

    words: TermStatistics
    """Of the whole text."""
    characters: TermStatistics
    """Of the title."""
    common_values: Mapping[_Valued, list[str]]
    """By field. Names that the desk gave to categories, priorities and projects: the only words in here."""
    has_times: bool
    dimension: int
    """Of the embeddings."""

    @classmethod
    def fit(cls, given: EmbeddedTickets, rows: IntArray, ranking: CorpusState | None = None) -> "PairState":
        """Fit on `rows` of the tickets, whose order does not matter.

        `ranking` is a state fitted on the same ones, if there is one: its term statistics are taken over.
        A common value is one of at least 20 of these tickets, the 8 most frequent of a field. Opening times
        count where every ticket of the file has one.
        """
        there = given.take(rows)
        return cls(
            words=ranking.words if ranking else TermStatistics.fit(there.texts, "word"),
            characters=ranking.characters if ranking else TermStatistics.fit(there.titles, "characters"),
            common_values={
                name: _common_values(pl.Series(name, _field(there.tickets, name), dtype=pl.String))
                for name in _VALUED
            },
            has_times=given.tickets.has_times,
            dimension=given.embeddings["base"].shape[1],
        )

    def has_terms_of(self, ranking: CorpusState) -> bool:
        """Return whether the terms of tickets that a ranking described can be handed to `describe`."""
        return self.words.same_as(ranking.words) and self.characters.same_as(ranking.characters)

    def describe(self, given: EmbeddedTickets, terms: TermRows | None = None) -> PairTickets:
        """Return tickets as models of kinds read them, whether the state was fitted on them or not.

        `given` holds at least the embedding 'base'. `terms` are the term weights of the tickets by the
        statistics of this state, if already computed. Raises ValueError where the embedding has another
        dimension than the one the state was fitted on.
        """
        embeddings = given.embeddings["base"]
        if embeddings.shape[1] != self.dimension:
            raise ValueError(f"embeddings of {self.dimension} dimensions are needed, not {embeddings.shape}")
        # Plain lists: a new ticket is one row, for which a query of the frame costs more than its work.
        fields = {name: _field(given.tickets, name) for name in _FIELDS}
        descriptions = given.tickets.frame["description"].to_list()
        identities = given.tickets.frame["number"].to_list()
        terms = terms or TermRows(self.words.rows(given.texts), self.characters.rows(given.titles))
        return PairTickets(
            texts=np.array(given.texts, dtype=object),
            embeddings=embeddings,
            words=terms.words,
            characters=terms.characters,
            values=value_hashes(fields, len(given.tickets)),
            common=self._common(fields),
            parts=_objects(frozenset(filter(None, _PARTS.split(text))) for text in fields["subcategory"]),
            names=_objects(
                frozenset(name for name in names if len(name) >= _SHORTEST_NAME)
                for names in zip(given.tickets.ids, identities, strict=True)
            ),
            statements=_objects(
                f"{title} {description}"
                for title, description in zip(given.titles, descriptions, strict=True)
            ),
            lengths=np.log1p([len(description) for description in descriptions]).astype(np.float32),
            opened_at=opening_times(given.tickets),
        )

    def features(self, earlier: PairTickets, later: PairTickets) -> PairFeatures:
        """Return the features of row-aligned pairs; `earlier` holds the tickets that were filed first."""
        a, b = earlier.embeddings, later.embeddings
        columns = [a, b, np.abs(a - b), a * b, similarities(earlier, later), field_features(earlier, later)]
        columns.append(np.stack([earlier.common, later.common], axis=2).reshape(len(earlier), -1))
        if self.has_times:
            columns.append(time_features(earlier.opened_at, later.opened_at))
        names, groups = self._layout
        return PairFeatures(np.concatenate(columns, axis=1, dtype=np.float32), names, groups)

    @property
    def feature_names(self) -> list[str]:
        """Names of all features in column order."""
        return self._layout[0]

    @cached_property
    def _layout(self) -> tuple[list[str], list[str]]:
        """Name and group of each feature, in the order of `features`."""
        named = {
            "embedding": [f"{name}_{d}" for name in _OF_EMBEDDINGS for d in range(self.dimension)],
            "similarity": list(_SIMILARITIES),
            "fields": [f"{same}_{name}" for same in ("same", "other") for name in _FIELDS] + [*_NAMING],
            "values": [f"{side}_is_{name}" for name in self._common_names for side in ("earlier", "later")],
            "time": list(_TIMES) * self.has_times,
        }
        names = [name for part in named.values() for name in part]
        return names, [group for group, part in named.items() for _ in part]

    @property
    def _common_names(self) -> list[str]:
        return [f"{name} {value}" for name, values in self.common_values.items() for value in values]

    def _common(self, fields: Mapping[str, Sequence[str]]) -> FloatArray:
        columns = [
            [text == value for text in fields[name]]
            for name, values in self.common_values.items()
            for value in values
        ]
        n_tickets = len(fields[_PROJECT])
        common: FloatArray = np.array(columns, dtype=np.float32).reshape(len(columns), n_tickets).T
        return common

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that the state holds: what a model that was fitted over it is bound to."""
        digest = hashlib.sha256(hash_value(vars(self._description)).encode())
        for name, array in sorted(self._arrays.items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def _arrays(self) -> dict[str, AnyArray]:
        return self.words.arrays() | self.characters.arrays()

    @property
    def _description(self) -> _Description:
        return _Description(_VERSION, self.has_times, self.dimension, dict(self.common_values))

    def save(self, folder: Path) -> None:
        """Write plain arrays and a description: of the tickets' words it holds the common values alone."""
        save_arrays(folder / _ARRAYS, self._arrays)
        write_json(folder / _DESCRIPTION, vars(self._description))

    @classmethod
    def load(cls, folder: Path) -> "PairState":
        """Return the state saved in `folder`.

        Raises UnreadableFileError where it is missing, damaged or of another version.
        """
        path = folder / _DESCRIPTION
        description = read_record(path, _Description, REMEDY)
        if description.version != _VERSION:
            raise UnreadableFileError(
                f"{path} is of version {description.version}, this release reads version {_VERSION}. {REMEDY}"
            )
        if tuple(description.common_values) != _VALUED or any(
            len(set(values)) < len(values) or "" in values or len(values) > _MOST_VALUES
            for values in description.common_values.values()
        ):
            raise UnreadableFileError(
                f"{path} is damaged (common_values must name at most {_MOST_VALUES} different values of "
                f"each of {', '.join(_VALUED)}). {REMEDY}"
            )
        arrays = load_arrays(folder / _ARRAYS, REMEDY)
        return cls(
            words=TermStatistics.from_arrays(arrays, "word"),
            characters=TermStatistics.from_arrays(arrays, "characters"),
            common_values=description.common_values,
            has_times=description.has_times,
            dimension=description.dimension,
        )


def _field(tickets: Tickets, name: str) -> list[str]:
    """Return a field of each ticket; _PROJECT is the project that its id names, "" without one."""
    if name != _PROJECT:
        return tickets.frame[name].to_list()
    return [match[1] if (match := _PREFIX.match(ticket_id)) else "" for ticket_id in tickets.ids]


def _objects(values: Any) -> Objects:
    listed = list(values)
    objects = np.empty(len(listed), dtype=object)
    objects[:] = listed
    return objects


def _common_values(column: pl.Series) -> list[str]:
    """Return the common values of a column, the most frequent first."""
    counts = column.filter(column != "").value_counts(name="n").filter(pl.col("n") >= _FEWEST_OF_A_VALUE)
    ranked = counts.sort("n", column.name, descending=[True, False])
    values: list[str] = ranked[column.name].head(_MOST_VALUES).to_list()
    return values
