"""Times as exports write them, one order of day and month a column; which one, `time_columns` may say.

Every notation is taken apart into year, month, day, clock and zone by a few patterns; what is put
together from them is a time or nothing. A number is a spreadsheet's day count or a count of seconds
since 1970, by its size.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from ticketkin.core.printing import masked_words
from ticketkin.tickets.date_order import (
    EARLIEST_YEAR,
    PLACES,
    ColumnOrder,
    OrderHint,
    last_year,
    order_of,
)
from ticketkin.tickets.date_words import MONTH_NUMBERS, WEEKDAYS, WORDS, ZONES

EXCEL_EPOCH = datetime(1899, 12, 30)
"""The day from which spreadsheets count days."""
EPOCH_1904 = datetime(1904, 1, 1)
"""The day from which workbooks of old Macintoshes count, as they say themselves."""
_EXCEL_LAST = 60_000
# What pandas and MySQL write for no time.
_NOTHING = ["", "nat", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00t00:00:00"]
_FAST = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d")
_WEEKDAY = rf"^(?:{'|'.join(sorted(WEEKDAYS, key=len, reverse=True))})[.,]*\s+"
# A weekday stands before a date; "Mar 5, 2024" begins with a month instead and has no date after it.
_DATE_AFTER_WEEKDAY = r"^(?:\d{1,4}[-/. ]|\d{1,2}(?:st|nd|rd|th|er)? ?[a-z]|[a-z]+\.? \d)"
# Java's Date.toString and ctime put the year behind the clock.
_YEAR_LAST = r"^([a-z]+) +(\d{1,2}) +(\d{1,2}:\d{2}:\d{2})( [a-z]{1,5}| [+-]\d{4})? (\d{4})$"
_COMPACT = r"^(\d{4})(\d{2})(\d{2})(?:[t ]?(\d{2})(\d{2})(\d{2})(z?))?$"
_CLOCK = r"(?:^|[t, ])(\d{1,2})[:h](\d{2})(?::(\d{2})(?:[.,:](\d{1,9}))?)?(?: ?([ap])m)?$"
_DOTTED_CLOCK = r"(\d{1,2})\.(\d{2})(?:\.(\d{2}))? uhr$"
_OFFSET = r"(?::\d{2}(?:[.,]\d+)?|[ap]m) ?(?:gmt|utc)?([+-])(\d{1,2}):?(\d{2})?$"
_ZONE_NAME = rf"(?:\d|[ap]m) ?({'|'.join(sorted(ZONES, key=len, reverse=True))})$"
_ZONE_END = r" ?(?:(?:gmt|utc)?[+-]\d{1,2}:?(?:\d{2})?|[a-z]+)$"
_YEAR_FIRST = r"^(\d{4}) ?[-/.] ?(\d{1,2}) ?[-/.] ?(\d{1,2})$"
_NUMERIC = r"^(\d{1,2}) ?([-/.]) ?(\d{1,2}) ?[-/.] ?(\d{4}|\d{2})$"
_DAY_MONTH = r"^(\d{1,2})(?:\.|st|nd|rd|th|er)? ?[-/ ]? ?(?:de )?([a-z]+)\.? ?[-/, ]? ?(?:de )?(\d{4}|\d{2})$"
_MONTH_DAY = r"^([a-z]+)\.? ?[-/ ]?(\d{1,2})(?:st|nd|rd|th)?[-/, ]+(\d{4})$"
_YEAR_MONTH_DAY = r"^(\d{4})[-/. ]([a-z]+)[-/. ](\d{1,2})$"
_NUMBER = r"^\d+(?:[.,]\d+)?(?:e\+?\d{1,2})?$"


@dataclass(frozen=True)
class Times:
    """The times of a column, and what had to be decided to read them."""

    values: pl.Series
    """UTC, naive, microseconds; null where a cell is empty or can't be read."""
    n_filled: int = 0
    n_unreadable: int = 0
    examples: list[str] = field(default_factory=list)
    """At most three cells that can't be read, every word that is no part of a date masked."""
    repairs: dict[str, int] = field(default_factory=dict)
    order: ColumnOrder = field(default_factory=ColumnOrder)
    """How day and month were distinguished."""


def parse_times(column: pl.Series, hint: OrderHint | None = None, first_day: datetime = EXCEL_EPOCH) -> Times:
    """Return the times of `column`; a number of days counts from `first_day`.

    Where day and month are both numbers, the order that reads most cells reads the whole column, so that
    3/4/2025 is not March in one row and April in the next; on a tie `hint` counts, and without one dates with
    slashes are month first, others day first. Two-digit years lie between 1990 and next year, and so must all
    others. A zone or an offset is moved to UTC; a time without one is taken as it stands.
    """
    text = column.str.strip_chars()
    text = text.set(text.str.to_lowercase().is_in(_NOTHING), None)
    if text.null_count() == len(text):
        none = pl.Series(column.name, [None] * len(text), dtype=pl.Datetime("us"))
        return Times(none)
    filled = text.drop_nulls().unique(maintain_order=True)
    values, repairs, order = _read(filled, hint, first_day)
    frame = pl.DataFrame({"text": filled, "time": values})
    times = pl.DataFrame({"text": text}).join(frame, on="text", how="left", maintain_order="left")
    n_of = dict(text.drop_nulls().value_counts().iter_rows())
    counts = Counter[str]()
    for kind, cells in repairs.items():
        counts[kind] = sum(n_of[cell] for cell in cells)
    unreadable = frame.filter(pl.col("time").is_null())["text"].to_list()
    n_unreadable = sum(n_of[cell] for cell in unreadable)
    if n_unreadable:
        counts["unreadable_times"] = n_unreadable
    return Times(
        values=times["time"].rename(column.name),
        n_filled=len(text) - text.null_count(),
        n_unreadable=n_unreadable,
        examples=[masked_words(cell, _is_of_a_date) for cell in unreadable[:3]],
        repairs={kind: count for kind, count in counts.items() if count},
        order=order,
    )


def _is_of_a_date(word: str) -> bool:
    return _plain(word) in WORDS


def _plain(text: str) -> str:
    return "".join(
        sign for sign in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(sign)
    )


def _read(
    cells: pl.Series, hint: OrderHint | None, first_day: datetime
) -> tuple[pl.Series, dict[str, list[str]], ColumnOrder]:
    """Return the time of each cell, the cells that each kind of repair touched, and the dates' order."""
    best = pl.Series("time", [None] * len(cells), dtype=pl.Datetime("us"))
    for form in _FAST:
        if best.null_count():
            best = best.fill_null(_within_range(_strict(cells, form)))
    frame = pl.DataFrame({"cell": cells, "time": best})
    left = frame.filter(pl.col("time").is_null()).select("cell")
    if left.is_empty():
        return best, {}, ColumnOrder()
    parts = _numbers(_parts(left), first_day)
    parts, order = _with_dates(parts, hint)
    parts = parts.with_columns(_within_range(_assembled(parts)).alias("written"))
    parts = parts.with_columns(pl.coalesce("written", "counted").alias("time"))
    is_local = pl.col("written").is_not_null() & ~pl.col("year_first")
    repairs = {
        "excel_dates": parts.filter(pl.col("is_serial") & pl.col("written").is_null()),
        "epoch_times": parts.filter(
            pl.col("counted").is_not_null() & ~pl.col("is_serial") & pl.col("written").is_null()
        ),
        "local_dates": parts.filter(is_local),
        "two_digit_years": parts.filter(is_local & pl.col("two_digits")),
        "zoned_times": parts.filter(pl.col("written").is_not_null() & (pl.col("offset") != 0)),
    }
    read = frame.select("cell").join(
        parts.select("cell", "time"), on="cell", how="left", maintain_order="left"
    )
    touched = {kind: cells_of["cell"].to_list() for kind, cells_of in repairs.items()}
    return best.fill_null(read["time"]), touched, order


def _strict(text: pl.Series, form: str) -> pl.Series:
    if "%H" not in form:
        return text.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    return text.str.to_datetime(form, strict=False, time_unit="us")


def _within_range(times: pl.Series) -> pl.Series:
    """Return `times` without those of a year no ticket has: 0024, 1900, 9999."""
    usable = times.dt.year().is_between(EARLIEST_YEAR, last_year())
    return pl.select(pl.when(usable).then(times)).to_series().cast(pl.Datetime("us"))


def _parts(cells: pl.DataFrame) -> pl.DataFrame:
    """Split each cell into `date`, the fields of its clock and the minutes of its offset."""
    text = (
        pl.col("cell").str.normalize("NFKD").str.to_lowercase().str.replace_all(r"\p{M}", "")
        .str.replace_all(r"\s+", " ").str.replace(r"^'", "")
        .str.replace(r"\[(?:utc|gmt|z)\]$", "z").str.replace(r"zz$", "z")
        .str.replace(r"([+-]\d{2}:?\d{2})\[[\w/+-]+\]$", "${1}")
        .str.replace(r"\bnoon\b", "12:00").str.replace(r"([ap])\. ?m\.?", "${1}m")
        .str.replace(r"(\d),? (?:at|um|a las|a|-) (\d{1,2}[:h]\d)", "${1} ${2}")
    )  # fmt: skip
    frame = cells.with_columns(text.str.strip_chars().alias("text"))
    bare = pl.col("text").str.replace(_WEEKDAY, "")
    frame = frame.with_columns(
        pl.when(bare.str.contains(_DATE_AFTER_WEEKDAY)).then(bare).otherwise(pl.col("text")).alias("text")
    ).with_columns(
        pl.col("text")
        .str.replace(_YEAR_LAST, "${1} ${2} ${5} ${3}${4}")
        .str.replace(_COMPACT, "${1}-${2}-${3} ${4}:${5}:${6}${7}")
        .str.strip_suffix(" ::")
        .str.replace(_DOTTED_CLOCK, "${1}:${2}")
        .str.strip_suffix(" uhr")
        .alias("text")
    )
    offset = pl.col("text").str.extract_groups(_OFFSET)
    hours, minutes = (offset.struct[name].cast(pl.Int32, strict=False) for name in ("2", "3"))
    sign = pl.when(offset.struct["1"] == "-").then(-1).otherwise(1)
    written = sign * (hours * 60 + minutes.fill_null(0))
    named = pl.col("text").str.extract(_ZONE_NAME, 1)
    zone = named.replace_strict(ZONES, default=None, return_dtype=pl.Int32)
    frame = frame.with_columns(pl.coalesce(written, zone).alias("offset"))
    frame = frame.with_columns(
        pl.when(pl.col("offset").is_null() | pl.col("text").str.contains(_CLOCK))
        .then(pl.col("text"))
        .otherwise(pl.col("text").str.replace(_ZONE_END, "").str.strip_chars())
        .alias("text"),
        pl.col("offset").fill_null(0),
    )
    clock = pl.col("text").str.extract_groups(_CLOCK)
    hour = clock.struct["1"].cast(pl.Int32, strict=False)
    half = clock.struct["5"]
    return frame.with_columns(
        pl.when((half == "p") & (hour < 12)).then(hour + 12)
        .when((half == "a") & (hour == 12)).then(0)
        .otherwise(hour).fill_null(0).alias("hour"),
        clock.struct["2"].fill_null("0").alias("minute"),
        clock.struct["3"].fill_null("0").alias("second"),
        clock.struct["4"].fill_null("0").alias("fraction"),
        pl.col("text").str.replace(_CLOCK, "").str.strip_chars(" ,").alias("date"),
    )  # fmt: skip


def _numbers(parts: pl.DataFrame, first_day: datetime) -> pl.DataFrame:
    """Add `counted`, the time of a cell that is a number, and whether it counts a spreadsheet's days."""
    plain = pl.col("text").str.contains(_NUMBER)
    value = pl.when(plain).then(pl.col("text").str.replace(",", ".").cast(pl.Float64, strict=False))
    first = (datetime(EARLIEST_YEAR, 1, 1) - first_day).days
    is_serial = value.is_between(first, _EXCEL_LAST).fill_null(value=False)
    days = (value * 86_400e6).round()
    start, end = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (EARLIEST_YEAR, last_year() + 1))
    since = pl.lit(None, dtype=pl.Float64)
    for per_second in (1, 10**3, 10**6, 10**9):
        fits = value.is_between(start * per_second, end * per_second, closed="left")
        since = pl.when(fits).then((value * (10**6 / per_second)).round()).otherwise(since)
    serial = pl.lit(first_day) + pl.duration(microseconds=days.cast(pl.Int64, strict=False))
    epoch = since.cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    added = parts.with_columns(
        is_serial.alias("is_serial"),
        pl.when(is_serial).then(serial).otherwise(epoch).cast(pl.Datetime("us")).alias("counted"),
    )
    return added.with_columns(_within_range(added["counted"]).alias("counted"))


def _integer(text: pl.Expr) -> pl.Expr:
    return text.cast(pl.Int32, strict=False)


def _with_dates(parts: pl.DataFrame, hint: OrderHint | None) -> tuple[pl.DataFrame, ColumnOrder]:
    """Add `year`, `month` and `day`, whichever notation the date has, and the order of three numbers."""
    iso, numeric, day_month, month_day, named = (
        pl.col("date").str.extract_groups(pattern)
        for pattern in (_YEAR_FIRST, _NUMERIC, _DAY_MONTH, _MONTH_DAY, _YEAR_MONTH_DAY)
    )
    frame = parts.with_columns(
        _integer(numeric.struct["1"]).alias("first"),
        _integer(numeric.struct["3"]).alias("second_number"),
        _integer(numeric.struct["4"]).alias("third"),
        numeric.struct["2"].alias("sign"),
        (numeric.struct["4"].str.len_chars() == 2).fill_null(value=False).alias("all_short"),
        pl.lit(None, dtype=pl.Int32).alias("nothing"),
    )
    decided_order = order_of(frame, hint)
    order = (
        PLACES[decided_order.order]
        if decided_order.order
        else dict.fromkeys(("year", "month", "day"), "nothing")
    )
    name = pl.coalesce(day_month.struct["2"], month_day.struct["1"], named.struct["2"])
    written_year = pl.coalesce(
        iso.struct["1"], day_month.struct["3"], month_day.struct["3"], named.struct["1"]
    )
    number = pl.coalesce(_integer(written_year), pl.col(order["year"]))
    is_short = (written_year.str.len_chars() == 2).fill_null(value=False) | pl.col("all_short")
    frame = frame.with_columns(
        pl.when(~is_short).then(number)
        .when(number <= last_year() % 100).then(number + 2000).otherwise(number + 1900).alias("year"),
        pl.coalesce(
            _integer(iso.struct["2"]), pl.col(order["month"]),
            _integer(name.replace_strict(MONTH_NUMBERS, default=None)),
        ).alias("month"),
        pl.coalesce(
            _integer(iso.struct["3"]), pl.col(order["day"]), _integer(day_month.struct["1"]),
            _integer(month_day.struct["2"]), _integer(named.struct["3"]),
        ).alias("day"),
        iso.struct["1"].is_not_null().alias("year_first"),
        is_short.alias("two_digits"),
    )  # fmt: skip
    return frame, decided_order


def _assembled(parts: pl.DataFrame) -> pl.Series:
    """Return the times in UTC; null where the fields are no date, such as 30 February."""
    clock = pl.format(
        "{}-{}-{} {}:{}:{}.{}",
        *(pl.col(name).cast(pl.String).str.zfill(2) for name in ("year", "month", "day", "hour", "minute")),
        pl.col("second").str.zfill(2),
        pl.col("fraction"),
    )
    frame = parts.select(
        clock.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us").alias("local"), "offset"
    )
    return frame.select(pl.col("local") - pl.duration(minutes=pl.col("offset"))).to_series().rename("time")
