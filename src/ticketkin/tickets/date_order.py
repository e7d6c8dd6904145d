"""Which of three numbers is the day, the month, the year: decided for a whole column."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import polars as pl

from ticketkin.core.printing import printable_line

EARLIEST_YEAR = 1990
"""No service desk's export reaches further back; an earlier year is a placeholder or a misread one."""


class DateOrder(StrEnum):
    """What stands first in a date of three numbers."""

    MONTH = "month"
    DAY = "day"
    YEAR = "year"


@dataclass(frozen=True)
class OrderHint:
    """How to read dates that allow several orders, and why so, in words."""

    order: DateOrder
    reason: str


@dataclass(frozen=True)
class ColumnOrder:
    """How the dates of three numbers of a column were read; without any, nothing was decided."""

    order: DateOrder | None = None
    is_decided: bool = False
    """True where the dates themselves allow only this order, or more of them do than allow another."""
    is_open: bool = False
    """True where a date allows several orders and none decides."""
    sign: str = ""
    """What stands between the numbers, mostly."""
    note: str = ""


# Where year, month and day stand in a date of three numbers.
PLACES = {
    DateOrder.MONTH: {"month": "first", "day": "second_number", "year": "third"},
    DateOrder.DAY: {"day": "first", "month": "second_number", "year": "third"},
    DateOrder.YEAR: {"year": "first", "month": "second_number", "day": "third"},
}


def order_of(frame: pl.DataFrame, hint: OrderHint | None) -> ColumnOrder:
    """Return how the dates of three numbers are to be read, for the whole column."""
    numeric = frame.filter(pl.col("first").is_not_null())
    if numeric.is_empty():
        return ColumnOrder()
    reads = {order: int(numeric.select(_can_be(order).sum()).item()) for order in DateOrder}
    sign = str(numeric["sign"].mode().sort()[0])
    month_first, day_first, year_first = reads.values()
    if year_first > max(month_first, day_first):
        return ColumnOrder(DateOrder.YEAR, is_decided=True, sign=sign)
    open_to_all = year_first > 0 and year_first == max(month_first, day_first)
    decided = month_first != day_first and not open_to_all
    either = _can_be(DateOrder.MONTH) & _can_be(DateOrder.DAY) & (pl.col("first") != pl.col("second_number"))
    several = numeric.filter(either | (open_to_all & _can_be(DateOrder.YEAR)))
    example = None if several.is_empty() else printable_line(several["cell"][0])
    if decided or example is None:
        order = _likelier(reads, numeric)
        note = f"{example} was read {order} first (as most values allow only that)" if example else ""
        return ColumnOrder(order, is_decided=decided, sign=sign, note=note)
    if hint is not None and reads[hint.order] == max(reads.values()):
        note = f"{example} was read {hint.order} first ({hint.reason})"
        return ColumnOrder(hint.order, is_open=True, sign=sign, note=note)
    if open_to_all and numeric["sign"].eq("-").all():
        note = f"{example} may begin with its day, month or year and is not read; write 2025-12-31"
        return ColumnOrder(is_open=True, sign=sign, note=note)
    order = _likelier(reads, numeric)
    note = f"{example} was read {order} first (no value tells which; write 2025-12-31 to be sure)"
    return ColumnOrder(order, is_open=True, sign=sign, note=note)


def _likelier(reads: Mapping[DateOrder, int], numeric: pl.DataFrame) -> DateOrder:
    """Return month or day: what reads more dates, else what is usual with the sign between the numbers."""
    month_first, day_first = reads[DateOrder.MONTH], reads[DateOrder.DAY]
    n_slashes = int((numeric["sign"] == "/").sum())
    is_month = month_first > day_first if month_first != day_first else 2 * n_slashes >= numeric.height
    return DateOrder.MONTH if is_month else DateOrder.DAY


def _can_be(order: DateOrder) -> pl.Expr:
    places = PLACES[order]
    year = pl.col(places["year"])
    fits = pl.col(places["month"]).is_between(1, 12) & pl.col(places["day"]).is_between(1, 31)
    is_year = pl.col("all_short") & is_short_year(year)
    return fits & (is_year if order is DateOrder.YEAR else is_year | (year > 99))


def last_year() -> int:
    """Return the last year that an export can name: the next one."""
    return datetime.now(UTC).year + 1


def is_short_year(number: pl.Expr) -> pl.Expr:
    """Return whether a number of two digits can be a year of a service desk."""
    return (number <= last_year() % 100) | (number >= EARLIEST_YEAR % 100)
