"""What stored tickets are to one that is asked about: the nearest, one of each template, and what they are.

Only tickets that are shown are described: as many of the nearest as were asked for, one for each template.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from ticketkin.core.tables import Float64Array, FloatArray, IntArray, Tickets
from ticketkin.core.ticket_row import TicketRow
from ticketkin.lexical.shared_words import AskedWords
from ticketkin.ranking.best import Nearest as SourceNearest
from ticketkin.ranking.columns import EmbeddedTickets, TicketColumns
from ticketkin.ranking.refit import Refit
from ticketkin.ranking.retriever import Candidates
from ticketkin.ranking.scorer import PairScorer, candidates_of, nearest_by_words
from ticketkin.ranking.segmented import SegmentedRetriever
from ticketkin.relations.pair_tickets import PairTickets, TermRows
from ticketkin.relations.parents import Parent, is_open_tier, parent_tier
from ticketkin.relations.scorer import KindScorer
from ticketkin.serving.answers import (
    MOST_WORDS,
    Relation,
    Telling,
    evidence,
    kin_relation,
    one_of_each_template,
    parent_among,
    solution,
    surest_first,
    with_context,
)
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.index import Index
from ticketkin.tickets.templates import template_groups_of

_POOL_FACTOR, _POOL_MORE = 3, 10
"""The best candidates that are searched for tickets of one template: a multiple of `k`, and some more."""
_LARGEST_TIE = 20


@dataclass(frozen=True)
class Nearest:
    """Stored tickets of an answer, the best first."""

    rows: IntArray
    """Rows of the index."""
    scores: Float64Array
    stored: TicketColumns
    """At least these tickets, as the ranking describes them."""
    places: IntArray
    """Their rows in `stored`."""
    own: TicketColumns
    """The query, as the ranking describes it."""
    features: FloatArray | None = None
    """What the ranking read of each, shape (n, f); None where it learned nothing."""

    def take(self, places: IntArray) -> "Nearest":
        """Return some of them."""
        features = None if self.features is None else self.features[places]
        return replace(
            self,
            rows=self.rows[places],
            scores=self.scores[places],
            places=self.places[places],
            features=features,
        )

    def features_of(self, relations: Sequence[Relation]) -> dict[str, FloatArray]:
        """Return what the ranking read of each relation, by ticket id; empty where it learned nothing."""
        if self.features is None:
            return {}
        by_id = dict(zip(self.stored.ids[self.places].tolist(), self.features, strict=True))
        return {one.ticket_id: by_id[one.ticket_id] for one in relations}


@dataclass(frozen=True)
class _Shown:
    """The first of each template among the nearest, as they are stored."""

    nearest: Nearest
    stored: EmbeddedTickets

    @cached_property
    def fields(self) -> list[TicketRow]:
        """Each ticket by field."""
        return list(self.stored.tickets.by_field())


@dataclass(frozen=True)
class AskedByWords:
    """What is known of queries before they are embedded."""

    retriever: SegmentedRetriever
    queries: TicketColumns
    nearest: Mapping[str, SourceNearest]
    """By source."""


@dataclass(frozen=True)
class KinSearch:
    """A bundle's ranking and kinds over an index."""

    bundle: Bundle
    index: Index
    refit: Refit | None = None
    """What scores in place of the bundle's own weights."""

    def by_words(self, tickets: Tickets, texts: list[str]) -> AskedByWords | None:
        """Return what can be known of queries before they are embedded; None without stored tickets."""
        scorer, retriever = self.bundle.scorer, self.index.retriever
        if retriever is None:
            return None
        queries = scorer.state.describe(EmbeddedTickets(tickets, texts, {}))
        return AskedByWords(
            retriever, queries, nearest_by_words(scorer.state, retriever, queries, scorer.reach)
        )

    def nearest(self, given: EmbeddedTickets, k: int, asked: AskedByWords | None = None) -> list[Nearest]:
        """Return the best candidates of each query, more than `k` where there are; empty without tickets.

        `asked` is what `by_words` returned of the queries, if that was asked before.
        """
        asked = asked or self.by_words(given.tickets, given.texts)
        if asked is None:
            return []
        scorer = self.bundle.scorer
        queries = scorer.state.with_embeddings(asked.queries, scorer.read(given.embeddings))
        candidates = candidates_of(scorer.state, asked.retriever, queries, scorer.reach, asked.nearest)
        scores, features = self._scored(queries, candidates)
        nearest = []
        for query, (rows, places, own) in enumerate(
            zip(candidates.rows, candidates.places, scores, strict=True)
        ):
            there = np.flatnonzero(rows >= 0)
            best = there[np.argsort(-own[there], kind="stable")][: _POOL_FACTOR * k + _POOL_MORE]
            best_scores = own[best].astype(np.float64)
            read = None if features is None else features[query][best]
            own_columns = queries if len(queries) == 1 else queries.take(np.array([query]))
            nearest.append(
                Nearest(rows[best], best_scores, candidates.stored, places[best], own_columns, read)
            )
        return nearest

    def _scored(self, queries: TicketColumns, candidates: Candidates) -> tuple[FloatArray, FloatArray | None]:
        """Return the score of each candidate, and what it was read from where the ranking learned."""
        scorer = self.bundle.scorer
        if not isinstance(scorer, PairScorer):
            return scorer.score(queries, candidates), None
        scored = scorer.scored(queries, candidates)
        if self.refit is None:
            return scored.scores, scored.rows
        return self.refit.scores(scored, candidates), scored.rows

    def relations(self, query: EmbeddedTickets, nearest: Nearest, k: int) -> list[Relation]:
        """Return what the first `k` templates among the nearest are to a query of one ticket."""
        if not len(nearest.rows):
            return []
        signatures = np.concatenate([nearest.stored.signatures[nearest.places], nearest.own.signatures])
        *groups, own_group = template_groups_of(signatures, self.bundle.record.near_identical).tolist()
        members = one_of_each_template(np.array(groups, dtype=np.int64), k)
        first = np.array([places[0] for places in members], dtype=np.int64)
        best = nearest.take(first)
        shown = _Shown(best, self.index.embedded(best.rows))
        full = [
            with_context(
                one,
                float(score),
                solution(fields),
                nearest.stored.ids[nearest.places[places[1:]]].tolist(),
                nearly_same_text=groups[places[0]] == own_group,
            )
            for one, score, fields, places in zip(
                self._described(query, shown), best.scores, shown.fields, members, strict=True
            )
        ]
        return surest_first(full)

    def _described(self, query: EmbeddedTickets, shown: _Shown) -> list[Relation]:
        own = query.tickets.one_by_field(0)
        kinds = self.bundle.kinds
        return (
            self._as_ranked(query, own, shown) if kinds is None else self._as_kinds(kinds, query, own, shown)
        )

    def _as_ranked(self, query: EmbeddedTickets, own: TicketRow, shown: _Shown) -> list[Relation]:
        nearest = shown.nearest
        asked = AskedWords.of(self.bundle.scorer.state.words, query.texts[0])
        return [
            kin_relation(
                other,
                evidence(own, other, asked.shared_with(nearest.stored.words, int(place), text, MOST_WORDS)),
                float(score),
                is_probability=self.bundle.gives_probabilities,
            )
            for other, place, text, score in zip(
                shown.fields, nearest.places, shown.stored.texts, nearest.scores, strict=True
            )
        ]

    def _as_kinds(
        self, kinds: KindScorer, query: EmbeddedTickets, own: TicketRow, shown: _Shown
    ) -> list[Relation]:
        has_times = self.bundle.scorer.state.has_times
        telling = Telling(kinds.bands, self.bundle.record.kinds.right_direction, has_times)
        theirs, mine = self._for_kinds(kinds, query, shown)
        probabilities = self._kind_probabilities(kinds, shown.nearest, theirs, mine)
        calibrated = kinds.calibrated(probabilities, shown.nearest.scores)
        asked = AskedWords.of(kinds.state.words, query.texts[0])
        return [
            telling.relation(
                own,
                other,
                calibrated[place],
                asked.shared_with(theirs.words, place, shown.stored.texts[place], MOST_WORDS),
                partial(self.parent, own, other, int(shown.nearest.rows[place])),
            )
            for place, other in enumerate(shown.fields)
        ]

    def _for_kinds(
        self, kinds: KindScorer, query: EmbeddedTickets, shown: _Shown
    ) -> tuple[PairTickets, PairTickets]:
        """Return the tickets that are shown and the query as the model of kinds reads them."""
        their_terms = own_terms = None
        if self.bundle.shares_terms:
            their_terms = TermRows.of(shown.nearest.stored, shown.nearest.places)
            own_terms = TermRows.of(shown.nearest.own, np.zeros(1, dtype=np.int64))
        theirs = kinds.describe(self.bundle.for_kinds(shown.stored), their_terms)
        return theirs, kinds.describe(self.bundle.for_kinds(query), own_terms)

    def _kind_probabilities(
        self, kinds: KindScorer, nearest: Nearest, theirs: PairTickets, own: PairTickets
    ) -> Float64Array:
        """Return the probability of each kind, (n, 4); the ticket that was filed first stands first."""
        mine = own.take(np.zeros(len(theirs), dtype=np.int64))
        probabilities = kinds.probabilities(theirs, mine)
        own_row = self.index.row_of(nearest.own.ids[0])
        if self.bundle.scorer.state.has_times or own_row is None:
            return probabilities  # only what opened before is found
        later = np.flatnonzero(nearest.rows > own_row)
        if len(later):
            probabilities[later] = kinds.probabilities(mine.take(later), theirs.take(later))
        return probabilities

    def parent(self, query: TicketRow, candidate: TicketRow, row: int) -> Parent:
        """Return the ticket to close under, of those that people tied to the candidate as duplicates."""
        rows = self._tied(row, candidate)
        if len(rows) == 1:
            return Parent(candidate["ticket_id"], is_open_tier(parent_tier(candidate)))
        group = self.index.tickets(np.array(rows, dtype=np.int64))
        order = np.arange(len(rows), dtype=np.int64)[::-1]  # the top of a chain of parents comes first
        times = group.frame["opened_at"]
        if not times.null_count():
            order = np.asarray(times.rank("ordinal").to_numpy(), dtype=np.int64)
        return parent_among(group, query, order)

    def _tied(self, row: int, ticket: TicketRow) -> list[int]:
        """Return the rows tied to one by parents that stored tickets name and by links that were given.

        At most `_LARGEST_TIE`; the ticket itself comes first.
        """
        tied: dict[int, None] = {row: None}
        fresh = self._tied_to(ticket)
        waiting = [other for other in dict.fromkeys(fresh) if other not in tied]
        tied |= dict.fromkeys(waiting)
        while waiting and len(tied) < _LARGEST_TIE:
            rows = np.array([waiting.pop(0)], dtype=np.int64)
            one = self.index.tickets(rows).one_by_field(0)
            fresh = [other for other in self._tied_to(one) if other not in tied]
            tied |= dict.fromkeys(fresh)
            waiting += fresh
        return list(tied)

    def _tied_to(self, ticket: TicketRow) -> Sequence[int]:
        """Return the rows that a ticket names as the one that it repeats, or that links tie to it."""
        names = [ticket["duplicate_of"] or ticket["parent"], *self.index.links.of(ticket["ticket_id"])]
        rows = [self.index.row_of(name) for name in names if name]
        return [row for row in rows if row is not None]
