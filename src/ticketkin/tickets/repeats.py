"""One ticket an id: updates joined to the ticket they belong to, repeats dropped, contradictions rejected."""

import polars as pl

from ticketkin.tickets.account import Account
from ticketkin.tickets.mapping import normalise_name

# Columns by which systems count the updates of one ticket; a product's "version" is none.
_UPDATE_COUNTERS = ("sys_mod_count", "mod_count", "update_no")
# What is known only later comes from the last row that has it.
_LATE = (
    "state", "close_code", "close_notes", "resolved_at", "closed_at", "updated_at",
    "parent", "problem", "caused_by", "duplicate_of", "stated_links",
)  # fmt: skip


def update_numbers(raw: pl.DataFrame, columns: list[str]) -> pl.Series:
    """Return the update that each row stands for, 0 where no column counts updates in whole numbers."""
    for column in columns:
        if normalise_name(column) in _UPDATE_COUNTERS:
            text = raw[column].str.strip_chars().replace("", None)
            numbers = text.str.replace(r"\.0+$", "").str.replace_all(",", "").cast(pl.Int64, strict=False)
            if numbers.null_count() == text.null_count():
                return numbers.fill_null(0)
    return pl.Series([0] * raw.height, dtype=pl.Int64)


def collapse_updates(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Return `frame` with one row for each ticket that was exported one row an update.

    The first row carries the fields as first filed; what is known only later (state, resolution, links)
    comes from the last row that has it. `_update` and `_moved` (number and time of the update) tell the
    rows apart: ids whose rows differ in neither are left alone, for their rows are no updates.
    """
    states = frame.group_by("ticket_id").agg(pl.struct("_update", "_moved").n_unique().alias("n"))
    logged = states.filter(pl.col("n") > 1)["ticket_id"]
    names = [name for name in frame.columns if name not in ("_update", "_moved")]
    if logged.is_empty():
        return frame.select(names)
    is_logged = pl.col("ticket_id").is_in(logged.to_list())
    ordered = frame.filter(is_logged).sort("_update", "_moved", maintain_order=True)
    last = [pl.col(name).filter(pl.col(name) != "").last().fill_null("").alias(name) for name in _LATE]
    first = [pl.col(name).first() for name in names if name not in (*_LATE, "ticket_id")]
    collapsed = ordered.group_by("ticket_id", maintain_order=True).agg(*first, *last).select(names)
    account.n_collapsed += ordered.height - collapsed.height
    return pl.concat([frame.filter(~is_logged).select(names), collapsed]).sort("source_row")


def unique_tickets(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Return `frame` without exact repeats; rows that give an id a second, different content are rejected."""
    content = [name for name in frame.columns if name not in ("source_row", "_source")]
    distinct = frame.unique(content, keep="first", maintain_order=True).with_row_index("_at")
    account.n_duplicate_ids += frame.height - distinct.height
    first = distinct.unique("ticket_id", keep="first", maintain_order=True)
    again = distinct.filter(~pl.col("_at").is_in(first["_at"].to_list()))
    for source, row, ticket_id in again.select("_source", "source_row", "ticket_id").iter_rows():
        reason = f"id {ticket_id} was seen before with other content; the first row is kept"
        account.reject(
            source, [(row, reason)], "its id was seen before with other content; the first is kept"
        )
    return first.drop("_at")
