"""What goes in and out about sources that send tickets and go on where they stopped."""

from typing import Annotated

from pydantic import Field

from ticketkin.service.strict_model import Strict
from ticketkin.store.sync_ledger import SyncBatch, SyncState

Cursor = Annotated[str, Field(max_length=1_000)]


class SyncIn(Strict):
    """Where a batch of tickets comes from, and up to where its source has been read with it."""

    source: Annotated[str, Field(min_length=1, max_length=200)]
    """A name for the ticket system and what is read of it, such as servicenow-incidents."""
    cursor: Annotated[str, Field(min_length=1, max_length=1_000)]
    """Kept with the batch or not at all; such as when the newest ticket of it was changed."""
    after: Cursor | None = None
    """The cursor that the batch goes on from, empty for the first one; another one than is kept is refused.

    Leave it out to move the cursor in any case.
    """

    def batch(self, n_tickets: int, n_rejected: int) -> SyncBatch:
        """Return what the ledger keeps of a batch."""
        return SyncBatch(self.source, self.cursor, self.after, n_tickets, n_rejected)


class SyncsOut(Strict):
    """Every source that says how far it has sent, the one that sent last first."""

    syncs: list[SyncState]
