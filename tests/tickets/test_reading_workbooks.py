"""Workbooks and Parquet files: what they hold, and files that would take the reader down."""

import struct
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.reading import RawTable, isolated, read_table
from workbook_material import cell_xml, sheet_xml, write_workbook

HEADER = ["number", "short_description"]


def _rows(start: str, count: int) -> list[list[str]]:
    return [[f"{start}{n}", f"Ticket {n}"] for n in range(count)]


def _read(folder: Path, sheets: dict[str, str]) -> RawTable:
    path = folder / "a.xlsx"
    write_workbook(path, sheets)
    return read_table(path)


def test_scars_of_a_workbook(tmp_path: Path) -> None:
    rows = [
        ["Incidents of May"],
        [],
        [*HEADER, "opened_at"],
        [1234.0, "a", 45292.5],
        ["007", "b"],
        [None, " "],
    ]
    table = _read(tmp_path, {"May": sheet_xml(rows, hidden=[4])})
    assert table.frame.columns == [*HEADER, "opened_at"]
    assert table.frame.rows() == [("1234", "a", "45292.5"), ("007", "b", None)]
    assert (table.rows, table.n_blank, table.n_records) == ([1, 2], 1, 3)
    assert "1 hidden row is read too" in table.notes[0]
    assert "1 row is not read above the header of 'May'" in table.notes[1]


def test_a_merged_heading_is_no_header(tmp_path: Path) -> None:
    rows = [["Ticket", None, "People"], [*HEADER, "caller_id", "assigned_to"], ["INC1", "a", "b", "c"]]
    assert _read(tmp_path, {"S": sheet_xml(rows)}).frame.columns == [*HEADER, "caller_id", "assigned_to"]


def test_sheets_of_one_header_are_read_together(tmp_path: Path) -> None:
    sheets = {
        "About": sheet_xml([["Made for the desk"], ["in May"]]),
        "April": sheet_xml([HEADER, *_rows("INC1", 3)]),
        "May": sheet_xml([["Short description", "Number"], *([title, n] for n, title in _rows("INC2", 2))]),
    }
    table = _read(tmp_path, sheets)
    assert table.frame["number"].to_list() == ["INC10", "INC11", "INC12", "INC20", "INC21"]
    assert table.frame["short_description"][4] == "Ticket 1"
    assert (table.rows, table.rejected) == ([1, 2, 3, 4, 5], [])
    assert any("'About' (1 row) is no table of tickets" in note for note in table.notes)


def test_rows_of_a_sheet_with_another_header_are_rejected(tmp_path: Path) -> None:
    sheets = {
        "May": sheet_xml([HEADER, *_rows("INC", 3)]),
        "Closed": sheet_xml([["number", "title"], *_rows("INC9", 2)]),
    }
    table = _read(tmp_path, sheets)
    assert table.frame.height == 3
    assert [number for number, _ in table.rejected] == [4, 5]
    assert "sheet 'Closed' has another header than 'May'" in table.rejected[0][1]
    assert any("2 rows are not read" in note for note in table.notes)


@pytest.mark.parametrize("reference", ["XFD1048576", "A99999999999", "ZZZZZZZZ9", "ZZZZ1"])
def test_a_stray_cell_asks_for_no_memory(tmp_path: Path, reference: str) -> None:
    rows = sheet_xml([HEADER, *_rows("INC", 3)]) + f'<row r="9">{cell_xml(reference, 1)}</row>'
    with pytest.raises(UnreadableFileError, match="delete the empty rows and columns after the last ticket"):
        _read(tmp_path, {"May": rows})


@pytest.mark.parametrize("reference", ["", "9A", "A", "é1", "A0"])
def test_a_bad_reference_is_a_plain_error_or_read(tmp_path: Path, reference: str) -> None:
    rows = sheet_xml([HEADER, *_rows("INC", 3)]) + f'<row r="5">{cell_xml(reference, 1)}</row>'
    try:
        table = _read(tmp_path, {"May": rows})
    except UnreadableFileError:
        return
    assert table.frame.height >= 3


def test_a_directory_that_lies_about_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    write_workbook(path, {"May": sheet_xml([HEADER, *_rows("INC", 3)])})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/big.bin", b"0" * (100 << 20))
    content = path.read_bytes()
    size = struct.pack("<I", 100 << 20)
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, struct.pack("<I", 1_000)))
    with pytest.raises(UnreadableFileError, match="zip bomb"):
        read_table(path)


def test_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    write_workbook(path, {"May": sheet_xml([HEADER, *_rows("INC", 300)])})
    content = path.read_bytes()
    for damaged in (
        content[:-40],
        content[:200] + b"\xff" * 300 + content[500:],
        b"PK\x03\x04" + content[4:90],
    ):
        path.write_bytes(damaged)
        with pytest.raises(UnreadableFileError, match="is not a readable XLSX file"):
            read_table(path)


def test_a_reader_that_dies_is_a_plain_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.xlsx"
    write_workbook(path, {"May": sheet_xml([HEADER, *_rows("INC", 3)])})
    killing = tmp_path / "python"
    killing.write_text("#!/bin/sh\nkill -ABRT $$\n")
    killing.chmod(0o755)
    monkeypatch.setattr(isolated.sys, "executable", str(killing))
    with pytest.raises(UnreadableFileError, match="its reader was ended by SIGABRT"):
        read_table(path)


def test_a_reader_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"number": ["INC1"]}).write_parquet(path)
    monkeypatch.setattr(isolated, "_LIMIT_SECONDS", 0.01)
    with pytest.raises(UnreadableFileError, match="took longer than"):
        read_table(path)


def test_parquet_columns_of_every_type_become_text(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "number": [12.0, None],
            "text": [b"Mail", "Zugriff für".encode()],
            "mixed": [b"Caf\xe9", b"plain"],
            "image": [b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1"],
            "took": [timedelta(hours=2, seconds=5), None],
            "cost": [Decimal("1.50"), None],
            "at": [datetime(2024, 5, 1, 10, tzinfo=UTC), None],
            "day": [date(2024, 5, 1), None],
            "hour": [time(10, 30), None],
            "open": [True, None],
            "tags": [["a", "b"], []],
            "group": [{"link": "https://x", "value": "g1"}, None],
            "score": [float("nan"), 1.5],
        },
        strict=False,
    ).with_columns(
        kind=pl.Series(["a", "b"], dtype=pl.Categorical),
        pair=pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)),
        nothing=None,
    )
    frame.write_parquet(tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet")
    first = table.frame.row(0, named=True)
    assert table.frame.dtypes == [pl.String] * frame.width
    assert first["at"].startswith("2024-05-01 10:00:00")
    assert first | {"at": ""} == {
        "number": "12", "text": "Mail", "mixed": "Café", "image": None, "took": "2h 5s", "cost": "1.50",
        "at": "", "day": "2024-05-01", "hour": "10:30:00", "open": "true", "tags": "a, b", "group": "g1",
        "score": None, "kind": "a", "pair": "1, 2", "nothing": None,
    }  # fmt: skip
    assert table.repairs["binary_cells"] == 2
    assert table.repairs["undecodable_cells"] == 1
    assert any("'image' holds bytes that are no text" in note for note in table.notes)


@pytest.mark.parametrize(
    "name", ["data[1].parquet", "a*.parquet", "~a.parquet", "a{1}.parquet", "a?.parquet"]
)
def test_names_are_no_patterns(tmp_path: Path, name: str) -> None:
    pl.DataFrame({"number": ["INC1"]}).write_parquet(tmp_path / "data1.parquet")
    pl.DataFrame({"number": ["INC2"]}).write_parquet(tmp_path / name)
    assert read_table(tmp_path / name).frame["number"].to_list() == ["INC2"]


def test_damaged_parquet_is_a_plain_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"number": [f"INC{n}" for n in range(50)], "n": range(50)}).with_columns(
        kind=pl.Series(["a", "b"] * 25, dtype=pl.Categorical)
    ).write_parquet(path)
    content = path.read_bytes()
    for place in range(4, len(content), len(content) // 12):
        path.write_bytes(content[:place] + b"\xff\x00\xff" + content[place + 3 :])
        try:
            assert read_table(path).frame.height == 50
        except UnreadableFileError as error:
            assert "\n" not in str(error)
    assert "panicked" not in capfd.readouterr().err


def test_a_header_on_every_page_of_a_sheet(tmp_path: Path) -> None:
    rows = [HEADER, *_rows("A", 2), HEADER, *_rows("B", 1)]
    turned = [HEADER[::-1], ["b", "C1"], HEADER[::-1], ["c", "C2"]]
    table = _read(tmp_path, {"S": sheet_xml(rows), "T": sheet_xml(turned)})
    assert table.frame["number"].to_list() == ["A0", "A1", "B0", "C1", "C2"]
    assert table.rejected == [(3, "repeats the header"), (6, "repeats the header")]
    assert table.n_records == 7


def test_keys_as_values_are_the_header_of_a_converted_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"number": ["INC1", "number"], "title": ["a", "title"]}).write_parquet(path)
    table = read_table(path)
    assert (table.frame.rows(), table.rejected) == ([("INC1", "a")], [(2, "repeats the header")])
