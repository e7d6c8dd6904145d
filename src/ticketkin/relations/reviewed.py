"""Kinds of pairs that a person reviewed: a file of two tickets and a kind, the last word on a pair."""

from pathlib import Path

import polars as pl

from ticketkin.core.errors import InputError
from ticketkin.core.tables import Tickets
from ticketkin.relations.pairs import KINDS, TOLD_SCHEMA
from ticketkin.tickets.links import known_references
from ticketkin.tickets.reading import read_table

_COLUMNS = ("source", "target", "kind")
_MOST_TOLD = 5


def read_reviewed(path: Path, tickets: Tickets) -> pl.DataFrame:
    """Return the reviewed pairs as `TOLD_SCHEMA`, from any table with source, target and kind.

    Tickets go by id, number or sys_id; of a causal pair the source is the cause. Raises InputError where a
    column is missing, and with the row where a kind or a ticket is not one.
    """
    table = read_table(path)
    lacking = [name for name in _COLUMNS if name not in table.frame.columns]
    if lacking:
        raise InputError(
            f"{path}: lacks the column {', '.join(lacking)}; it has {', '.join(table.frame.columns)}. A "
            "review has the columns source, target, kind"
        )
    known = known_references(tickets)
    rows, faults = [], []
    columns = table.frame.select(_COLUMNS).iter_rows()
    for number, (source, target, kind) in zip(table.rows, columns, strict=True):
        word = str(kind or "").strip().lower()
        absent = [name for name in (source, target) if str(name or "").strip() not in known]
        if word not in KINDS:
            faults.append(f"row {number} has the kind {kind!r}, allowed are {', '.join(KINDS)}")
        elif absent:
            faults.append(f"row {number} names {absent[0]!r}, which is no ticket of this export")
        elif known[str(source).strip()] == known[str(target).strip()]:
            faults.append(f"row {number} names the same ticket twice, {source!r}")
        else:
            rows.append((known[str(source).strip()], known[str(target).strip()], word, True))
    if faults:
        more = f" and {len(faults) - _MOST_TOLD} more" if len(faults) > _MOST_TOLD else ""
        raise InputError(f"{path}: {'; '.join(faults[:_MOST_TOLD])}{more}")
    return pl.DataFrame(rows, schema=dict(TOLD_SCHEMA), orient="row")
