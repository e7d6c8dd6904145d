"""What a pair of tickets looks like to a classifier, all known when the later ticket opens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from ticketkin.core.tables import PERSON_FIELDS, FloatArray, IntArray, Tickets, field_codes
from ticketkin.lexical.neighbours import paired_cosines

_FIELDS = (
    "category", "subcategory", "service", "configuration_item", "assignment_group", "priority",
    *PERSON_FIELDS,
)  # fmt: skip
_FAR_DAYS = 10_000.0
_VALUED = ("category", "priority")
_MOST_VALUES = 8
_FEWEST_OF_A_VALUE = 20
_PARTS = re.compile(r"\s*[;,|]\s*")
_SHORTEST_NAME = 4
"""A ticket's name in another's text; shorter ones would be found by chance."""
# A project (DFR-10), or what the record is: an incident (INC0000060) or a change (CHG0000042).
_PREFIX = r"^([A-Za-z][A-Za-z0-9]*?)-?\d+$"


@dataclass(frozen=True)
class PairFeatures:
    """Features in named groups; columns of a group stand together."""

    values: FloatArray
    """Shape (n_pairs, n_features)."""
    names: list[str]
    groups: list[str]
    """Group of each column: embedding, similarity, fields, values or time."""

    def without(self, group: str) -> "PairFeatures":
        """Return the features without one group, for an ablation."""
        return self._chosen([name != group for name in self.groups])

    def only(self, *groups: str) -> "PairFeatures":
        """Return the features of some groups."""
        return self._chosen([name in groups for name in self.groups])

    def starting_with(self, *beginnings: str) -> "PairFeatures":
        """Return the features whose names begin so."""
        return self._chosen([name.startswith(beginnings) for name in self.names])

    def rows(self, places: IntArray) -> "PairFeatures":
        """Return the features of some pairs."""
        return replace(self, values=self.values[places])

    def _chosen(self, kept: list[bool]) -> "PairFeatures":
        places = np.flatnonzero(kept)
        return PairFeatures(
            self.values[:, places], [self.names[p] for p in places], [self.groups[p] for p in places]
        )


class PairFeatureMaker:
    """Computes features of pairs of one file's tickets; left is the ticket that was filed first."""

    def __init__(
        self,
        tickets: Tickets,
        embeddings: FloatArray,
        title_embeddings: FloatArray,
        words: csr_matrix,
        title_characters: csr_matrix,
    ) -> None:
        self._tickets = tickets
        self._embeddings, self._titles = embeddings, title_embeddings
        self._words, self._characters = words, title_characters
        self._codes = {name: field_codes(tickets.frame[name]) for name in _FIELDS}
        project = tickets.frame["ticket_id"].str.extract(_PREFIX).fill_null("")
        self._codes["project"] = field_codes(project)
        self._values = _common_values({name: tickets.frame[name] for name in _VALUED} | {"project": project})
        self._parts = [set(filter(None, _PARTS.split(text))) for text in tickets.frame["subcategory"]]
        self._names = [
            {name for name in names if len(name) >= _SHORTEST_NAME}
            for names in tickets.frame.select("ticket_id", "number").iter_rows()
        ]
        texts = tickets.frame.select(pl.concat_str("title", "description", separator=" "))
        self._texts = texts.to_series().to_list()
        self._lengths = np.log1p(tickets.frame["description"].str.len_chars().to_numpy()).astype(np.float32)
        self._days = _days(tickets)

    def features(self, left: IntArray, right: IntArray) -> PairFeatures:
        """Return the features of pairs of rows, each array of shape (n_pairs,)."""
        parts: list[tuple[str, str, FloatArray]] = []
        a, b = self._embeddings[left], self._embeddings[right]
        for name, values in (("earlier", a), ("later", b), ("difference", np.abs(a - b)), ("product", a * b)):
            parts += [("embedding", f"{name}_{d}", values[:, d]) for d in range(values.shape[1])]
        similarity = {
            "cosine": np.einsum("ij,ij->i", a, b),
            "title_cosine": np.einsum("ij,ij->i", self._titles[left], self._titles[right]),
            "words": paired_cosines(self._words, left, right),
            "title_characters": paired_cosines(self._characters, left, right),
            "length_gap": self._lengths[right] - self._lengths[left],
            "shorter": np.minimum(self._lengths[left], self._lengths[right]),
        }
        parts += [("similarity", name, values) for name, values in similarity.items()]
        for name, codes in self._codes.items():
            mine, theirs = codes[left], codes[right]
            both = (mine >= 0) & (theirs >= 0)
            parts.append(("fields", f"same_{name}", (both & (mine == theirs)).astype(np.float32)))
            parts.append(("fields", f"other_{name}", (both & (mine != theirs)).astype(np.float32)))
        parts.append(("fields", "shared_parts", self._shared_parts(left, right)))
        parts.append(("fields", "earlier_names_later", self._names_other(left, right)))
        parts.append(("fields", "later_names_earlier", self._names_other(right, left)))
        for name, holds in self._values.items():
            parts.append(("values", f"earlier_is_{name}", holds[left]))
            parts.append(("values", f"later_is_{name}", holds[right]))
        if self._days is not None:
            gap = np.abs(self._days[right] - self._days[left])
            parts.append(("time", "log_days", np.log1p(np.minimum(gap, _FAR_DAYS))))
            parts.append(("time", "within_hour", (gap < 1 / 24).astype(np.float32)))
            parts.append(("time", "within_day", (gap < 1).astype(np.float32)))
        return PairFeatures(
            values=np.stack([values.astype(np.float32) for _, _, values in parts], axis=1),
            names=[name for _, name, _ in parts],
            groups=[group for group, _, _ in parts],
        )

    def _shared_parts(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the share of subcategories (a list in some systems, as components) that both hold."""
        shared = [
            len(self._parts[a] & self._parts[b]) / max(1, len(self._parts[a] | self._parts[b]))
            for a, b in zip(left.tolist(), right.tolist(), strict=True)
        ]
        return np.array(shared, dtype=np.float32)

    def _names_other(self, one: IntArray, other: IntArray) -> FloatArray:
        """Return 1 where the text of `one` names `other` by its id or number."""
        found = [
            any(name in self._texts[a] for name in self._names[b])
            for a, b in zip(one.tolist(), other.tolist(), strict=True)
        ]
        return np.array(found, dtype=np.float32)


def _common_values(columns: Mapping[str, pl.Series]) -> dict[str, FloatArray]:
    """Return for each common value of each column which tickets hold it, each of shape (n_tickets,)."""
    found = {}
    for name, column in columns.items():
        counts = column.filter(column != "").value_counts(sort=True, name="n")
        common = counts.filter(pl.col("n") >= _FEWEST_OF_A_VALUE)[column.name].to_list()
        for value in common[:_MOST_VALUES]:
            found[f"{name} {value}"] = (column == value).cast(pl.Float32).to_numpy()
    return found


def _days(tickets: Tickets) -> FloatArray | None:
    """Return days since the first ticket, shape (n_tickets,); None where times are missing."""
    if not tickets.has_times:
        return None
    opened = tickets.frame["opened_at"]
    return np.asarray((opened - opened.min()).dt.total_seconds().to_numpy() / 86_400, dtype=np.float32)
