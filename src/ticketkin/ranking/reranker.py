"""A cross-encoder over the first of a list, as one more feature of the learned ranking.

A query's list is put in the order of the hybrid, and each of its first tickets is read together with the
query (Nogueira and Cho 2019, arXiv:1901.04085). That is a forward pass for each of them, at every new ticket,
which is why the others are not read: for them "not read" is the value.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.tables import BoolArray, FloatArray, IntArray
from ticketkin.encoders.cross_encoder import load_cross_encoder, pair_logits
from ticketkin.ranking.columns import TicketColumns
from ticketkin.ranking.pair_features import hybrid_z
from ticketkin.ranking.retriever import Candidates

N_FEATURES = 2
"""Of a pair: what the cross-encoder gave to it, and whether it read it at all."""
_LARGEST_LOGIT = 20.0
# Scores are rounded, so that changes in the last digits (an embedding depends on its batch) do not change
# which tickets are read; equally near tickets are ordered by their age and id.
_DECIMALS = 3
_MOST_KNOWN = 500_000


@dataclass(frozen=True)
class Reranker:
    """A trained cross-encoder and how many tickets of a list it reads; the model loads at first use."""

    folder: Path
    n_read: int
    device: str
    _known: dict[bytes, float] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _model(self) -> Any:
        return load_cross_encoder(self.folder, self.device, 1)

    def logits(self, queries: list[str], candidates: list[str]) -> FloatArray:
        """Return the log-odds of kinship of each pair of texts, shape (n_pairs,); a pair is read once."""
        keys = [_key(one, other) for one, other in zip(queries, candidates, strict=True)]
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        new = {key: place for place, key in enumerate(keys) if key not in self._known}
        places = list(new.values())
        read = pair_logits(self._model, [queries[p] for p in places], [candidates[p] for p in places])
        self._known.update(zip(new, read[:, 0].tolist(), strict=True))
        own = np.array([self._known[key] for key in keys], dtype=np.float32)
        return np.clip(own, -_LARGEST_LOGIT, _LARGEST_LOGIT)

    def features(self, queries: TicketColumns, candidates: Candidates) -> list[FloatArray]:
        """Return the features of each pair, N_FEATURES arrays of the shape of `candidates.rows`."""
        is_read = among_first(queries, candidates, self.n_read)
        place, column = np.nonzero(is_read)
        logits = self.logits(
            queries.texts.read(place), candidates.stored.texts.read(candidates.places[place, column])
        )
        value = np.zeros(is_read.shape, dtype=np.float32)
        value[place, column] = logits
        return [value, is_read.astype(np.float32)]


def _key(query: str, candidate: str) -> bytes:
    text = f"{len(query)}\0{query}\0{candidate}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


def among_first(queries: TicketColumns, candidates: Candidates, n: int) -> BoolArray:
    """Return which pairs are among the first `n` of their query's own list, shape of `candidates.rows`."""
    first = first_of(queries, candidates, n)
    is_read = np.zeros(candidates.rows.shape, dtype=np.bool_)
    for query, places in enumerate(first):
        is_read[query] = np.isin(candidates.places[query], places)
    return is_read & (candidates.rows >= 0)


def first_of(queries: TicketColumns, candidates: Candidates, n: int) -> list[IntArray]:
    """Return the first `n` of each query's own list by the hybrid, rows of `candidates.stored`."""
    stored, listed = candidates.stored, candidates.listed
    near = np.round(hybrid_z(queries, candidates, listed), _DECIMALS)
    first = []
    for query, places in enumerate(listed):
        there = np.flatnonzero(places >= 0)
        own = places[there]
        order = np.lexsort((stored.identity[own], -stored.opened_at[own], -near[query, there]))
        first.append(own[order[:n]])
    return first
