"""Rows under one id: updates of one ticket are joined, in one file or several; other tickets are not."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_account import load, write

from ticketkin.tickets.importing import ImportResult
from ticketkin.tickets.links import links_from_tickets
from workbook_material import sheet_xml, write_workbook

HEADER = "number,short_description,description,state,sys_updated_on,duplicate_of,parent_incident"
OTHER = "another ticket with the same id came before; the first is kept"


def counts(result: ImportResult) -> tuple[int, int, int, int]:
    summary = result.summary
    return summary.n_tickets, summary.n_rejected, summary.n_collapsed, summary.n_duplicate_ids


def links(result: ImportResult) -> list[tuple[str, str]]:
    return sorted(row[:2] for row in links_from_tickets(result.tickets).links.frame.iter_rows())


@pytest.mark.parametrize("later", ["2024-01-01 08:00:00", "2024-01-02 08:00:00", ""])
def test_another_ticket_with_the_same_id_is_rejected(tmp_path: Path, later: str) -> None:
    result = load(
        write(
            tmp_path / "a.csv",
            "number,short_description,sys_updated_on",
            "INC1,Printer on fire,2024-01-01 08:00:00",
            f"INC1,VPN does not connect,{later}",
        )
    )
    assert counts(result) == (1, 1, 0, 0)
    assert result.summary.rejections == {OTHER: 1}
    assert result.rejected.row(0) == (
        "a.csv", 2, "another ticket with the same id INC1 came before; the first is kept",
    )  # fmt: skip
    assert result.tickets.frame["title"].to_list() == ["Printer on fire"]


def test_another_sys_id_is_another_ticket_and_the_same_one_is_none(tmp_path: Path) -> None:
    header = "number,sys_id,short_description,sys_mod_count"
    other = write(tmp_path / "a.csv", header, f"INC1,{'a' * 32},Mail,0", f"INC1,{'b' * 32},Mail,1")
    assert counts(load(other)) == (1, 1, 0, 0)
    lines = (f"INC1,{'a' * 32},Printer on fire,0", f"INC1,{'A' * 32},VPN does not connect,1")
    assert counts(load(write(tmp_path / "b.csv", header, *lines))) == (1, 0, 1, 0)


EDITS = (
    ("Printer on fire", "", "Printer on fire, third floor", ""),
    ("Printer on fire", "The printer on floor 3 burns", "Request 7", "Solved. The printer on floor 3 burns"),
    ("Printer on fire", "", "Hardware: other", "Printer on fire, told by phone"),
    ("Printer on fire", "It burns since nine", "Printer on fire", "Called the supplier who will come soon"),
    ("Printer", "", "VPN does not connect", ""),
    ("Drucker brennt im dritten Stock", "", "Drucker im dritten Stock", ""),
    ("プリンターが燃えている", "", "プリンターが燃えています至急", ""),
)


@pytest.mark.parametrize(("title", "text", "new_title", "new_text"), EDITS)
def test_an_edited_ticket_is_the_same_ticket(
    tmp_path: Path, title: str, text: str, new_title: str, new_text: str
) -> None:
    header = "number,short_description,description,sys_mod_count"
    rows = (f'INC1,"{title}","{text}",0', f'INC1,"{new_title}","{new_text}",3')
    result = load(write(tmp_path / "a.csv", header, *rows))
    assert counts(result) == (1, 0, 1, 0)
    assert result.tickets.frame["title"].to_list() == [title]


def test_words_of_any_sentence_make_no_two_tickets_the_same(tmp_path: Path) -> None:
    header = "number,short_description,sys_mod_count"
    rows = ("INC1,The printer of the lab is on fire,0", "INC1,The VPN of the house is not on,1")
    assert counts(load(write(tmp_path / "a.csv", header, *rows))) == (1, 1, 0, 0)


def test_names_of_steps_tell_no_tickets_apart(tmp_path: Path) -> None:
    steps = ("Request was registered", "Work in progress", "Awaiting user info", "Closed by caller")
    rows = [f"INC{n},{step},{k}" for n in range(100) for k, step in enumerate(steps)]
    result = load(write(tmp_path / "a.csv", "number,short_description,sys_mod_count", *rows))
    assert counts(result) == (100, 0, 300, 0)


def snapshots(tmp_path: Path) -> tuple[Path, Path]:
    june = write(
        tmp_path / "june.csv",
        HEADER,
        "INC1,Mail down,since nine,New,2024-06-01 08:00:00,,",
        "INC2,No mail,since ten,New,2024-06-02 08:00:00,INC1,",
        "INC3,Post is late,today,Closed,2024-06-03 08:00:00,,",
        "INC4,VPN is slow,today,New,2024-06-03 08:00:00,INC3,",
    )
    july = write(
        tmp_path / "july.csv",
        HEADER,
        "INC2,No mail,since ten,Closed,2024-07-02 08:00:00,,INC3",
        "INC3,Post is late,today,Closed,2024-06-03 08:00:00,,",
        "INC4,VPN is slow,today,Closed,2024-07-03 08:00:00,INC1,",
        "INC5,Fax is dead,today,New,2024-07-04 08:00:00,INC1,",
    )
    return june, july


@pytest.mark.parametrize("order", [1, -1])
def test_monthly_snapshots_are_joined_in_any_order(tmp_path: Path, order: int) -> None:
    result = load(*snapshots(tmp_path)[::order])
    assert counts(result) == (5, 0, 2, 1)
    state = dict(result.tickets.frame.select("ticket_id", "state").iter_rows())
    assert state == {"INC1": "New", "INC2": "Closed", "INC3": "Closed", "INC4": "Closed", "INC5": "New"}
    # INC2 keeps the link of June beside July's; the newer value of INC4's reference replaces the older.
    assert links(result) == [("INC2", "INC1"), ("INC2", "INC3"), ("INC4", "INC1"), ("INC5", "INC1")]
    account = " ".join(result.summary.lines("r.csv"))
    assert "2 joined to an earlier row of the ticket" in account
    assert "2 tickets stand in several files in different states" in account
    assert "1 reference kept from an older row" in account


def test_a_snapshot_as_a_workbook_with_other_columns_and_ids_as_decimals(tmp_path: Path) -> None:
    csv = write(
        tmp_path / "a.csv", "id,title,updated,category", "1,Mail down,2024-06-01,Mail", "A2,VPN,2024-06-01,"
    )
    rows = [["id", "title", "text", "updated"], ["1.0", "Mail down", "since nine", "2024-07-01 10:00:00"]]
    rows += [["A7", "Fax", "dead", "2024-07-01 10:00:00"]]
    write_workbook(tmp_path / "b.xlsx", {"S": sheet_xml(rows)})
    result = load(csv, tmp_path / "b.xlsx")
    assert counts(result) == (3, 0, 1, 0)
    assert result.tickets.ids == ["1", "A2", "A7"]
    assert result.tickets.frame.select("description", "category").row(0) == ("since nine", "Mail")


def test_one_number_in_two_spellings_is_one_ticket(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", "number,short_description", "7,Mail is down", "A2,VPN")
    two = write(tmp_path / "b.csv", "number,short_description", "7.0,Mail is down", "A3,Fax", "8.0,Post")
    result = load(one, two)
    assert counts(result) == (4, 0, 0, 1)
    assert result.tickets.ids == ["7", "A2", "A3", "8.0"]
    assert result.summary.repairs["whole_number_floats"] == 1


STATES = (
    ("New", "Closed"), ("In Progress", "Resolved"), ("Neu", "Gelöst"), ("Gelöst", "Geschlossen"),
    ("Nouveau", "Résolu"), ("Résolu", "Fermé"), ("Nuevo", "Resuelto"), ("Resuelto", "Cerrado"),
    ("2", "6"), ("6", "7"), ("Unresolved", "Resolved"), ("Pending close", "Closed"), ("Reopened", "Closed"),
    ("Not solved", "Closed - not solved"),
)  # fmt: skip


@pytest.mark.parametrize("states", STATES)
def test_without_times_the_state_tells_which_snapshot_is_newer(
    tmp_path: Path, states: tuple[str, str]
) -> None:
    header = "number,short_description,state,parent_incident"
    older = write(tmp_path / "a.csv", header, f"INC1,Mail is down,{states[0]},", f"INC2,Post,{states[0]},")
    newer = write(tmp_path / "b.csv", header, f"INC1,Mail is down,{states[1]},INC2")
    for paths in ((older, newer), (newer, older)):
        result = load(*paths)
        assert counts(result) == (2, 0, 1, 0)
        assert dict(result.tickets.frame.select("ticket_id", "state").iter_rows())["INC1"] == states[1]
        assert links(result) == [("INC1", "INC2")]


def test_a_snapshot_without_times_between_two_with_times(tmp_path: Path) -> None:
    timed = "number,short_description,state,sys_updated_on"
    june = write(tmp_path / "june.csv", timed, "INC1,Mail is down,New,2024-06-01 08:00:00")
    july = write(tmp_path / "july.csv", "number,short_description,state", "INC1,Mail is down,Resolved")
    august = write(tmp_path / "august.csv", timed, "INC1,Mail is down,Closed,2024-08-01 08:00:00")
    for paths in ((june, july, august), (june, july), (july, august), (june, august)):
        result = load(*paths)
        assert counts(result) == (1, 0, len(paths) - 1, 0)
        assert result.tickets.frame["state"].to_list() == ["Resolved" if paths[-1] == july else "Closed"]


def test_two_desks_that_count_alike_keep_the_first_and_list_the_others(tmp_path: Path) -> None:
    header = "number,short_description,sys_updated_on"
    first = write(tmp_path / "a.csv", header, "1,Printer on fire,2024-06-01", "2,Fax has no paper,2024-06-01")
    second = write(tmp_path / "b.csv", header, "1,VPN does not connect,2024-07-01", "3,Mail,2024-06-01")
    result = load(first, second)
    assert counts(result) == (3, 1, 0, 0)
    assert result.rejected["source"].to_list() == ["b.csv"]
    assert result.summary.rejections == {OTHER: 1}


def test_newer_content_that_nothing_calls_newer_is_rejected(tmp_path: Path) -> None:
    header = "number,short_description,priority"
    one = write(tmp_path / "a.csv", header, "INC1,Mail is down,1")
    two = write(tmp_path / "b.csv", header, "INC1,Mail is down,2")
    assert counts(load(one, two)) == (1, 1, 0, 0)


def test_the_same_state_with_other_columns_is_a_repeat_and_keeps_both(tmp_path: Path) -> None:
    one = write(
        tmp_path / "a.csv", "number,short_description,category", "INC1,Mail is down,Mail", "INC2,VPN,Net"
    )
    lines = (f"INC1,Mail is down,{'a' * 32},", f"INC2,VPN,{'b' * 32},{'a' * 32}")
    two = write(tmp_path / "b.csv", "number,short_description,sys_id,parent_incident", *lines)
    result = load(one, two)
    assert counts(result) == (2, 0, 0, 2)
    assert result.tickets.frame["category"].to_list() == ["Mail", "Net"]
    assert links(result) == [("INC2", "INC1")]


def test_files_that_share_nothing_but_an_id_are_not_joined(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", "number,short_description", "INC1,Mail is down")
    two = write(tmp_path / "b.csv", "number,description,sys_updated_on", "INC1,since nine,2024-01-01")
    assert counts(load(one, two)) == (1, 1, 0, 0)


rows = st.lists(
    st.tuples(
        st.sampled_from(["1", "1.0", "A2"]),
        st.sampled_from(["Mail is down", "VPN does not connect", "Mail", ""]),
        st.sampled_from(["New", "Resolved", "Closed"]),
        st.sampled_from(["", "2024-01-01", "2024-02-01"]),
    ),
    min_size=1,
    max_size=8,
)


@given(rows=rows, cut=st.integers(0, 8))
@settings(max_examples=30, deadline=None)
def test_it_makes_no_difference_in_how_many_files_rows_stand(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("files")
    header = ("number", "short_description", "state", "sys_updated_on")
    # A row with all fields in each part, so that both have the same columns filled.
    full = [("Z1", "Fax is dead", "Closed", "2024-01-01"), ("X2", "Fax is old", "New", "2024-01-01")]
    parts = [[*rows[:cut], full[0]], [*rows[cut:], full[1]]]
    paths = [write(folder / f"{n}.csv", *map(",".join, [header, *part])) for n, part in enumerate(parts)]
    whole = write(folder / "whole.csv", *map(",".join, [header, *parts[0], *parts[1]]))
    one, two = load(whole), load(*paths)
    assert counts(one) == counts(two)
    names = ["ticket_id", "title", "state", "updated_at"]
    assert one.tickets.frame.select(names).equals(two.tickets.frame.select(names))
