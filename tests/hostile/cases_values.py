"""Dates, columns that have to be recognised, and what may be read as text."""

from functools import partial
from pathlib import Path

import polars as pl
from hostile_case import Case, Check, Outcome, given, importing, near, opened, values
from hostile_worker import Ended

dates = partial(importing, "dates")
mapping = partial(importing, "mapping")


def _dated(times: list[str], column: str = "opened_at") -> str:
    lines = [f'INC{n},Printer {n} is down,It shows fault {n},"{time}"' for n, time in enumerate(times)]
    return f"number,short_description,description,{column}\n" + "\n".join(lines) + "\n"


def _read(name: str, pairs: dict[str, str]) -> Case:
    """All of these times must be read, and as these."""
    end = Outcome(rows=len(pairs), tickets=len(pairs))
    return dates(f"times written as {name}", _dated(list(pairs)), end, opened(*pairs.values()))


def _spoiled(share: str, bad: str, n_bad: int, n_good: int, end: Outcome, check: Check | None = None) -> Case:
    good = [f"2024-03-{n % 28 + 1:02} 10:00:00" for n in range(n_good)]
    return dates(share, _dated(good + [bad] * n_bad), end, check)


DATES = [
    _read("days with a year of two digits, German", {"05.03.24 10:11": "2024-03-05 10:11:00", "25.12.23 08:00": "2023-12-25 08:00:00", "06.03.24 09:00": "2024-03-06 09:00:00"}),
    _read("days alone with a year of two digits", {"05.03.24": "2024-03-05 00:00:00", "25.12.99": "1999-12-25 00:00:00"}),
    _read("months first with a year of two digits", {"3/25/24 10:11": "2024-03-25 10:11:00", "3/5/24 9:00": "2024-03-05 09:00:00"}),
    _read("seconds since 1970", {"1717243200": "2024-06-01 12:00:00", "1717243260": "2024-06-01 12:01:00"}),
    _read("milliseconds since 1970", {"1717243200000": "2024-06-01 12:00:00", "1717243260500": "2024-06-01 12:01:00"}),
    _read("seconds since 1970 with a fraction", {"1717243200.0": "2024-06-01 12:00:00", "1717243260.5": "2024-06-01 12:01:00"}),
    _read("year first with slashes", {"2024/01/01": "2024-01-01 00:00:00", "2024/12/31": "2024-12-31 00:00:00"}),
    _read("year first with slashes and a time", {"2024/01/01 10:00": "2024-01-01 10:00:00", "2024/12/31 10:00:30": "2024-12-31 10:00:30"}),
    _read("ISO without seconds", {"2024-01-01T10:00": "2024-01-01 10:00:00", "2024-01-02T11:30": "2024-01-02 11:30:00"}),
    _read("ISO with Z", {"2024-01-01T10:00:00Z": "2024-01-01 10:00:00", "2024-01-01T10:00:00.123Z": "2024-01-01 10:00:00"}),
    _read("ISO without seconds and with Z", {"2024-01-01T10:00Z": "2024-01-01 10:00:00"}),
    _read("ISO with an offset", {"2024-01-01T10:00:00+02:00": "2024-01-01 08:00:00", "2024-01-01T10:00:00-0500": "2024-01-01 15:00:00"}),
    _read("ISO with UTC behind it", {"2024-01-01 10:00:00 UTC": "2024-01-01 10:00:00", "2024-01-02 10:00 UTC": "2024-01-02 10:00:00"}),
    _read("ISO with GMT behind it", {"2024-01-01 10:00:00 GMT": "2024-01-01 10:00:00"}),
    _read("ISO with nanoseconds", {"2024-01-01 10:00:00.123456789": "2024-01-01 10:00:00"}),
    _read("serial numbers with a comma", {"45292,5": "2024-01-01 12:00:00", "45293,25": "2024-01-02 06:00:00"}),
    _read("serial numbers", {"45292.5": "2024-01-01 12:00:00", "45293": "2024-01-02 00:00:00"}),
    _read("days before months", {"13/02/2024": "2024-02-13 00:00:00", "03/02/2024": "2024-02-03 00:00:00"}),
    _read("twelve hours", {"01/31/2024 01:05 PM": "2024-01-31 13:05:00", "01/02/2024 12:00 AM": "2024-01-02 00:00:00"}),
    _read("Jira writes them", {"01/Feb/24 1:05 PM": "2024-02-01 13:05:00", "02/Feb/24 9:00 AM": "2024-02-02 09:00:00"}),
    _read("mails write them", {"Mon, 01 Jan 2024 10:00:00 +0000": "2024-01-01 10:00:00"}),
    _spoiled("15 of 100 times unreadable", "32.13.2024 25:61", 15, 85, Outcome(2, says=("opened_at", r"32\.13\.2024"))),
    _spoiled("5 of 100 times unreadable", "32.13.2024 25:61", 5, 95, Outcome(0, tickets=100, says=(r"32\.13\.2024", near("5", "unreadable|not read|no time|can't be read")))),
    _spoiled("all times unreadable", "soon", 20, 0, Outcome(2, says=("opened_at",))),
    _spoiled("one time of 20 that no calendar has", "2024-02-30 10:00:00", 1, 19, Outcome(0, tickets=20)),
    _spoiled("one time of 20 that is inf", "inf", 1, 19, Outcome(0, tickets=20)),
    _spoiled("one time of 20 that is a number of 25 digits", "9" * 25, 1, 19, Outcome(0, tickets=20)),
    _spoiled("one time of 20 in the year 9999", "9999-12-31 23:59:59", 1, 19, Outcome(0, tickets=20)),
    _spoiled("one time of 20 in the year 1", "0001-01-01 00:00:00", 1, 19, Outcome(0, tickets=20)),
    _spoiled("one time of 20 of 100,000 characters", "2" * 100_000, 1, 19, Outcome(0, tickets=20)),
    _spoiled("one time of 20 with terminal escapes", "\x1b[31mred", 1, 19, Outcome(0, tickets=20)),
    _spoiled("times that are addresses of people", "erika.muster@firm.example", 15, 85, Outcome(2, secret=("erika.muster@firm.example",))),
    dates("no time in any row", _dated(["", "", ""]), Outcome(rows=3, tickets=3), opened(None, None, None)),
    dates("placeholders for times", _dated(["N/A", "-", "null", "2024-01-01 10:00:00"]), Outcome(rows=4, tickets=4), opened(None, None, None, "2024-01-01 10:00:00")),
]  # fmt: skip


def _labels(language: str, header: str, more: str = "", check: Check | None = None) -> Case:
    content = f"{header}\nINC1,Mail is down,since nine{more}\nINC2,VPN is slow,very{more}\n"
    expected = check or values(title=["Mail is down", "VPN is slow"], description=["since nine", "very"])
    return mapping(language, content, Outcome(rows=2, tickets=2), expected)


def _opened_too(title: list[str]) -> Check:
    def check(here: Path, ended: Ended) -> None:
        values(title=title)(here, ended)
        opened("2024-01-02 10:00:00")(here, ended)

    return check


_BMC = (
    "Incident ID,Summary,Notes,Submit Date,Assigned Group\n"
    "INC000000000001,Mail is down,since nine,2024-01-02 10:00:00,Mail\n"
)
_LATE = "number,short_description,description,close_notes\nINC1,Mail is down,a,Restarted the server\n"
_PLAIN = "number,short_description,description\nINC1,Mail is down,a\nINC2,VPN is slow,b\n"


def _template(name: str, text: str, code: int | tuple[int, ...] = 2) -> Case:
    command = ["run", "a.csv", "--out", "run", "--offline", "--set", f"tickets.template={text}"]
    return Case(f"a template {name}", "mapping", given({"a.csv": _PLAIN}, command), Outcome(code))


def _map(name: str, text: str, content: str = _PLAIN) -> Case:
    command = ["import", "a.csv", "--out", "t.parquet", "--map", text]
    return Case(f"a map {name}", "mapping", given({"a.csv": content}, command), Outcome(2))


MAPPING = [
    _labels("labels of ServiceNow in German", "Nummer,Kurzbeschreibung,Beschreibung"),
    _labels("labels of ServiceNow in French", "Numéro,Brève description,Description"),
    _labels("labels of ServiceNow in Spanish", "Número,Descripción breve,Descripción"),
    _labels("labels of ServiceNow in German with the time", "Nummer,Kurzbeschreibung,Beschreibung,Geöffnet", ",02.01.2024 10:00:00", _opened_too(["Mail is down", "VPN is slow"])),
    mapping("an export of BMC", _BMC, Outcome(rows=1, tickets=1), _opened_too(["Mail is down"])),
    mapping("BMC with its marks on names", _BMC.replace("Incident ID,Summary", "Incident ID*+,Summary*"), Outcome(rows=1, tickets=1), values(title=["Mail is down"])),
    mapping("an id in BMC", _BMC, Outcome(rows=1, tickets=1), values(ticket_id=["INC000000000001"])),
    mapping("columns of numbers alone", "a,b\n1,2\n3,4\n", Outcome(2, says=("a, b",))),
    mapping("empty texts alone", "number,short_description,description\nINC1,,\nINC2,,\n", Outcome(2)),
    mapping("placeholders as texts alone", "number,short_description,description\nINC1,N/A,-\nINC2,null,?\n", Outcome(2)),
    mapping("some empty texts", "number,short_description,description\nINC1,,\nINC2,VPN is slow,b\n", Outcome(rows=2, tickets=2, says=(near("1", "neither|empty|no text"),))),
    mapping("a title alone", "number,short_description\nINC1,Mail is down\n", Outcome(rows=1, tickets=1)),
    mapping("markup in names of columns", "[red]Number[/red],[/],[link=x]Text\n1,2,3\n", Outcome(2, says=(r"\[red\]Number\[/red\]", r"\[/\]"))),
    mapping("markup in names of unused columns", "number,short_description,[/],[bold\nINC1,Mail is down,x,y\n", Outcome(rows=1, tickets=1)),
    mapping("terminal escapes in names of columns", "\x1b]0;title\x07a,\x1b[2Jb,\x9b31mc\n1,2,3\n", Outcome(2)),
    mapping("a name of a column that is a command of the terminal, unused", "number,short_description,\x1b]8;;http://x.example\x1b\\link\nINC1,Mail is down,x\n", Outcome(rows=1, tickets=1)),
    mapping("300 columns without a text", ",".join(f"c{n}" for n in range(300)) + "\n" + ",".join("1" * 300) + "\n", Outcome(2)),
    _map("to a column known only later", "description=close_notes", _LATE),
    _map("of the title to a column known only later", "title=close_notes", _LATE),
    _map("to a late column by its label", "description=Resolution notes", "Number,Short description,Resolution notes\nINC1,Mail,Restarted\n"),
    _map("to a late column in German", "description=Lösungshinweise", "Nummer,Kurzbeschreibung,Lösungshinweise\nINC1,Mail,Neustart\n"),
    _map("to a link", "description=parent_incident", "number,short_description,parent_incident\nINC1,Mail,INC2\n"),
    _map("of an unknown field", "titel=short_description"),
    _map("to an unknown column", "title=Kurzbeschreibung"),
    _map("without a column", "title"),
    _map("of nothing", "="),
    _map("with half a pair", "title=short_description,description="),
    _map("with markup", "title=[/red]"),
    _template("with a late field", "{title} {close_notes}"),
    _template("with a link", "{title} {duplicate_of}"),
    _template("with an unknown field", "{title} {colour}"),
    _template("with an open brace", "{title"),
    _template("without a name", "{}"),
    _template("with a number", "{0}"),
    _template("with an attribute", "{title.__class__}"),
    _template("with an index", "{title[0]}"),
    _template("that pads to 10 billion", "{title:>9999999999}", (1, 2)),  # 1: read without its format
    _template("without any field", "text"),
    _template("that is empty", '""'),
]  # fmt: skip

_REFERENCE = "{'link': 'https://x.example/api/now/table/incident/000a', 'value': '000a'}"


def _parents_joined(here: Path, _: Ended) -> None:
    links = pl.read_parquet((here / "run" / "links.parquet").read_bytes())
    got = sorted(links.select("source", "target", "kind").rows())
    assert got == [("INC2", "INC1", "duplicate")], f"links are {got}"


def _jira_links(*expected: tuple[str, str, str]) -> Check:
    def check(here: Path, _: Ended) -> None:
        links = pl.read_parquet((here / "run" / "links.parquet").read_bytes())
        got = sorted(links.select("source", "target", "kind").rows())
        assert got == sorted(expected), f"links are {got}, expected {sorted(expected)}"

    return check


def _to_links(name: str, content: str, check: Check) -> Case:
    make = given({"a.csv": content}, "import a.csv --out run", "links run")
    return Case(name, "mapping", make, Outcome(), check, may_change=("run/*", "run/*/*"))


OWN_LINKS = [
    _to_links(
        "references saved as dictionaries of Python",
        f'number,sys_id,short_description,description,parent_incident\nINC1,000a,Mail is down,a,\nINC2,000b,Mail,b,"{_REFERENCE}"\n',
        _parents_joined,
    ),
    _to_links(
        "references saved as JSON",
        "number,sys_id,short_description,description,parent_incident\nINC1,000a,Mail is down,a,\n"
        + 'INC2,000b,Mail,b,"{""link"": ""https://x.example/000a"", ""value"": ""000a""}"\n',
        _parents_joined,
    ),
    _to_links(
        "references saved as dictionaries of Python, ids too",
        f'number,sys_id,short_description,description,parent_incident\nINC1,"{_REFERENCE}",Mail is down,a,\nINC2,000b,Mail,b,"{_REFERENCE}"\n',
        _parents_joined,
    ),
    _to_links(
        "links of Jira in columns of one name",
        "Issue key,Summary,Description,Outward issue link (Duplicate),Outward issue link (Duplicate),Outward issue link (Relates)\n"
        "A-1,Mail is down,a,,,\nA-2,Mail,b,A-1,,\nA-3,VPN is slow,c,,A-1,A-2\nA-4,Disk,d,,,A-1\n",
        _jira_links(("A-2", "A-1", "duplicate"), ("A-3", "A-1", "duplicate"), ("A-3", "A-2", "related"), ("A-4", "A-1", "related")),
    ),
    _to_links(
        "links of Jira seen from the other side",
        "Issue key,Summary,Description,Inward issue link (Duplicate)\nA-1,Mail is down,a,A-2\nA-2,Mail,b,\n",
        _jira_links(("A-2", "A-1", "duplicate")),
    ),
]  # fmt: skip

CASES = [*DATES, *MAPPING, *OWN_LINKS]
