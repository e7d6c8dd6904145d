"""Small tickets and links for tests."""

from collections.abc import Sequence

import polars as pl

from ticketkin.core.tables import LINKS_SCHEMA, TICKETS_SCHEMA, Links, Tickets


def make_tickets(n_tickets: int, opened: Sequence[str] | None = None, **columns: Sequence[str]) -> Tickets:
    """Tickets T0, T1, …; named columns are filled, the others empty."""
    data: dict[str, object] = {}
    for name, dtype in TICKETS_SCHEMA.items():
        if name == "ticket_id":
            data[name] = list(columns.get("number", [f"T{n}" for n in range(n_tickets)]))
        elif name in columns:
            data[name] = list(columns[name])
        elif dtype == pl.String():
            data[name] = [""] * n_tickets
        elif name == "source_row":
            data[name] = list(range(1, n_tickets + 1))
    times = pl.Series("opened_at", opened or [None] * n_tickets, dtype=pl.String)
    form = "%Y-%m-%d %H:%M:%S" if opened and len(opened[0]) > 10 else "%Y-%m-%d"
    parsed = times.str.to_datetime(form, time_unit="us")
    return Tickets(pl.DataFrame(data).with_columns(parsed))


def make_links(pairs: Sequence[tuple[int, int]]) -> Links:
    """Duplicate links between rows, told by a person."""
    rows = [(f"T{a}", f"T{b}", "duplicate", "file") for a, b in pairs]
    return Links(pl.DataFrame(rows, schema=dict(LINKS_SCHEMA), orient="row"))
