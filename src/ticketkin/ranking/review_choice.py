"""Which pairs of a pool are put to a person first.

Half of them are pairs that words and meaning both rank first: these contain most duplicates, and without
duplicates no ranking can be evaluated. The others are pairs that rankings disagree on, as many for words as
for meaning, and pairs next to the threshold: they show the differences between the rankings and favour none.
In two trackers of 2,500 and 3,000 issues, whose links were put aside, 16 and 6 % of the best 50 pairs of
agreement were linked duplicates, and 0 to 4 % of those of disagreement.

What is judged here was found by the rankings that it then judges: of 15 duplicates among 200 such pairs, the
untouched encoder put 14 first, while over all linked tickets of that tracker its MRR is .63. Such links
teach, but they make the differences between rankings look smaller than they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from ticketkin.core.tables import BoolArray, Float64Array, FloatArray, IntArray
from ticketkin.ranking.review_pool import ReviewPool

AGREED = "words and meaning both put it first"
WORDS = "words say yes, meaning says no"
MEANING = "meaning says yes, words say no"
TOGETHER = "neither words nor meaning alone puts it first, both together do"
LEARNED = "the learned ranking puts it first, words and meaning together do not"
BORDER = "its score is next to the threshold from which on pairs count as kin"
NEAR_TOP = "one of the rankings puts it near the top"
_TURNS = (AGREED, WORDS, AGREED, MEANING, AGREED, BORDER, AGREED, TOGETHER, AGREED, LEARNED)
"""From which part of the pool one pair after another is taken."""


@dataclass(frozen=True)
class Known:
    """What is known of the tickets of a pool before anybody is asked."""

    unit: IntArray
    """Kin groups of people joined by near-identical texts; shape (n_tickets,)."""
    component: IntArray
    """What any chain of people's links joins; shape (n_tickets,)."""
    is_linked: BoolArray
    """Whether a person linked the ticket with any other; shape (n_tickets,)."""
    judged: frozenset[frozenset[int]]
    """Pairs that a person has judged."""


@dataclass(frozen=True)
class Served:
    """The ranking that is in use."""

    name: str
    threshold: float
    """Of its similarities, from which on a pair counts as kin."""
    learned: str | None
    """A ranking of the pool that was fitted on people's links; None where there is none."""


@dataclass(frozen=True)
class ChosenPair:
    """A pair to be judged."""

    place: int
    """In the pool."""
    why: str


def choose_pairs(pool: ReviewPool, known: Known, served: Served, n_pairs: int, seed: int) -> list[ChosenPair]:
    """Return up to `n_pairs` pairs in the order in which they are judged; deterministic by `seed`.

    No ticket, kin group or template is in two of the pairs. No pair is within one kin group or of
    near-identical texts, and no pair has been linked or judged. Tickets without a link come before others.
    """
    n_linked = known.is_linked[pool.source].astype(np.int64) + known.is_linked[pool.target]
    by_chance = np.random.default_rng(seed).permutation(len(pool))
    order = np.lexsort((by_chance, -_strength(pool), n_linked)).astype(np.int64)
    order = order[_is_open(pool, known)[order]]
    parts = _parts(pool, served, order, n_linked)
    rest = iter(order.tolist())
    used: set[int] = set()
    chosen: list[ChosenPair] = []

    def next_of(places: Iterator[int]) -> int | None:
        for place in places:
            units = {int(known.unit[pool.source[place]]), int(known.unit[pool.target[place]])}
            if not units & used:
                used.update(units)
                return place
        return None

    left = set(parts)
    for why in cycle(_TURNS):
        if not left or len(chosen) >= n_pairs:
            break
        place = next_of(parts[why])
        if place is None:
            left.discard(why)
        else:
            chosen.append(ChosenPair(place, why))
    while len(chosen) < n_pairs and (place := next_of(rest)) is not None:
        chosen.append(ChosenPair(place, NEAR_TOP))
    return chosen


def _is_open(pool: ReviewPool, known: Known) -> BoolArray:
    """Return which pairs nothing is known of, shape (n_pairs,)."""
    apart = known.unit[pool.source] != known.unit[pool.target]
    unlinked = known.component[pool.source] != known.component[pool.target]
    pairs = zip(pool.source.tolist(), pool.target.tolist(), strict=True)
    unjudged = np.array([frozenset(pair) not in known.judged for pair in pairs], dtype=np.bool_)
    is_open: BoolArray = apart & unlinked & unjudged
    return is_open


def _strength(pool: ReviewPool) -> Float64Array:
    """Return how much speaks for kinship without any label, from 0 to 1, shape (n_pairs,).

    The mean standing among all pairs of the pool, by words and by meaning, of the similarity and of its lead
    over the next best ticket for the same source.
    """
    standings = [
        _standing(values)
        for name in ("lexical", "base")
        for values in (pool.similarities[name], _leads(pool.source, pool.similarities[name]))
    ]
    mean: Float64Array = np.mean(standings, axis=0)
    return mean


def _standing(values: FloatArray) -> Float64Array:
    """Return the share of values that are not larger, shape of `values`."""
    share: Float64Array = np.searchsorted(np.sort(values), values, side="right") / max(1, len(values))
    return share


def _leads(source: IntArray, similarities: FloatArray) -> FloatArray:
    """Return how far each pair is ahead of the best other pair of its source; negative where it is behind."""
    order = np.lexsort((-similarities, source))
    begins = np.flatnonzero(np.r_[True, np.diff(source[order]) != 0][: len(order)])
    sizes = np.diff(np.r_[begins, len(order)])
    best = np.repeat(similarities[order[begins]], sizes)
    leads = np.empty(len(order), dtype=np.float32)
    leads[order] = similarities[order] - best
    several = sizes > 1
    first, second = order[begins[several]], order[begins[several] + 1]
    leads[first] = similarities[first] - similarities[second]
    return leads


def _parts(
    pool: ReviewPool, served: Served, order: IntArray, n_linked: IntArray
) -> Mapping[str, Iterator[int]]:
    """Return the places of each part of the pool in the order in which they are taken.

    `order` holds the places that may be taken; `n_linked` tells how many tickets of a pair have links.
    """
    lexical, base, hybrid = (pool.places[name] for name in ("lexical", "base", "hybrid"))
    learned = pool.places[served.learned] if served.learned else np.full(len(pool), 2)
    masks: dict[str, BoolArray] = {
        AGREED: (lexical == 1) & (base == 1),
        WORDS: (lexical == 1) & (base > 1),
        MEANING: (base == 1) & (lexical > 1),
        TOGETHER: (hybrid == 1) & (lexical > 1) & (base > 1),
        LEARNED: (learned == 1) & (hybrid > 1),
    }
    parts = {why: iter(order[mask[order]].tolist()) for why, mask in masks.items()}
    top = order[pool.places[served.name][order] == 1]
    distance = np.abs(pool.similarities[served.name][top] - served.threshold)
    return parts | {BORDER: iter(top[np.lexsort((distance, n_linked[top]))].tolist())}
