"""What became of what was shown: how often people agreed, and which models answered when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ticketkin.store.database import Transaction


@dataclass(frozen=True)
class JudgedSuggestions:
    """Pairs that were shown in one band as one kind, and what people answered."""

    band: str
    kind: str
    n_shown: int
    n_answered: int
    """Those with an answer that stands and is not unsure."""
    n_right: int
    """Those of which people said that kind; where no kinds were learned, any kind."""


@dataclass(frozen=True)
class BundleInUse:
    """A bundle and the questions it answered."""

    bundle: str
    first_asked_at: datetime
    last_asked_at: datetime
    n_questions: int


def judged_suggestions(connection: Transaction, bands: Sequence[str], bundle: str) -> list[JudgedSuggestions]:
    """Return what a bundle stated of stored tickets in some bands and what people said of it.

    Each pair counts once, as it was shown last, and only for the answer that stands.
    """
    rows = connection.execute(
        """
        WITH shown AS (
            SELECT DISTINCT ON (questions.ticket_id, candidate)
                questions.ticket_id, candidate, band, kind
            FROM questions JOIN suggestions USING (question_id)
            WHERE questions.ticket_id IS NOT NULL AND bundle = %s
            ORDER BY questions.ticket_id, candidate, asked_at DESC
        ), standing AS (
            SELECT DISTINCT ON (least(source, target), greatest(source, target))
                least(source, target) AS one, greatest(source, target) AS other, answer
            FROM answers WHERE withdrawn_at IS NULL
            ORDER BY least(source, target), greatest(source, target), answered_at DESC
        )
        SELECT band, kind, count(*), count(answer),
            count(*) FILTER (WHERE answer = kind OR (kind = 'kin' AND answer <> 'none'))
        FROM shown LEFT JOIN standing
            ON one = least(ticket_id, candidate) AND other = greatest(ticket_id, candidate)
            AND answer <> 'unsure'
        WHERE band = ANY(%s)
        GROUP BY band, kind ORDER BY band, kind
        """,
        (bundle, list(bands)),
    ).fetchall()
    return [JudgedSuggestions(*row) for row in rows]


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


def ticket_to_review(connection: Transaction, bands: Sequence[str]) -> str | None:
    """Return a ticket with a statement that nobody answered, else any that nobody answered about.

    Each ticket is as likely as any other, so that what people answer tells how often statements are right.
    None where there is no such ticket.
    """
    row = connection.execute(
        """
        SELECT ticket_id FROM (
            SELECT DISTINCT questions.ticket_id FROM questions JOIN suggestions USING (question_id)
            WHERE band = ANY(%s) AND questions.ticket_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM answers WHERE withdrawn_at IS NULL AND (
                    (source = questions.ticket_id AND target = candidate)
                    OR (target = questions.ticket_id AND source = candidate)
                )
            )
        ) AS waiting ORDER BY random() LIMIT 1
        """,
        (list(bands),),
    ).fetchone()
    row = (
        row
        or connection.execute(
            """
        SELECT ticket_id FROM tickets WHERE NOT EXISTS (
            SELECT FROM answers WHERE withdrawn_at IS NULL AND tickets.ticket_id IN (source, target)
        ) ORDER BY random() LIMIT 1
        """
        ).fetchone()
    )
    return None if row is None else str(row[0])
