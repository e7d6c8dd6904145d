"""Many tickets in the database of a service at once, with embeddings that are given."""

import sys
from collections.abc import Iterator

import numpy as np

from ticketkin.core.tables import FloatArray, Tickets
from ticketkin.encoders.dense import unit_length
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.service.stored_embeddings import BATCH_TICKETS, keep_embeddings
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.segment import content_hashes
from ticketkin.store.database import Database
from ticketkin.store.tickets import put_tickets

NOISE = 0.3
"""Length of what is added to a real embedding of unit length before it stands for another ticket's."""


def fill(database: Database, bundle: Bundle, parts: Iterator[EmbeddedTickets]) -> int:
    """Store tickets with their embeddings, a part in each transaction; return how many."""
    n_stored = 0
    for given in parts:
        tickets = given.tickets
        with database.transaction() as connection:
            put_tickets(connection, tickets, content_hashes(tickets), stable_hashes(tickets.ids))
            keep_embeddings(connection, bundle, given)
        n_stored += len(tickets)
        print(f"  {n_stored:,} tickets stored", file=sys.stderr)
    return n_stored


def batches(given: EmbeddedTickets) -> Iterator[EmbeddedTickets]:
    """Yield embedded tickets in parts of a thousand."""
    for start in range(0, len(given.tickets), BATCH_TICKETS):
        yield given.take(np.arange(start, min(start + BATCH_TICKETS, len(given.tickets))))


def projected(bundle: Bundle, tickets: Tickets, n_encoded: int, seed: int = 0) -> Iterator[EmbeddedTickets]:
    """Yield tickets of which the encoders read some; the others get an embedding near one of those.

    What a search costs depends on how many embeddings there are and how they lie, not on whose they are.
    """
    generator = np.random.default_rng(seed)
    known = bundle.embed(Tickets(tickets.frame.head(n_encoded)))
    for start in range(0, len(tickets), BATCH_TICKETS):
        part = Tickets(tickets.frame[start : start + BATCH_TICKETS])
        chosen = generator.integers(0, len(known.tickets), len(part))
        embeddings = {name: _near(rows[chosen], generator) for name, rows in known.embeddings.items()}
        yield bundle.with_embeddings(part, embeddings)


def _near(rows: FloatArray, generator: np.random.Generator) -> FloatArray:
    noise = generator.normal(size=rows.shape) * NOISE / np.sqrt(rows.shape[1])
    return unit_length((rows + noise).astype(np.float32))
