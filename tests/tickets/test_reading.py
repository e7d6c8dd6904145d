"""Reading exports: every shape, every kind of damage, the message a user sees."""

import json
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.errors import UnreadableFileError, UnsafeArtifactError
from ticketkin.tickets.cells import cell_text, reference_text
from ticketkin.tickets.reading import read_table

RECORDS = [
    {"number": "INC1", "short_description": "Mail down"},
    {"number": "INC2", "short_description": "VPN"},
]


def test_all_formats_give_the_same_table(tmp_path: Path) -> None:
    frame = pl.DataFrame(RECORDS)
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text(json.dumps(RECORDS))
    (tmp_path / "b.json").write_text(json.dumps({"result": RECORDS}))
    (tmp_path / "c.json").write_text(json.dumps({"records": RECORDS}))
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, RECORDS)))
    for name in ("a.csv", "a.parquet", "a.json", "b.json", "c.json", "a.jsonl"):
        table = read_table(tmp_path / name)
        assert table.frame.to_dicts() == RECORDS, name
        assert table.rejected == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_and_marks(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("number,short_description\nINC1,Drücker läuft nicht\n".encode(encoding))
    table = read_table(path)
    assert table.frame.columns == ["number", "short_description"]
    assert table.frame["short_description"][0] == "Drücker läuft nicht"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_newlines_in_quotes(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'number{delimiter}description\nINC1{delimiter}"two\nlines"\n')
    assert read_table(path).frame["description"][0] == "two\nlines"


def test_ragged_rows_are_rejected_with_their_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("number,title\nINC1,a\nINC2,b,extra\nINC3,c\n")
    table = read_table(path)
    assert table.frame["number"].to_list() == ["INC1", "INC3"]
    assert table.rejected == [(2, "3 cells where the header has 2")]
    assert table.rows == [1, 3]


def test_nul_bytes_are_counted_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"number,title\nINC1,a\x00b\n")
    table = read_table(path)
    assert table.frame["title"][0] == "ab"
    assert table.repairs == {"nul_bytes": 1}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty; export it again with its header row"),
        ("a.csv", b"number,title\n", "holds no rows"),
        ("a.json", b'{"a": 1}', "JSON must be an array of tickets"),
        ("a.json", b'[{"a": 1', "is not valid JSON"),
        ("a.jsonl", b"nonsense\n", "no line is valid JSON"),
        ("a.xlsx", b"no zip", "is not a readable XLSX file"),
        ("a.parquet", b"no parquet", "is not a readable Parquet file"),
        ("a.doc", b"x", "files of the kind .doc are not read; allowed are .csv"),
    ],
)
def test_damaged_files_say_what_to_do(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFileError, match=message.replace("(", r"\(")):
        read_table(tmp_path / name)


def test_missing_file_and_pickle(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_table(tmp_path / "absent.csv")
    (tmp_path / "a.pkl").write_bytes(b"x")
    with pytest.raises(UnsafeArtifactError, match="can run code when opened"):
        read_table(tmp_path / "a.pkl")


def test_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (80 << 20))
    with pytest.raises(UnreadableFileError, match="zip bomb"):
        read_table(path)


@pytest.mark.parametrize(
    ("cell", "column", "expected"),
    [
        ({"link": "https://x/1", "value": "abc"}, "assignment_group", "abc"),
        ({"display_value": "Desk", "link": "https://x/1"}, "assignment_group", "Desk"),
        ({"display_value": "1 - Critical", "value": "1"}, "priority", "1 - Critical"),
        ({"display_value": "INC9", "value": "sys9"}, "parent_incident", "sys9"),
        ("{'display_value': 'Desk', 'link': 'https://x'}", "assignment_group", "Desk"),
        ("{'link': 'https://x', 'value': 'abc'}", "problem_id", "abc"),
        ("{broken 'value'", "title", "{broken 'value'"),
        ({"display_value": "", "value": ""}, "parent", ""),
        (None, "x", None),
        (True, "x", "true"),
    ],
)
def test_reference_cells(cell: object, column: str, expected: str | None) -> None:
    assert cell_text(cell, column) == expected


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_reference_text_never_fails(text: str) -> None:
    assert isinstance(reference_text(text), str)


cells = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_csv_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    frame = pl.DataFrame(rows, schema={"number": pl.String, "title": pl.String}, orient="row")
    frame.write_csv(path, quote_style="always")
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    if kept:
        assert read_table(path).frame.rows() == kept
