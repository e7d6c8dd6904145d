"""A mistyped file name is answered with the one that lies there."""

from pathlib import Path

import pytest

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.near_names import near_file, near_name
from ticketkin.tickets.reading import read_table


def test_the_nearest_file_of_the_folder_is_named(tmp_path: Path) -> None:
    for name in ("incidents.csv", "links.csv", "notes.txt"):
        (tmp_path / name).touch()
    assert near_file(tmp_path / "incident.csv") == " (did you mean 'incidents.csv'?)"
    assert near_file(tmp_path / "INCIDENTS.CSV") == " (did you mean 'incidents.csv'?)"
    assert near_file(tmp_path / "quite-another.parquet") == ""
    assert near_file(tmp_path / "nowhere" / "incidents.csv") == ""
    with pytest.raises(UnreadableFileError, match=r"no such file \(did you mean 'incidents\.csv'\?\)"):
        read_table(tmp_path / "incidens.csv")


def test_a_name_near_none_is_answered_with_none() -> None:
    assert near_name("titel", ["title", "description"]) == " (did you mean 'title'?)"
    assert near_name("x", []) == ""
