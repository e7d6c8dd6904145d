"""Counts, percentages and time spans in sentences, written in one way everywhere."""

from operator import index
from typing import SupportsIndex

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def number_of(n: SupportsIndex, singular: str, plural: str | None = None) -> str:
    """Return a count with its noun: `1 ticket`, `1,200 tickets`, `2 queries`.

    `plural` is needed where it does not follow from the last word of `singular`, or where a verb belongs
    to it: `number_of(n, "person", "people")`, `number_of(n, "link was", "links were")`.
    """
    count = index(n)
    if count == 1:
        return f"1 {singular}"
    return f"{count:,} {plural or _regular_plural(singular)}"


def _regular_plural(singular: str) -> str:
    if singular.endswith("y") and singular[-2] not in "aeiou":
        return singular[:-1] + "ies"
    if singular.endswith(("s", "x", "ch", "sh")):
        return singular + "es"
    return singular + "s"


def percent(share: float, digits: int = 0) -> str:
    """Return a share in [0, 1] as `12 %`, with `digits` after the point."""
    return f"{100 * share:.{digits}f} %"


def time_span(seconds: float) -> str:
    """Return a time span rounded to one unit that people would use: `40 seconds`, `12 minutes`, `3 days`.

    The unit is the largest of which there are at least one and a half, so that rounding loses little.
    """
    for size, unit in _UNITS:
        if seconds >= 1.5 * size:
            return number_of(round(seconds / size), unit)
    return "1 second" if seconds >= 0.5 else "less than a second"


def time_range(low: float, high: float) -> str:
    """Return a range of seconds in the unit of its end: `about 2 to 4 minutes`, `up to 1 day`."""
    size, unit = next(((size, unit) for size, unit in _UNITS if high >= 1.5 * size), _UNITS[-1])
    least, most = round(low / size), max(1, round(high / size))
    if not least:
        return f"up to {number_of(most, unit)}"
    between = f"{least:,} to " if least < most else ""
    return f"about {between}{number_of(most, unit)}"


def measured_seconds(seconds: float) -> str:
    """Return a measured duration as a table shows it: `2.5 s`, `12 s`, `3 min 20 s` or `1 h 05 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
