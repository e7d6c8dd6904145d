"""Exports of Jira, Bugzilla and of systems nobody heard of: recognised, mapped, or refused with a way out."""

import csv
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ticketkin.core.errors import ConfigurationError, LeakageError, MappingError
from ticketkin.core.ticket_fields import LINK_FIELDS, OPENING_FIELDS, RESOLUTION_FIELDS
from ticketkin.tickets.composing import compose_texts, template_fields
from ticketkin.tickets.importing import ImportResult, import_tickets
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.mapping import MAPPABLE, find_mapping
from ticketkin.tickets.settings import TicketSettings

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
    mapping = find_mapping([case(name) for name in header], {})
    assert mapping.system == "jira"
    assert mapping.columns == {field: case(column) for field, column in plain.columns.items()}
    assert sorted(mapping.unused) == sorted(case(name) for name in plain.unused)


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
            mapping = find_mapping(header, {})
        except MappingError as error:
            assert "Name them: --map title=COLUMN" in str(error)
            assert "Title" not in header
            continue
        used = list(mapping.columns.values())
        assert len(used) == len(set(used))
        assert sorted([*used, *mapping.unused]) == sorted(header)
        assert set(mapping.columns) <= set(MAPPABLE)


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
    mapping = find_mapping(JIRA_HEADER[:14], {"title": "Project name", "category": "Components"})
    assert mapping.system == "jira"
    assert (mapping.columns["title"], mapping.columns["category"]) == ("Project name", "Components")
    assert "subcategory" not in mapping.columns  # its column is the category now
    assert {"Summary", "Issue Type"} <= set(mapping.unused)


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


LABELS = {
    "German": "Nummer;Geöffnet;Kurzbeschreibung;Beschreibung;Anrufer;Priorität;Status;Kategorie;"
    "Unterkategorie;Zuweisungsgruppe;Konfigurationselement;Lösungscode;Lösungshinweise;"
    "Übergeordneter Incident;Problem",
    "French": "Numéro;Ouvert;Description brève;Description;Appelant;Priorité;État;Catégorie;Sous-catégorie;"
    "Groupe d'affectation;Élément de configuration;Code de résolution;Notes de résolution;"
    "Incident parent;Problème",
    "Spanish": "Número;Abierto;Breve descripción;Descripción;Solicitante;Prioridad;Estado;Categoría;"
    "Subcategoría;Grupo de asignación;Elemento de configuración;Código de resolución;Notas de resolución;"
    "Incidente principal;Problema",
}  # fmt: skip
LABELLED = [
    "number", "opened_at", "title", "description", "caller", "priority", "state", "category", "subcategory",
    "assignment_group", "configuration_item", "close_code", "close_notes", "parent", "problem",
]  # fmt: skip


@pytest.mark.parametrize("language", LABELS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_labels_of_servicenow_in_other_languages(language: str, form: str) -> None:
    labels = [unicodedata.normalize(form, label) for label in LABELS[language].split(";")]
    mapping = find_mapping(labels, {})
    assert mapping.system == "servicenow"
    assert mapping.columns == dict(zip(LABELLED, labels, strict=True))
    assert mapping.unused == []


def test_a_bmc_export_is_recognised(tmp_path: Path) -> None:
    header = [
        "Incident ID", "Submit Date", "Summary", "Detailed Decription", "Categorization Tier 1",
        "Categorization Tier 2", "Assigned Group", "Service", "Status", "Priority", "Resolution",
        "Last Resolved Date", "Closed Date", "Last Modified Date", "Assignee",
    ]  # fmt: skip
    row = ["INC000000012345", "3/17/2024 2:05:09 PM", "No mail", "since nine", "Software", "Mail",
           "Messaging", "Mail service", "Closed", "High", "restarted", "3/17/2024 3:00:00 PM",
           "", "", "x"]  # fmt: skip
    result = load(tmp_path, header, [row])
    summary = result.summary
    assert summary.system == "bmc"
    assert summary.unused_columns == ["Assignee"]
    ticket = result.tickets.frame.row(0, named=True)
    assert (ticket["title"], ticket["description"], ticket["close_notes"]) == (
        "No mail",
        "since nine",
        "restarted",
    )
    assert (ticket["category"], ticket["service"], ticket["assignment_group"]) == (
        "Software",
        "Mail service",
        "Messaging",
    )
    assert ticket["opened_at"] == datetime(2024, 3, 17, 14, 5, 9)


def test_the_description_of_bmcs_database_is_its_title() -> None:
    mapping = find_mapping(["Incident Number", "Description", "Detailed Decription", "Reported Date"], {})
    assert mapping.system == "bmc"
    assert (mapping.columns["title"], mapping.columns["description"]) == (
        "Description",
        "Detailed Decription",
    )


def test_jiras_link_columns_become_links_with_kind_and_direction(tmp_path: Path) -> None:
    header = [
        "Issue key", "Summary", "Created", "Outward issue link (Duplicate)", "Outward issue link (Duplicate)",
        "Inward issue link (Duplicate)", "Inward issue link (Problem/Incident)",
        "Outward issue link (Cloners)", "Outward issue link (Polaris)",
    ]  # fmt: skip
    rows = [
        ["OPS-1", "a", "2024-01-01", "OPS-2", "OPS-3", "", "", "OPS-4", ""],
        ["OPS-2", "b", "2024-01-01", "", "", "OPS-1", "", "", "OPS-3"],
        ["OPS-3", "c", "2024-01-01", "", "", "", "OPS-4", "", ""],
        ["OPS-4", "d", "2024-01-01", "", "", "OPS-9, OPS-3", "", "", ""],
    ]
    tickets = load(tmp_path, header, rows).tickets
    result = links_from_tickets(tickets)
    assert [row[:3] for row in result.links.frame.iter_rows()] == [
        ("OPS-1", "OPS-2", "duplicate"),
        ("OPS-1", "OPS-3", "duplicate"),
        ("OPS-1", "OPS-4", "related"),
        ("OPS-4", "OPS-3", "causal"),
        ("OPS-3", "OPS-4", "duplicate"),
    ]
    # OPS-2 tells the link of OPS-1 again; OPS-9 is absent; nobody knows what Polaris links are.
    assert (result.n_read, result.n_repeated, result.n_absent) == (8, 1, 1)
    assert result.unknown_kinds == {"Polaris": 1}


def test_bugzillas_link_columns_become_links(tmp_path: Path) -> None:
    header = ["bug_id", "product", "component", "short_desc", "depends_on", "duplicates", "regressed_by"]
    rows = [
        ["1", "F", "G", "a", "2", "3", ""],
        ["2", "F", "G", "b", "", "", "3"],
        ["3", "F", "G", "c", "", "", ""],
    ]
    result = links_from_tickets(load(tmp_path, header, rows).tickets)
    assert {row[:3] for row in result.links.frame.iter_rows()} == {
        ("2", "1", "causal"),
        ("3", "1", "duplicate"),
        ("3", "2", "causal"),
    }


@pytest.mark.parametrize(
    "columns", [("件名", "説明", "番号"), ("Тема", "Описание", "Номер"), ("か", "が", "き")]
)
def test_headers_of_any_script_can_be_mapped(tmp_path: Path, columns: tuple[str, ...]) -> None:
    mapping = dict(zip(("title", "description", "ticket_id"), columns, strict=True))
    result = load(tmp_path, columns, [["a", "b", "7"]], mapping=mapping)
    assert result.summary.mapping == dict(zip(("ticket_id", "title", "description"),
                                              (columns[2], *columns[:2]), strict=True))  # fmt: skip
    assert result.tickets.frame.select("ticket_id", "title", "description").row(0) == ("7", "a", "b")


def test_of_two_columns_with_one_name_the_filled_one_is_used_and_named(tmp_path: Path) -> None:
    header = ["number", "Short description", "Description", "Description"]
    result = load(tmp_path, header, [["INC1", "a", "", "full"], ["INC2", "b", "", "text"]])
    assert result.tickets.frame["description"].to_list() == ["full", "text"]
    assert any("2 columns are called 'Description'" in note for note in result.summary.notes)
    fuller = load(tmp_path, header, [["INC1", "a", "x", "full"], ["INC2", "b", "", "text"]])
    assert fuller.summary.mapping["description"] == "Description_2"
    assert any("'Description_2', the fullest, is used" in note for note in fuller.summary.notes)


def test_an_empty_column_gives_way_to_another_of_its_names_but_no_link_does(tmp_path: Path) -> None:
    header = ["number", "short_description", "opened_at", "sys_created_on", "parent_incident", "parent"]
    result = load(tmp_path, header, [["INC1", "a", "", "2024-01-02", "", "CHG1"]])
    assert result.summary.mapping["opened_at"] == "sys_created_on"
    assert result.summary.mapping["parent"] == "parent_incident"


def test_an_exact_name_wins_over_one_that_only_looks_like_it(tmp_path: Path) -> None:
    header = ["id", "title", "TITLE", "Title!"]
    result = load(tmp_path, header, [["1", "a", "b", "c"]], mapping={"description": "TITLE"})
    assert result.summary.mapping == {"ticket_id": "id", "title": "title", "description": "TITLE"}


def test_the_links_of_jiras_rest_api_keep_their_kind_and_direction(tmp_path: Path) -> None:
    cell = (
        "id: 1\ntype: Duplicate\noutwardIssue: OPS-2\n"
        "id: 2\nself: https://jira.example.com/2\ntype: Cloners\ninwardIssue: OPS-3"
    )
    rows = [["OPS-1", "a", cell], ["OPS-2", "b", ""], ["OPS-3", "c", "nothing known"]]
    result = load(tmp_path, ["key", "summary", "issuelinks"], rows)
    assert [row[:3] for row in links_from_tickets(result.tickets).links.frame.iter_rows()] == [
        ("OPS-1", "OPS-2", "duplicate"),
        ("OPS-3", "OPS-1", "related"),
    ]
