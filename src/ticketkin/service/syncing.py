"""Sources that send tickets and go on where they stopped."""

from ticketkin.service.refusals import ConflictError
from ticketkin.store.database import Transaction
from ticketkin.store.sync_ledger import SyncBatch, cursor_of, note_sync


def move_cursor(connection: Transaction, batch: SyncBatch, n_changed: int) -> None:
    """Note that a batch of a source was taken over; the same one sent again changes nothing.

    Raises ConflictError where the source stands elsewhere than the batch goes on from: two programs send for
    one source, or one of them lost an answer.
    """
    cursor = cursor_of(connection, batch.source)
    if batch.after is not None and batch.after != cursor:
        if cursor == batch.cursor:
            return
        stands = f"has been taken over up to {cursor[:200]!r}" if cursor else "has sent nothing yet"
        raise ConflictError(
            f"The source {batch.source[:60]!r} {stands}, and this batch goes on from {batch.after[:200]!r}; "
            "nothing of it is stored. Ask GET /v1/syncs where to go on, and let one program send for a source"
        )
    note_sync(connection, batch, n_changed)
