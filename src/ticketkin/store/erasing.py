"""A ticket or a person out of every table, and their bytes out of the files of the database."""

import time
from collections.abc import Mapping, Sequence

from psycopg import sql

from ticketkin.core.errors import JobError
from ticketkin.core.tables import IntArray
from ticketkin.store.database import Database, Transaction
from ticketkin.store.tickets import await_turn, delete_tickets

_OTHERS_SECONDS = 60.0
"""How long to wait for other transactions; those of the service itself end much sooner."""
ERASED = "an erased person"
"""Text that replaces the name of an erased person."""
_OF_TICKETS: Mapping[str, Sequence[str]] = {
    "embeddings": ("ticket_id",),
    "links": ("source", "target"),
    "questions": ("ticket_id",),
    "suggestions": ("candidate",),
    "shown_pairs": ("ticket_id", "candidate"),
    "answers": ("source", "target"),
    "review_draws": ("ticket_id", "candidate"),
    "proposals": ("duplicate", "parent"),
}
_REWRITTEN = ("tickets", *_OF_TICKETS, "api_keys", "sessions", "audit", "model_switches")


def erase_tickets(connection: Transaction, ids: Sequence[str], identity: IntArray) -> dict[str, int]:
    """Delete tickets with everything that names them; return how many rows of each table that were.

    `identity` (n,) are the hashes of `ids`.
    """
    await_turn(connection)
    counts = {}
    for table, columns in _OF_TICKETS.items():
        named = sql.SQL(" OR ").join(
            sql.SQL("{} = ANY(%s)").format(sql.Identifier(column)) for column in columns
        )
        query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.Identifier(table), named)
        row = connection.execute(query, [list(ids)] * len(columns)).fetchone()
        counts[table] = int(row[0]) if row is not None else 0
    return {"tickets": delete_tickets(connection, ids, identity), **counts}


def ids_of_caller(connection: Transaction, caller: str) -> list[str]:
    """Return the ids of the tickets that one person opened, by the person's pseudonym."""
    rows = connection.execute("SELECT ticket_id FROM tickets WHERE caller = %s", (caller,)).fetchall()
    return [str(row[0]) for row in rows]


def erase_user(connection: Transaction, name: str) -> dict[str, int]:
    """Put `ERASED` in place of somebody who used the service, and revoke their keys; return how many rows."""
    connection.execute("SET LOCAL ticketkin.erases = 'on'")
    connection.execute("DELETE FROM sessions WHERE name = %s", (name,))
    proposals = sum(
        connection.execute(
            sql.SQL("UPDATE proposals SET {0} = %s WHERE {0} = %s").format(sql.Identifier(column)),
            (ERASED, name),
        ).rowcount
        for column in ("proposed_by", "decided_by")
    )
    return {
        "keys": connection.execute(
            "UPDATE api_keys SET name = %s, revoked_at = coalesce(revoked_at, now()) WHERE name = %s",
            (ERASED, name),
        ).rowcount,
        "answers given": connection.execute(
            "UPDATE answers SET reviewer = %s WHERE reviewer = %s", (ERASED, name)
        ).rowcount,
        "audit entries": connection.execute(
            "UPDATE audit SET actor = %s WHERE actor = %s", (ERASED, name)
        ).rowcount,
        "names on proposals": proposals,
        "switches of the model": connection.execute(
            "UPDATE model_switches SET actor = %s WHERE actor = %s", (ERASED, name)
        ).rowcount,
    }


def note_erasure(connection: Transaction) -> int:
    """Tell every process to write its index anew; return the number of this erasure."""
    row = connection.execute("UPDATE installation SET erasures = erasures + 1 RETURNING erasures").fetchone()
    return int(row[0]) if row is not None else 0


def count_erasures(connection: Transaction) -> int:
    """Return how many erasures there were."""
    row = connection.execute("SELECT erasures FROM installation").fetchone()
    return int(row[0]) if row is not None else 0


def rewrite_tables(database: Database) -> None:
    """Write all tables anew without what was deleted, and let the server drop its log of changes.

    Others wait meanwhile. A server of one's own keeps no older log; another one may archive it. Raises
    JobError where somebody's transaction sees what was deleted for more than a minute.
    """
    with database.outside_transactions() as connection:
        _await_older_transactions(connection)
        for table in _REWRITTEN:
            connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(table)))
        if database.is_own:
            for _ in range(2):  # the first checkpoint still needs the segment in which it stands
                connection.execute("SELECT pg_switch_wal()")
                connection.execute("CHECKPOINT")


def _await_older_transactions(connection: Transaction) -> None:
    """Wait until no transaction sees what was deleted before: while one does, tables keep it."""
    row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text").fetchone()
    until = time.monotonic() + _OTHERS_SECONDS
    while _n_older(connection, row):
        if time.monotonic() > until:
            raise JobError(
                f"Somebody's transaction was open for more than {_OTHERS_SECONDS:.0f} seconds, so the bytes "
                "of what was erased are still in the database's files. Give the same command again"
            )
        time.sleep(0.05)


def _n_older(connection: Transaction, first: tuple[object, ...] | None) -> int:
    """Return how many other transactions see rows that were deleted before the transaction `first` began."""
    counted = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND age(backend_xmin) > age(%s::xid)",
        first,
    ).fetchone()
    return int(str(counted[0])) if counted is not None else 0
