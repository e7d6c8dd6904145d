"""A service over the bundle of the served run and a new database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from service_desk import Desk, new_corpus, running

from bundle_material import Judged
from ticketkin.service.corpus import Corpus
from ticketkin.serving.bundle import Bundle
from ticketkin.store.embedded import EmbeddedServer


@pytest.fixture(scope="session")
def opened_bundle(judged: Judged) -> Bundle:
    """The bundle of the run, its models loaded once."""
    return Bundle.open(judged.bundle)


@pytest.fixture
def corpus(opened_bundle: Bundle, postgres: EmbeddedServer, tmp_path: Path) -> Iterator[Corpus]:
    """An empty corpus."""
    with new_corpus(opened_bundle, postgres, tmp_path) as opened:
        yield opened


@pytest.fixture
def desk(corpus: Corpus) -> Iterator[Desk]:
    """An empty service of the test's own."""
    with running(corpus) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_desk(
    opened_bundle: Bundle, postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A service that the tests of a module share."""
    with (
        new_corpus(opened_bundle, postgres, tmp_path_factory.mktemp("desk")) as corpus,
        running(corpus) as opened,
    ):
        yield opened
