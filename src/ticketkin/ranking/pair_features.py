"""Features of a (query, candidate) pair, all known when the query opens.

They depend on the two tickets, on the query's candidate list and on the corpus state. Ranks and counts are
soft: two similarities less than .015 apart count as a partial tie, so that the last digits of an
embedding, which change with the batch a text was encoded in, can't swap two ranks.
"""

from typing import Literal

import numpy as np

from ticketkin.core.tables import Float64Array, FloatArray, IntArray
from ticketkin.lexical.neighbours import paired_cosines
from ticketkin.ranking.columns import TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.crowd import N_NEIGHBOURS
from ticketkin.ranking.retriever import LEXICAL, TITLE_WORDS, Candidates, pair_similarities

# How many best similarities of a source are used for z-scores and ranks; a rank beyond them counts as far.
DEEPEST_RANK = 200
# Similarities closer than half of this are a partial tie.
_TIE = 0.03
_SMALLEST_SPREAD = 0.005
_LARGEST_Z = 20.0
_FAR_DAYS = 10_000.0
# Of a similarity: itself, its z-score, its reciprocal rank, its margin to the best.
N_RELATIVE = 4

_SAME, _FILING_DISTANCE = "same_", "filing_distance"
Part = Literal["text", "fields", "filing times"]
"""The part of two tickets that a feature compares; without times the filing order takes their place."""

WORD_SOURCES = (LEXICAL, TITLE_WORDS)
"""What the learned ranking reads beside the embeddings of the text. An embedding of the title gains nothing
on three trackers beside the words of the title, and costs a pass of the encoder (docs/experiments.md).
"""
HYBRID_SOURCES = ("base", LEXICAL)
"""Whose z-scores the hybrid sums."""


def feature_names(state: CorpusState) -> list[str]:
    """Return the names of the features in column order."""
    names = []
    for source in (*state.crowd.embeddings, *WORD_SOURCES):
        names += [source, f"{source}_z", f"{source}_reciprocal_rank", f"{source}_margin"]
    for source in state.crowd.embeddings:
        names += [f"{source}_uncrowded", f"{source}_reverse_rank"]
    names += ["description_words", "words", "title_characters", "length_gap"]
    names += [f"{_SAME}{name}" for name in state.agreement_fields]
    names += [_FILING_DISTANCE] * (state.clock != "none")
    return names


def part_of(feature: str) -> Part:
    """Return what of two tickets a feature compares, by its name."""
    if feature == _FILING_DISTANCE:
        return "filing times"
    return "fields" if feature.startswith(_SAME) else "text"


def pair_features(state: CorpusState, queries: TicketColumns, candidates: Candidates) -> FloatArray:
    """Return features, shape (n_queries, k, n_features); the values of padded candidates have no meaning."""
    safe = np.maximum(candidates.places, 0)
    columns: list[FloatArray] = []
    similarities = {}
    for name in (*state.crowd.embeddings, *WORD_SOURCES):
        similarities[name] = pair_similarities(name, queries, candidates.stored, candidates.places)
        columns += relative_features(similarities[name], candidates.nearest[name].similarities)
    for name in state.crowd.embeddings:
        columns += _crowd_features(name, queries, candidates.stored, safe, similarities[name])
    columns += _text_features(queries, candidates.stored, safe)
    columns += field_features(state, queries, candidates.stored, safe)
    stacked: FloatArray = np.stack(columns, axis=2).astype(np.float32)
    return stacked


def relative_features(own: FloatArray, best: FloatArray) -> list[FloatArray]:
    """Return similarity, its z-score, reciprocal rank and margin to the best, within the query.

    `own` has the shape (n_queries, k), `best` (n_queries, n): the source's best of each query, descending,
    -inf where there are fewer.
    """
    finite = np.where(np.isfinite(best), best, 0.0)
    # A candidate stands in the list itself, as half a tie: the best of all has the rank 1/2.
    rank = np.stack([_n_above(best[query], own[query]) for query in range(len(own))])
    reciprocal = (1 / (0.5 + np.maximum(rank, 0.5))).astype(np.float32)
    return [own, z_scores(own, best), reciprocal, own - finite[:, :1]]


def z_scores(own: FloatArray, best: FloatArray) -> FloatArray:
    """Return by how many standard deviations of the source's best each similarity lies above their mean."""
    seen = np.isfinite(best)
    n_seen = np.maximum(seen.sum(axis=1, keepdims=True), 1)  # the first ticket sees none
    finite = np.where(seen, best, 0.0)
    mean = finite.sum(axis=1, keepdims=True) / n_seen
    spread = np.sqrt((np.where(seen, best - mean, 0.0) ** 2).sum(axis=1, keepdims=True) / n_seen)
    z: FloatArray = ((own - mean) / np.maximum(spread, _SMALLEST_SPREAD)).astype(np.float32)
    return np.clip(z, -_LARGEST_Z, _LARGEST_Z)


def hybrid_z(queries: TicketColumns, candidates: Candidates, places: IntArray) -> Float64Array:
    """Return the mean z-score of meaning and words of each pair, shape of `places` (n_queries, k).

    `places` are rows of `candidates.stored`; beside -1 stands nonsense.
    """
    total = np.zeros(places.shape, dtype=np.float64)
    for name in HYBRID_SOURCES:
        own = pair_similarities(name, queries, candidates.stored, places)
        total += z_scores(own, candidates.nearest[name].similarities)
    mean: Float64Array = total / len(HYBRID_SOURCES)
    return mean


def _n_above(best: FloatArray, own: FloatArray) -> Float64Array:
    """Return how many of `best` (n,), descending, lie above each of `own`, shape of `own` (k,).

    One that is nearer than half of a tie counts in part, as by `_above`. What counts whole and what counts in
    part lies together: it is found by its ends and added up by running sums.
    """
    ascending = best[np.isfinite(best)][::-1].astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(ascending)])
    middle = own.astype(np.float64)
    first = np.searchsorted(ascending, middle - _TIE / 2)
    last = np.searchsorted(ascending, middle + _TIE / 2)
    in_part = (sums[last] - sums[first] - (last - first) * middle) / _TIE + (last - first) / 2
    above: Float64Array = len(ascending) - last + in_part
    return above


def _above(others: FloatArray, own: FloatArray) -> FloatArray:
    soft: FloatArray = np.clip((others - own) / _TIE + 0.5, 0, 1)
    return soft


def _crowd_features(
    name: str, queries: TicketColumns, stored: TicketColumns, safe: IntArray, similarity: FloatArray
) -> list[FloatArray]:
    """Similarity less what both have with their own neighbours, and the query's rank from the other side.

    Of the crowd, the pair itself does not count: a new query is never a member, an old one may be.
    """
    of_query, of_candidate = queries.crowding[name], stored.crowding[name]
    near, members = of_candidate.similarities[safe], of_candidate.members[safe]
    shape = (*safe.shape, near.shape[2])
    asked = np.broadcast_to(of_query.similarities[:, None, :], shape)
    asked_members = np.broadcast_to(of_query.members[:, None, :], shape)
    kept_near = _without(members, queries.crowd_row[:, None])
    kept_asked = _without(asked_members, stored.crowd_row[safe])
    crowding = ((near * kept_near).sum(axis=2) + (asked * kept_asked).sum(axis=2)) / N_NEIGHBOURS
    reverse = (_above(near, similarity[:, :, None]) * kept_near).sum(axis=2)
    return [2 * similarity - crowding, reverse]


def _without(members: IntArray, partner: IntArray) -> FloatArray:
    """Return 1 for each neighbour that counts, shape of `members` (..., N_NEIGHBOURS + 1).

    One does not: the pair's other ticket where it is among them, else the last.
    """
    is_partner = (members == partner[..., None]) & (members >= 0)
    kept: FloatArray = (~is_partner).astype(np.float32)
    kept[..., -1] *= is_partner.any(axis=-1)
    return kept


def _text_features(queries: TicketColumns, stored: TicketColumns, safe: IntArray) -> list[FloatArray]:
    """Return cosines of description, text and title characters, and how lengths differ."""
    left, right = np.repeat(np.arange(len(queries)), safe.shape[1]), safe.ravel()
    pairs = [
        (queries.lexical.fields["description"], stored.lexical.fields["description"]),
        (queries.words, stored.words),
        (queries.characters, stored.characters),
    ]
    columns = [paired_cosines(one, left, right, other).reshape(safe.shape) for one, other in pairs]
    return [*columns, np.abs(queries.lengths[:, None] - stored.lengths[safe])]


def field_features(
    state: CorpusState, queries: TicketColumns, stored: TicketColumns, safe: IntArray
) -> list[FloatArray]:
    """Return whether each field agrees, and how far apart the two were filed; unknown counts as far.

    They are the last columns of `pair_features`; `safe` are rows of `stored`, shape (n_queries, k).
    """
    mine, theirs = queries.values[:, None, :], stored.values[safe]
    same = ((mine == theirs) & (mine != 0)).astype(np.float32)
    columns = [same[:, :, column] for column in range(same.shape[2])]
    if state.clock != "none":
        distance = np.abs(queries.place[:, None] - stored.place[safe])
        columns.append(np.log1p(np.minimum(np.nan_to_num(distance, nan=_FAR_DAYS), _FAR_DAYS)))
    return columns
