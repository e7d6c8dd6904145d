"""What was shown to people: the question, each ticket that was named, and how sure that was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import with_config

from ticketkin.store.database import Transaction

_RECORDERS = 7_461_003
"""Of PostgreSQL's advisory locks."""


@dataclass(frozen=True)
class Shown:
    """One ticket that an answer named."""

    candidate: str
    """Its id."""
    kind: str
    band: str
    """Empty where no kinds were learned."""
    probability: float | None
    similarity: float | None
    features: bytes | None = None
    """What the learned ranking read of the pair, as float32; None where it learned nothing."""


@with_config(use_attribute_docstrings=True)
@dataclass(frozen=True)
class Suggestion:
    """A ticket that was named beside a stored one."""

    asked_at: datetime
    ticket_id: str
    candidate: str
    kind: str
    band: str
    probability: float | None


@dataclass(frozen=True)
class Question:
    """What was asked, and what was shown."""

    question_id: UUID
    ticket_id: str | None
    """Of a stored ticket; None for a new one, whose text is not kept."""
    bundle: str
    change: int
    """Number of the last change of stored tickets that the answer took into account."""
    shown: Sequence[Shown]
    refit: int = 0
    """Number of the refit whose weights ranked; 0 for the bundle's own."""


def put_question(connection: Transaction, question: Question) -> None:
    """Keep what was shown. What names a ticket that was deleted meanwhile is left out."""
    shown = question.shown
    connection.execute(
        "INSERT INTO questions (question_id, ticket_id, bundle, change, refit) "
        "VALUES (%s, (SELECT ticket_id FROM tickets WHERE ticket_id = %s FOR KEY SHARE), %s, %s, %s)",
        (question.question_id, question.ticket_id, question.bundle, question.change, question.refit),
    )
    connection.execute(
        """
        INSERT INTO suggestions (question_id, place, candidate, kind, band, probability, similarity, features)
        SELECT %s, shown.place, tickets.ticket_id, shown.kind, shown.band, shown.probability,
            shown.similarity, shown.features
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::bytea[])
            WITH ORDINALITY AS shown (candidate, kind, band, probability, similarity, features, place)
        JOIN (SELECT ticket_id FROM tickets WHERE ticket_id = ANY(%s) FOR KEY SHARE) AS tickets
            ON tickets.ticket_id = shown.candidate
        """,
        (
            question.question_id,
            [one.candidate for one in shown],
            [one.kind for one in shown],
            [one.band for one in shown],
            [one.probability for one in shown],
            [one.similarity for one in shown],
            [one.features for one in shown],
            [one.candidate for one in shown],
        ),
    )
    if question.ticket_id is not None:
        _put_shown_pairs(connection, question)


def _put_shown_pairs(connection: Transaction, question: Question) -> None:
    """Let what was shown of a stored ticket replace what was shown of the same pairs before."""
    # Processes that note the same pairs in another order would wait for each other without end.
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_RECORDERS,))
    connection.execute(
        """
        INSERT INTO shown_pairs
        SELECT bundle, questions.ticket_id, candidate, question_id, asked_at, kind, band, probability,
            similarity, coalesce(similarity >= max(similarity) OVER (), false),
            draw_key_of(questions.ticket_id, candidate)
        FROM questions JOIN suggestions USING (question_id)
        WHERE question_id = %s AND questions.ticket_id IS NOT NULL
        ON CONFLICT (bundle, ticket_id, candidate) DO UPDATE SET
            question_id = EXCLUDED.question_id, asked_at = EXCLUDED.asked_at, kind = EXCLUDED.kind,
            band = EXCLUDED.band, probability = EXCLUDED.probability, similarity = EXCLUDED.similarity,
            is_first = EXCLUDED.is_first
        WHERE shown_pairs.asked_at <= EXCLUDED.asked_at
        """,
        (question.question_id,),
    )


def newest_suggestions(connection: Transaction, bands: Sequence[str], most: int) -> list[Suggestion]:
    """Return what was shown last for stored tickets in some bands, each pair once, the newest first."""
    rows = connection.execute(
        """
        SELECT asked_at, ticket_id, candidate, kind, band, probability FROM (
            SELECT DISTINCT ON (questions.ticket_id, candidate)
                asked_at, questions.ticket_id, candidate, kind, band, probability
            FROM (
                SELECT * FROM questions WHERE ticket_id IS NOT NULL ORDER BY asked_at DESC LIMIT 1000
            ) AS questions JOIN suggestions USING (question_id)
            WHERE band = ANY(%s)
            ORDER BY questions.ticket_id, candidate, asked_at DESC
        ) AS shown ORDER BY asked_at DESC, probability DESC LIMIT %s
        """,
        (list(bands), most),
    ).fetchall()
    return [Suggestion(*row) for row in rows]


def forget_questions(connection: Transaction, older_than_days: int) -> int:
    """Delete what was shown longer ago; return how many questions that were."""
    return connection.execute(
        "DELETE FROM questions WHERE asked_at < now() - make_interval(days => %s)", (older_than_days,)
    ).rowcount
