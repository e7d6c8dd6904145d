"""References as people and systems write them, and cells that hold none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticket_material import make_tickets
from ticketkin.tickets.importing import ImportResult, import_tickets
from ticketkin.tickets.links import known_references, links_from_tickets
from ticketkin.tickets.references import KnownReferences, duplicate_in_notes, looks_like_id, references
from ticketkin.tickets.settings import TicketSettings

STRAYS = [
    "0", "0.0", "000", "?", "TBD", "false", "TRUE", "no problem", "unknown", "N.A.", "n/a", "see notes", "-",
    "none", "keine", "Kein Problem", "aucun", "yes", "?!", "2024-01-31", "10:30", "3.5", "-1", "mail outage",
]  # fmt: skip
IDS = [
    "PRB0012345", "P1", "12345", "ABC-12", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "prb_001", "2024-001", "#17",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "PRB/2024/7",
]  # fmt: skip


def load(folder: Path, columns: str, *rows: str) -> ImportResult:
    path = folder / "tickets.csv"
    path.write_text("\n".join([f"number,short_description,{columns}", *rows]) + "\n")
    return import_tickets([path], TicketSettings())


def links(result: ImportResult) -> list[tuple[str, str, str]]:
    return [(s, t, k) for s, t, k, _ in links_from_tickets(result.tickets).links.frame.iter_rows()]


@pytest.mark.parametrize("stray", STRAYS)
@pytest.mark.parametrize("column", ["problem_id", "parent_incident", "caused_by", "duplicate_of"])
def test_a_reference_that_says_nothing_links_nothing(tmp_path: Path, column: str, stray: str) -> None:
    result = load(tmp_path, column, *(f"INC{n},Mail is down,{stray}" for n in range(4)))
    assert links(result) == []
    field = {"problem_id": "problem", "parent_incident": "parent"}.get(column, column)
    assert result.tickets.frame[field].unique().to_list() == [""]


@pytest.mark.parametrize("reference", IDS)
def test_tickets_that_share_a_record_are_related(tmp_path: Path, reference: str) -> None:
    assert looks_like_id(reference)
    result = load(tmp_path, "problem_id", f"INC1,Mail,{reference}", f"INC2,Post,{reference}", "INC3,VPN,")
    assert links(result) == [("INC2", "INC1", "related")]
    assert not result.summary.notes


def test_values_that_are_no_id_are_counted_and_their_words_not_shown(tmp_path: Path) -> None:
    rows = [f"INC{n},Mail,ask Mueller" for n in range(3)]
    result = load(tmp_path, "problem_id", *rows, "INC4,Mail,none", "INC5,Mail,PRB1")
    (note,) = [note for note in result.summary.notes if "problem_id" in note]
    assert "3 values look like no id" in note
    assert "'a… M…' (3)" in note
    assert "Mueller" not in note
    assert result.summary.repairs["placeholders"] == 1


def test_the_id_of_a_ticket_is_a_reference_whatever_it_looks_like(tmp_path: Path) -> None:
    result = load(tmp_path, "parent_incident", "0,Mail,", "1,Post,0", "2,VPN,0.0")
    assert links(result) == [("1", "0", "duplicate"), ("2", "0", "duplicate")]


def test_flags_are_no_problems(tmp_path: Path) -> None:
    result = load(tmp_path, "problem_id", "INC1,Mail,1", "INC2,Post,1", "INC3,VPN,0")
    assert links(result) == []
    assert any("2 values look like no id" in note for note in result.summary.notes)
    assert links(load(tmp_path, "problem_id", "INC1,Mail,1", "INC2,Post,1", "INC3,VPN,2")) != []


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("INC1, INC2", ["INC1", "INC2"]),
        ("INC1;INC2 INC2", ["INC1", "INC2"]),
        ("INC1 and INC2", ["INC1", "INC2"]),
        ("duplicate of INC1", ["INC1"]),
        ("PRB0012345 - Mail gateway", ["PRB0012345"]),
        ("Problem 123", ["123"]),
        ("https://x.example/browse/INC1", ["INC1"]),
        ("https://x.example/browse/ABC-99?page=2", ["ABC-99"]),
        ("https://x.example/browse/INC1?focusedId=5#comment-5", ["INC1"]),
        ("https://x.example/show_bug.cgi?id=17", ["17"]),
        ("https://x.example/nav_to.do?uri=incident_list.do?sysparm_query=number=INC1^active=true", ["INC1"]),
        ("https://x.example/nav_to.do?uri=incident.do%3Fsys_id%3Dabc%26view%3Dess", ["abc"]),
        ("see https://x.example/browse/INC1.", ["INC1"]),
        ('=HYPERLINK("https://x.example/9","INC1")', ["INC1"]),
        ('=HYPERLINK("https://x.example/9";"INC1")', ["INC1"]),
        ('=HYPERLINK("https://x.example/browse/INC1")', ["INC1"]),
        ("inc1", ["inc1"]),
        ("#17", ["#17"]),
        ("fixed in phase 17", ["17"]),
        ("called 3 times since 17 May", []),
        ("windows10 is slow", []),
    ],
)
def test_what_a_cell_refers_to(cell: str, expected: list[str]) -> None:
    known = KnownReferences({"INC1": "INC1", "INC2": "INC2", "17": "17", "3": "3", "2": "2", "abc": "INC1"})
    assert references(cell, known) == expected


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("INC1001", "inc1001"), ("#1", "1"), ("1", "#1"), ("1", "1.0"), ("1.0", "1"),
        ("10000000000000000", "1e+16"), ("12345678901234568", "1.2345678901234568e+16"),
        ("1000000000000", "1E+12"),
    ],
)  # fmt: skip
def test_a_reference_in_another_spelling_joins_if_one_ticket_fits(name: str, reference: str) -> None:
    assert known_references(make_tickets(2, number=[name, "other"])).get(reference) == name


@pytest.mark.parametrize(
    ("names", "reference"),
    [
        (["INC1", "inc1"], "Inc1"), (["#1", "1.0"], "1"),
        (["12345678901234567", "12345678901234568"], "1.2345678901234568e+16"), (["5", "6"], "1e+99"),
    ],
)  # fmt: skip
def test_a_reference_that_fits_two_tickets_joins_none(names: list[str], reference: str) -> None:
    known = KnownReferences(dict(zip(names, names, strict=True)))
    assert known.get(reference) is None
    assert [known[name] for name in names] == names


@given(st.dictionaries(st.text(max_size=8), st.sampled_from(["A", "B"]), max_size=6), st.text(max_size=12))
def test_a_name_is_itself_and_no_cell_breaks_reading(names: dict[str, str], cell: str) -> None:
    known = KnownReferences(names)
    assert {name: known[name] for name in known} == names
    for reference in references(cell, known):
        assert reference in known or any(sign.isdigit() for sign in reference)
    duplicate_in_notes(f"duplicate of {cell}", "A", known)


def test_several_duplicates_each_give_a_link(tmp_path: Path) -> None:
    result = load(
        tmp_path,
        "duplicate_of",
        "INC1,Mail,", "INC2,Post,", 'INC3,VPN,"INC1, INC2"', "INC4,VPN,https://x.example/browse/inc1",
        'INC5,VPN,"=HYPERLINK(""https://x.example/INC2"",""INC2"")"', "INC6,VPN,INC99",
    )  # fmt: skip
    assert links(result) == [
        ("INC3", "INC1", "duplicate"), ("INC3", "INC2", "duplicate"),
        ("INC4", "INC1", "duplicate"), ("INC5", "INC2", "duplicate"),
    ]  # fmt: skip
    assert links_from_tickets(result.tickets).n_absent == 1


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ("Ticket 12 was checked; duplicate of INC0012345", "INC0012345"),
        ("Ticket 1234 was checked; duplicate of INC0012345", "INC0012345"),
        ("INC5 was looked at first. Duplikat von INC0012345", "INC0012345"),
        ("See 1234. Duplicate: please follow inc0012345", "inc0012345"),
        ("1234: est un doublon de INC0012345, merci", "INC0012345"),
        ("not a duplicate of INC5, but of INC0012345", "INC0012345"),
        ("This isn't a duplicate of INC5; duplicate of INC0012345", "INC0012345"),
        ("duplicate of https://x.example/browse/INC0012345 (was INC5)", "INC0012345"),
        ("1234 checked, duplicate of INC0099999", "INC0099999"),
        ("INC5 is the original of this duplicate", "INC5"),
        ("INC7 duplicates INC5", "INC5"),
        ("duplicate of 12", "12"),
        ("Duplikat zu Ticket #12.", "#12"),
        ("duplicate of 12 other tickets", None),
        ("duplicate, closed at 12:30", None),
        ("duplicate on windows10, see INC5", "INC5"),
        ("no reason", None),
    ],
)
def test_the_number_after_the_word_that_says_duplicate_counts(notes: str, expected: str | None) -> None:
    names = ["INC0012345", "INC5", "INC7", "12", "1234", "30"]
    assert (
        duplicate_in_notes(notes, "INC7", KnownReferences(dict(zip(names, names, strict=True)))) == expected
    )


def test_no_part_of_personal_data_is_taken_for_an_id(tmp_path: Path) -> None:
    rows = [
        "INC1,Mail,IBAN DE89 3704 0044 0532 0130 00",
        "INC2,Post,INC1;MAX9@x.example",
        "INC3,VPN,MAX9@x.example",
    ]
    result = load(tmp_path, "duplicate_of", *rows)
    assert result.tickets.frame["duplicate_of"].to_list() == ["", "INC1", ""]
    assert not [note for note in result.summary.notes if "DE89" in note or "MAX9" in note]
