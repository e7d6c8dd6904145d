"""What people said tickets are to each other, apart from what the tickets' own columns say."""

from collections.abc import Iterable

import polars as pl

from ticketkin.core.tables import LINKS_SCHEMA, Kind, Links, Origin
from ticketkin.store.database import Transaction
from ticketkin.store.tickets import await_turn


def put_links(connection: Transaction, links: Links) -> int:
    """Store links; return how many were new. A link that names a ticket that is not stored is left out.

    For duplicates and relatives the order within a pair says nothing.
    """
    await_turn(connection)
    n_new = 0
    for source, target, kind, origin in links.frame.iter_rows():
        first, second = (source, target) if kind == Kind.CAUSAL else sorted((source, target))
        n_new += connection.execute(
            """
            INSERT INTO links (source, target, kind, origin)
            SELECT one.ticket_id, other.ticket_id, %s, %s FROM tickets one, tickets other
            WHERE one.ticket_id = %s AND other.ticket_id = %s AND one.ticket_id <> other.ticket_id
            ON CONFLICT DO NOTHING
            """,
            (kind, origin, first, second),
        ).rowcount
    if n_new:
        mark_links_changed(connection)
    return n_new


def remove_links(connection: Transaction, pairs: Iterable[tuple[str, str]], origin: Origin) -> int:
    """Delete the links of one origin between pairs of tickets; return how many there were."""
    await_turn(connection)
    n_gone = 0
    for one, other in pairs:
        n_gone += connection.execute(
            """
            DELETE FROM links
            WHERE origin = %s AND ((source = %s AND target = %s) OR (source = %s AND target = %s))
            """,
            (origin.value, one, other, other, one),
        ).rowcount
    if n_gone:
        mark_links_changed(connection)
    return n_gone


def mark_links_changed(connection: Transaction) -> None:
    """Tell other processes to read the links anew."""
    connection.execute("UPDATE installation SET links_change = links_change + 1")


def links_change(connection: Transaction) -> int:
    """Return a number that grows whenever links change."""
    row = connection.execute("SELECT links_change FROM installation").fetchone()
    return int(row[0]) if row is not None else 0


def stored_links(connection: Transaction) -> Links:
    """Return all stored links, in the order in which they became known."""
    rows = connection.execute(
        "SELECT source, target, kind, origin FROM links ORDER BY known_at, source, target"
    ).fetchall()
    return Links(pl.DataFrame(rows, schema=dict(LINKS_SCHEMA), orient="row"))
