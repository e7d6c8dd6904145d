"""Sources that are no files, ids that are no ids, rows that are updates."""

import io
import os
from functools import partial
from pathlib import Path

import polars as pl
from cases_csv import HEADER, row, rows
from hostile_case import Case, Content, Outcome, given, importing, near, put, tickets_in, values
from hostile_worker import Ended

ids = partial(importing, "ids")
updates = partial(importing, "updates")


def _source(name: str, make_it: str) -> Case:
    """A source that is no ordinary file."""

    def make(here: Path) -> list[list[str]]:
        path = here / "a.csv"
        if make_it == "a folder":
            path.mkdir()
        elif make_it == "a pipe nobody writes to":
            os.mkfifo(path)
        elif make_it == "a link to nothing":
            path.symlink_to("nowhere.csv")
        elif make_it == "a link to itself":
            path.symlink_to("a.csv")
        elif make_it == "unreadable":
            put(path, HEADER + rows(2)).chmod(0)
        names = {
            "a device": "/dev/zero",
            "a name too long": "n" * 300 + ".csv",
            "a path too long": "d/" * 3_000 + "a.csv",
        }
        return [["import", names.get(make_it, "a.csv"), "--out", "t.parquet", "--json"]]

    root = "root reads every file" if make_it == "unreadable" and os.geteuid() == 0 else None
    return Case(name, "sources", make, Outcome(2), skip=root)


def _two(name: str, files: dict[str, Content], end: Outcome) -> Case:
    return Case(name, "sources", given(files, ["import", *files, "--out", "t.parquet", "--json"]), end)


SOURCES = [
    *(
        _source(f"a source that is {kind}", kind)
        for kind in (
            "missing", "a folder", "a pipe nobody writes to", "a link to nothing", "a link to itself", "unreadable",
            "a device", "a name too long", "a path too long",
        )
    ),
    Case("no source", "sources", given({}, "import --out t.parquet"), Outcome(2)),
    _two(
        "two files of one name without ids",
        {
            "one/a.csv": "short_description,description\nMail is down,a\nVPN is slow,b\n",
            "two/a.csv": "short_description,description\nDisk is full,c\nScreen is dark,d\n",
        },
        Outcome(rows=4, tickets=4),
    ),
    _two(
        "the same ids with other content in the same rows of two files",
        {"one/a.csv": HEADER + rows(2), "two/b.csv": HEADER + "INC0001,VPN,slow\nINC0002,Disk,full\n"},
        Outcome(rows=4, tickets=2, rejected=2),
    ),
    _two(
        "the same ids with other content in the same rows of two files of one name",
        {"one/a.csv": HEADER + rows(2), "two/a.csv": HEADER + "INC0001,VPN,slow\nINC0002,Disk,full\n"},
        Outcome(rows=4, tickets=2, rejected=2),
    ),
    _two(
        "the same content in two files",
        {"one.csv": HEADER + rows(3), "two.csv": HEADER + rows(3)},
        Outcome(rows=6, tickets=3, repeats=3),
    ),
    _two(
        "two files whose columns differ",
        {"one.csv": HEADER + rows(2), "two.csv": "number,description,category\nINC7,Screen is dark,Hardware\n"},
        Outcome(rows=3, tickets=3),
    ),
    _two(
        "one good file and one of broken rows",
        {"one.csv": HEADER + rows(2), "two.csv": HEADER + "INC7,short\nINC8\n"},
        Outcome(rows=4, tickets=2, rejected=2),
    ),
    _two("one good file and one empty", {"one.csv": HEADER + rows(2), "two.csv": ""}, Outcome(2, says=("two.csv",))),
    Case(
        "the same file twice",
        "sources",
        given({"a.csv": HEADER + rows(3)}, "import a.csv a.csv --out t.parquet --json"),
        Outcome(rows=6, tickets=3, repeats=3),
    ),
]  # fmt: skip


def _joined(here: Path, _: Ended) -> None:
    frame = tickets_in(here)
    absent = set(frame["parent"].to_list()) - set(frame["ticket_id"].to_list()) - {""}
    assert not absent, f"{sorted(absent)} name no ticket; the ids are {frame['ticket_id'].to_list()}"


def _parquet(**columns: object) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(columns, strict=False).write_parquet(stream)
    return stream.getvalue()


IDS = [
    ids(
        "whole numbers as floats beside whole numbers",
        "number,short_description,description,parent\n1001.0,Mail,a,\n1002.0,Mail again,b,1001\n1003.0,Mail too,c,1001\n",
        Outcome(rows=3, tickets=3),
        _joined,
    ),
    ids(
        "parents as floats beside whole numbers",
        "number,short_description,description,parent\n1001,Mail,a,\n1002,Mail again,b,1001.0\n",
        Outcome(rows=2, tickets=2),
        _joined,
    ),
    ids(
        "whole-number floats in Parquet",
        _parquet(number=[1001, 1002, 1003], short_description=["a b", "c d", "e f"], parent=[None, 1001.0, 1001.0]),
        Outcome(rows=3, tickets=3),
        _joined,
        file="a.parquet",
    ),
    ids(
        "whole-number floats in JSON",
        '[{"number": 1001, "short_description": "a b"}, {"number": 1002, "short_description": "c", "parent": 1001.0}]',
        Outcome(rows=2, tickets=2),
        _joined,
        file="a.json",
    ),
    ids(
        "a number of 20 digits in JSON",
        '[{"number": 12345678901234567890, "short_description": "a b"}]',
        Outcome(rows=1, tickets=1),
        values(ticket_id=["12345678901234567890"]),
        file="a.json",
    ),
    ids(
        "leading zeros",
        "number,short_description,description\n000123,a b,c\n00123,d e,f\n123,g h,i\n",
        Outcome(rows=3, tickets=3),
        values(ticket_id=["000123", "00123", "123"]),
    ),
    ids("blanks around ids", HEADER + row(1) + row(1).replace("INC0001", "  INC0001 "), Outcome(rows=2, tickets=1, repeats=1)),
    ids("ids that differ in case", HEADER + "INC1,a b,c\ninc1,d e,f\n", Outcome(rows=2, tickets=2)),
    ids("no id in any row", HEADER + ",a b,c\n,d e,f\n", Outcome(rows=2, tickets=2)),
    ids("no id in some rows", HEADER + "INC1,a b,c\n,d e,f\n", Outcome(rows=2, tickets=2)),
    ids("placeholders as ids", HEADER + "N/A,a b,c\nN/A,d e,f\n-,g h,i\n", Outcome(rows=3, tickets=3)),
    ids("an id that looks like one made up", HEADER + "a.csv#2,a b,c\n,d e,f\n", Outcome(rows=2, tickets=range(1, 3), collapsed=0)),
    ids("a repeat with the same content", HEADER + rows(2) + row(1), Outcome(rows=3, tickets=2, repeats=1)),
    ids(
        "a repeat with other content",
        HEADER + rows(2) + "INC0001,VPN,slow\n",
        Outcome(rows=3, tickets=2, rejected=1),
        values(title=["Printer 1 is down", "Printer 2 is down"]),
    ),
    ids("an id of 10,000 characters", HEADER + f"{'I' * 10_000},a b,c\n" + row(1), Outcome(rows=2, tickets=2)),
    ids("an id with a line end", HEADER + '"INC\n1",a b,c\n' + row(2), Outcome(rows=2, tickets=2)),
    ids("an id that is a formula", HEADER + "=1+1,a b,c\n=1+1,d e,f\n", Outcome(rows=2, tickets=1, rejected=1)),
]  # fmt: skip

_BUGZILLA = "bug_id,product,component,version,short_desc\n"
_SNAPSHOT = "number,short_description,state,sys_updated_on,parent_incident\n"
_UPDATES = "number,short_description,description,sys_mod_count,state\n"

UPDATES = [
    updates(
        "the version of a product is no counter of updates",
        _BUGZILLA + "1,Core,DOM,2.0,Crash on start\n1,Core,DOM,3.0,Crash on exit\n2,Core,CSS,2.0,Wrong colour\n",
        Outcome(rows=3, tickets=2, rejected=1, collapsed=0),
    ),
    updates(
        "a version beside bugs without repeats",
        _BUGZILLA + "1,Core,DOM,2.0,Crash on start\n2,Core,DOM,3.0,Crash on exit\n",
        Outcome(rows=2, tickets=2, collapsed=0),
    ),
    updates(
        "a version in an export that is not of Bugzilla",
        "id,title,description,version\n1,Crash on start,a,1\n1,Crash on exit,b,2\n2,Wrong colour,c,1\n",
        Outcome(rows=3, tickets=2, rejected=1, collapsed=0),
    ),
    updates(
        "a row an update, counted by sys_mod_count",
        _UPDATES + "INC1,Mail,a,0,New\nINC1,Mail,a,1,Active\nINC1,Mail,a,2,Closed\nINC2,VPN,b,0,New\n",
        Outcome(rows=4, tickets=2, collapsed=2, rejected=0),
        values(state=["Closed", "New"]),
    ),
    updates(
        "updates in no order",
        _UPDATES + "INC1,Mail again,a,5,Closed\nINC1,Mail,a,0,New\nINC2,VPN,b,0,New\nINC1,Mail more,a,2,Active\n",
        Outcome(rows=4, tickets=2, collapsed=2, rejected=0),
        lambda here, _: _first_titles(here, {"INC1": "Mail", "INC2": "VPN"}),
    ),
    updates(
        "counts of updates that are no numbers",
        _UPDATES + "INC1,Mail,a,x,New\nINC1,Mail,a,y,Closed\nINC2,VPN,b,,New\n",
        Outcome(rows=3, tickets=2),
    ),
    updates(
        "a row an update, told by the time of the update",
        "number,short_description,description,sys_updated_on\n"
        "INC1,Mail,a,2024-01-01 10:00:00\nINC1,Mail,a,2024-01-02 10:00:00\nINC2,VPN,b,2024-01-01 10:00:00\n",
        Outcome(rows=3, tickets=2, collapsed=1, rejected=0),
    ),
    updates(
        "another ticket under the id of one, with a later update",
        _UPDATES + "INC1,Printer on fire,,0,New\nINC1,VPN does not connect,,4,Closed\nINC2,VPN,b,0,New\n",
        Outcome(rows=3, tickets=2, collapsed=0, rejected=1),
        values(title=["Printer on fire", "VPN"]),
    ),
    _two(
        "two monthly snapshots, the newer given first",
        {
            "july.csv": _SNAPSHOT + "INC1,Mail is down,Closed,2024-07-02,INC2\nINC3,Fax,New,2024-07-01,\n",
            "june.csv": _SNAPSHOT + "INC1,Mail is down,New,2024-06-02,\nINC2,No mail,New,2024-06-01,\n",
        },
        Outcome(rows=4, tickets=3, collapsed=1, rejected=0),
    ),
    Case(
        "collapsed rows are told on the screen",
        "updates",
        given({"a.csv": _UPDATES + "INC1,Mail,a,0,New\nINC1,Mail,a,1,Active\nINC2,VPN,b,0,New\n"}, "import a.csv --out t.parquet"),
        Outcome(says=(near("1", "joined to an earlier row"),)),
    ),
    Case(
        "an import tells its account without being asked for JSON",
        "updates",
        given({"a.csv": HEADER + rows(7) + "INC9,short\n"}, "import a.csv --out t.parquet"),
        Outcome(says=(r"\b8\b", r"\b7\b", near("1", "reject"))),
    ),
]  # fmt: skip


def _first_titles(here: Path, expected: dict[str, str]) -> None:
    got = dict(tickets_in(here).select("ticket_id", "title").iter_rows())
    assert got == expected, f"titles are {got}"


CASES = [*SOURCES, *IDS, *UPDATES]
