"""Exports of Jira, Bugzilla and of systems nobody heard of: recognised, mapped, or refused with a way out."""

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ticketkin.core.config import TicketSettings
from ticketkin.core.errors import ConfigurationError, LeakageError, MappingError
from ticketkin.core.tables import LINK_FIELDS, OPENING_FIELDS, RESOLUTION_FIELDS
from ticketkin.tickets.composing import compose_texts, template_fields
from ticketkin.tickets.importing import ImportResult, import_tickets
from ticketkin.tickets.mapping import MAPPABLE, find_mapping

JIRA_HEADER = [
    "Summary", "Issue key", "Issue id", "Issue Type", "Status", "Project key", "Project name", "Priority",
    "Resolution", "Assignee", "Created", "Updated", "Resolved", "Components", "Components", "Description",
    "Inward issue link (Duplicate)", "Outward issue link (Duplicate)", "Comment",
]  # fmt: skip
JIRA_ROWS = [
    ["Login fails", "OPS-1", "10001", "Bug", "Closed", "OPS", "Operations", "Major", "Fixed", "ann",
     "03/Jan/24 9:05 AM", "04/Jan/24 9:05 AM", "04/Jan/24 9:00 AM", "auth", "web", "500 after update",
     "OPS-2", "", "secret comment"],
    ["Can't log in", "OPS-2", "10002", "Bug", "Closed", "OPS", "Operations", "Minor", "Duplicate", "bob",
     "13/Jan/24 1:30 PM", "14/Jan/24 1:30 PM", "14/Jan/24 1:30 PM", "auth", "", "", "", "OPS-1", ""],
]  # fmt: skip
BUGZILLA_HEADER = [
    "Bug ID", "Type", "Summary", "Product", "Component", "Assignee", "Status", "Resolution", "Opened",
    "Changed",
]  # fmt: skip
BUGZILLA_ROWS = [
    ["7", "defect", "Crash on start", "Firefox", "General", "nobody", "RESOLVED", "DUPLICATE",
     "2024-01-03 09:05:00", "2024-02-01 10:00:00"],
    ["9", "defect", "Window is blank", "Firefox", "Layout", "nobody", "NEW", "",
     "2024-01-04 09:05:00", "2024-02-02 10:00:00"],
]  # fmt: skip


def load(
    folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]], **options: object
) -> ImportResult:
    path = folder / "export.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return import_tickets([path], TicketSettings.model_validate(options))


def test_a_jira_export_is_recognised(tmp_path: Path) -> None:
    result = load(tmp_path, JIRA_HEADER, JIRA_ROWS)
    summary = result.summary
    assert (summary.system, summary.n_rows, summary.n_tickets, summary.n_rejected) == ("jira", 2, 2, 0)
    assert summary.mapping == {
        "ticket_id": "Issue key", "sys_id": "Issue id", "opened_at": "Created", "title": "Summary",
        "description": "Description", "category": "Issue Type", "subcategory": "Components",
        "service": "Project key", "priority": "Priority", "state": "Status", "close_code": "Resolution",
        "resolved_at": "Resolved", "updated_at": "Updated",
        "stated_links": "Inward issue link (Duplicate), Outward issue link (Duplicate)",
    }  # fmt: skip
    assert summary.unused_columns == ["Project name", "Assignee", "Components_2", "Comment"]
    assert result.tickets.ids == ["OPS-1", "OPS-2"]
    assert result.tickets.frame["opened_at"].to_list() == [
        datetime(2024, 1, 3, 9, 5),
        datetime(2024, 1, 13, 13, 30),
    ]
    texts = compose_texts(result.tickets, "{title}\n{description}\n{category} {subcategory} {service}")
    assert texts == ["Login fails\n500 after update\nBug auth OPS", "Can't log in\nBug auth OPS"]


def test_a_bugzilla_export_is_recognised(tmp_path: Path) -> None:
    result = load(tmp_path, BUGZILLA_HEADER, BUGZILLA_ROWS)
    summary = result.summary
    assert (summary.system, summary.n_rows, summary.n_tickets) == ("bugzilla", 2, 2)
    assert summary.mapping == {
        "ticket_id": "Bug ID", "opened_at": "Opened", "title": "Summary", "category": "Type",
        "subcategory": "Component", "service": "Product", "state": "Status", "close_code": "Resolution",
        "updated_at": "Changed",
    }  # fmt: skip
    assert summary.unused_columns == ["Assignee"]
    assert result.tickets.ids == ["7", "9"]
    assert result.tickets.has_times


def test_bugzilla_without_opening_times_takes_no_other_time_for_them(tmp_path: Path) -> None:
    place = BUGZILLA_HEADER.index("Opened")
    header, *rows = ([*row[:place], *row[place + 1 :]] for row in [BUGZILLA_HEADER, *BUGZILLA_ROWS])
    result = load(tmp_path, header, rows)
    assert result.summary.mapping["updated_at"] == "Changed"
    assert "opened_at" not in result.summary.mapping
    assert not result.tickets.has_times


@given(st.permutations(JIRA_HEADER[:14]), st.sampled_from([str, str.upper, str.lower]))
@settings(max_examples=40, deadline=None)
def test_neither_the_order_of_columns_nor_their_case_matters(header: list[str], case) -> None:
    plain = find_mapping(JIRA_HEADER[:14], {})
    found = find_mapping([case(name) for name in header], {})
    assert found.system == "jira"
    assert found.columns == {field: case(column) for field, column in plain.columns.items()}
    assert sorted(found.unused) == sorted(case(name) for name in plain.unused)


def test_a_known_system_whose_texts_have_other_names_is_read(tmp_path: Path) -> None:
    result = load(tmp_path, ["sys_id", "Title", "Details"], [["a1", "Login fails", "500 after update"]])
    assert result.summary.mapping == {"sys_id": "sys_id", "title": "Title", "description": "Details"}
    assert compose_texts(result.tickets, "{title}\n{description}") == ["Login fails\n500 after update"]


@given(st.lists(st.text(max_size=12), max_size=8, unique=True))
@example(columns=["SYS:ID"])
@settings(max_examples=150, deadline=None)
def test_any_columns_are_mapped_once_each_or_refused_with_the_way_out(columns: list[str]) -> None:
    for header in (columns, [*(c for c in columns if c != "Title"), "Title"]):
        try:
            found = find_mapping(header, {})
        except MappingError as error:
            assert "Name them: --map title=COLUMN" in str(error)
            assert "Title" not in header
            continue
        used = list(found.columns.values())
        assert len(used) == len(set(used))
        assert sorted([*used, *found.unused]) == sorted(header)
        assert set(found.columns) <= set(MAPPABLE)


def test_an_unknown_file_is_mapped_by_hand(tmp_path: Path) -> None:
    header, rows = ["Nr", "Betreff", "Vorgang", "Angelegt"], [["1", "Drucker", "kaputt", "2024-01-02"]]
    with pytest.raises(
        MappingError, match=r"among: Nr, Betreff, Vorgang, Angelegt\. Name them: --map title=COLUMN"
    ):
        load(tmp_path, header, rows)
    mapping = {"title": "Betreff", "description": "vorgang", "ticket_id": "Nr", "opened_at": "Angelegt"}
    result = load(tmp_path, header, rows, mapping=mapping)
    assert result.summary.system == "custom"
    assert result.summary.unused_columns == []
    assert result.tickets.frame.select("ticket_id", "title", "description").row(0) == (
        "1", "Drucker", "kaputt",
    )  # fmt: skip
    assert result.tickets.has_times


def test_a_hand_made_mapping_wins_over_the_recognised_one_and_frees_no_column_twice() -> None:
    found = find_mapping(JIRA_HEADER[:14], {"title": "Project name", "category": "Components"})
    assert found.system == "jira"
    assert (found.columns["title"], found.columns["category"]) == ("Project name", "Components")
    assert "subcategory" not in found.columns  # its column is the category now
    assert {"Summary", "Issue Type"} <= set(found.unused)


def test_an_unknown_field_is_refused_with_the_allowed_names() -> None:
    with pytest.raises(MappingError) as caught:
        find_mapping(["Betreff"], {"subject": "Betreff"})
    message = str(caught.value)
    assert message.startswith("--map subject=Betreff: no ticket field is called 'subject'")
    assert message.endswith("allowed are " + ", ".join(MAPPABLE))
    assert {"title", "description", "opened_at"} <= set(MAPPABLE)
    with pytest.raises(
        MappingError, match=r"no column 'Betref' \(did you mean 'Betreff'\?\); it has Betreff"
    ):
        find_mapping(["Betreff"], {"title": "Betref"})


@pytest.mark.parametrize("field", [*RESOLUTION_FIELDS, *LINK_FIELDS])
def test_every_late_field_is_refused_in_a_template_with_the_reason(field: str) -> None:
    reason = "known only after the ticket is worked on" if field in RESOLUTION_FIELDS else "the very answer"
    with pytest.raises(LeakageError, match=reason) as caught:
        template_fields(f"{{title}}\n{{{field}}}")
    assert all("{" + name + "}" in str(caught.value) for name in OPENING_FIELDS)


@pytest.mark.parametrize("field", OPENING_FIELDS)
def test_every_opening_field_may_stand_in_a_template(field: str) -> None:
    assert template_fields(f"{{title}} {{{field}}}") == ["title", field]


@pytest.mark.parametrize(
    "template", ["{title.__class__}", "{title[0]}", "{}", "{0}", "{ticket_id}", "{sys_id}"]
)
def test_nothing_but_a_field_name_may_stand_in_braces(template: str) -> None:
    with pytest.raises(ConfigurationError, match=r"allowed are \{title\}"):
        template_fields(template)


@pytest.mark.parametrize(
    "column", ["close_notes", "Resolution notes", "State", "Resolved", "Problem", "Parent"]
)
@pytest.mark.parametrize("field", ["title", "description", "opened_at", "category"])
def test_a_late_servicenow_column_is_refused_as_an_opening_field(field: str, column: str) -> None:
    with pytest.raises(LeakageError, match="fail on new tickets; map another column"):
        find_mapping(["number", "short_description", column], {field: column})
