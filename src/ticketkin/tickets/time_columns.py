"""The columns of times of one file, which tell one another the order of day and month."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import polars as pl

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.account import Account
from ticketkin.tickets.column_cleaning import without_placeholders
from ticketkin.tickets.date_order import DateOrder, OrderHint
from ticketkin.tickets.dates import Times, parse_times
from ticketkin.tickets.mapping import ColumnMapping

TIME_FIELDS = ("opened_at", "resolved_at", "closed_at", "updated_at")
# More unreadable opening times than this, and history can't be replayed: better no import than half a one.
_MOST_UNREADABLE = 0.1
_PLAUSIBLE = "as fewer tickets then end before they are opened"


def read_times(
    frame: pl.DataFrame, source: str, mapping: ColumnMapping, account: Account, first_day: datetime
) -> dict[str, Times]:
    """Return the times of the fields of `TIME_FIELDS` in `frame`; what had to be decided is noted.

    Raises UnreadableFileError where more than a tenth of the opening times can't be read.
    """
    cells = {name: without_placeholders(frame[name], Counter()) for name in TIME_FIELDS}
    times = {name: parse_times(column, first_day=first_day) for name, column in cells.items()}
    shown = {name: account.shown(mapping.columns.get(name, name)) for name in TIME_FIELDS}
    for name, hint in _hints(cells, times, shown, first_day).items():
        times[name] = parse_times(cells[name], hint, first_day)
    for name, read in times.items():
        account.repairs.update(read.repairs)
        _tell_order(name, times, source, shown, account)
        _check(name, read, source, shown[name], account)
    return times


def _hints(
    cells: Mapping[str, pl.Series], times: Mapping[str, Times], shown: Mapping[str, str], first_day: datetime
) -> dict[str, OrderHint]:
    """Return how to read each column whose own dates leave it open, where the file tells."""
    hints = {}
    is_open = [name for name in times if times[name].order.is_open]
    for name in is_open:
        orders = _decided(name, times)
        if len(orders) == 1:
            (order, column), *_ = orders.items()
            hints[name] = OrderHint(order, f"as {shown[column]} allows only that")
    if is_open and not any(_decided(name, times) for name in is_open):
        plausible = _plausible_order(cells, times, is_open, first_day)
        if plausible is not None:
            hints = dict.fromkeys(is_open, OrderHint(plausible, _PLAUSIBLE))
    return hints


def _decided(name: str, times: Mapping[str, Times]) -> dict[DateOrder, str]:
    """Return the orders that other columns are sure of, each with the first such column.

    Those that write dates with the same sign between the numbers count before the others, and alone where
    that is a dot: dates with slashes tell nothing of 03.04.2025.
    """
    sure = {other: read.order for other, read in times.items() if read.order.is_decided}
    sign = times[name].order.sign
    alike = {other: order for other, order in sure.items() if order.sign == sign}
    orders: dict[DateOrder, str] = {}
    for other, other_order in (alike if alike or sign == "." else sure).items():
        if other_order.order is not None:
            orders.setdefault(other_order.order, other)
    return orders


def _plausible_order(
    cells: Mapping[str, pl.Series], times: Mapping[str, Times], is_open: list[str], first_day: datetime
) -> DateOrder | None:
    """Return the order under which fewer days of closing lie before those of opening; None on a tie."""
    n_reversed = {}
    for order in (DateOrder.MONTH, DateOrder.DAY):
        hint = OrderHint(order, _PLAUSIBLE)
        values = {
            name: (parse_times(cells[name], hint, first_day) if name in is_open else read).values.dt.date()
            for name, read in times.items()
        }
        n_reversed[order] = sum(
            int((values[name] < values["opened_at"]).sum()) for name in TIME_FIELDS if name != "opened_at"
        )
    if n_reversed[DateOrder.MONTH] == n_reversed[DateOrder.DAY]:
        return None
    return min(n_reversed, key=n_reversed.__getitem__)


def _tell_order(
    name: str, times: Mapping[str, Times], source: str, shown: Mapping[str, str], account: Account
) -> None:
    order = times[name].order
    if not order.note:
        return
    others = _decided(name, times) if order.is_open else {}
    contradiction = "".join(f"; {shown[column]} is {first} first" for first, column in others.items())
    more = f"; other columns contradict each other{contradiction}" if len(others) > 1 else ""
    account.notes.append(f"{source}: {shown[name]}: {account.shown(order.note)}{more}")


def _check(name: str, read: Times, source: str, shown: str, account: Account) -> None:
    """Note times that can't be read. Raises UnreadableFileError where these are too many to go on."""
    if not read.n_unreadable:
        return
    examples = ", ".join(repr(account.shown(example)) for example in read.examples)
    note = f"{source}: {read.n_unreadable:,} of {read.n_filled:,} times in {shown!r} can't be read"
    too_many = read.n_unreadable > _MOST_UNREADABLE * read.n_filled
    if name == "opened_at" and too_many and account.settings.unreadable_times == "error":
        raise UnreadableFileError(
            f"{note}, e.g. {examples}. Write them as 2025-12-31 14:30:00, map another column with --map "
            "opened_at=COLUMN, or leave them empty with --set tickets.unreadable_times=ignore"
        )
    account.notes.append(f"{note} and stay empty, e.g. {examples}")
