"""A pool of connections to the database of a service, checked when it is opened.

store = Database.open(url)                     # or Database.embedded(folder)
with store.transaction() as connection:
    put_tickets(connection, tickets, content)
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pgvector.psycopg import register_vector
from psycopg import Connection, sql
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from ticketkin.core.errors import InputError, StoreUnavailableError
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.migrations import MIGRATIONS, migrate

DATABASE_URL = "TICKETKIN_DATABASE_URL"
"""Environment variable that names a PostgreSQL server."""
OLDEST_PGVECTOR = (0, 8, 4)
"""In older versions vacuum could damage an index, and inserts could damage its graph."""
_OLDEST_SERVER = 14
_CONNECT_SECONDS = 5.0
_OWN_SERVER_SECONDS, _REVIVE_SECONDS = 1.0, 20.0
"""How long a server of our own may take to answer before it is checked, and to restart."""
_MOST_CONNECTIONS = 16
_SCHEMA = sql.Identifier("ticketkin")
Row = TupleRow
Transaction = Connection[TupleRow]
"""A connection within a transaction: its statements take effect together or not at all."""


class Database:
    """Where everything of a service is kept."""

    def __init__(self, url: str, server: EmbeddedServer | None = None) -> None:
        """Connect, check the server and bring its tables to the newest version.

        Raises StoreUnavailableError where nobody answers, InputError where the server lacks pgvector, or has
        one that is too old, or tables of a newer release.
        """
        self._server = server
        try:
            with psycopg.connect(url, connect_timeout=int(_CONNECT_SECONDS)) as connection:
                _check_server(connection)
                _make_schema(connection)
                before = migrate(connection)
        except psycopg.ProgrammingError as error:
            raise InputError(
                f"{DATABASE_URL} can't be used: {first_line(error)}. Write it as "
                "postgresql://user@host:5432/database"
            ) from error
        except psycopg.OperationalError as error:
            raise _unavailable(error) from error
        if before > len(MIGRATIONS):
            raise InputError(
                f"The database has tables of version {before}, this release knows {len(MIGRATIONS)}; use the "
                "release that made them, or a newer one"
            )
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            configure=_configure,
            check=ConnectionPool.check_connection,
            timeout=_CONNECT_SECONDS,
            reconnect_timeout=_CONNECT_SECONDS,
            open=True,
        )

    @classmethod
    def open(cls, url: str | None, folder: Path) -> "Database":
        """Return the database at `url`, or the one in `folder`, which is started, where `url` is None."""
        if url is not None:
            return cls(url)
        server = EmbeddedServer(folder)
        return cls(server.url, server)

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; a server that was started here is stopped, if nobody else uses it."""
        self._pool.close()
        if self._server is not None:
            self._server.stop()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Yield a connection; what is done with it is committed where the block ends without an error.

        Raises StoreUnavailableError where the database can't be reached, was stopped meanwhile, or is full,
        InputError for a value that it can't hold, such as a text with a NUL character.
        """
        connection = self._connected()
        try:
            with connection.transaction():
                yield connection
        except psycopg.OperationalError as error:
            raise _unavailable(error) from error
        except psycopg.DataError as error:
            raise InputError(f"The database can't take a value: {first_line(error)}; correct it") from error
        finally:
            self._pool.putconn(connection)

    @property
    def is_own(self) -> bool:
        """Whether Ticketkin started the server itself."""
        return self._server is not None

    @contextmanager
    def outside_transactions(self) -> Iterator[Transaction]:
        """Yield a connection for commands that can't be part of a transaction."""
        connection = self._connected()
        try:
            connection.autocommit = True
            yield connection
        except psycopg.OperationalError as error:
            raise _unavailable(error) from error
        finally:
            if not connection.closed:
                connection.autocommit = False
            self._pool.putconn(connection)

    def _connected(self) -> Transaction:
        """Return a connection; a server of our own that was killed is started again."""
        if self._server is None:
            return self._from_pool(_CONNECT_SECONDS)
        end = time.monotonic() + _REVIVE_SECONDS
        while True:
            try:
                return self._from_pool(_OWN_SERVER_SECONDS)
            except StoreUnavailableError:
                if time.monotonic() > end:
                    raise
            self._server.revive()

    def _from_pool(self, seconds: float) -> Transaction:
        try:
            return self._pool.getconn(timeout=seconds)
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise _unavailable(error) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error; no password is in it."""
    lines = str(error).strip().splitlines()
    return re.sub(r"://[^@\s]*@", "://…@", lines[0]) if lines else type(error).__name__


def _unavailable(error: Exception) -> StoreUnavailableError:
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreUnavailableError(
            "The database is full: nothing was stored. Make room on its disk and try again"
        )
    return StoreUnavailableError(
        f"The database can't be reached: {first_line(error)}. Nothing was changed; check that it runs and "
        f"that {DATABASE_URL} names it, then try again"
    )


def _configure(connection: Transaction) -> None:
    connection.execute(sql.SQL("SET search_path TO {}, public").format(_SCHEMA))
    connection.commit()
    register_vector(connection)
    connection.commit()


def _check_server(connection: Transaction) -> None:
    server = connection.info.server_version // 10_000
    if server < _OLDEST_SERVER:
        raise InputError(
            f"The database is PostgreSQL {server}; version {_OLDEST_SERVER} or newer is needed: "
            "upgrade the server"
        )
    wanted = ".".join(map(str, OLDEST_PGVECTOR))
    installed = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    if installed is None:
        installed = connection.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
        ).fetchone()
        if installed is None:
            raise InputError(
                f"The PostgreSQL server has no pgvector; install pgvector {wanted} or newer on it, or unset "
                f"{DATABASE_URL} to let Ticketkin start a server of its own"
            )
        _check_pgvector(str(installed[0]), wanted)
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except psycopg.errors.InsufficientPrivilege as error:
            raise InputError(
                "The user of the database may not create the extension vector; let an administrator run "
                "once: CREATE EXTENSION vector"
            ) from error
    else:
        _check_pgvector(str(installed[0]), wanted)
    connection.commit()


def _check_pgvector(version: str, wanted: str) -> None:
    if tuple(map(int, re.findall(r"\d+", version)[:3])) < OLDEST_PGVECTOR:
        raise InputError(
            f"The PostgreSQL server has pgvector {version}; {wanted} or newer is needed, as older ones can "
            "damage their indexes: upgrade it, then run ALTER EXTENSION vector UPDATE"
        )


def _make_schema(connection: Transaction) -> None:
    """Keep the tables apart from what else lives in the database."""
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(_SCHEMA))
    connection.execute(sql.SQL("SET search_path TO {}, public").format(_SCHEMA))
    connection.commit()
