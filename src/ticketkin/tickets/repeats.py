"""One ticket an id: updates joined to the ticket they belong to, repeats dropped, contradictions rejected.

Rows are looked at over all files together: a log with one row an update and monthly snapshots of one desk
differ in nothing but where the rows stand.
"""

import polars as pl

from ticketkin.core.ticket_fields import LINK_FIELDS, RESOLUTION_FIELDS
from ticketkin.core.wording import number_of
from ticketkin.tickets.account import Account
from ticketkin.tickets.same_ticket import rows_of_other_tickets

# What is known only later comes from the last row that has it.
_LATE = (*RESOLUTION_FIELDS, *LINK_FIELDS)
# What no ticket is without comes from the first row that has it.
_ALWAYS_THERE = ("title", "description", "number", "sys_id")
_ORDER = ("_update", "_moved", "_progress")
_NO_CONTENT = ("source_row", "_source", "_file")
_WHOLE_NUMBER = r"^(\d+)\.0+$"


def with_whole_ids(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Return `frame` with the id 12.0 as 12 where another row has that id: two formats of one number."""
    whole = frame["ticket_id"].str.extract(_WHOLE_NUMBER)
    hit = whole.is_in(frame["ticket_id"].unique().to_list()) & whole.is_not_null()
    if not hit.any():
        return frame
    account.repairs["whole_number_floats"] += int(hit.sum())
    return frame.with_columns(
        pl.when(hit & (pl.col(name) == pl.col("ticket_id"))).then(whole).otherwise(name).alias(name)
        for name in ("ticket_id", "number")
    )


def collapse_updates(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Return `frame` with one row for each ticket that was exported in several states, in one file or more.

    The first row carries the fields as first filed. What is known only later (state, resolution, links)
    comes from the newest row that has it: of a reference column a newer value replaces the older, and one
    that the newest row leaves empty stays, with a note. `_update`, `_moved` and `_progress` (number and time
    of the update, how far the ticket has come) put the rows in order: ids whose rows differ in none are left
    alone, for their rows are no updates, unless they agree in all columns that their files share: a repeat
    with other columns is joined too. A file that lacks a column, null here, says nothing of it. Rows that
    are another ticket under the same id are rejected.
    """
    names = [name for name in frame.columns if name not in _ORDER]
    if frame["ticket_id"].n_unique() == frame.height:
        return frame.select(pl.col(names)).with_columns(pl.col(pl.String).fill_null(""))
    frame = _without_other_tickets(frame, account).with_row_index("_at")
    known = [pl.col(name).forward_fill().backward_fill().over("ticket_id").fill_null(0) for name in _ORDER]
    repeated = frame.filter(pl.col("ticket_id").is_duplicated()).with_columns(known)
    is_update = pl.struct(_ORDER).n_unique().over("ticket_id") > 1
    updates = repeated.filter(is_update).sort(*_ORDER, "_at")
    repeats = repeated.filter(~is_update).filter(_agree(names).over("ticket_id"))
    joined = pl.concat([updates, repeats])
    alone = frame.filter(~pl.col("_at").is_in(joined["_at"].to_list())).select(names)
    if not joined.is_empty():
        joined = joined.group_by("ticket_id", maintain_order=True).agg(
            *(_joined(name) for name in names if name != "ticket_id"), *_kept_links()
        )
        account.n_collapsed += updates.height - updates["ticket_id"].n_unique()
        account.n_duplicate_ids += repeats.height - repeats["ticket_id"].n_unique()
        _tell(updates, joined, account)
        alone = pl.concat([alone, joined.select(names)]).sort("_file", "source_row")
    return alone.with_columns(pl.col(pl.String).fill_null(""))


def _agree(names: list[str]) -> pl.Expr:
    """Return whether the rows of an id contradict each other nowhere and share what tells a ticket."""
    content = [name for name in names if name not in _NO_CONTENT]
    agree = [pl.col(name).drop_nulls().n_unique() <= 1 for name in content]
    shared = [(pl.col(name) != "").sum() == pl.len() for name in ("title", "description", "sys_id")]
    return pl.all_horizontal(agree) & pl.any_horizontal(shared)


def _joined(name: str) -> pl.Expr:
    """Return what becomes of a column's values of one ticket, oldest first."""
    values = pl.col(name)
    if name in _LATE:
        return values.filter(values != "").last()
    if name in _ALWAYS_THERE:
        return values.filter(values != "").first()
    return values.drop_nulls().first()


def _kept_links() -> list[pl.Expr]:
    """Return for each column of references whether the newest row leaves empty what an older one names."""
    return [
        ((pl.col(name).last() == "") & (pl.col(name) != "").any()).alias(f"_kept_{name}")
        for name in LINK_FIELDS
    ]


def _tell(updates: pl.DataFrame, joined: pl.DataFrame, account: Account) -> None:
    first = pl.col("_file").first().over("ticket_id")
    across = updates.filter(pl.col("_file") != first)
    if across.height:
        account.notes.append(
            f"{number_of(across['ticket_id'].n_unique(), 'ticket stands', 'tickets stand')} in several files "
            "in different states: taken as one ticket each, with the fields as first filed and the newest "
            "state and links"
        )
    n_kept = sum(int(joined[f"_kept_{name}"].sum()) for name in LINK_FIELDS)
    if n_kept:
        account.notes.append(
            f"{number_of(n_kept, 'reference')} kept from an older row, where the newest row of a ticket has "
            "none"
        )


def _without_other_tickets(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    repeated = frame.filter(pl.col("ticket_id").is_duplicated())
    is_other = pl.Series(rows_of_other_tickets(repeated), dtype=pl.Boolean)
    if not is_other.any():
        return frame
    others = repeated.filter(is_other)
    for source, row, ticket_id in others.select("_source", "source_row", "ticket_id").iter_rows():
        reason = f"another ticket with the same id {ticket_id} came before; the first is kept"
        account.reject(
            source, [(row, reason)], "another ticket with the same id came before; the first is kept"
        )
    return frame.join(
        others.select("_file", "source_row"), on=["_file", "source_row"], how="anti", maintain_order="left"
    )


def unique_tickets(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Return `frame` without exact repeats; rows that give an id a second, different content are rejected."""
    if frame["ticket_id"].n_unique() == frame.height:
        return frame.drop("_source", "_file")
    content = [name for name in frame.columns if name not in _NO_CONTENT]
    distinct = frame.unique(content, keep="first", maintain_order=True).with_row_index("_at")
    account.n_duplicate_ids += frame.height - distinct.height
    first = distinct.unique("ticket_id", keep="first", maintain_order=True)
    again = distinct.filter(~pl.col("_at").is_in(first["_at"].to_list()))
    for source, row, ticket_id in again.select("_source", "source_row", "ticket_id").iter_rows():
        reason = f"id {ticket_id} was seen before with other content; the first row is kept"
        account.reject(
            source, [(row, reason)], "its id was seen before with other content; the first is kept"
        )
    return first.drop("_at", "_source", "_file")
