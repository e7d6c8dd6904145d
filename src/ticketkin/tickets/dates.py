"""Times as exports write them, one format a column."""

import polars as pl

_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M", "%Y-%m-%d",
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y",
    "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
    "%d/%b/%y %I:%M %p", "%d/%b/%y %H:%M", "%d/%b/%Y %H:%M", "%b %d, %Y %H:%M",
)  # fmt: skip
# Excel counts days from here; serial numbers of this range are dates between 1982 and 2064.
_EXCEL_EPOCH = pl.datetime(1899, 12, 30)
_EXCEL_FIRST, _EXCEL_LAST = 30_000.0, 60_000.0


def parse_times(column: pl.Series) -> tuple[pl.Series, dict[str, int]]:
    """Return times (UTC, naive, microseconds; null where unreadable) and the repairs by kind.

    The format that reads most cells reads the whole column, so that 3/4/2025 is not March in one
    row and April in the next; ISO comes first on a tie, then month-first, then day-first. Excel
    serial numbers are repaired.
    """
    text = column.str.strip_chars().replace("", None)
    n_filled = len(text) - text.null_count()
    best = pl.Series(column.name, [None] * len(text), dtype=pl.Datetime("us"))
    repairs: dict[str, int] = {}
    n_best = 0
    used = ""
    for form in _FORMATS:
        if n_best == n_filled:
            break
        parsed = _parse(text, form)
        n_parsed = len(parsed) - parsed.null_count()
        if n_parsed > n_best:
            best, n_best, used = parsed, n_parsed, form
    for form in _FORMATS:
        if n_best == n_filled:
            break
        # Left over: other notations of the same day order, never the opposite one.
        if not (used.startswith("%m") and form.startswith("%d")) and not (
            used.startswith("%d") and form.startswith("%m")
        ):
            best = best.fill_null(_parse(text, form))
            n_best = len(best) - best.null_count()
    serial = text.cast(pl.Float64, strict=False)
    frame = pl.DataFrame({"best": best, "serial": serial})
    is_serial = pl.col("best").is_null() & pl.col("serial").is_between(_EXCEL_FIRST, _EXCEL_LAST)
    n_serial = frame.select(is_serial.sum()).item()
    if n_serial:
        repairs["excel_dates"] = int(n_serial)
        moved = _EXCEL_EPOCH + pl.duration(microseconds=(pl.col("serial") * 86_400e6).round().cast(pl.Int64))
        best = frame.select(pl.when(is_serial).then(moved).otherwise(pl.col("best")).alias("best"))["best"]
    if used and not used.startswith("%Y") and n_best:
        repairs["local_dates"] = n_best
    n_unreadable = n_filled - (len(best) - best.null_count())
    if n_unreadable:
        repairs["unreadable_times"] = n_unreadable
    return best.cast(pl.Datetime("us")), repairs


def _parse(text: pl.Series, form: str) -> pl.Series:
    if "%H" not in form and "%I" not in form:
        return text.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    if "z" in form:
        aware = text.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")
        return aware.dt.replace_time_zone(None)
    return text.str.to_datetime(form, strict=False, time_unit="us")
