"""CSV files as spreadsheets, scripts and hands leave them: quotes, ragged lines, headers, line ends."""

import json
from functools import partial

from hostile_case import Outcome, holds, importing, values

HEADER = "number,short_description,description\n"
quoting = partial(importing, "csv quoting")
layout = partial(importing, "csv layout")


def row(number: int, text: str = "It shows fault") -> str:
    """One good line."""
    return f"INC{number:04},Printer {number} is down,{text} {number}\n"


def rows(n_rows: int, first: int = 1) -> str:
    """Good lines."""
    return "".join(row(number) for number in range(first, first + n_rows))


def _with_line(n_rows: int, place: int, line: str) -> str:
    lines = [row(number) for number in range(1, n_rows + 1)]
    lines[place - 1] = line
    return HEADER + "".join(lines)


def _all_but_one_kept(n_rows: int) -> Outcome:
    return Outcome(0, rows=n_rows, tickets=range(n_rows - 1, n_rows + 1))


_LOG = "\n".join(f"10:00:{second % 60:02} service, worker {second}; state=failed" for second in range(500))

QUOTING = [
    quoting(
        "an unclosed quote among 1,000 rows",
        _with_line(1_000, 500, 'INC0500,"19 inch screen flickers,since Monday\n'),
        _all_but_one_kept(1_000),
        holds("ticket_id", "INC0499", "INC0501", "INC1000"),
    ),
    quoting(
        "an unclosed quote in the first of 200 rows",
        _with_line(200, 1, 'INC0001,"screen flickers,since Monday\n'),
        _all_but_one_kept(200),
    ),
    quoting(
        "an unclosed quote in the last of 200 rows",
        _with_line(200, 200, 'INC0200,"screen flickers,since Monday\n'),
        _all_but_one_kept(200),
    ),
    quoting(
        "an unclosed quote in a file of German Excel",
        (HEADER + _with_line(200, 50, 'INC0050,"19 Zoll,seit Montag\n').removeprefix(HEADER)).replace(
            ",", ";"
        ),
        _all_but_one_kept(200),
    ),
    quoting(
        "two rows with a stray quote each",
        HEADER
        + rows(3)
        + 'INC0004,"19 inch,flickers\n'
        + rows(5, 5)
        + 'INC0010,a 17" screen,dark\n'
        + rows(5, 11),
        Outcome(0, rows=15, tickets=range(13, 16)),
        holds("ticket_id", "INC0003", "INC0007", "INC0015"),
    ),
    quoting(
        "an unclosed quote after a cell of several lines",
        HEADER + 'INC0001,Log,"one\ntwo\nthree"\n' + rows(50, 2) + 'INC0052,"open,x\n' + rows(48, 53),
        _all_but_one_kept(100),
    ),
    quoting(
        "an unclosed quote in the header",
        'number,"short_description,description\n' + rows(3),
        Outcome((0, 2), rows=3, tickets=3),
    ),
    quoting(
        "a quote within a cell without quotes",
        HEADER + 'INC0001,19" screen,It flickers\n' + rows(1, 2),
        Outcome(rows=2, tickets=2),
        values(title=['19" screen', "Printer 2 is down"]),
    ),
    quoting(
        "doubled quotes",
        HEADER + 'INC0001,"He said ""no"" twice",x y z\n',
        Outcome(rows=1, tickets=1),
        values(title=['He said "no" twice']),
    ),
    quoting(
        "quotes escaped by backslashes",
        HEADER + '"INC0001","He said \\"no\\" twice","Then, he left"\n' + rows(3, 2),
        Outcome(0, rows=4, tickets=range(3, 5)),
    ),
    quoting(
        "single quotes that mean nothing",
        HEADER + "INC0001,User's 'printer',doesn't print\n",
        Outcome(rows=1, tickets=1),
        values(title=["User's 'printer'"]),
    ),
    quoting(
        "a log of 500 lines in one quoted cell",
        HEADER + f'INC0001,Service fails,"{_LOG}"\n' + rows(2, 2),
        Outcome(rows=3, tickets=3, rejected=0),
        holds("description", "worker 0;", "worker 299;"),
    ),
    quoting(
        "a mail with commas and quotes in one quoted cell",
        HEADER
        + 'INC0001,Mail,"Dear all,\n\nhe wrote ""stop"",\nso I stopped, as asked,\nBye"\n'
        + rows(2, 2),
        Outcome(rows=3, tickets=3, rejected=0),
        holds("description", 'he wrote "stop",\nso I stopped'),
    ),
    quoting(
        "line ends of Windows within a quoted cell",
        HEADER.replace("\n", "\r\n") + 'INC0001,Two lines,"first\r\nsecond"\r\n',
        Outcome(rows=1, tickets=1),
        values(description=["first\nsecond"]),
    ),
    quoting(
        "blanks before and after quoted cells",
        HEADER + 'INC0001, "Screen, left" ,dark\n' + rows(3, 2),
        Outcome(0, rows=4, tickets=range(3, 5)),
    ),
    quoting(
        "a cell of nothing but quotes",
        HEADER + 'INC0001,"""""",x y z\n' + rows(1, 2),
        Outcome(rows=2, tickets=2),
    ),
]

LAYOUT = [
    layout("a line with too few cells", HEADER + rows(2) + "INC0003,short\n", Outcome(rows=3, tickets=2, rejected=1)),
    layout(
        "a line with too many cells",
        HEADER + rows(2) + "INC0003,a,b,c,d\n",
        Outcome(rows=3, tickets=2, rejected=1),
    ),
    layout(
        "every line ends with a delimiter, the header too",
        (HEADER + rows(3)).replace("\n", ",\n"),
        Outcome(rows=3, tickets=3),
    ),
    layout(
        "every line but the header ends with a delimiter",
        HEADER + rows(3).replace("\n", ",\n"),
        Outcome((0, 2), rows=3, tickets=range(4)),
    ),
    layout(
        "empty lines between the rows",
        HEADER + row(1) + "\n\n" + row(2) + "   \n" + row(3),
        Outcome(rows=range(3, 7), tickets=3, rejected=0),
    ),
    layout("lines of delimiters alone", HEADER + row(1) + ",,\n" + row(2) + " , , \n", Outcome(rows=4, tickets=2, blank=2)),
    layout("a header alone", HEADER, Outcome(2, says=("a.csv",))),
    layout("a header and empty lines", HEADER + "\n\n\n", Outcome(2, says=("a.csv",))),
    layout("an empty file", "", Outcome(2, says=("a.csv",))),
    layout("a byte order mark alone", b"\xef\xbb\xbf", Outcome(2, says=("a.csv",))),
    layout("line ends alone", "\n\r\n\n", Outcome(2, says=("a.csv",))),
    layout("no header", rows(5), Outcome(2)),
    layout("two exports joined end to end", HEADER + rows(3) + "\ufeff" + HEADER + rows(5, 4), Outcome(rows=9, tickets=8, rejected=1)),
    layout(
        "a header twice of which the first column is empty",
        "number,short_description,description,description\n" + "".join(f"INC{n},a b,,text {n}\n" for n in range(3)),
        Outcome(rows=3, tickets=3),
        values(description=["text 0", "text 1", "text 2"]),
    ),
    layout(
        "a header twice of which the second column is empty",
        "number,short_description,description,description\n" + "".join(f"INC{n},a b,text {n},\n" for n in range(3)),
        Outcome(rows=3, tickets=3),
        values(description=["text 0", "text 1", "text 2"]),
    ),
    layout(
        "a header thrice of which the last is filled",
        "number,description,description,description\n" + "".join(f"INC{n},,,text {n}\n" for n in range(3)),
        Outcome(rows=3, tickets=3),
        values(description=["text 0", "text 1", "text 2"]),
    ),
    layout(
        "columns without a name",
        "number,,short_description,\nINC1,x,Mail is down,y\n",
        Outcome(rows=1, tickets=1),
        values(title=["Mail is down"]),
    ),
    layout(
        "a header in capitals between blanks",
        " NUMBER , Short Description ,  Description\n" + rows(2),
        Outcome(rows=2, tickets=2),
    ),
    layout("a header after two lines of a report", "Incidents of June\nMade on 1 July\n\n" + HEADER + rows(3), Outcome((0, 2), tickets=3)),
    layout("the hint sep= of Excel", "sep=;\n" + (HEADER + rows(3)).replace(",", ";"), Outcome((0, 2), tickets=3)),
    layout("semicolons", (HEADER + rows(3)).replace(",", ";"), Outcome(rows=3, tickets=3)),
    layout("tabs", (HEADER + rows(3)).replace(",", "\t"), Outcome(rows=3, tickets=3), file="a.tsv"),
    layout("bars", (HEADER + rows(3)).replace(",", "|"), Outcome(rows=3, tickets=3)),
    layout(
        "semicolons, and commas in the names of columns",
        "number;short_description;seen, first;seen, second\n" + "INC1;Mail is down;a;b\n",
        Outcome(rows=1, tickets=1),
        values(title=["Mail is down"]),
    ),
    layout("line ends of old Macs", (HEADER + rows(3)).replace("\n", "\r"), Outcome(rows=3, tickets=3)),
    layout("line ends of Windows", (HEADER + rows(3)).replace("\n", "\r\n"), Outcome(rows=3, tickets=3)),
    layout("line ends of three kinds", HEADER + row(1) + row(2)[:-1] + "\r" + row(3)[:-1] + "\r\n" + row(4), Outcome(rows=4, tickets=4)),
    layout("no line end at the end", (HEADER + rows(3)).rstrip(), Outcome(rows=3, tickets=3)),
    layout("a carriage return before each line end of Windows", (HEADER + rows(3)).replace("\n", "\r\r\n"), Outcome(tickets=3)),
    layout(
        "zero bytes in cells",
        HEADER + "INC1,Mail\x00 down,\x00x\x00\nINC2,VPN,y\n",
        Outcome(rows=2, tickets=2),
        values(title=["Mail down", "VPN"]),
    ),
    layout("a file of zero bytes", b"\x00" * 4_096, Outcome(2)),
    layout("the end mark of DOS", HEADER + rows(2) + "\x1a", Outcome(tickets=2)),
    layout(
        "line separators of Unicode within cells",
        HEADER + "INC1,one\u2028two,three\u2029four\u0085five\x0bsix\x0cseven\n" + rows(1, 2),
        Outcome(rows=2, tickets=2),
    ),
    layout("a header of 5,000 columns", "number,short_description," + ",".join(f"c{n}" for n in range(5_000)) + "\nINC1,Mail," + "," * 4_999 + "\n", Outcome(rows=1, tickets=1)),
    layout("a cell of 5 MB", HEADER + f"INC1,Mail,{'word ' * 1_000_000}\n", Outcome(rows=1, tickets=1)),
    layout("a column name of 1 MB", f"number,{'n' * 1_000_000}\nINC1,x\n", Outcome(2)),
    layout("a suffix in capitals", HEADER + rows(2), Outcome(rows=2, tickets=2), file="A.CSV"),
    layout("an unknown suffix", HEADER + rows(2), Outcome(2, says=("csv",)), file="a.txt"),
    layout("no suffix", HEADER + rows(2), Outcome(2, says=("csv",)), file="a"),
    layout("a compressed file called CSV", b"\x1f\x8b\x08\x00" + bytes(range(256)) * 8, Outcome(2)),
    layout("a picture called CSV", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, Outcome(2)),
    layout("a PDF called CSV", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", Outcome(2)),
    layout("a workbook called CSV", b"PK\x03\x04\x14\x00\x06\x00" + bytes(range(256)) * 8, Outcome(2)),
    layout("a page of HTML called CSV", "<html><body><table><tr><td>number</td></tr></table></body></html>\n", Outcome(2)),
    layout("JSON called CSV", json.dumps([{"number": "INC1", "short_description": "Mail"}]), Outcome(2)),
    layout("CSV called XLSX", HEADER + rows(2), Outcome(2, says=("a.xlsx",)), file="a.xlsx"),
    layout("CSV called Parquet", HEADER + rows(2), Outcome(2, says=("a.parquet",)), file="a.parquet"),
    layout("CSV called JSON", HEADER + rows(2), Outcome(2, says=("a.json",)), file="a.json"),
    layout("CSV called JSON Lines", HEADER + rows(2), Outcome(2, says=("a.jsonl",)), file="a.jsonl"),
    layout("CSV called XML", HEADER + rows(2), Outcome(2, says=("a.xml",)), file="a.xml"),
    layout("a pickle", b"cos\nsystem\n(S'touch exploded'\ntR.", Outcome(2, says=("csv",)), file="a.pkl"),
    layout("a workbook of the old kind", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 512, Outcome(2, says=("xlsx",)), file="a.xls"),
]  # fmt: skip

CASES = [*QUOTING, *LAYOUT]
