"""Tickets of an export into an index, batch by batch: what a killed command had stored stays stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ticketkin.core.errors import InputError, UnreadableFileError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import Tickets
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import tickets_of_files
from ticketkin.serving.index import Index, IndexChange
from ticketkin.tickets.account import REJECTED_SCHEMA

BATCH_TICKETS = 2_000
"""Tickets that are encoded and stored in one batch; a kill loses the work on one batch at most."""
Embed = Callable[[Tickets], EmbeddedTickets]


@dataclass(frozen=True)
class IndexUpdate:
    """What storing the tickets of some files, and deleting others, did."""

    change: IndexChange
    n_deleted: int
    n_stored: int
    """Tickets that answers come from now."""
    unknown: tuple[str, ...]
    """Names to delete that no stored ticket has."""
    rejected: pl.DataFrame
    """Rows that can't be used: source, row, reason."""
    notes: list[str]
    """What a reader should know of how the files were read."""
    recall: Mapping[str, float]
    """Share of the exact nearest that each approximate search finds; empty where all is exact."""

    def to_json(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            **asdict(self.change),
            "n_deleted": self.n_deleted,
            "n_rejected": self.rejected.height,
            "n_stored": self.n_stored,
            "unknown": list(self.unknown),
            "notes": self.notes,
            "recall": dict(self.recall),
        }


def update_index(
    bundle: Bundle,
    index: Index,
    files: Sequence[Path],
    names: Sequence[str],
    progress: Progress = SILENT,
    *,
    mapping: Mapping[str, str] | None = None,
) -> IndexUpdate:
    """Store the tickets of `files`, then delete those with the ids or numbers `names`.

    `mapping` says which column of the files is which field, by default as in the run. Raises as
    `import_tickets` and `Index.put`.
    """
    change, notes, rejected = IndexChange(0, 0, 0), [], pl.DataFrame(schema=REJECTED_SCHEMA)
    if files:
        settings = bundle.ticket_settings
        if mapping is not None:
            settings = settings.model_copy(update={"mapping": dict(mapping)})
        incoming = tickets_of_files(files, settings, bundle.pseudonymising, progress)
        change = store_in_batches(index, bundle.embed, incoming.tickets, progress)
        notes, rejected = incoming.notes, rejected if incoming.rejected is None else incoming.rejected
    n_deleted, unknown = delete_named(index, names)
    return IndexUpdate(change, n_deleted, len(index), unknown, rejected, notes, index.recall)


def store_in_batches(
    index: Index, embed: Embed, tickets: Tickets, progress: Progress = SILENT
) -> IndexChange:
    """Store tickets and return what changed; only what is not stored as it is now is embedded.

    Each batch is on the disk before the next one is embedded, so that the same call goes on where a killed
    one was. Raises as `Index.put`.
    """
    due = np.flatnonzero(~index.is_current(tickets))
    n_added, n_updated = 0, 0
    n_unchanged = len(tickets) - len(due)
    with progress.task("store tickets", len(due)) as task:
        for start in range(0, len(due), BATCH_TICKETS):
            rows = due[start : start + BATCH_TICKETS]
            change = index.put(embed(Tickets(tickets.frame[rows.tolist()])))
            n_added, n_updated = n_added + change.n_added, n_updated + change.n_updated
            n_unchanged += change.n_unchanged  # another process stored them meanwhile
            task.advance(len(rows))
    index.tend(progress)
    return IndexChange(n_added, n_updated, n_unchanged)


def delete_named(index: Index, names: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Delete tickets by id or number; return how many, and the names that no stored ticket has.

    Raises as `Index.delete`.
    """
    rows = {name: index.row_of(name) for name in names}
    known = np.array([row for row in rows.values() if row is not None], dtype=np.int64)
    ids = index.tickets(np.unique(known)).ids if len(known) else []
    return index.delete(ids) if ids else 0, tuple(name for name, row in rows.items() if row is None)


def read_names(path: Path) -> list[str]:
    """Return the ids or numbers in a file, one a line; blank lines say nothing.

    Raises InputError where there is no such file or no name in it, UnreadableFileError where it is no text.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}; give a file of ids") from None
    except UnicodeDecodeError:
        raise UnreadableFileError(f"{path} is no UTF-8 text; write one id or number a line") from None
    names = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not names:
        raise InputError(f"{path} holds no id; write one id or number a line")
    return names
