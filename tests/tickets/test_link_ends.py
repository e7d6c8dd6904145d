"""Which columns of a link file are its ends: names and values count, not the order alone."""

from pathlib import Path

import pytest

from ticket_material import make_tickets
from ticketkin.core.errors import MappingError
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.settings import LinkSettings

_NUMBERS = [str(n) for n in range(1, 41)]


def ends(folder: Path, text: str, **options: object) -> list[tuple[str, str]]:
    path = folder / "links.csv"
    path.write_text(text, "utf-8")
    tickets = make_tickets(40, number=_NUMBERS, sys_id=[f"s{n}" for n in _NUMBERS])
    result = links_from_file(path, tickets, LinkSettings.model_validate(options))
    return list(result.links.frame.select("source", "target").iter_rows())


_EXPECTED = [("20", "31"), ("22", "30"), ("25", "33"), ("21", "35")]


@pytest.mark.parametrize(
    "header",
    ["id,source,target,sequence", "n,from,to,rank", "row,duplicate,master,x", "nr,issue_1,issue_2,place",
     "no,ticket_a,ticket_b,x", "counter,foo,bar,level"],
)  # fmt: skip
def test_running_numbers_and_ranks_are_no_ends_though_they_are_ids(tmp_path: Path, header: str) -> None:
    lines = [f"{n},{one},{other},{1 + n % 2}" for n, (one, other) in enumerate(_EXPECTED, start=1)]
    assert ends(tmp_path, "\n".join([header, *lines])) == _EXPECTED


def test_number_and_sys_id_of_one_ticket_are_one_end(tmp_path: Path) -> None:
    lines = [f"{one},s{one},{other},s{other}" for one, other in _EXPECTED]
    assert ends(tmp_path, "\n".join(["key,internal,other,other_internal", *lines])) == _EXPECTED


def test_names_that_state_ends_do_not_win_over_columns_that_join(tmp_path: Path) -> None:
    lines = [f"jira,servicenow,{one},{other}" for one, other in _EXPECTED]
    assert ends(tmp_path, "\n".join(["source,target,this,that", *lines])) == _EXPECTED


def test_clusters_beside_row_numbers_and_flags_stay_clusters(tmp_path: Path) -> None:
    rows = [(20, 7), (31, 7), (22, 8), (30, 8), (25, 9)]
    text = "\n".join(["row,ticket,cluster_id,flag", *(f"{n},{t},c{c},1" for n, (t, c) in enumerate(rows, 1))])
    assert ends(tmp_path, text) == [("31", "20"), ("30", "22")]


def test_a_group_beside_two_columns_of_tickets_is_no_cluster(tmp_path: Path) -> None:
    lines = [f"{one},{other},Network" for one, other in _EXPECTED]
    assert ends(tmp_path, "\n".join(["a,b,group", *lines])) == _EXPECTED


def test_the_users_columns_win(tmp_path: Path) -> None:
    lines = [f"{n},{one},{other}" for n, (one, other) in enumerate(_EXPECTED, start=1)]
    named = ends(tmp_path, "\n".join(["n,source,target", *lines]), columns=("n", "source"))
    assert named == [("1", "20"), ("2", "22"), ("3", "25"), ("4", "21")]


def test_a_file_without_ids_is_refused_with_what_was_seen(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        ends(tmp_path, "a,b\nCHG1,40\nCHG2,ask ada@example.com\n")
    message = str(caught.value)
    assert (
        "a: 0 of 2 values, e.g. 'CHG1'; b: 1 of 2 values, e.g. '40'; tickets are called e.g. '1'" in message
    )
    assert "--link-columns" in message and "example.com" not in message
