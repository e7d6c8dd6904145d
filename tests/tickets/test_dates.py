"""Times in the notations of service desks: read right, told, or left empty; never wrong in silence."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.tickets.date_order import EARLIEST_YEAR
from ticketkin.tickets.dates import parse_times

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
moments = st.datetimes(datetime(EARLIEST_YEAR, 1, 2), datetime(2026, 1, 1)).map(
    lambda time: time.replace(microsecond=0)
)


def read(*cells: str | None) -> list[datetime | None]:
    return parse_times(pl.Series("opened_at", cells, dtype=pl.String)).values.to_list()


def named_month(time: datetime, language: str) -> str:
    return MONTHS[language].split()[time.month - 1]


NOTATIONS = {
    "iso": lambda t: t.strftime("%Y-%m-%d %H:%M:%S"),
    "iso T": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S"),
    "iso Z": lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "iso fraction": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "comma fraction": lambda t: t.strftime("%Y-%m-%d %H:%M:%S,000"),
    "zone in brackets": lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ[UTC]"),
    "utc": lambda t: t.strftime("%Y-%m-%d %H:%M:%S UTC"),
    "gmt": lambda t: t.strftime("%Y/%m/%d %H:%M:%S GMT"),
    "east": lambda t: (t + timedelta(hours=5, minutes=30)).strftime("%Y-%m-%dT%H:%M:%S+05:30"),
    "west": lambda t: (t - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S.5-0500").replace(".5", ".000"),
    "hours only": lambda t: (t + timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S+02"),
    "slashes": lambda t: t.strftime("%Y/%m/%d %H:%M:%S"),
    "iso am": lambda t: t.strftime("%Y-%m-%d %I:%M:%S %p"),
    "compact": lambda t: t.strftime("%Y%m%dT%H%M%SZ"),
    "digits": lambda t: t.strftime("%Y%m%d%H%M%S"),
    "seconds": lambda t: str(int(t.replace(tzinfo=UTC).timestamp())),
    "milliseconds": lambda t: str(int(t.replace(tzinfo=UTC).timestamp()) * 1000),
    "mail": lambda t: t.strftime("%a, %d %b %Y %H:%M:%S +0000"),
    "java": lambda t: t.strftime("%a %b %d %H:%M:%S UTC %Y"),
    "c": lambda t: t.strftime("%a %b %e %H:%M:%S %Y"),
    "jira": lambda t: t.strftime("%d/%b/%y %I:%M:%S %p"),
    "oracle": lambda t: t.strftime("%d-%b-%y %H:%M:%S").upper(),
    "us words": lambda t: t.strftime("%B %d, %Y %I:%M:%S %p"),
    "us weekday": lambda t: t.strftime("%A, %B %d, %Y %H:%M:%S"),
    "narrow space": lambda t: t.strftime("%b %d, %Y, %I:%M:%S\u202f%p"),
    "german": lambda t: f"{t.day}. {named_month(t, 'de')} {t:%Y %H:%M:%S}",
    "french": lambda t: f"{t.day} {named_month(t, 'fr')} {t:%Y} à {t:%H:%M:%S}",
    "spanish": lambda t: f"{t.day} de {named_month(t, 'es')} de {t:%Y}, {t:%H:%M:%S}",
}


@pytest.mark.parametrize("notation", NOTATIONS)
@given(times=st.lists(moments, min_size=1, max_size=8))
@settings(max_examples=6, deadline=None)
def test_every_notation_is_read_back(notation: str, times: list[datetime]) -> None:
    assert read(*map(NOTATIONS[notation], times)) == times


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M:%S", "%m/%d/%y %I:%M:%S %p", "%d.%m.%Y %H:%M:%S",
                                  "%d-%m-%Y %H:%M:%S", "%d/%m/%y %H:%M:%S", "%y-%m-%d %H:%M:%S",
                                  "%m-%d-%Y %H:%M:%S"])  # fmt: skip
@given(times=st.lists(moments, min_size=1, max_size=8))
@settings(max_examples=15, deadline=None)
def test_one_cell_that_allows_only_one_order_decides_for_its_column(form: str, times: list[datetime]) -> None:
    telling = datetime(2021, 12, 30, 8, 9, 10)
    cells = [time.strftime(form) for time in (*times, telling)]
    assert read(*cells) == [*times, telling]


@given(st.integers(32_874, 46_000), st.integers(0, 86_399), st.sampled_from([".", ","]))
@settings(max_examples=60, deadline=None)
def test_serial_numbers_of_a_spreadsheet(day: int, second: int, comma: str) -> None:
    cell = f"{day + second / 86_400:.9f}".replace(".", comma)
    (time,) = read(cell)
    assert time is not None
    expected = datetime(1899, 12, 30) + timedelta(days=day, seconds=second)
    assert abs(time - expected) < timedelta(milliseconds=1)


def test_a_short_year_is_never_that_of_the_romans() -> None:
    assert read("01/02/24", "3/17/99") == [datetime(2024, 1, 2), datetime(1999, 3, 17)]
    assert read("0024-01-02") == [None]


@pytest.mark.parametrize("cell", ["0001-01-01 00:00:00", "1970-01-01", "1900-01-01", "9999-12-31 23:59:59",
                                  "30/02/2024", "2024-02-30", "soon", "10:00", "-1", "0", "1e400",
                                  "9" * 30, "2024-01-01 25:00", "24-01-02", "\x1b[31m"])  # fmt: skip
def test_what_is_no_time_of_a_ticket_is_counted_and_left_empty(cell: str) -> None:
    times = parse_times(pl.Series("opened_at", [cell, "", None]))
    assert times.values.to_list() == [None, None, None]
    assert (times.n_filled, times.n_unreadable) == (1, 1)
    assert times.repairs == {"unreadable_times": 1}


def test_examples_show_the_notation_and_no_name() -> None:
    times = parse_times(pl.Series("opened_at", ["Ada Nowak on 5 March", "32.13.2024", "x", "y"]))
    assert times.examples == ["A… N… o… 5 March", "32.13.2024", "x"]
    assert times.n_unreadable == 4


def test_the_order_of_day_and_month_is_reported_where_it_matters() -> None:
    def note(*cells: str) -> str:
        return parse_times(pl.Series("opened_at", cells)).order.note

    assert note("3/4/2025", "3/17/2025").startswith("3/4/2025 was read month first (as most")
    assert note("3/4/2025", "17/3/2025").startswith("3/4/2025 was read day first (as most")
    assert note("3/4/2025").startswith("3/4/2025 was read month first (no value tells")
    assert note("3.4.2025").startswith("3.4.2025 was read day first (no value tells")
    assert note("13/4/2025") == note("4/4/2025") == note("2025-03-04") == ""
    assert "is not read" in note("05-03-24")
    assert note("24/01/02").startswith("24/01/02 was read day first (no value tells")


@pytest.mark.parametrize("nothing", ["NaT", "0000-00-00 00:00:00", " "])
def test_no_time_in_other_words_is_no_unreadable_one(nothing: str) -> None:
    times = parse_times(pl.Series("closed_at", [nothing, "2024-01-02"]))
    assert (times.n_filled, times.n_unreadable) == (1, 0)


@given(st.lists(st.text(max_size=30) | st.from_regex(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.{0,12}"), max_size=6))
@settings(max_examples=100, deadline=None)
def test_whatever_a_cell_holds_it_is_a_year_of_tickets_or_counted(cells: list[str]) -> None:
    times = parse_times(pl.Series("opened_at", cells, dtype=pl.String))
    assert len(times.values) == len(cells)
    assert times.values.null_count() == len(cells) - times.n_filled + times.n_unreadable
    assert all(time is None or time.year >= EARLIEST_YEAR for time in times.values)
