"""A process that follows the database: nothing holds it up, and links are those of the database."""

import threading

import polars as pl
import pytest

from bundle_material import Judged
from ticket_material import make_links
from ticketkin.core.tables import Links, Tickets
from ticketkin.service.corpus import Corpus
from ticketkin.service.model_index import ModelIndex
from ticketkin.store.links import put_links


def _links(one: str, other: str) -> Links:
    frame = make_links([(0, 1)]).frame
    return Links(frame.with_columns(source=pl.lit(one), target=pl.lit(other)))


def test_a_link_that_comes_while_a_process_follows_does_not_hold_it_up(
    corpus: Corpus, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = judged.tickets.ids
    corpus.store(Tickets(judged.tickets.frame[:6]))
    follow_once = ModelIndex._follow_once
    late = [_links(ids[2], ids[3]), _links(ids[4], ids[5])]

    def later(model: ModelIndex, progress: object) -> None:
        if late:
            with corpus.database.transaction() as connection:
                assert put_links(connection, late.pop()) == 1
        follow_once(model, progress)

    monkeypatch.setattr(ModelIndex, "_follow_once", later)
    with corpus.database.transaction() as connection:
        assert put_links(connection, _links(ids[0], ids[1])) == 1
    following = threading.Thread(target=corpus.catch_up, daemon=True)
    following.start()
    following.join(timeout=60)
    assert not following.is_alive()
    corpus.catch_up()
    assert corpus.kin.index.links.of(ids[4]) == [ids[5]]


def test_the_links_of_a_ticket_that_is_deleted_and_stored_again_are_gone(
    corpus: Corpus, judged: Judged
) -> None:
    ids, frame = judged.tickets.ids, judged.tickets.frame
    corpus.store(Tickets(frame[:4]))
    corpus.link(_links(ids[0], ids[1]))
    assert corpus.kin.index.links.of(ids[0]) == [ids[1]]
    corpus.delete([ids[1]], "jo")
    corpus.store(Tickets(frame[1:2]))
    assert corpus.kin.index.links.of(ids[0]) == []
