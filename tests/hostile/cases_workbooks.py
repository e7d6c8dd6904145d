"""XLSX, Parquet and XML: bombs, cells that are nowhere, types no export should have, entities."""

import datetime as dt
import decimal
import io
from functools import partial
from pathlib import Path

import polars as pl
from hostile_case import Case, Outcome, given, importing, opened, tickets_in, values
from hostile_worker import Ended
from workbook import HEADER, archive, cell, lying_bomb, parts, sheet, workbook

book = partial(importing, "XLSX", file="a.xlsx")
table = partial(importing, "Parquet", file="a.parquet")
unload = partial(importing, "XML", file="a.xml")

_ROWS = [HEADER, ("INC1", "Mail is down", "since nine"), ("INC2", "VPN is slow", "very")]
_TWO = Outcome(rows=2, tickets=2)
_REFUSED = Outcome(2, says=("a.xlsx",))
_TWO_OR_REFUSED = Outcome((0, 2), rows=2, tickets=2)


def _with(more: str, **options: str) -> bytes:
    return workbook({"Incidents": sheet(_ROWS, more, **options)})


def _stray(reference: str, number: int) -> bytes:
    return _with(f'<row r="{number}">{cell(reference, "stray")}</row>')


def _bomb_of(part: str) -> bytes:
    """A workbook of less than 1 MB on disk that unpacks to 160 MB or more, and says it were 900 bytes."""
    if part == "cells":
        row = f"<row>{'<c><v>1</v></c>' * 16_000}</row>" * 5
        contents = parts({"Incidents": sheet(_ROWS, "@")})
        return lying_bomb(
            contents, "xl/worksheets/sheet1.xml", row.encode(), (160 << 20) // len(row), claims=900
        )
    contents = parts({"Incidents": sheet(_ROWS)})
    if part == "blanks":
        contents["xl/worksheets/sheet1.xml"] = sheet(_ROWS, "@")
        return lying_bomb(contents, "xl/worksheets/sheet1.xml", b" " * (1 << 20), 400, claims=900)
    contents["xl/sharedStrings.xml"] = contents["xl/sharedStrings.xml"].replace("</sst>", "@</sst>")
    block = ("<si><t>" + "s" * 1_000 + "</t></si>") * 1_000
    return lying_bomb(contents, "xl/sharedStrings.xml", block.encode(), 400, claims=900)


_LAUGHS = (
    '<!DOCTYPE w [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)
_ENCRYPTED = bytearray(workbook({"Incidents": sheet(_ROWS)}))
for _at in range(len(_ENCRYPTED) - 4):
    if _ENCRYPTED[_at : _at + 4] == b"PK\x03\x04":
        _ENCRYPTED[_at + 6] |= 1
    if _ENCRYPTED[_at : _at + 4] == b"PK\x01\x02":
        _ENCRYPTED[_at + 8] |= 1
_WHOLE = workbook({"Incidents": sheet(_ROWS)})
_SHEET = "xl/worksheets/sheet1.xml"

BOOKS = [
    book("a plain workbook", _WHOLE, _TWO, values(title=["Mail is down", "VPN is slow"])),
    *(
        book(f"a bomb of {part} whose directory lies", partial(_bomb_of, part), Outcome(2, says=("a.xlsx",)))
        for part in ("cells", "blanks", "strings")
    ),
    book("a bomb that says what it is", lambda: archive(parts({"I": sheet(_ROWS)}) | {"xl/x.xml": " " * (300 << 20)}), _REFUSED),
    *(
        book(f"a stray cell at {reference}", _stray(reference, number), Outcome((0, 2), tickets=range(2, 4)))
        for reference, number in (("XFD1048576", 1_048_576), ("A1048576", 1_048_576), ("XFD4", 4), ("C900000", 900_000))
    ),
    *(
        book(f"a cell at {reference or 'no place'}", _stray(reference, 4), Outcome((0, 2), tickets=range(2, 4)))
        for reference in ("A0", "ZZZZ9", "1A", "A99999999999", "AAAAAAAAAAAAAAAAAAAA1", "A-4", "4")
    ),
    book("cells without references", _with(f"<row>{cell('', 'INC3')}{cell('', 'Disk')}{cell('', 'full')}</row>"), Outcome(rows=3, tickets=3)),
    book("a row number of 20 digits", _with(f'<row r="{"9" * 20}">{cell("", "INC3")}</row>'), Outcome((0, 2), tickets=range(2, 4))),
    book("rows in no order", _with(f'<row r="9">{cell("A9", "INC9")}{cell("B9", "x y")}</row><row r="7">{cell("A7", "INC7")}{cell("B7", "z")}</row>'), Outcome((0, 2), tickets=4)),
    book("a dimension that lies", _with("", dimension="A1:XFD1048576"), _TWO_OR_REFUSED),
    book("a dimension that is nonsense", _with("", dimension="Q0:ZZZZZZ"), _TWO_OR_REFUSED),
    book("a second sheet with data", workbook({"First": sheet(_ROWS), "More": sheet([HEADER, ("INC3", "Disk is full", "x")])}), Outcome((0, 2), says=("More",))),
    book("a second sheet that is empty", workbook({"First": sheet(_ROWS), "Empty": sheet([])}), _TWO),
    book("a first sheet that is empty", workbook({"Empty": sheet([]), "Data": sheet(_ROWS)}), _TWO_OR_REFUSED),
    book("an empty sheet", workbook({"Incidents": sheet([])}), _REFUSED),
    book("a header alone, in a sheet", workbook({"Incidents": sheet([HEADER])}), _REFUSED),
    book("no sheet", workbook({}), _REFUSED),
    book("blank rows in a sheet", workbook({"Incidents": sheet([*_ROWS, (None, None, None), ("", "  ", None), ("INC5", "Disk is full", "x")])}), Outcome(tickets=3, rejected=0)),
    book("no archive at all", b"not an archive", _REFUSED),
    book("an archive cut off", _WHOLE[: len(_WHOLE) // 2], _REFUSED),
    book("an archive without a workbook", archive({"word/document.xml": "<w/>"}), _REFUSED),
    book("an empty archive", archive({}), _REFUSED),
    book("an encrypted archive", bytes(_ENCRYPTED), _REFUSED),
    book("an encrypted workbook of Office", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 2_048, _REFUSED),
    book("a workbook part cut off", archive(parts({"I": sheet(_ROWS)}) | {"xl/workbook.xml": "<workbook><shee"}), _REFUSED),
    book("a sheet cut off", archive(parts({"I": sheet(_ROWS)}) | {_SHEET: sheet(_ROWS)[:-60]}), Outcome((0, 2), tickets=range(3))),
    book("a sheet that is missing", archive({n: c for n, c in parts({"I": sheet(_ROWS)}).items() if n != _SHEET}), _REFUSED),
    book("a directory that is overwritten", _WHOLE[:-30] + b"\x00" * 8 + _WHOLE[-22:], Outcome((0, 2))),
    book("a string that is not in the table", _with('<row r="4"><c r="A4" t="s"><v>999999</v></c><c r="B4" t="s"><v>-1</v></c></row>'), Outcome((0, 2), tickets=range(2, 4))),
    book("a sheet with an entity bomb", workbook({"I": sheet(_ROWS, f"<row r=\"4\">{cell('A4', 'x')}</row>", head=_LAUGHS).replace(">x<", ">&a9;<")}), Outcome((0, 2), tickets=range(2, 4))),
    book("a path out of the folder in the archive", archive(parts({"I": sheet(_ROWS)}) | {"../../evil.txt": "x"}), Outcome((0, 2), tickets=2)),
    book("errors and truth values in cells", workbook({"I": sheet([HEADER, ("INC1", "#N/A", "Mail is down"), ("INC2", True, "x y"), ("INC3", "#REF!", 5)])}), Outcome(rows=3, tickets=3)),
    book(
        "whole-number floats as ids in a sheet",
        workbook({"I": sheet([(*HEADER, "parent"), (1001.0, "a b", "x", None), (1002, "c d", "y", 1001.0), ("1003", "e f", "z", "1001")])}),
        Outcome(rows=3, tickets=3),
        values(ticket_id=["1001", "1002", "1003"], parent=["", "1001", "1001"]),
    ),
    book(
        "serial numbers as dates in a sheet",
        workbook({"I": sheet([(*HEADER, "opened_at"), ("INC1", "a b", "x", 45292.5), ("INC2", "c d", "y", 45293)])}),
        Outcome(rows=2, tickets=2),
        opened("2024-01-01 12:00:00", "2024-01-02 00:00:00"),
    ),
    book(
        "cells formatted as dates",
        workbook({"I": sheet([(*HEADER, "opened_at"), ("INC1", "a b", "x", 45292.5)]).replace('<c r="D2">', '<c r="D2" s="1">')}),
        Outcome(rows=1, tickets=1),
        opened("2024-01-01 12:00:00"),
    ),
    book("a header of numbers and nothing", workbook({"I": sheet([("number", "short_description", None, 7, 7), ("INC1", "a b", "x", "y", "z")])}), Outcome(rows=1, tickets=1)),
    book("markup in the name of a sheet", workbook({"[red]First[/red]": sheet(_ROWS), "[/] More": sheet(_ROWS)}), Outcome((0, 2), says=("More",))),
    book("terminal escapes in a sheet", workbook({"I": sheet([(*HEADER, "_x001B_[31mred"), ("INC1", "a b", "x", "y")])}), Outcome(rows=1, tickets=1)),
]  # fmt: skip


def _parquet(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_parquet(stream)
    return stream.getvalue()


_GOOD = pl.DataFrame({"number": ["INC1", "INC2"], "short_description": ["Mail is down", "VPN is slow"]})
_PARQUET = _parquet(_GOOD)
_DAY = dt.datetime(2024, 1, 1, 10, 30)
_COLUMNS: dict[str, pl.Series] = {
    "binary": pl.Series([b"\xff\x00", b"text"], dtype=pl.Binary),
    "duration": pl.Series([dt.timedelta(seconds=90), None]),
    "decimal": pl.Series([decimal.Decimal("1.50"), None]),
    "list": pl.Series([["a", "b"], []]),
    "list of binary": pl.Series([[b"\xff"], None]),
    "struct": pl.Series([{"value": "a", "link": "b"}, {"value": None, "link": None}]),
    "struct of lists": pl.Series([{"k": [{"deep": 1}]}, None]),
    "date": pl.Series([_DAY.date(), None]),
    "time": pl.Series([_DAY.time(), None]),
    "time with a zone": pl.Series([_DAY, None]).dt.replace_time_zone("Europe/Berlin"),
    "categorical": pl.Series(["a", None], dtype=pl.Categorical),
    "enum": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
    "unsigned": pl.Series([2**64 - 1, 0], dtype=pl.UInt64),
    "nothing": pl.Series([None, None], dtype=pl.Null),
    "truth": pl.Series([True, None]),
    "not a number": pl.Series([float("nan"), float("inf")]),
    "array": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)),
}


def _decoy(name: str, decoy: str) -> Case:
    """A path that could be read as a pattern, beside the file that the pattern would match."""
    other = _parquet(_GOOD.with_columns(pl.lit("DECOY").alias("short_description")))
    return Case(
        f"a path with {'brackets' if '[' in name else 'a star' if '*' in name else 'a mark' if '?' in name else 'braces'}",
        "Parquet",
        given({name: _PARQUET, decoy: other}, ["import", name, "--out", "t.parquet", "--json"]),
        _TWO,
        values(title=["Mail is down", "VPN is slow"]),
    )


TABLES = [
    *(
        table(f"a column of type {name}", _parquet(_GOOD.with_columns(column.alias("extra"))), _TWO)
        for name, column in _COLUMNS.items()
    ),
    table("texts that are binary", _parquet(_GOOD.with_columns(pl.col("short_description").cast(pl.Binary))), _TWO, values(title=["Mail is down", "VPN is slow"])),
    table("texts that are binary and no text", _parquet(_GOOD.with_columns(pl.Series("description", [b"\xff\xfe\xfd", b"\x00\x01"]))), _TWO),
    table("ids that are decimals", _parquet(_GOOD.with_columns(pl.Series("number", [decimal.Decimal("1001"), decimal.Decimal("1002")]))), _TWO, values(ticket_id=["1001", "1002"])),
    table("opening times with a zone", _parquet(_GOOD.with_columns(_COLUMNS["time with a zone"].alias("opened_at"))), _TWO, opened("2024-01-01 09:30:00", None)),
    table("opening times in nanoseconds", _parquet(_GOOD.with_columns(pl.Series("opened_at", [_DAY, None]).cast(pl.Datetime("ns")))), _TWO, opened("2024-01-01 10:30:00", None)),
    table("opening times that are durations", _parquet(_GOOD.with_columns(_COLUMNS["duration"].alias("opened_at"))), Outcome((0, 2), tickets=2)),
    table("a struct as description", _parquet(_GOOD.with_columns(pl.Series("description", [{"body": "the words"}, {"body": "more"}]))), _TWO, lambda here, _: _words_kept(here)),
    table("blank rows in Parquet", _parquet(pl.concat([_GOOD, _GOOD.select(pl.lit(None, pl.String).alias(n) for n in _GOOD.columns).head(1)])), Outcome(rows=3, tickets=2, blank=1)),
    table("no rows in Parquet", _parquet(_GOOD.head(0)), Outcome(2)),
    table("no columns in Parquet", _parquet(pl.DataFrame()), Outcome(2)),
    table("Parquet cut off", _PARQUET[:-20], Outcome(2)),
    table("Parquet of nothing but its marks", b"PAR1PAR1", Outcome(2)),
    table("Parquet whose end claims 4 GB", b"PAR1" + b"\x00" * 64 + b"\xff\xff\xff\x7fPAR1", Outcome(2)),
    table("Parquet with a broken page", _PARQUET[:8] + bytes(b ^ 0xFF for b in _PARQUET[8:40]) + _PARQUET[40:], Outcome((0, 2), tickets=range(3))),
    table("Parquet with broken metadata", _PARQUET[:-60] + bytes(b ^ 0xFF for b in _PARQUET[-60:-20]) + _PARQUET[-20:], Outcome((0, 2))),
    _decoy("data[1].parquet", "data1.parquet"),
    _decoy("data*.parquet", "data1.parquet"),
    _decoy("data?.parquet", "data1.parquet"),
    _decoy("data{1,2}.parquet", "data1.parquet"),
    Case(
        "a folder named like a partition",
        "Parquet",
        given({"category=Hardware/a.parquet": _PARQUET}, "import category=Hardware/a.parquet --out t.parquet --json"),
        _TWO,
        values(category=["", ""]),
    ),
]  # fmt: skip


def _words_kept(here: Path) -> None:
    got = tickets_in(here)["description"].to_list()
    assert "the words" in got[0], f"description is {got}"


def _incident(number: int, more: str = "") -> str:
    return (
        f'<incident action="INSERT_OR_UPDATE"><number>INC{number}</number><sys_id>{number:032x}</sys_id>'
        f"<short_description>Mail {number} &amp; more</short_description><description>since &lt;nine&gt;</description>"
        f"{more}</incident>"
    )


def _unload(content: str, head: str = "") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>{head}<unload unload_date="2024-01-01 10:00:00">{content}</unload>'


def _parent_joined(here: Path, _: Ended) -> None:
    frame = tickets_in(here)
    known = {*frame["ticket_id"], *frame["sys_id"], *frame["number"]}
    assert frame["parent"][1] in known, f"parent is {frame['parent'].to_list()}, of {sorted(known)}"


def _entity(target: str) -> Case:
    def make(here: Path) -> list[list[str]]:
        (here / "private.txt").write_text("the-private-words")
        where = (here / "private.txt").as_uri() if target == "a file" else "http://127.0.0.1:9/private.txt"
        head = f'<!DOCTYPE unload [<!ENTITY x SYSTEM "{where}">]>'
        (here / "a.xml").write_text(_unload(_incident(1).replace("since", "&x;"), head))
        return [["import", "a.xml", "--out", "t.parquet", "--json"]]

    return Case(f"an entity that is {target}", "XML", make, Outcome(2, secret=("the-private-words",)))


XML = [
    unload("an unload of ServiceNow", _unload(_incident(1) + _incident(2)), _TWO, values(title=["Mail 1 & more", "Mail 2 & more"], description=["since <nine>"] * 2)),
    unload("an export of ServiceNow as XML", f"<xml>{_incident(1)}{_incident(2)}</xml>", _TWO),
    unload("a reference with its text", _unload(_incident(1) + _incident(2, f'<parent_incident display_value="INC1">{1:032x}</parent_incident>')), _TWO, _parent_joined),
    unload("an unload of two tables", _unload(_incident(1) + '<sys_audit action="INSERT"><sys_id>9</sys_id><oldvalue>x</oldvalue></sys_audit>' + _incident(2)), Outcome((0, 2), tickets=range(2, 4))),
    unload("an unload with an empty incident", _unload(_incident(1) + "<incident/>" + _incident(2)), Outcome(tickets=2)),
    unload("an unload with a field twice", _unload(_incident(1, "<category>a</category><category>b</category>")), Outcome(rows=1, tickets=1)),
    unload("an unload in UTF-16", _unload(_incident(1) + _incident(2)).replace("UTF-8", "UTF-16").encode("utf-16"), _TWO),
    unload("an unload with CDATA", _unload(_incident(1, "<comments><![CDATA[a < b & c]]></comments>")), Outcome(rows=1, tickets=1)),
    unload("an unload with a cell of 5 MB", lambda: _unload(_incident(1, f"<comments>{'word ' * 1_000_000}</comments>")).encode(), Outcome(rows=1, tickets=1)),
    unload("an unload cut off", _unload(_incident(1) + _incident(2))[:-80], Outcome((0, 2), tickets=range(1, 3))),
    unload("an entity bomb", _unload(_incident(1).replace("since", "&a9;"), _LAUGHS.replace("<!DOCTYPE w", "<!DOCTYPE unload")), Outcome(2, says=("a.xml",))),
    unload("a quadratic entity bomb", lambda: _unload(_incident(1).replace("since", "&a;" * 20_000), f'<!DOCTYPE unload [<!ENTITY a "{"x" * 50_000}">]>').encode(), Outcome(2, says=("a.xml",))),
    _entity("a file"),
    _entity("a page of the network"),
    unload("elements nested 100,000 deep", lambda: _unload("<a>" * 100_000 + "</a>" * 100_000).encode(), Outcome(2)),
    unload("an unload without incidents", _unload(""), Outcome(2)),
    unload("a page of HTML", "<!DOCTYPE html><html><body><p>number</p></body></html>", Outcome(2)),
    unload("no XML", "number,short_description", Outcome(2)),
    unload("a character that XML forbids", _unload(_incident(1, "<comments>&#0;&#27;[31m</comments>")), Outcome((0, 2))),
]  # fmt: skip

CASES = [*BOOKS, *TABLES, *XML]
