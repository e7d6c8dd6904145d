"""A review file: read by any ticket name, its faults told by row."""

from pathlib import Path

import pytest

from ticket_material import make_tickets
from ticketkin.core.errors import InputError
from ticketkin.relations.reviewed import read_reviewed


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "reviewed.csv"
    path.write_text(text, "utf-8")
    return path


def test_tickets_go_by_any_name_and_kinds_in_any_case(tmp_path: Path) -> None:
    tickets = make_tickets(3, sys_id=["s1", "s2", "s3"])
    path = _write(tmp_path, "source,target,kind\ns1,s2,Causal\nT2,T0, none \n")
    assert read_reviewed(path, tickets).rows() == [("T0", "T1", "causal", True), ("T2", "T0", "none", True)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("source,target\nT0,T1\n", "lacks the column kind"),
        (
            "source,target,kind\nT0,T1,cousin\n",
            "row 1 has the kind 'cousin', allowed are duplicate",
        ),
        ("source,target,kind\nT0,T1,none\nT0,T9,none\n", "row 2 names 'T9', which is no ticket"),
        ("source,target,kind\nT0,T0,duplicate\n", "row 1 names the same ticket twice"),
    ],
)
def test_faults_are_told_by_row(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_reviewed(_write(tmp_path, text), make_tickets(3))
