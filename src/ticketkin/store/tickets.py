"""Tickets in the database, and what changed since a process last looked.

Every change has a number. Writers take turns until they have committed, so numbers become visible in their
order, and a reader that remembers the largest number it saw misses nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from psycopg import sql

from ticketkin.core.tables import TICKETS_SCHEMA, IntArray, Tickets
from ticketkin.store.database import Transaction

_WRITERS = 7_461_002
"""Of PostgreSQL's advisory locks."""
_COLUMNS = tuple(name for name in TICKETS_SCHEMA if name != "source_row")
_NAMES = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
_PUT = sql.SQL(
    """
    INSERT INTO tickets ({names}, content, change) VALUES ({places}, nextval('changes'))
    ON CONFLICT (ticket_id) DO UPDATE SET {updates}, content = EXCLUDED.content, change = EXCLUDED.change
    WHERE tickets.content <> EXCLUDED.content
    """
).format(
    names=_NAMES,
    places=sql.SQL(", ").join([sql.Placeholder()] * (len(_COLUMNS) + 1)),
    updates=sql.SQL(", ").join(
        sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in _COLUMNS if name != "ticket_id"
    ),
)
_SELECT = sql.SQL("SELECT {names}, change FROM tickets").format(names=_NAMES)


@dataclass(frozen=True)
class TicketCounts:
    """What storing tickets changed."""

    n_added: int
    n_updated: int
    n_unchanged: int


@dataclass(frozen=True)
class Changes:
    """What happened to the tickets after one change and until another, that one included."""

    stored: Tickets
    """New and changed ones, in the order in which they came."""
    deleted: IntArray
    """Hashes of the ids of those that are gone."""
    until: int

    def __bool__(self) -> bool:
        return len(self.stored) > 0 or len(self.deleted) > 0


def await_turn(connection: Transaction) -> None:
    """Wait until no other transaction changes tickets; whoever changes them calls this first."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITERS,))


def stored_content(connection: Transaction, ids: Sequence[str]) -> dict[str, int]:
    """Return the hash of what each stored ticket says, by id; ids that are not stored are left out."""
    rows = connection.execute(
        "SELECT ticket_id, content FROM tickets WHERE ticket_id = ANY(%s)", (list(ids),)
    ).fetchall()
    return {str(ticket_id): int(content) for ticket_id, content in rows}


def put_tickets(
    connection: Transaction, tickets: Tickets, content: IntArray, identity: IntArray
) -> TicketCounts:
    """Store tickets; one that is there is replaced, unless it says the same.

    `content` (n,) are hashes of what they say, `identity` (n,) of their ids.
    """
    await_turn(connection)
    known = stored_content(connection, tickets.ids)
    before = [known.get(ticket_id) for ticket_id in tickets.ids]
    now = content.tolist()
    rows = tickets.frame.select(_COLUMNS).rows()
    due = [place for place in range(len(rows)) if before[place] != now[place]]
    if due:
        with connection.cursor() as cursor:
            cursor.executemany(_PUT, [(*rows[place], now[place]) for place in due])
        connection.execute("DELETE FROM deletions WHERE identity = ANY(%s)", (identity[due].tolist(),))
    n_added = sum(one is None for one in before)
    return TicketCounts(n_added, len(due) - n_added, len(rows) - len(due))


def names_to_ids(connection: Transaction, names: Iterable[str]) -> dict[str, str]:
    """Return the id of the stored ticket with each id or number; names of none are left out."""
    asked = list(dict.fromkeys(names))
    rows = connection.execute(
        "SELECT number, ticket_id FROM tickets WHERE number = ANY(%s) AND number <> '' ORDER BY change",
        (asked,),
    ).fetchall()
    by_number = {str(number): str(ticket_id) for number, ticket_id in rows}
    own = {str(row[0]) for row in connection.execute(
        "SELECT ticket_id FROM tickets WHERE ticket_id = ANY(%s)", (asked,)
    )}  # fmt: skip
    ids = {name: name if name in own else by_number.get(name) for name in asked}
    return {name: ticket_id for name, ticket_id in ids.items() if ticket_id is not None}


def delete_tickets(connection: Transaction, ids: Sequence[str], identity: IntArray) -> int:
    """Delete tickets by id, with their embeddings and links; return how many there were.

    `identity` (n,) are the hashes of `ids`: they alone stay, so that other processes learn of it.
    """
    await_turn(connection)
    connection.execute(
        "UPDATE installation SET links_change = links_change + 1 "
        "WHERE EXISTS (SELECT FROM links WHERE source = ANY(%s) OR target = ANY(%s))",
        (list(ids), list(ids)),
    )
    deleted = connection.execute(
        "DELETE FROM tickets WHERE ticket_id = ANY(%s) RETURNING ticket_id", (list(ids),)
    ).fetchall()
    gone = {str(row[0]) for row in deleted}
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO deletions VALUES (%s, nextval('changes')) ON CONFLICT (identity) DO NOTHING",
            [(number,) for name, number in zip(ids, identity.tolist(), strict=True) if name in gone],
        )
    return len(gone)


def newest_change(connection: Transaction) -> int:
    """Return the number of the newest change, 0 before the first."""
    row = connection.execute(
        "SELECT greatest((SELECT max(change) FROM tickets), (SELECT max(change) FROM deletions))"
    ).fetchone()
    return int(row[0]) if row is not None and row[0] is not None else 0


def changes_after(connection: Transaction, change: int, most: int) -> Changes:
    """Return what happened after a change, `most` stored tickets at once; empty where nothing did."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    rows = connection.execute(
        sql.SQL("{} WHERE change > %s ORDER BY change LIMIT %s").format(_SELECT), (change, most)
    ).fetchall()
    until = int(rows[-1][-1]) if len(rows) == most else newest_change(connection)
    deleted = connection.execute(
        "SELECT identity FROM deletions WHERE change > %s AND change <= %s", (change, until)
    ).fetchall()
    stored = _tickets([row[:-1] for row in rows])
    return Changes(stored, np.array([row[0] for row in deleted], dtype=np.int64), max(until, change))


def tickets_by_id(connection: Transaction, ids: Sequence[str]) -> Tickets:
    """Return the stored tickets of these ids, in the order in which they came."""
    rows = connection.execute(
        sql.SQL("{} WHERE ticket_id = ANY(%s) ORDER BY change").format(_SELECT), (list(ids),)
    ).fetchall()
    return _tickets([row[:-1] for row in rows])


def tickets_opened_since(connection: Transaction, since: datetime) -> Tickets:
    """Return the stored tickets that opened then or later, in the order of their opening."""
    rows = connection.execute(
        sql.SQL("{} WHERE opened_at >= %s ORDER BY opened_at, ticket_id").format(_SELECT), (since,)
    ).fetchall()
    return _tickets([row[:-1] for row in rows])


def newest_ticket_ids(connection: Transaction, within: timedelta, most: int) -> list[str]:
    """Return the ids of the tickets that opened last, the newest at the end.

    Only those that opened `within` so long before the newest; where no opening time is known, those that
    were stored last.
    """
    rows = connection.execute(
        """
        SELECT ticket_id FROM tickets
        WHERE opened_at >= (SELECT max(opened_at) FROM tickets) - %s
            OR NOT EXISTS (SELECT FROM tickets WHERE opened_at IS NOT NULL)
        ORDER BY opened_at DESC NULLS LAST, change DESC LIMIT %s
        """,
        (within, most),
    ).fetchall()
    return [str(row[0]) for row in reversed(rows)]


def tickets_named(connection: Transaction, text: str, most: int) -> Tickets:
    """Return the stored tickets whose number begins with a text or whose title holds it, newest first."""
    pattern = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = connection.execute(
        sql.SQL(
            "{} WHERE number ILIKE %s OR title ILIKE %s "
            "ORDER BY opened_at DESC NULLS LAST, change DESC LIMIT %s"
        ).format(_SELECT),
        (f"{pattern}%", f"%{pattern}%", most),
    ).fetchall()
    return _tickets([row[:-1] for row in rows])


def installation_id(connection: Transaction) -> str:
    """Return the id that distinguishes this database from any other."""
    row = connection.execute("SELECT id FROM installation").fetchone()
    return str(row[0]) if row is not None else ""


def count_tickets(connection: Transaction) -> int:
    """Return how many tickets are stored."""
    row = connection.execute("SELECT count(*) FROM tickets").fetchone()
    return int(row[0]) if row is not None else 0


def _tickets(rows: Sequence[tuple[object, ...]]) -> Tickets:
    schema = {name: TICKETS_SCHEMA[name] for name in _COLUMNS}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return Tickets(frame.with_columns(pl.lit(0, pl.Int64).alias("source_row")))
