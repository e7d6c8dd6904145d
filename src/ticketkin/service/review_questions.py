"""The next question to a person: of ten, five are hard, three contradict links or rules, two are random.

Only the random share estimates how often statements are right. The others are chosen to teach the model most,
at most one for each kin group.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest

from ticketkin.evaluation.stratified import SampledStratum
from ticketkin.relations.bands import REPORTED_BANDS, Bands
from ticketkin.relations.families import FamilyRecord
from ticketkin.relations.kinds import KINDS, NONE
from ticketkin.service.serving_state import ServingState
from ticketkin.serving.answers import KIN
from ticketkin.store.database import Transaction
from ticketkin.store.review_draws import (
    Share,
    ShownPair,
    StatedStratum,
    Statements,
    chosen_tickets,
    count_draws,
    draw_at_random,
    nearest_waiting,
    put_draw,
    second_opinion,
    stated_strata,
    waiting_near,
)

FamilyOf = Mapping[str, FamilyRecord]
"""The family of each ticket that people linked."""
LIKELY = 0.5
"""Where no kinds were learned, the probability from which on a ticket is worth a person's look."""
_TURNS: Sequence[Share] = (
    "border", "random", "border", "against", "border", "against", "border", "random", "border", "against",
)  # fmt: skip
ONE_IN_RANDOM = len(_TURNS) // _TURNS.count("random")
"""One in this many questions is drawn at random."""
_MOST_NEAREST, _MOST_NEAR_ANCHOR = 1_000, 200
"""Pairs that are looked through for the next question: the nearest, and those on either side of a probability
that matters.
"""
_SURE = 0.9
"""From this probability on it counts as sure that two tickets are no kin."""
_FIELDS_OF_DUPLICATES = ("service", "configuration_item")
"""Fields in which duplicates agree as a rule, where both have one."""


def next_question(serving: ServingState, reviewer: str) -> ShownPair | None:
    """Draw the next pair and keep why it was drawn; None where nothing that was shown waits for an answer.

    What one other person has judged and two are to judge comes first.
    """
    bundle = serving.corpus.bundle
    family_of = {name: one for one in serving.families.known().record.families for name in one.tickets}
    bands = None if bundle.kinds is None else bundle.kinds.bands
    with serving.corpus.database.transaction() as connection:
        if (again := second_opinion(connection, bundle.id, reviewer)) is not None:
            return again
        turn = count_draws(connection, bundle.id)
        nearest = nearest_waiting(connection, bundle.id, _MOST_NEAREST)
        anchored = waiting_near(connection, bundle.id, _anchors(bands), _MOST_NEAR_ANCHOR)
        used = {_unit(name, family_of) for name in chosen_tickets(connection, bundle.id)}
        waiting = dict.fromkeys([*nearest, *anchored])
        fresh = [pair for pair in waiting if not _units(pair, family_of) & used]
        for share in dict.fromkeys(_TURNS[(turn + n) % len(_TURNS)] for n in range(len(_TURNS))):
            if share == "random":
                pair = draw_at_random(connection, _statements(serving))
            else:
                if share == "border":
                    ordered = near_border(fresh, bands, serving.source_votes.disagreed(connection, fresh))
                else:
                    ordered = _against(fresh, family_of, serving)
                pair = next(ordered, None)
                if pair is not None:
                    put_draw(connection, bundle.id, pair, share)
            if pair is not None:
                return pair
    return None


def sampled(strata: Iterable[StatedStratum]) -> list[SampledStratum]:
    """Return the answers on the random share as a sample of what was stated."""
    return [SampledStratum(one.n_stated, one.n_answered, one.n_right) for one in strata]


def strata_in_use(connection: Transaction, serving: ServingState) -> list[StatedStratum]:
    """Return what the bundle that answers has stated, and the answers on its random share."""
    return stated_strata(connection, _statements(serving))


def _statements(serving: ServingState) -> Statements:
    return Statements(serving.corpus.bundle.id, REPORTED_BANDS, LIKELY)


def _anchors(bands: Bands | None) -> list[tuple[str, float]]:
    """Return the probabilities by kind next to which an answer teaches: thresholds, and certainty."""
    if bands is None:
        return [(KIN, LIKELY), (KIN, 1.0)]
    own = ((kind, bands.threshold(kind, band)) for kind in KINDS for band in REPORTED_BANDS if kind != NONE)
    thresholds = [(kind, value) for kind, value in own if value is not None]
    of_none = [(NONE, 1 - value) for value in bands.suggest.values() if value is not None]
    return list(dict.fromkeys([*thresholds, *of_none, *((kind, 1.0) for kind in KINDS)]))


def near_border(
    pairs: Sequence[ShownPair], bands: Bands | None, split_votes: Sequence[ShownPair]
) -> Iterator[ShownPair]:
    """Return pairs next to a threshold and those on which something disagrees, in turns.

    `split_votes` are those that one of words, encoder and ranking puts first and another one does not.
    Ranking and kinds disagree where the ranking puts a pair first that is not stated, or another before one
    that is.
    """
    near = sorted(
        (pair for pair in pairs if math.isfinite(_distance(pair, bands))),
        key=lambda one: _distance(one, bands),
    )
    against_kinds = (
        pair for pair in pairs if bands is not None and pair.is_first != (pair.band in REPORTED_BANDS)
    )
    in_turns = chain.from_iterable(zip_longest(near, split_votes, against_kinds))
    return iter(dict.fromkeys(pair for pair in in_turns if pair is not None))


def _distance(pair: ShownPair, bands: Bands | None) -> float:
    """Return how far, in logits, a pair is from the nearest threshold; infinite where it has none."""
    if pair.probability is None:
        return math.inf
    if bands is None:
        return abs(_logit(pair.probability) - _logit(LIKELY))
    if pair.kind == NONE:
        of_any = [value for value in bands.suggest.values() if value is not None]
        return min((abs(_logit(1 - pair.probability) - _logit(value)) for value in of_any), default=math.inf)
    own = [bands.threshold(pair.kind, band) for band in REPORTED_BANDS]
    return min(
        (abs(_logit(pair.probability) - _logit(value)) for value in own if value is not None),
        default=math.inf,
    )


def _logit(probability: float) -> float:
    clipped = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(clipped / (1 - clipped))


def _against(pairs: Sequence[ShownPair], family_of: FamilyOf, serving: ServingState) -> Iterator[ShownPair]:
    """Return pairs that are judged surely, but against people's links or a rule of duplicates, surest first.

    Against a rule is a duplicate of another service or another configuration item.
    """
    surest = sorted(pairs, key=lambda one: -(one.probability or 0.0))
    against_links = [pair for pair in surest if is_against_links(pair, family_of)]
    duplicates = [pair for pair in surest if pair.kind == "duplicate" and pair.band in REPORTED_BANDS]
    against_rule = (pair for pair in duplicates if _differs(pair, serving))
    return iter(dict.fromkeys(chain(against_links, against_rule)))


def is_against_links(pair: ShownPair, family_of: FamilyOf) -> bool:
    """Return whether people's links say otherwise: different families, though stated; one, though no kin."""
    one, other = family_of.get(pair.ticket_id), family_of.get(pair.candidate)
    if one is None or other is None:
        return False
    if pair.band in REPORTED_BANDS:
        return one.family != other.family
    return one.family == other.family and pair.kind == NONE and (pair.probability or 0.0) >= _SURE


def _differs(pair: ShownPair, serving: ServingState) -> bool:
    frame = serving.corpus.stored([pair.ticket_id, pair.candidate]).frame
    values = (frame[field].to_list() for field in _FIELDS_OF_DUPLICATES)
    return any(here and there and here != there for here, there in values)


def _units(pair: ShownPair, family_of: FamilyOf) -> set[str]:
    return {_unit(pair.ticket_id, family_of), _unit(pair.candidate, family_of)}


def _unit(ticket_id: str, family_of: FamilyOf) -> str:
    """Return the first ticket of the family, which stands for it; of a ticket without one, the ticket."""
    family = family_of.get(ticket_id)
    return ticket_id if family is None else family.tickets[0]
