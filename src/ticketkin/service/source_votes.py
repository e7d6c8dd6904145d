"""Whether words, encoder and ranking agree which of the shown tickets is nearest: a vote of three.

Where the members of a committee disagree an answer teaches most (Seung, Opper and Sompolinsky, "Query by
committee", 1992).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.lexical.neighbours import paired_cosines
from ticketkin.ranking.columns import ENCODER, EmbeddedTickets
from ticketkin.service.corpus import Corpus
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.kin import Kin
from ticketkin.store.database import Transaction
from ticketkin.store.review_draws import ShownPair, shown_beside

_MOST_NEW = 10
"""Tickets that are looked at for one question; the votes on those of earlier questions are remembered."""
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class Vote:
    """How the sources voted on the candidates of one ticket."""

    n_first: Mapping[str, int]
    """By candidate, how many sources put it first."""
    n_sources: int

    def is_split(self, candidate: str) -> bool:
        """Return whether some sources put a candidate first and others do not."""
        return 0 < self.n_first.get(candidate, 0) < self.n_sources


_NO_VOTE = Vote({}, 0)
_Key = tuple[str, str, tuple[str, ...]]
"""Bundle, ticket, and what was shown beside it."""


class SourceVotes:
    """Finds pairs on which the sources disagree."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._remembered: dict[_Key, Vote] = {}

    def disagreed(self, connection: Transaction, pairs: Sequence[ShownPair]) -> list[ShownPair]:
        """Return those of the pairs, in their order, that one source puts first and another one does not.

        Compared are all tickets that were shown beside the one that is asked about. Only the first tickets of
        `pairs` that were not looked at before are looked at.
        """
        kin = self._corpus.kin
        names = list(dict.fromkeys(pair.ticket_id for pair in pairs))
        shown = shown_beside(connection, kin.bundle.id, names)
        votes: dict[str, Vote] = {}
        n_new = 0
        for name in names:
            beside = shown.get(name, [])
            key = (kin.bundle.id, name, tuple(sorted(one.candidate for one in beside)))
            if key not in self._remembered and n_new < _MOST_NEW:
                n_new += 1
                self._remember(key, _vote(kin, name, beside))
            votes[name] = self._remembered.get(key, _NO_VOTE)
        return [pair for pair in pairs if votes[pair.ticket_id].is_split(pair.candidate)]

    def _remember(self, key: _Key, vote: Vote) -> None:
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = vote


def _vote(kin: Kin, name: str, shown: Sequence[ShownPair]) -> Vote:
    """Return the votes on what was shown beside a ticket; none where fewer than two are still stored."""
    own = kin.index.row_of(name)
    rows = {one.candidate: row for one in shown if (row := kin.index.row_of(one.candidate)) is not None}
    first = next((one.candidate for one in shown if one.is_first and one.candidate in rows), None)
    if own is None or first is None or len(rows) < 2:
        return _NO_VOTE
    candidates = list(rows)
    given = kin.index.embedded(np.array([own, *rows.values()], dtype=np.int64))
    voted = [first, *(candidates[place] for place in _first_by_source(kin.bundle, given))]
    return Vote(Counter(voted), len(voted))


def _first_by_source(bundle: Bundle, given: EmbeddedTickets) -> list[int]:
    """Return the place of the nearest to the first ticket among the others, by words and by the encoder."""
    frame = given.tickets.frame
    fields = bundle.scorer.state.fields
    words = fields.rows({name: frame[name].to_list() for name in fields.weights}).whole
    others = np.arange(1, len(given.tickets))
    by_words = paired_cosines(words, np.zeros(len(others), dtype=np.int64), others, words)
    places = [int(by_words.argmax())]
    texts = [source.name for source in bundle.record.embeddings]
    if texts:
        vectors = given.embeddings[ENCODER if ENCODER in texts else texts[0]]
        places.append(int((vectors[1:] @ vectors[0]).argmax()))
    return places
