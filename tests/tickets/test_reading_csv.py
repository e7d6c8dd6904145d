"""CSV: a broken record costs itself alone, and every record of the file is accounted for."""

import csv
import io
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ticketkin.core.errors import TicketkinError, UnreadableFileError
from ticketkin.tickets.reading import RawTable, read_table
from ticketkin.tickets.reading.delimited_layout import find_layout
from ticketkin.tickets.reading.delimited_records import Lines, Records
from ticketkin.tickets.reading.encodings import DecodedFile

HEADER = ["number", "opened_at", "title", "description", "state"]
TEXTS = (
    "Mail is down",
    "Cannot print, error 0x51",
    'Says "access denied", then closes',
    "Steps:\n1, open the client\n2, log in\n\nIt hangs.",
    "Log:\na,b,c,d,e\nnot one of ours, but as wide, as, it",
)


def _records(count: int) -> list[list[str]]:
    return [
        [f"INC{row:07}", f"2024-05-{row % 28 + 1:02} 10:00:00", f"Ticket {row}", TEXTS[row % 5], "Closed"]
        for row in range(count)
    ]


def _written(rows: list[list[str]], quoting: int = csv.QUOTE_MINIMAL) -> list[str]:
    """Return each row as the csv module writes it."""
    written = []
    for row in rows:
        line = io.StringIO()
        csv.writer(line, quoting=quoting, lineterminator="\n").writerow(row)
        written.append(line.getvalue())
    return written


def _read(folder: Path, content: str | bytes, name: str = "a.csv") -> RawTable:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


def _without_first_closing_quote(record: str) -> str:
    place = record.rfind('",')
    return record[:place] + record[place + 1 :]


def _with_opening_quote(record: str) -> str:
    return record.replace(",Ticket", ',"Ticket', 1)


@pytest.mark.parametrize("place", [1, 2, 500, 999, 1000])
@pytest.mark.parametrize("texts", ["short", "long"])
def test_an_unclosed_quote_costs_its_own_record(tmp_path: Path, place: int, texts: str) -> None:
    rows = _records(1000)
    if texts == "short":
        for row in rows:
            row[3] = "no quotes here"
    written = _written([HEADER, *rows])
    written[place] = f'INC{place - 1:07},2024-05-01 10:00:00,"not closed,x,Closed\n'
    table = _read(tmp_path, "".join(written))
    expected = [row[0] for number, row in enumerate(rows, 1) if number != place]
    assert table.frame["number"].to_list() == expected
    assert [number for number, _ in table.rejected] == [place]
    assert "a quote in it is not closed" in table.rejected[0][1]
    assert table.n_records == 1000


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("seed", range(5))
def test_no_other_ticket_is_lost_or_made_up(tmp_path: Path, quoting: int, seed: int) -> None:
    rows = _records(400)
    written = _written([HEADER, *rows], quoting)
    draw = random.Random(seed)
    with_quotes = [number for number, record in enumerate(written) if number and '",' in record]
    broken = sorted(draw.sample(with_quotes, 6))
    for number in broken:
        written[number] = _without_first_closing_quote(written[number])
    table = _read(tmp_path, "".join(written))
    whole = {row[0] for number, row in enumerate(rows, 1) if number not in broken}
    assert whole <= set(table.frame["number"]) <= {row[0] for row in rows}
    assert table.frame.height + len(table.rejected) == 400


def test_a_quote_that_a_stray_one_closes_takes_in_no_records(tmp_path: Path) -> None:
    written = _written(
        [HEADER, *([f"INC{n:07}", "2024-05-01", f"Ticket {n}", "x", "New"] for n in range(60))]
    )
    written[10] = _with_opening_quote(written[10])
    written[50] = written[50].replace("Ticket 49", 'monitor 24"')
    table = _read(tmp_path, "".join(written))
    assert table.frame.height == 59
    assert [number for number, _ in table.rejected] == [10]


def test_long_cells_with_pasted_tables_stay_whole(tmp_path: Path) -> None:
    pasted = "name,size,used,free,state\nsda1,10,2,8,ok\nsda2,20,19,1,full\n" * 5
    rows = [[f"INC{n:07}", "2024-05-01", "Disk", pasted, "New"] for n in range(30)]
    table = _read(tmp_path, "".join(_written([HEADER, *rows])))
    assert table.frame.rows() == [tuple(row) for row in rows]
    assert table.rejected == []


def test_quotes_that_are_not_doubled_are_mended_and_counted(tmp_path: Path) -> None:
    table = _read(
        tmp_path,
        'number,title,description,state\nINC0000001,a,"Press the "Save" button,\nthen "Quit" twice",New\n'
        'INC0000002,b,"plain",New\nINC0000003,"a "quoted" title",text,New\n',
    )
    assert table.frame["description"].to_list() == [
        'Press the "Save" button,\nthen "Quit" twice',
        "plain",
        "text",
    ]
    assert table.frame["title"][2] == 'a "quoted" title'
    assert table.repairs == {"quotes": 2}


def test_short_and_long_records(tmp_path: Path) -> None:
    table = _read(tmp_path, "number,title\nINC1,a,,\nINC2\n\n,\nINC3,b,c\nINC4,d\n")
    assert table.frame["number"].to_list() == ["INC1", "INC4"]
    assert table.rows == [1, 6]
    assert table.rejected == [(2, "1 cell where the header has 2"), (5, "3 cells where the header has 2")]
    assert (table.n_records, table.n_blank) == (6, 2)
    assert table.repairs == {"trailing_empty_cells": 1}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('sep=;\r\nnumber;title\r\nINC1;"a;b"\r\n', "a;b"),
        ("number\ttitle\rINC1\ta;b\rINC2\tc\r", "a;b"),
        ('"number, of it";title\nINC1;"a;b"\n', "a;b"),
        ("\n\nnumber,title\nINC1,a;b\n", "a;b"),
        ("\ufeffnumber,title\n\ufeffINC1,a;b\n", "a;b"),
        ('number,title\r\n"INC1","a;b"', "a;b"),
        ("number|title|x,y,z\nINC1|a;b|1,2,3\nINC2|c|1,2\n", "a;b"),
    ],
)
def test_marks_separators_and_line_ends(tmp_path: Path, content: str, expected: str) -> None:
    table = _read(tmp_path, content)
    assert table.frame["title"][0] == expected
    assert table.frame[:, 0][0] == "INC1"
    assert table.rejected == []


def test_lines_above_the_header_are_noted(tmp_path: Path) -> None:
    table = _read(tmp_path, "Incidents of May\n\nnumber,title,state\nINC1,a,New\nINC2,b,New\n")
    assert table.frame.columns == ["number", "title", "state"]
    assert table.frame.height == 2
    assert "1 line above the header left out: 'Incidents of May'" in table.notes[0]


def test_a_quote_in_the_header_is_not_closed(tmp_path: Path) -> None:
    table = _read(tmp_path, 'number,"title\nINC1,a\nINC2,b\n')
    assert table.frame.columns == ["number", "title"]
    assert table.frame.height == 2


def test_a_repeated_name_goes_to_the_column_with_content(tmp_path: Path) -> None:
    table = _read(
        tmp_path, "number,state,title,title,state,title_2\nINC1,,,Mail down,New,z\nINC2,,,VPN,Old,y\n"
    )
    assert table.frame["title"].to_list() == ["Mail down", "VPN"]
    assert table.frame["state"].to_list() == ["New", "Old"]
    assert sorted(table.frame.columns) == ["number", "state", "state_2", "title", "title_2", "title_3"]
    assert any("2 columns are called 'title', 1 of them have content" in note for note in table.notes)


def test_filled_columns_of_one_name_are_all_kept(tmp_path: Path) -> None:
    table = _read(tmp_path, "key,Comment,Comment\nA-1,first,second\n")
    assert table.frame.row(0, named=True) == {"key": "A-1", "Comment": "first", "Comment_2": "second"}


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        ("INC1,INC2\nINC3,INC4\nINC5,INC6\n", True),
        ("2024-01-01,a\n2024-01-02,b\n", True),
        ("source,target\nINC3,INC4\n", False),
        ("issue_1,issue_2\nINC3,INC4\n", False),
        ("sub_category1,x\n12,y\n", False),
    ],
)
def test_a_file_without_header_is_recognised(tmp_path: Path, content: str, looks: bool) -> None:
    table = _read(tmp_path, content)
    assert any("looks like a record" in note for note in table.notes) is looks


def test_whole_numbers_written_as_floats_join_again(tmp_path: Path) -> None:
    table = _read(tmp_path, "id,parent,cost,version\n12,7.0,1.5,1.0\n13,,2.0,2.0\n014,9.00,3.0,3.0\n")
    assert table.frame["parent"].to_list() == ["7", "", "9"]
    assert table.frame["id"].to_list() == ["12", "13", "014"]
    assert table.frame["cost"].to_list() == ["1.5", "2.0", "3.0"]
    assert table.frame["version"].to_list() == ["1.0", "2.0", "3.0"]
    assert table.repairs == {"whole_number_floats": 2}


def test_references_saved_by_pandas_give_their_value(tmp_path: Path) -> None:
    cell = "\"{'link': 'https://x/api/now/table/incident/s1', 'value': 's1'}\""
    table = _read(
        tmp_path, f'number,Parent Incident,u_other,title\nINC1,{cell},{cell},"{{""a"": 1}}"\nINC2,nan,,b\n'
    )
    assert table.frame.row(0) == ("INC1", "s1", "s1", '{"a": 1}')
    assert table.repairs["references"] == 2


@pytest.mark.parametrize("content", [b"PK\x03\x04zip", b"\x1f\x8bgzip", b"PAR1data", b"%PDF-1.4"])
def test_files_of_another_kind_are_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFileError, match="not what its name says"):
        _read(tmp_path, content)


@pytest.mark.parametrize(
    "line",
    [',"a\n', 'x,"a"b,"c\n', 'x,"\n', '"\n', 'x,"y""\n', 'x,"y"" z\n', '",\n', 'x,"a\n,"b"\n'],
)
def test_work_on_broken_quotes_is_linear(line: str) -> None:
    def n_lines_handed_out(count: int) -> int:
        content = DecodedFile(("a,b\n" + line * count).encode())
        layout = find_layout(content, ",")
        lines = _CountingLines(content.lines())
        next(lines)
        Records(lines, ",", 2, layout.anchor(2), len(content.utf8)).read_all()
        return lines.count

    assert n_lines_handed_out(4_000) < 3 * n_lines_handed_out(2_000) + 1_000


class _CountingLines(Lines):
    count = 0

    def __next__(self) -> str:
        self.count += 1
        return super().__next__()


plain = st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\x00\ufeff")
cells = st.text(plain, max_size=20) | st.text('ab"\n\r,;\t| ', max_size=12)
tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12)
)


@given(
    tables,
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_csv_module_writes_reads_back(
    tmp_path: Path, rows: list[list[str]], delimiter: str, quoting: int, end: str
) -> None:
    header = [f"name{chr(97 + place)}" for place in range(len(rows[0]))]
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([header, *rows])
    kept = [tuple(row) for row in rows if any(cell.strip() for cell in row)]
    # The module itself does not quote a line end that is not the file's own.
    own = list(csv.reader(io.StringIO(written.getvalue(), newline=""), delimiter=delimiter))
    assume(kept and own == [header, *rows])
    table = _read(tmp_path, written.getvalue())
    assert table.rejected == []
    assert table.frame.columns == header
    assert table.frame.rows() == kept
    assert table.n_records == len(rows)


pieces = st.sampled_from(
    [
        '"',
        "\n",
        ",",
        ";",
        "\r",
        "a",
        "INC1",
        "\x00",
        '""',
        "{",
        "}",
        "[",
        "]",
        ":",
        "\\",
        '"a"',
        "\ufeff",
        "é",
        "<a>",
    ]
)
garbage = st.binary(max_size=200) | st.lists(pieces, max_size=60).map("".join).map(str.encode)


@given(garbage, st.sampled_from([".csv", ".tsv", ".json", ".jsonl", ".xml"]))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_in_a_table_or_a_plain_error(tmp_path: Path, content: bytes, ending: str) -> None:
    try:
        table = _read(tmp_path, content, "a" + ending)
    except TicketkinError:
        return
    assert table.n_records == table.frame.height + len(table.rejected) + table.n_blank


@pytest.mark.parametrize(
    "again", ["{}", "\ufeff{}", "{} ", '\ufeff"number",opened_at,title,description,state']
)
def test_files_joined_end_to_end_hold_no_ticket_called_number(tmp_path: Path, again: str) -> None:
    lines = _written([HEADER, *_records(3)])
    second = again.format(lines[0].strip()) + "\n"
    table = _read(tmp_path, "".join([*lines, second, *lines[1:], second]))
    assert table.rejected == [(4, "repeats the header"), (8, "repeats the header")]
    assert (table.rows, table.n_records) == ([1, 2, 3, 5, 6, 7], 8)
    assert table.frame.rows() == [tuple(row) for row in _records(3) * 2]


def test_the_header_again_spoils_no_column_of_numbers(tmp_path: Path) -> None:
    table = _read(tmp_path, "id,title\n1.0,a\n2.0,b\nid,title\n3.0,c\n")
    assert table.frame["id"].to_list() == ["1", "2", "3"]


def test_rows_below_a_header_in_another_order_are_not_read_under_the_first(tmp_path: Path) -> None:
    table = _read(tmp_path, "id,title,text\n1,a,x\ntitle,id,text\nb,2,y\nid,title,text\n3,c,z\n")
    assert table.frame.rows() == [("1", "a", "x"), ("3", "c", "z")]
    assert table.rejected == [
        (2, "is a header with the columns in another order"),
        (3, "stands below a header with the columns in another order"),
        (4, "repeats the header"),
    ]


def test_records_equal_to_a_first_line_that_is_no_header_stay(tmp_path: Path) -> None:
    table = _read(tmp_path, "INC1,INC2\nINC1,INC2\nINC2,INC1\nINC3,INC4\n")
    assert (table.frame.height, table.rejected) == (3, [])


def test_a_record_that_speaks_of_columns_is_a_record(tmp_path: Path) -> None:
    table = _read(tmp_path, "id,title,text\n1,title,text\nid,the title is lost,text\n")
    assert (table.frame.height, table.rejected) == (2, [])
