"""Votes of words, encoder and ranking, against what the ranking itself takes their similarities to be."""

from collections.abc import Iterator

import numpy as np
import pytest
from service_desk import Desk, new_corpus, running

from bundle_material import Judged
from ticketkin.core.tables import Tickets
from ticketkin.ranking.retriever import LEXICAL, pair_similarities
from ticketkin.service.source_votes import SourceVotes
from ticketkin.serving.bundle import Bundle
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.review_draws import ShownPair, nearest_waiting

N_ASKED = 16


@pytest.fixture(scope="module")
def asked(
    opened_bundle: Bundle, postgres: EmbeddedServer, judged: Judged, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with new_corpus(opened_bundle, postgres, tmp_path_factory.mktemp("votes")) as corpus:
        corpus.store(Tickets(judged.tickets.frame[:150]))
        with running(corpus) as desk:
            for name in judged.tickets.ids[100 : 100 + N_ASKED]:
                assert desk.client.get(f"/v1/tickets/{name}/kin").status_code == 200
            desk.recorder.wait()
            yield desk


def _waiting(desk: Desk) -> list[ShownPair]:
    with desk.corpus.database.transaction() as connection:
        return nearest_waiting(connection, desk.corpus.bundle.id, 1_000)


def _expected(desk: Desk, pairs: list[ShownPair]) -> set[ShownPair]:
    """Return the pairs on which the sources disagree, by the similarities of the ranking's own features."""
    kin, split = desk.corpus.kin, set()
    for name in {pair.ticket_id for pair in pairs}:
        own = [pair for pair in pairs if pair.ticket_id == name]
        rows = np.array([kin.index.row_of(one) for one in (name, *(pair.candidate for pair in own))])
        columns = kin.bundle.scorer.describe(kin.index.embedded(rows))
        query, places = columns.take(np.array([0])), np.arange(1, len(rows))[None, :]
        firsts = [
            {own[place].candidate for place in np.flatnonzero(near == near.max())}
            for source in (LEXICAL, "base")
            for near in [pair_similarities(source, query, columns, places)[0]]
        ]
        firsts.append({pair.candidate for pair in own if pair.is_first})
        split |= {pair for pair in own if 0 < sum(pair.candidate in one for one in firsts) < len(firsts)}
    return split


def test_pairs_are_named_that_one_source_puts_first_and_another_does_not(asked: Desk) -> None:
    pairs = _waiting(asked)
    assert len({pair.ticket_id for pair in pairs}) == N_ASKED
    votes = SourceVotes(asked.corpus)
    with asked.corpus.database.transaction() as connection:
        first = votes.disagreed(connection, pairs)
        assert len({pair.ticket_id for pair in first}) < N_ASKED, "ten tickets are looked at for one question"
        whole = votes.disagreed(connection, pairs)
        again = votes.disagreed(connection, pairs[::-1])
    assert set(first) < set(whole) and [pair for pair in pairs if pair in set(whole)] == whole
    assert set(again) == set(whole) == _expected(asked, pairs)
    assert 0 < len(whole) < len(pairs)


def test_a_ticket_that_is_gone_has_no_vote(asked: Desk) -> None:
    gone = ShownPair("never stored", "nor this", "duplicate", "say", 0.9, is_first=True)
    with asked.corpus.database.transaction() as connection:
        assert SourceVotes(asked.corpus).disagreed(connection, [gone]) == []
