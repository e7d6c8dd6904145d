"""What a path may name, and the account every table keeps."""

import os
from pathlib import Path

import polars as pl
import pytest

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.reading import RawTable, read_table

CSV = b"number,title\nINC1,a\n"


@pytest.mark.parametrize(
    "name", ["a[1].csv", "a*.csv", "~a.csv", "[bold]a.csv", "a b\n.csv", "ü.CSV", "-x.csv"]
)
def test_any_name_is_taken_literally(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(CSV)
    assert read_table(tmp_path / name).frame.height == 1


@pytest.mark.parametrize("ending", [".csv", ".json", ".xlsx", ".parquet", ".xml"])
def test_what_is_no_file(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(UnreadableFileError, match="is a folder; name the export in it"):
        read_table(tmp_path / f"folder{ending}")
    (tmp_path / f"link{ending}").symlink_to(tmp_path / "absent")
    with pytest.raises(UnreadableFileError, match="the link points to"):
        read_table(tmp_path / f"link{ending}")
    (tmp_path / f"loop{ending}").symlink_to(tmp_path / f"loop{ending}")
    with pytest.raises(UnreadableFileError, match=r"is absent|read"):
        read_table(tmp_path / f"loop{ending}")
    os.mkfifo(tmp_path / f"pipe{ending}")
    with pytest.raises(UnreadableFileError, match="is a pipe or a device"):
        read_table(tmp_path / f"pipe{ending}")


@pytest.mark.parametrize("name", ["a" * 300 + ".csv", "a\x00.csv", "a.csv/b.csv", "~/a.csv"])
def test_names_that_name_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    with pytest.raises(UnreadableFileError):
        read_table(tmp_path / name)
    with pytest.raises(UnreadableFileError, match="write out the home folder"):
        read_table(Path("~/absent.csv"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("ending", [".csv", ".json", ".xlsx", ".parquet", ".xml"])
def test_a_file_one_may_not_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(CSV)
    path.chmod(0)
    with pytest.raises(UnreadableFileError):
        read_table(path)


def test_packed_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(UnreadableFileError, match="packed files are not read; unpack it first"):
        read_table(tmp_path / "a.csv.gz")


def test_a_table_that_loses_a_record_can_not_be_made() -> None:
    frame = pl.DataFrame({"number": ["INC1", "INC2"]})
    RawTable(frame, [1, 2], 4, n_blank=1, rejected=[(3, "broken")])
    with pytest.raises(RuntimeError, match="5 records were read, but 2 rows"):
        RawTable(frame, [1, 2], 5, n_blank=1, rejected=[(3, "broken")])
    with pytest.raises(RuntimeError, match="2 rows \\(1 numbered\\)"):
        RawTable(frame, [1], 2)
