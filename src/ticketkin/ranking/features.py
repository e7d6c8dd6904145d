"""Features of a (query, candidate) pair, all known when the query opens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ticketkin.core.tables import PERSON_FIELDS, FloatArray, IntArray, Tickets, Visibility, field_codes
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix

# Ranks beyond this are all alike: far.
_DEEPEST_RANK = 200
_BLOCK_QUERIES = 128
# Crowding is estimated against at most this many tickets, so that its cost stays linear.
_CROWD = 20_000
_CROWD_NEIGHBOURS = 10
_AGREEMENT_FIELDS = (
    "service", "subcategory", "category", "configuration_item", "assignment_group", *PERSON_FIELDS,
)  # fmt: skip
_FAR_DAYS = 10_000.0


@dataclass(frozen=True)
class FusionInputs:
    """Everything the learned ranking looks at; `embeddings` by name, each (n_tickets, d), unit length."""

    tickets: Tickets
    texts: list[str]
    titles: list[str]
    lexical: LexicalRanker
    embeddings: Mapping[str, FloatArray]

    def with_embeddings(self, name: str, embeddings: FloatArray) -> "FusionInputs":
        """Return the same inputs with one embedding replaced; what was derived is shared."""
        changed = FusionInputs(
            self.tickets, self.texts, self.titles, self.lexical, {**self.embeddings, name: embeddings}
        )
        for shared in ("word_matrix", "character_matrix", "filing_place", "codes", "lengths"):
            changed.__dict__[shared] = getattr(self, shared)
        return changed

    @cached_property
    def word_matrix(self) -> object:
        """TF-IDF of the whole text."""
        return tfidf_matrix(self.texts)

    @cached_property
    def character_matrix(self) -> object:
        """TF-IDF of the title's character n-grams: typos, compounds, inflections."""
        return tfidf_matrix(self.titles, "characters")

    @cached_property
    def lengths(self) -> FloatArray:
        """Logarithm of the text lengths in characters, shape (n_tickets,)."""
        return np.log1p(np.array([len(text) for text in self.texts], dtype=np.float32))

    @cached_property
    def filing_place(self) -> FloatArray | None:
        """Days since the first ticket; without times the place in filing order; None without either.

        Numeric ids of one prefix grow as tickets are filed, which is known at opening, unlike any
        later update.
        """
        if self.tickets.has_times:
            opened = self.tickets.frame["opened_at"]
            days = (opened - opened.min()).dt.total_seconds().to_numpy() / 86_400
            return days.astype(np.float32)
        numbers = [re.fullmatch(r"(\D*)(\d{1,15})", ticket_id) for ticket_id in self.tickets.ids]
        if not all(numbers) or len({match[1] for match in numbers if match}) != 1:
            return None
        values = np.array([int(match[2]) for match in numbers if match])
        return np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(np.float32)

    @cached_property
    def codes(self) -> Mapping[str, IntArray]:
        """Codes of the agreement fields that vary in this file; -1 where empty."""
        codes = {}
        for name in _AGREEMENT_FIELDS:
            values = self.tickets.frame[name]
            if values.n_unique() > 1:
                codes[name] = field_codes(values)
        return codes


class FeatureMaker:
    """Computes candidate lists and their features, block by block."""

    def __init__(self, inputs: FusionInputs, visibility: Visibility, seed: int) -> None:
        self._inputs = inputs
        self._visibility = visibility
        self._crowds = {
            name: _crowding(embeddings, visibility, seed) for name, embeddings in inputs.embeddings.items()
        }

    @property
    def names(self) -> list[str]:
        """Feature names in column order."""
        names = []
        for source in (*self._inputs.embeddings, "lexical"):
            names += [source, f"{source}_z", f"{source}_reciprocal_rank", f"{source}_margin"]
        for source in self._inputs.embeddings:
            names += [f"{source}_uncrowded", f"{source}_reverse_rank"]
        names += ["title_words", "description_words", "words", "title_characters", "length_gap"]
        names += [f"same_{name}" for name in self._inputs.codes]
        names += ["filing_distance"] * (self._inputs.filing_place is not None)
        return names

    def rows(self, queries: IntArray) -> dict[str, FloatArray]:
        """Return the full similarity rows of a block of queries, -inf where not visible."""
        hidden = ~self._visibility.mask(queries)
        rows = {}
        for name, embeddings in self._inputs.embeddings.items():
            rows[name] = embeddings[queries] @ embeddings.T
        rows["lexical"] = self._inputs.lexical.similarities(queries, self._visibility)
        for values in rows.values():
            values[hidden] = -np.inf
        return rows

    def candidates(self, rows: Mapping[str, FloatArray], depth: int) -> IntArray:
        """Return the union of the `depth` best of every source, shape (n_queries, k), padded -1."""
        n_queries, n_tickets = next(iter(rows.values())).shape
        depth = min(depth, n_tickets)
        tops = [np.argpartition(-values, depth - 1, axis=1)[:, :depth] for values in rows.values()]
        visible = next(iter(rows.values()))
        lists = []
        for place in range(n_queries):
            union = np.unique(np.concatenate([top[place] for top in tops]))
            lists.append(union[np.isfinite(visible[place, union])])
        widest = max([1, *(len(found) for found in lists)])
        candidates = np.full((n_queries, widest), -1, dtype=np.int64)
        for place, found in enumerate(lists):
            candidates[place, : len(found)] = found
        return candidates

    def features(self, queries: IntArray, candidates: IntArray, rows: Mapping[str, FloatArray]) -> FloatArray:
        """Return features, shape (n_queries, k, n_features); padded candidates hold nonsense."""
        safe = np.maximum(candidates, 0)
        left, right = np.repeat(queries, safe.shape[1]), safe.ravel()
        columns: list[FloatArray] = []
        for name in (*self._inputs.embeddings, "lexical"):
            values = rows[name]
            columns += relative_features(values, safe)
        for name in self._inputs.embeddings:
            similarity = np.take_along_axis(rows[name], safe, axis=1)
            columns += self._crowd_features(name, queries, safe, similarity)
        fields = self._inputs.lexical.field_similarities(queries, safe)
        columns += [fields["title"], fields["description"]]
        for matrix in (self._inputs.word_matrix, self._inputs.character_matrix):
            columns.append(paired_cosines(matrix, left, right).reshape(safe.shape))
        lengths = self._inputs.lengths
        columns.append(np.abs(lengths[queries][:, None] - lengths[safe]))
        for codes in self._inputs.codes.values():
            mine, theirs = codes[queries][:, None], codes[safe]
            columns.append(((mine == theirs) & (mine >= 0)).astype(np.float32))
        place = self._inputs.filing_place
        if place is not None:
            columns.append(np.log1p(np.minimum(np.abs(place[queries][:, None] - place[safe]), _FAR_DAYS)))
        stacked: FloatArray = np.stack(columns, axis=2).astype(np.float32)
        return np.nan_to_num(stacked, nan=0.0, posinf=0.0, neginf=-5.0)

    def _crowd_features(
        self, name: str, queries: IntArray, safe: IntArray, similarity: FloatArray
    ) -> list[FloatArray]:
        """Similarity less what both sides have with their own neighbours, and the query's reverse rank."""
        nearest = self._crowds[name]
        mean = nearest.mean(axis=1)
        uncrowded = 2 * similarity - mean[safe] - mean[queries][:, None]
        reverse = (nearest[safe] > similarity[:, :, None]).sum(axis=2).astype(np.float32)
        return [uncrowded, reverse]


def relative_features(values: FloatArray, candidates: IntArray) -> list[FloatArray]:
    """Return similarity, its z-score, reciprocal rank and margin to the best, within the query."""
    n_queries, n_tickets = values.shape
    deepest = min(_DEEPEST_RANK, n_tickets)
    best = -np.sort(np.partition(-values, deepest - 1, axis=1)[:, :deepest], axis=1)
    own = np.take_along_axis(values, candidates, axis=1)
    seen = np.isfinite(best)
    n_seen = np.maximum(seen.sum(axis=1, keepdims=True), 1)  # the first ticket sees none
    finite = np.where(seen, best, 0.0)
    mean = finite.sum(axis=1, keepdims=True) / n_seen
    spread = np.sqrt((np.where(seen, best - mean, 0.0) ** 2).sum(axis=1, keepdims=True) / n_seen)
    rank = np.stack([np.searchsorted(-best[q], -own[q], side="left") for q in range(n_queries)])
    return [own, (own - mean) / np.maximum(spread, 1e-6), 1 / (1.0 + rank), own - finite[:, :1]]


def _crowding(embeddings: FloatArray, visibility: Visibility, seed: int) -> FloatArray:
    """Return for each ticket its nearest similarities among earlier tickets of a sample, (n, 10).

    Only tickets visible to it count: what a query may see, its candidates could see too.
    """
    n_tickets = len(embeddings)
    crowd = np.arange(n_tickets)
    if n_tickets > _CROWD:
        crowd = np.sort(np.random.default_rng(seed).choice(n_tickets, _CROWD, replace=False))
    k = min(_CROWD_NEIGHBOURS, len(crowd))
    nearest = np.zeros((n_tickets, k), dtype=np.float32)
    for start in range(0, n_tickets, 512):
        rows = np.arange(start, min(start + 512, n_tickets))
        similarity = embeddings[rows] @ embeddings[crowd].T
        if visibility.order is None:
            similarity[rows[:, None] == crowd[None, :]] = 0.0
        else:
            similarity[visibility.order[crowd][None, :] >= visibility.order[rows][:, None]] = 0.0
        nearest[rows] = -np.partition(-similarity, k - 1, axis=1)[:, :k]
    return nearest


def blocks(queries: IntArray) -> list[IntArray]:
    """Return the queries cut into blocks."""
    return [queries[start : start + _BLOCK_QUERIES] for start in range(0, len(queries), _BLOCK_QUERIES)]
