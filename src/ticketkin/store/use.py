"""Which models answered when, and which tickets nobody has answered about."""

from dataclasses import dataclass
from datetime import datetime

from ticketkin.store.database import Transaction


@dataclass(frozen=True)
class BundleInUse:
    """A bundle and the questions it answered."""

    bundle: str
    first_asked_at: datetime
    last_asked_at: datetime
    n_questions: int


def bundles_in_use(connection: Transaction, most: int) -> list[BundleInUse]:
    """Return which bundles answered, the last one first, as far as it is kept what was shown."""
    rows = connection.execute(
        """
        SELECT bundle, min(asked_at), max(asked_at), count(*) FROM questions
        GROUP BY bundle ORDER BY max(asked_at) DESC LIMIT %s
        """,
        (most,),
    ).fetchall()
    return [BundleInUse(*row) for row in rows]


def ticket_to_review(connection: Transaction) -> str | None:
    """Return a ticket that nobody answered about, each as likely as any other; None where there is none."""
    row = connection.execute(
        """
        SELECT ticket_id FROM tickets WHERE NOT EXISTS (
            SELECT FROM answers WHERE withdrawn_at IS NULL AND tickets.ticket_id IN (source, target)
        ) ORDER BY random() LIMIT 1
        """
    ).fetchone()
    return None if row is None else str(row[0])
