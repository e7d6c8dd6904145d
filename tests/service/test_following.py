"""A process that follows the database: single tickets are held in memory, and nothing holds it up."""

import shutil
import threading
from pathlib import Path

import polars as pl
import pytest

from bundle_material import Judged
from ticket_material import make_links
from ticketkin.core.tables import Links, Tickets
from ticketkin.service.corpus import Corpus
from ticketkin.service.model_index import FOLLOWED, ModelIndex
from ticketkin.serving.bundle import Bundle
from ticketkin.store.links import put_links


def _links(one: str, other: str) -> Links:
    frame = make_links([(0, 1)]).frame
    return Links(frame.with_columns(source=pl.lit(one), target=pl.lit(other)))


def _written_until(corpus: Corpus) -> str:
    path = corpus.active.place / FOLLOWED
    return path.read_text("utf-8") if path.exists() else ""


def test_single_tickets_are_answered_from_at_once_and_again_after_a_kill(
    corpus: Corpus, opened_bundle: Bundle, judged: Judged, tmp_path: Path
) -> None:
    frame = judged.tickets.frame
    corpus.store(Tickets(frame[:3]))
    before = _written_until(corpus)
    for row in range(3, 6):
        corpus.store(Tickets(frame[row : row + 1]))
        assert corpus.kin.index.row_of(frame["ticket_id"][row]) is not None
    assert len(corpus.kin) == 6 and _written_until(corpus) == before
    corpus.delete([frame["ticket_id"][4]], "jo")
    assert len(corpus.kin) == 5 and _written_until(corpus) != before
    corpus.store(Tickets(frame[6:7]))
    shutil.copytree(tmp_path / "indexes", tmp_path / "killed")  # nothing more is written, as by a kill
    again = Corpus(opened_bundle, corpus.database, tmp_path / "killed")
    try:
        assert len(again.kin) == 5, "what was held is read from the database once it is followed"
        again.catch_up()
        assert sorted(again.kin.index.all_tickets().ids) == sorted(frame["ticket_id"][[0, 1, 2, 3, 5, 6]])
        again.store(Tickets(frame[7:8]))
    finally:
        again.close()
    stopped = Corpus(opened_bundle, corpus.database, tmp_path / "killed")
    assert len(stopped.kin) == 7, "a process that is stopped writes what it holds"
    stopped.close()


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
