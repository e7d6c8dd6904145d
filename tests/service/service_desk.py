"""A running service, as tests ask it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.testclient import TestClient

from new_databases import migrated_database
from ticketkin.core.checks import passed
from ticketkin.service.app import create_app
from ticketkin.service.corpus import Corpus
from ticketkin.service.identities import KnownIdentities
from ticketkin.service.oidc import Provider
from ticketkin.service.recording import Recorder
from ticketkin.service.settings import ServiceSettings
from ticketkin.serving.bundle import Bundle
from ticketkin.store.embedded import EmbeddedServer

PATIENCE_SECONDS = 300.0
"""Longest time that a test waits for a process."""


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return once it is so; fail where it does not come about."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


@dataclass(frozen=True)
class Desk:
    """A running service, asked as over HTTP."""

    corpus: Corpus
    client: TestClient
    recorder: Recorder
    identities: KnownIdentities


@contextmanager
def new_corpus(bundle: Bundle, server: EmbeddedServer, folder: Path) -> Iterator[Corpus]:
    """Yield an empty corpus over a new database."""
    with migrated_database(server) as database:
        corpus = Corpus(bundle, database, folder / "indexes")
        yield corpus
        corpus.close()


@contextmanager
def running(corpus: Corpus, provider: Provider | None = None, **settings: object) -> Iterator[Desk]:
    """Yield a service over a corpus; the self-test of its bundle has a test of its own."""
    app = create_app(corpus, ServiceSettings(most_body_bytes=100_000, most_tickets=20, **settings), provider)
    corpus.catch_up()
    corpus.active.parity = passed("bundle_parity", "not tested here")
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield Desk(corpus, client, app.state.serving.recorder, app.state.serving.identities)
