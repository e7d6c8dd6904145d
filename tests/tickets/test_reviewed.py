"""A review file: read by any ticket name, its faults told by row."""

from pathlib import Path

import pytest

from ticket_material import make_tickets
from ticketkin.core.errors import InputError
from ticketkin.tickets.reviewed import read_reviewed


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "reviewed.csv"
    path.write_text(text, "utf-8")
    return path


def test_tickets_go_by_any_name_and_kinds_in_any_case(tmp_path: Path) -> None:
    tickets = make_tickets(3, sys_id=["s1", "s2", "s3"])
    path = _write(tmp_path, "source,target,kind\ns1,s2,Causal\nT2,T0, none \n")
    assert read_reviewed(path, tickets).answers.rows() == [("T0", "T1", "causal"), ("T2", "T0", "none")]


def test_a_row_that_says_the_same_again_is_one_row(tmp_path: Path) -> None:
    path = _write(
        tmp_path, "Kind , Source,TARGET\nrelated,T0,T1\nrelated,T1,T0\ncausal,T1,T2\ncausal,T1,T2\n"
    )
    review = read_reviewed(path, make_tickets(3))
    assert review.answers.rows() == [("T0", "T1", "related"), ("T1", "T2", "causal")]


def test_pairs_without_an_answer_are_counted_and_other_columns_ignored(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "rank,source,target,kind,why\n1,T0,T1,duplicate,x\n2,T1,T2,,y\n3,T2,T3,Unsure,\n4,T3,T4,unsure,\n"
        "5,T1,T0,,again\n6,T9,T8,,of another export\n",
    )
    review = read_reviewed(path, make_tickets(5))
    assert review.answers.rows() == [("T0", "T1", "duplicate")]
    assert review.unsure == (("T2", "T3"), ("T3", "T4")) and review.n_empty == 2
    assert review.line() == "1 of 5 pairs judged: 1 duplicate; 2 unsure"


@pytest.mark.parametrize("word", ["caused-by", "caused by", "Caused_By"])
def test_the_second_ticket_may_be_the_cause(tmp_path: Path, word: str) -> None:
    path = _write(tmp_path, f"source,target,kind\nT0,T1,{word}\nT1,T0,causal\n")
    assert read_reviewed(path, make_tickets(2)).answers.rows() == [("T1", "T0", "causal")]


def test_an_id_behind_the_quote_that_stops_formulas_is_known(tmp_path: Path) -> None:
    path = _write(tmp_path, "source,target,kind\n'-1,'@2,duplicate\n")
    tickets = make_tickets(2, number=["-1", "@2"])
    assert read_reviewed(path, tickets).answers.rows() == [("-1", "@2", "duplicate")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source,target\nT0,T1\n", "lacks the column kind"),
        (
            "source,target,kind\nT0,T1,cousin\n",
            "row 1 has the kind 'cousin', allowed are duplicate",
        ),
        ("source,target,kind\nT0,T1,none\nT0,T9,none\n", "row 2 names 'T9', which is no ticket"),
        ("source,target,kind\nT0,T0,duplicate\n", "row 1 names the same ticket twice"),
        ("source,target,kind\nT0,T1,none\nT1,T2\n", "row 2 can't be read"),
        ("source,target,kind\n,T1,none\n", "row 1 names '', which is no ticket"),
        (
            "source,target,kind\nT0,T1,none\nT1,T0,duplicate\n",
            "rows 1 and 2 give two answers for T1 and T0: none and duplicate",
        ),
        ("source,target,kind\nT0,T1,causal\nT1,T0,causal\n", "rows 1 and 2 give two answers"),
        ("source,target,kind\n" + "T0,T9,none\n" * 1_234, "and 1,229 more"),
    ],
)
def test_faults_are_reported_by_row(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_reviewed(_write(tmp_path, text), make_tickets(3))
