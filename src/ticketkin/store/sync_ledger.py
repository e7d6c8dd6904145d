"""How far the tickets of each source have been taken over, kept in the transaction that stores them.

A program that brings tickets from a ticket system has to know where to go on after a stop. It names its
source and a cursor, such as when the newest ticket of a batch was changed; both are kept with the batch or
not at all.
"""

from dataclasses import dataclass
from datetime import datetime

from ticketkin.store.database import Transaction

_COLUMNS = "source, cursor, n_batches, n_tickets, n_changed, n_rejected, first_at, last_at"


@dataclass(frozen=True)
class SyncBatch:
    """One batch of a source: up to where it reaches, and what it holds."""

    source: str
    cursor: str
    """Up to where the source has been read with this batch, in words of the source's own."""
    after: str | None
    """The cursor that the sender goes on from, empty for the first batch; None where it does not say."""
    n_tickets: int
    n_rejected: int


@dataclass(frozen=True)
class SyncState:
    """What has come from a source until now."""

    source: str
    cursor: str
    n_batches: int
    n_tickets: int
    """Tickets that were sent, those that were there already included."""
    n_changed: int
    """Those of them that were new or changed."""
    n_rejected: int
    first_at: datetime
    last_at: datetime


def cursor_of(connection: Transaction, source: str) -> str:
    """Return the cursor of a source, empty without one, and lock it until the transaction ends."""
    # A source that is not there yet has no row that could be locked.
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7461003))", (source,))
    row = connection.execute("SELECT cursor FROM sync_ledger WHERE source = %s", (source,)).fetchone()
    return "" if row is None else str(row[0])


def note_sync(connection: Transaction, batch: SyncBatch, n_changed: int) -> None:
    """Move the cursor of a source, and count its batch."""
    connection.execute(
        """
        INSERT INTO sync_ledger (source, cursor, n_batches, n_tickets, n_changed, n_rejected)
        VALUES (%s, %s, 1, %s, %s, %s)
        ON CONFLICT (source) DO UPDATE SET
            cursor = EXCLUDED.cursor, n_batches = sync_ledger.n_batches + 1,
            n_tickets = sync_ledger.n_tickets + EXCLUDED.n_tickets,
            n_changed = sync_ledger.n_changed + EXCLUDED.n_changed,
            n_rejected = sync_ledger.n_rejected + EXCLUDED.n_rejected, last_at = clock_timestamp()
        """,
        (batch.source, batch.cursor, batch.n_tickets, n_changed, batch.n_rejected),
    )


def sync_states(connection: Transaction) -> list[SyncState]:
    """Return the state of every source, the one that sent last first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM sync_ledger ORDER BY last_at DESC, source"  # noqa: S608 - names of columns
    ).fetchall()
    return [SyncState(*row) for row in rows]


def forget_source(connection: Transaction, source: str) -> bool:
    """Forget how far a source was taken over; return whether it was known."""
    return connection.execute("DELETE FROM sync_ledger WHERE source = %s", (source,)).rowcount > 0
