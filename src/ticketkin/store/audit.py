"""The audit log, who did what and when: entries are only added, and contain no text of a ticket."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb
from pydantic import with_config

from ticketkin.store.database import Transaction


@with_config(use_attribute_docstrings=True)
@dataclass(frozen=True)
class AuditEntry:
    """One thing that was done."""

    at: datetime
    actor: str
    action: str
    counts: Mapping[str, int]
    """How much of what."""


def put_audit(connection: Transaction, actor: str, action: str, **counts: int) -> None:
    """Note what is done in this transaction."""
    connection.execute(
        "INSERT INTO audit (actor, action, counts) VALUES (%s, %s, %s)", (actor, action, Jsonb(counts))
    )


def newest_audit(connection: Transaction, most: int) -> list[AuditEntry]:
    """Return the newest entries, the newest first."""
    rows = connection.execute(
        "SELECT at, actor, action, counts FROM audit ORDER BY audit_id DESC LIMIT %s", (most,)
    ).fetchall()
    return [AuditEntry(*row) for row in rows]
