"""Empty databases on the session's PostgreSQL server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ticketkin.store.embedded import EmbeddedServer


@contextmanager
def new_database(server: EmbeddedServer) -> Iterator[str]:
    """Yield the address of a new, empty database, which is dropped afterwards."""
    name = f"kin{os.urandom(6).hex()}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.url.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
