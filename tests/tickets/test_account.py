"""No row vanishes: whatever comes in is a ticket or is counted as something else, and told."""

import csv
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.wording import number_of
from ticketkin.tickets.importing import ImportResult, import_tickets
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.settings import TicketSettings

HEADER = ("number", "short_description", "description", "sys_mod_count", "sys_updated_on")


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def load(*paths: Path, **options: object) -> ImportResult:
    result = import_tickets(paths, TicketSettings.model_validate(options))
    summary = result.summary
    assert summary.n_rows == (
        summary.n_tickets
        + summary.n_rejected
        + summary.n_blank
        + summary.n_collapsed
        + summary.n_duplicate_ids
    )
    assert summary.n_tickets == len(result.tickets)
    assert summary.n_rejected == result.rejected.height
    return result


cells = st.sampled_from(["", "a", "b", "null", "1", "2.0", "x y"])
records = st.lists(
    st.tuples(
        st.sampled_from(["", "T1", "T2", "7", "8.0", "n/a"]),
        cells,
        cells,
        st.sampled_from(["", "0", "1", "2", "1.0", "x"]),
        st.sampled_from(["", "2024-01-01", "2024-01-02 10:00:00", "soon"]),
    )
    | st.lists(cells, max_size=6),
    max_size=12,
)


@given(files=st.lists(records, min_size=1, max_size=3))
@settings(max_examples=75, deadline=None)
def test_every_row_is_accounted_for(tmp_path_factory: pytest.TempPathFactory, files: list[list]) -> None:
    folder = tmp_path_factory.mktemp("files")
    paths, n_records = [], 0
    for number, rows in enumerate(files):
        path = folder / str(number) / "incidents.csv"
        path.parent.mkdir()
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([HEADER, *rows])
        with path.open(newline="", encoding="utf-8") as stream:
            n_records += sum(1 for _ in csv.reader(stream)) - 1
        paths.append(path)
    try:
        result = load(*paths)
    except UnreadableFileError:
        return
    assert result.summary.n_rows == n_records
    assert result.summary.lines("rejected.csv")[0].startswith(number_of(n_records, "row"))


def test_two_files_of_one_name_without_ids_keep_all_their_tickets(tmp_path: Path) -> None:
    lines = ("short_description,description", "Mail down,since nine", "VPN,slow")
    june, july = (write(tmp_path / month / "incidents.csv", *lines) for month in ("june", "july"))
    result = load(june, july)
    # The same texts in another file are tickets of their own: nothing says that they are the same ones.
    assert result.tickets.ids == [
        "incidents.csv#1", "incidents.csv#2", "incidents.csv (2)#1", "incidents.csv (2)#2",
    ]  # fmt: skip
    assert "incidents.csv (2) is file 2 of this name, in the order given" in result.summary.notes


def test_the_same_id_in_the_same_row_of_two_files_is_rejected_and_not_lost(tmp_path: Path) -> None:
    header = "number,short_description"
    first = write(tmp_path / "a.csv", header, "INC1,Mail down", "INC2,VPN")
    second = write(tmp_path / "b.csv", header, "INC1,Printer", "INC2,Phone")
    result = load(first, second)
    assert result.tickets.frame["title"].to_list() == ["Mail down", "VPN"]
    reason = "id INC{} was seen before with other content; the first row is kept"
    assert result.rejected.rows() == [("b.csv", 1, reason.format(1)), ("b.csv", 2, reason.format(2))]
    assert result.summary.rejections == {"its id was seen before with other content; the first is kept": 2}
    assert "Printer" not in str(result.rejected.rows())


def test_a_product_version_counts_no_updates(tmp_path: Path) -> None:
    path = write(
        tmp_path / "bugs.csv",
        "bug_id,product,component,short_desc,version",
        "1,Firefox,General,Crash,115",
        "1,Firefox,General,Blank window,116",
    )
    summary = load(path).summary
    assert (summary.n_tickets, summary.n_rejected, summary.n_collapsed) == (1, 1, 0)


def test_a_counter_that_does_not_count_collapses_nothing(tmp_path: Path) -> None:
    header = "number,short_description,sys_mod_count"
    same = load(write(tmp_path / "a.csv", header, "INC1,Mail down,4", "INC1,Printer,4")).summary
    assert (same.n_rejected, same.n_collapsed) == (1, 0)
    words = load(write(tmp_path / "b.csv", header, "INC1,Mail down,new", "INC1,Printer,old")).summary
    assert (words.n_rejected, words.n_collapsed) == (1, 0)
    rising = load(write(tmp_path / "c.csv", header, "INC1,Mail down,4", "INC1,Printer,5.0"))
    assert (rising.summary.n_rejected, rising.summary.n_collapsed) == (0, 1)
    assert "1 joined to an earlier row of the ticket" in rising.summary.lines("r.csv")[0]


def test_whole_numbers_with_a_point_join(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "id,title,duplicate_of",
        "12,Mail down,",
        "13,Mail is down,12.0",
        "14,No mail,13.0",
    )
    result = load(path)
    assert [row[:2] for row in links_from_tickets(result.tickets).links.frame.iter_rows()] == [
        ("13", "12"),
        ("14", "13"),
    ]
    floats = write(tmp_path / "b.csv", "id,title,duplicate_of", "15.0,Mail,", "16.0,Post,15")
    assert len(links_from_tickets(load(floats).tickets).links) == 1
    versions = write(tmp_path / "c.csv", "id,title", "1.0,Mail", "1.5,Post")
    assert load(versions).tickets.ids == ["1.0", "1.5"]


SECRETS = ("ada.nowak@example.com", "+49 30 5550 1234")
CODES = ("category", "subcategory", "business_service", "cmdb_ci", "assignment_group", "priority", "state",
         "close_code")  # fmt: skip


@pytest.mark.parametrize("column", [*CODES, "close_notes", "short_description", "description"])
def test_no_kept_text_column_lets_personal_data_through(tmp_path: Path, column: str) -> None:
    names = ["number", "short_description", *([] if column == "short_description" else [column])]
    row = ["INC1", "Mail down", "see " + " or ".join(SECRETS)]
    if column == "short_description":
        row = row[:1] + row[2:]
    result = load(write(tmp_path / "a.csv", ",".join(names), ",".join(row)))
    kept = str(result.tickets.frame.rows())
    assert not any(secret in kept for secret in SECRETS)
    assert result.summary.redactions == {"email": 1, "phone": 1}


def test_redactions_are_counted_by_ticket(tmp_path: Path) -> None:
    lines = [f"INC{n},Mail down,ada@example.com" for n in range(4)]
    result = load(write(tmp_path / "a.csv", "number,short_description,assignment_group", *lines))
    assert result.summary.redactions == {"email": 4}


def test_ids_column_names_and_file_names_let_no_address_through(tmp_path: Path) -> None:
    path = write(
        tmp_path / "ada@example.com.csv",
        "number,short_description,bo@example.com \x1b[31m,duplicate_of",
        "cy@example.com,Mail down,x,",
        "INC2,No mail,x,cy@example.com",
        "INC2,Other mail,x,",
        ",Fax,x,",
        "di@example.com,Mail,x,too,many",
    )
    result = load(path)
    everything = str(result.tickets.frame.rows()) + str(result.rejected.rows()) + str(result.summary)
    everything += str(result.summary.lines("rejected.csv"))
    assert "@example.com" not in everything
    assert "\x1b" not in "".join(result.summary.lines("r.csv"))
    assert result.tickets.ids == ["[EMAIL] 1", "INC2", "[EMAIL]#4"]
    assert len(links_from_tickets(result.tickets).links) == 1
    assert "1 id holds personal data" in str(result.summary.notes)


def test_nothing_is_masked_where_redaction_is_off(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "number,short_description", "cy@example.com,mail cy@example.com")
    result = load(path, redact=False)
    assert result.tickets.frame.select("ticket_id", "title").row(0) == (
        "cy@example.com",
        "mail cy@example.com",
    )


@pytest.mark.parametrize("offset", range(21))
def test_no_half_of_a_secret_survives_the_cut(tmp_path: Path, offset: int) -> None:
    # The first cut lies at 4 * 1,000 + 16,384 characters; invisible ones make the text short again.
    margin = 4 * 1_000 + (1 << 14)
    text = "a " + "\u200b" * (margin - 100 - offset) + "ada.nowak@example.com " * 40
    result = load(write(tmp_path / "a.csv", "id,title,text", f"1,a,{text}"), max_characters=1_000)
    assert "nowak" not in result.tickets.frame["description"][0]
    assert result.summary.repairs["cut_texts"] == 1


def test_pages_of_blanks_do_not_push_a_text_out(tmp_path: Path) -> None:
    text = "begin" + " " * 200_000 + "end"
    result = load(write(tmp_path / "a.csv", "id,title,text", f"1,a,{text}"), max_characters=1_000)
    assert result.tickets.frame["description"].to_list() == ["begin end"]
    assert "cut_texts" not in result.summary.repairs


def test_a_file_without_any_text_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "number,short_description,state", "INC1,null,New", "INC2,,Closed")
    with pytest.raises(UnreadableFileError, match="None of the 2 tickets has a title or a description"):
        load(path)


def test_unreadable_opening_times_are_an_error_above_a_tenth(tmp_path: Path) -> None:
    header = "number,short_description,opened_at"
    good = [f"INC{n},Mail,2024-01-{n + 1:02d}" for n in range(18)]
    bad = write(tmp_path / "bad.csv", header, *good, *(f"X{n},Mail,Ada said soon {n}" for n in range(3)))
    with pytest.raises(UnreadableFileError, match=r"3 of 21 times in 'opened_at' can't be read") as caught:
        load(bad)
    assert "tickets.unreadable_times=ignore" in str(caught.value)
    assert "Ada" not in str(caught.value)
    ignored = load(bad, unreadable_times="ignore").summary
    assert ignored.repairs["unreadable_times"] == 3
    few = write(tmp_path / "few.csv", header, *good, "X1,Mail,soon", "X2,Mail,later")
    summary = load(few).summary
    assert any("2 of 20 times in 'opened_at' can't be read and stay empty" in note for note in summary.notes)


def test_sources_of_two_systems_each_tell_their_columns(tmp_path: Path) -> None:
    snow = write(tmp_path / "a.csv", "number,short_description", "INC1,Mail down")
    jira = write(tmp_path / "b.csv", "Issue key,Summary,Created", "OPS-1,No mail,2024-01-02")
    summary = load(snow, jira).summary
    assert summary.system == "servicenow, jira"
    assert summary.other_mappings == {
        "b.csv (jira)": "ticket_id = Issue key, opened_at = Created, title = Summary"
    }
    assert any("columns used of b.csv (jira): ticket_id = Issue key" in line for line in summary.lines("r"))


def test_headers_of_any_length_and_number_leave_a_screen_to_read(tmp_path: Path) -> None:
    header = ["number", "short_description", "x" * 50_000, *(f"extra {n}" for n in range(500))]
    result = load(write(tmp_path / "a.csv", ",".join(header), ",".join(["INC1", "Mail"] + ["y"] * 501)))
    line = next(line for line in result.summary.lines("r") if line.startswith("columns not used"))
    assert len(line) < 1_000
    assert line.endswith("and 461 more")
    assert len(result.summary.unused_columns) == 501


def test_addresses_in_linked_issues_are_gone_too(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv", "Issue key,Summary,Outward issue link (Duplicate)", "OPS-1,a,ada@example.com"
    )
    assert "example.com" not in str(load(path).tickets.frame.rows())


def test_old_tables_of_tickets_are_still_read(tmp_path: Path) -> None:
    tickets = load(write(tmp_path / "a.csv", "number,short_description", "INC1,Mail down")).tickets
    old = tickets.frame.drop("stated_links")
    assert type(tickets)(old).frame["stated_links"].to_list() == [""]
    with pytest.raises(ValueError, match="lacks the columns"):
        type(tickets)(pl.DataFrame({"title": ["x"]}))
