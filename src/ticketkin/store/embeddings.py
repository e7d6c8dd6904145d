"""Embeddings in the database, each of one ticket by one model, in a table of their own.

They are kept in single precision, as the models give them: what is scored from them is then what was judged.
Half precision (halfvec) would halve the table and move scores past 1e-5, what a verdict and its answers may
differ by: in the demo by up to 7e-5 (.6 % of 21,255 pairs by more than 1e-5), with a tiny encoder by 1.5e-3.
"""

from collections.abc import Sequence

import numpy as np

from ticketkin.core.tables import BoolArray, FloatArray, IntArray
from ticketkin.store.database import Transaction


def put_embeddings(
    connection: Transaction, ids: Sequence[str], model: str, text_hashes: IntArray, vectors: FloatArray
) -> None:
    """Store what a model made of the texts of stored tickets.

    `text_hashes` (n,) are those of the texts that it read, `vectors` are (n, d). A ticket that was deleted
    meanwhile is left out.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO embeddings (ticket_id, model, text_hash, vector)
            SELECT ticket_id, %s, %s, %s FROM tickets WHERE ticket_id = %s
            ON CONFLICT (ticket_id, model) DO UPDATE
            SET text_hash = EXCLUDED.text_hash, vector = EXCLUDED.vector
            WHERE embeddings.text_hash <> EXCLUDED.text_hash
            """,
            [
                (model, text_hash, vector, ticket_id)
                for ticket_id, text_hash, vector in zip(ids, text_hashes.tolist(), vectors, strict=True)
            ],
        )


def stored_embeddings(
    connection: Transaction, ids: Sequence[str], model: str, text_hashes: IntArray
) -> tuple[BoolArray, FloatArray]:
    """Return which tickets have an embedding of exactly these texts, shape (n,), and theirs, (n_there, d)."""
    rows = connection.execute(
        "SELECT ticket_id, text_hash, vector FROM embeddings WHERE model = %s AND ticket_id = ANY(%s)",
        (model, list(ids)),
        binary=True,
    ).fetchall()
    by_id = {ticket_id: (text_hash, vector) for ticket_id, text_hash, vector in rows}
    wanted = list(zip(ids, text_hashes.tolist(), strict=True))
    is_there = np.array(
        [ticket_id in by_id and by_id[ticket_id][0] == text_hash for ticket_id, text_hash in wanted],
        dtype=np.bool_,
    )
    chosen = [by_id[ids[place]][1].to_numpy() for place in np.flatnonzero(is_there).tolist()]
    return is_there, np.stack(chosen).astype(np.float32) if chosen else np.zeros((0, 0), dtype=np.float32)


def forget_models(connection: Transaction, kept: Sequence[str]) -> int:
    """Delete the embeddings of all models but some; return how many there were."""
    return connection.execute("DELETE FROM embeddings WHERE model <> ALL(%s)", (list(kept),)).rowcount
