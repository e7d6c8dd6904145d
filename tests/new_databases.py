"""New databases on the session's PostgreSQL server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ticketkin.store.database import Database
from ticketkin.store.embedded import EmbeddedServer

_MIGRATED = "kin_migrated"
_has_migrated: set[Path] = set()
"""Folders of the servers with a database of that name."""


@contextmanager
def new_database(server: EmbeddedServer) -> Iterator[str]:
    """Yield the address of a new, empty database, which is dropped afterwards."""
    with _database(server, "template1") as url:
        yield url


@contextmanager
def migrated_database(server: EmbeddedServer) -> Iterator[Database]:
    """Yield a new database with the newest tables: a copy takes less than the migrations, and is as good."""
    if server.folder not in _has_migrated:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_MIGRATED}")
        Database(_address(server, _MIGRATED)).close()
        _has_migrated.add(server.folder)
    with _database(server, _MIGRATED) as url, Database(url) as database:
        with database.transaction() as connection:  # as each has one of its own
            connection.execute("UPDATE installation SET id = gen_random_uuid()")
        yield database


@contextmanager
def _database(server: EmbeddedServer, template: str) -> Iterator[str]:
    name = f"kin{os.urandom(6).hex()}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield _address(server, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _address(server: EmbeddedServer, name: str) -> str:
    return server.url.replace("/postgres?", f"/{name}?")
