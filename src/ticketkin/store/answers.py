"""What people say of pairs of tickets, and the links that follow from it.

Answers are never changed: a later answer on a pair overrides an earlier one, and one that is taken back is
kept with the time when it was taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import polars as pl
from pydantic import with_config

from ticketkin.core.tables import Kind, Origin
from ticketkin.store.database import Transaction
from ticketkin.store.links import mark_links_changed
from ticketkin.store.tickets import await_turn
from ticketkin.tickets.reviewed import CAUSED_BY, REVIEW_SCHEMA


@with_config(use_attribute_docstrings=True)
@dataclass(frozen=True)
class StoredAnswer:
    """What one person said of two tickets."""

    answer_id: UUID
    source: str
    """Of a cause, the ticket that caused the other."""
    target: str
    answer: str
    """duplicate, related, causal, none or unsure."""
    reviewer: str
    answered_at: datetime
    withdrawn_at: datetime | None
    """When it was taken back."""


_KINDS: Sequence[str] = tuple(kind.value for kind in Kind)
_COLUMNS = "answer_id, source, target, answer, reviewer, answered_at, withdrawn_at"


def put_answer(connection: Transaction, source: str, target: str, answer: str, reviewer: str) -> StoredAnswer:
    """Store what a person said of two stored tickets, by their ids, and the link that follows."""
    await_turn(connection)
    if answer == CAUSED_BY:
        source, target, answer = target, source, Kind.CAUSAL.value
    row = connection.execute(
        f"INSERT INTO answers (answer_id, source, target, answer, reviewer) VALUES (%s, %s, %s, %s, %s) "  # noqa: S608 - names of columns
        f"RETURNING {_COLUMNS}",
        (uuid4(), source, target, answer, reviewer),
    ).fetchone()
    assert row is not None  # noqa: S101 - it was inserted
    _link(connection, source, target)
    return StoredAnswer(*row)


def withdraw_answer(connection: Transaction, answer_id: UUID) -> bool:
    """Take an answer back; the one before it counts again. Return whether it was there and not taken back."""
    await_turn(connection)
    row = connection.execute(
        "UPDATE answers SET withdrawn_at = clock_timestamp() WHERE answer_id = %s AND withdrawn_at IS NULL "
        "RETURNING source, target",
        (answer_id,),
    ).fetchone()
    if row is None:
        return False
    _link(connection, str(row[0]), str(row[1]))
    return True


def newest_answers(connection: Transaction, most: int) -> list[StoredAnswer]:
    """Return the newest answers, those that were taken back among them, the newest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM answers ORDER BY answered_at DESC LIMIT %s",  # noqa: S608 - names of columns
        (most,),
    ).fetchall()
    return [StoredAnswer(*row) for row in rows]


def reviewed_pairs(connection: Transaction) -> pl.DataFrame:
    """Return each pair with its last answer that stands (`REVIEW_SCHEMA`), as `--reviewed` reads them."""
    rows = connection.execute(
        "SELECT source, target, answer FROM standing_answers ORDER BY answered_at"
    ).fetchall()
    return pl.DataFrame(rows, schema=dict(REVIEW_SCHEMA), orient="row")


def count_answers(connection: Transaction) -> dict[str, int]:
    """Return how many pairs have each answer as their last."""
    counts = reviewed_pairs(connection)["kind"].value_counts()
    return dict(counts.sort("kind").iter_rows())


def answers_of(connection: Transaction, ticket_id: str, reviewer: str) -> list[StoredAnswer]:
    """Return a person's last answer that stands on each pair of a ticket."""
    rows = connection.execute(
        f"""
        SELECT DISTINCT ON (least(source, target), greatest(source, target)) {_COLUMNS}
        FROM answers WHERE withdrawn_at IS NULL AND reviewer = %s AND (source = %s OR target = %s)
        ORDER BY least(source, target), greatest(source, target), answered_at DESC
        """,  # noqa: S608 - names of columns
        (reviewer, ticket_id, ticket_id),
    ).fetchall()
    return [StoredAnswer(*row) for row in rows]


def standing_answer(connection: Transaction, one: str, other: str) -> str | None:
    """Return the last answer that stands on a pair of tickets; None without one."""
    row = connection.execute(
        "SELECT answer FROM standing_answers WHERE one = least(%s, %s) AND other = greatest(%s, %s)",
        (one, other) * 2,
    ).fetchone()
    return None if row is None else str(row[0])


def pairs_of_answers(connection: Transaction) -> list[tuple[str, str]]:
    """Return what the first two people said of each pair that two have judged, in the order they did.

    Each by the last answer that stands; unsure is none. Which of two tickets caused the other does not count.
    """
    rows = connection.execute(
        """
        WITH last AS (
            SELECT DISTINCT ON (least(source, target), greatest(source, target), reviewer)
                least(source, target) AS one, greatest(source, target) AS other, answer, answered_at
            FROM answers WHERE withdrawn_at IS NULL
            ORDER BY least(source, target), greatest(source, target), reviewer, answered_at DESC
        )
        SELECT (array_agg(answer ORDER BY answered_at))[1:2] FROM last
        WHERE answer <> 'unsure' GROUP BY one, other HAVING count(*) > 1 ORDER BY one, other
        """
    ).fetchall()
    return [(first, second) for ((first, second),) in rows]


def last_answer_of(connection: Transaction, reviewer: str) -> StoredAnswer | None:
    """Return a person's newest answer that stands; None without one."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM answers WHERE reviewer = %s AND withdrawn_at IS NULL "  # noqa: S608 - names of columns
        "ORDER BY answered_at DESC LIMIT 1",
        (reviewer,),
    ).fetchone()
    return None if row is None else StoredAnswer(*row)


def _link(connection: Transaction, one: str, other: str) -> None:
    """Set the link of a pair to what its last answer says."""
    pair = (one, other, other, one)
    row = connection.execute(
        """
        SELECT source, target, answer FROM answers
        WHERE withdrawn_at IS NULL AND ((source = %s AND target = %s) OR (source = %s AND target = %s))
        ORDER BY answered_at DESC LIMIT 1
        """,
        pair,
    ).fetchone()
    connection.execute(
        "DELETE FROM links WHERE ((source = %s AND target = %s) OR (source = %s AND target = %s)) "
        "AND origin = %s",
        (*pair, Origin.REVIEW.value),
    )
    if row is not None and row[2] in _KINDS:
        source, target, kind = row
        first, second = (source, target) if kind == Kind.CAUSAL.value else sorted((source, target))
        connection.execute(
            "INSERT INTO links (source, target, kind, origin) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (first, second, kind, Origin.REVIEW.value),
        )
    mark_links_changed(connection)
