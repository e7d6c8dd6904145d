"""The embeddings that a model needs of the stored tickets: from the database, or made and kept there."""

from collections.abc import Sequence

import numpy as np

from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray, Tickets
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.serving.bundle import Bundle
from ticketkin.store.database import Database, Transaction
from ticketkin.store.embeddings import put_embeddings, stored_embeddings
from ticketkin.store.tickets import changes_after, count_tickets

BATCH_TICKETS = 1_000


def keep_embeddings(connection: Transaction, bundle: Bundle, embedded: EmbeddedTickets) -> None:
    """Store what the encoders of a bundle made of stored tickets, beside what those of others did."""
    hashes = stable_hashes(bundle.texts_read(embedded.tickets))
    for name, model in bundle.models.items():
        put_embeddings(connection, embedded.tickets.ids, model, hashes, embedded.embeddings[name])


def kept_embeddings(
    connection: Transaction, bundle: Bundle, tickets: Tickets
) -> tuple[EmbeddedTickets, list[int]]:
    """Return tickets with the embeddings that are stored, and the rows where one is missing."""
    hashes = stable_hashes(bundle.texts_read(tickets))
    is_whole = np.ones(len(tickets), dtype=np.bool_)
    embeddings: dict[str, FloatArray] = {}
    for name, model in bundle.models.items():
        is_there, vectors = stored_embeddings(connection, tickets.ids, model, hashes)
        whole = np.zeros((len(tickets), vectors.shape[1]), dtype=np.float32)
        whole[is_there] = vectors
        embeddings[name] = whole
        is_whole &= is_there
    return bundle.with_embeddings(tickets, embeddings), np.flatnonzero(~is_whole).tolist()


def completed(
    database: Database, bundle: Bundle, given: EmbeddedTickets, missing: Sequence[int]
) -> EmbeddedTickets:
    """Embed the tickets that another model's service stored, and keep that for other processes."""
    made = bundle.embed(Tickets(given.tickets.frame[list(missing)]))
    with database.transaction() as connection:
        keep_embeddings(connection, bundle, made)
    embeddings = {}
    for name, vectors in made.embeddings.items():
        known = given.embeddings[name]
        whole = known if known.shape[1] else np.zeros((len(known), vectors.shape[1]), dtype=np.float32)
        whole[missing] = vectors
        embeddings[name] = whole
    return bundle.with_embeddings(given.tickets, embeddings)


def embed_stored(database: Database, bundle: Bundle, progress: Progress = SILENT) -> int:
    """Give every stored ticket its embeddings by a bundle; return how many tickets lacked one.

    Batches are kept as they are made, so what is stopped goes on from there.
    """
    with database.transaction() as connection:
        n_stored = count_tickets(connection)
    n_made, change = 0, 0
    with progress.task("embed stored tickets", n_stored) as task:
        while True:
            with database.transaction() as connection:
                changes = changes_after(connection, change, BATCH_TICKETS)
                given, missing = kept_embeddings(connection, bundle, changes.stored)
            if not len(changes.stored):
                return n_made
            if missing:
                completed(database, bundle, given, missing)
            n_made, change = n_made + len(missing), changes.until
            task.advance(len(changes.stored))
