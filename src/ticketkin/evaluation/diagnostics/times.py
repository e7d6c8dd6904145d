"""Opening times that are none: of the import, of closing, of no hour, or in another order than numbers."""

import re

import numpy as np
import polars as pl

from ticketkin.core.checks import Check, passed, skipped, warning
from ticketkin.core.tables import IntArray, Tickets
from ticketkin.core.wording import number_of, percent

_CODE = "opening_times"
_FEWEST = 50
_MOST = 0.5
_NEARLY_ALL = 0.95
_IN_ORDER = 0.5
_PARSED = "%Y-%m-%d %H:%M:%S%.f"
_NUMBER = re.compile(r"(\d{1,15})\D*$")


def opening_times(tickets: Tickets) -> Check:
    """Find opening times that can't be those at which tickets were opened.

    Which tickets a new one may see, and how far apart two were filed, follows from them.
    """
    frame = tickets.frame
    opened = frame["opened_at"].drop_nulls()
    if opened.len() < _FEWEST:
        return skipped(_CODE, f"{number_of(opened.len(), 'ticket has', 'tickets have')} an opening time")
    faults = [fault for fault in (_same_as_later(frame), _repeated(opened), _midnight(opened)) if fault]
    faults += [fault for fault in (_against_numbers(frame), _evenly_spaced(opened)) if fault]
    if faults:
        return warning(
            _CODE,
            "; ".join(faults),
            "map the column of opening times with --map opened_at=COLUMN; look at how its dates are written",
        )
    return passed(
        _CODE, f"{number_of(opened.len(), 'opening time')} from {opened.dt.min()} to {opened.dt.max()}"
    )


def _same_as_later(frame: pl.DataFrame) -> str:
    for column in ("closed_at", "resolved_at", "updated_at"):
        later = frame[column].replace("", None).str.to_datetime(_PARSED, time_unit="us", strict=False)
        known = frame["opened_at"].is_not_null() & later.is_not_null()
        if known.sum() < _FEWEST:
            continue
        share = float((frame["opened_at"] == later).filter(known).to_numpy().mean())
        if share > _MOST:
            return f"{percent(share)} of the tickets were opened in the very second of {column}"
    return ""


def _repeated(opened: pl.Series) -> str:
    most = opened.value_counts(sort=True).row(0)
    share = most[1] / opened.len()
    if share > _MOST:
        return f"{percent(share)} of the tickets have one opening time, {most[0]}: it is that of an import"
    return ""


def _midnight(opened: pl.Series) -> str:
    share = float((opened == opened.dt.truncate("1d")).to_numpy().mean())
    if share < _NEARLY_ALL or opened.n_unique() < 2:
        return ""
    return f"{percent(share)} of the opening times are midnight: within a day nobody knows what came first"


def _evenly_spaced(opened: pl.Series) -> str:
    """Find a clock that counts rows: people do not open tickets at one pace."""
    gaps = opened.sort().diff().drop_nulls()
    most, n_most = gaps.value_counts(sort=True).row(0)
    if opened.n_unique() < _FEWEST or n_most < _NEARLY_ALL * gaps.len() or not most:
        return ""
    return f"{percent(n_most / gaps.len())} of the tickets follow one another after {most}: a script counted"


def _against_numbers(frame: pl.DataFrame) -> str:
    """Compare the order of times with that of numbers: a day up to 12 alone can be taken for a month."""
    matches = [_NUMBER.search(ticket_id) for ticket_id in frame["ticket_id"]]
    numbers = np.array([int(match[1]) if match else -1 for match in matches], dtype=np.int64)
    known = (numbers >= 0) & frame["opened_at"].is_not_null().to_numpy()
    if known.sum() < _FEWEST or len(np.unique(numbers[known])) < known.sum():
        return ""
    opened = frame["opened_at"].dt.timestamp("us").fill_null(0).to_numpy()
    days = frame["opened_at"].dt.day().fill_null(0).to_numpy()
    late, early = (_order(numbers, opened, known & chosen) for chosen in (days > 12, days <= 12))
    whole = _order(numbers, opened, known)
    if whole < -_IN_ORDER:
        return "later numbers were opened earlier: the dates run backwards, or the numbers do"
    if late > 0.9 and early < 0.7:
        return "numbers rise with dates from the 13th on alone: day and month are swapped in the others"
    return ""


def _order(numbers: IntArray, opened: IntArray, chosen: IntArray) -> float:
    from scipy.stats import spearmanr

    if chosen.sum() < _FEWEST or len(np.unique(opened[chosen])) < 2:
        return 0.0
    return float(spearmanr(numbers[chosen], opened[chosen]).statistic)
