"""Link types of the systems: each has one kind and direction, and the manual says the same."""

import shlex
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketkin.tickets.link_kinds import LinkKinds, kind_option, link_word
from ticketkin.tickets.link_types import LINK_TYPES
from ticketkin.tickets.settings import LinkSettings
from ticketkin.workflows.configuration import load_settings

_MANUAL = Path(__file__).parents[2] / "docs" / "manual.md"


def _manual_rows() -> list[tuple[str, str, str, str]]:
    """Return system, types, kind and reading of each row of the manual's table of link types."""
    table = (
        _MANUAL.read_text("utf-8").split("| system | link types | kind | what it says |")[1].split("\n\n")[0]
    )
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def test_the_manual_lists_every_type_of_the_systems_with_its_kind() -> None:
    documented = {
        (system, link_word(written), kind, reading)
        for system, types, kind, reading in _manual_rows()
        for written in types.split(", ")
    }
    known = {
        (system, link_word(written), types.kind.value if types.kind else "ignore", types.reading)
        for types in LINK_TYPES
        for system, text in types.by_system.items()
        for written in text.replace("\n", " ").split(",")
    }
    assert documented == known


def test_no_type_has_two_meanings() -> None:
    meanings = Counter(word for types in LINK_TYPES for word in {link_word(word) for word in types.written})
    assert [word for word, count in meanings.items() if count > 1] == []


@pytest.mark.parametrize(
    ("written", "kind", "reverse"),
    [
        # Jira
        ("Relates", "related", False), ("Cloners", "related", False), ("is cloned by", "related", False),
        ("Reference", "related", False), ("Incorporates", "related", False),
        ("is contained by", "related", False),
        ("Supercedes", "related", False), ("is superceded by", "related", False),
        ("Completes", "related", False),
        ("Issue split", "related", False), ("Post-Incident Reviews", "related", False),
        ("Duplicate", "duplicate", False), ("is duplicated by", "duplicate", True),
        ("Blocker", "causal", False), ("is blocked by", "causal", True), ("Required", "causal", True),
        ("is required by", "causal", False), ("dependent", "causal", True),
        ("is depended upon by", "causal", False), ("Problem/Incident", "causal", False),
        ("is caused by", "causal", True), ("breaks", "causal", False), ("is broken by", "causal", True),
        ("Child-Issue", None, False), ("Sub-task", None, False), ("Parent-Child", None, False),
        ("jira_subtask_link", None, False), ("Gantt: start-finish", None, False),
        # Bugzilla
        ("depends on", "causal", True), ("dependson", "causal", True), ("blocks", "causal", False),
        ("see also", "related", False), ("regressed by", "causal", True), ("regresses", "causal", False),
        ("dupe_of", "duplicate", False), ("duplicate of", "duplicate", False),
        # ServiceNow
        ("Parent Incident", "duplicate", False), ("Child Incidents", "duplicate", True),
        ("Master", "duplicate", False), ("Child", "duplicate", True), ("Problem", "related", False),
        ("RFC", "related", False), ("Caused by Change", "causal", True),
        ("Caused by::Cause of", "causal", True),
        ("Solved by::Solves", "related", False),
    ],
)  # fmt: skip
def test_what_each_type_means(written: str, kind: str | None, reverse: bool) -> None:
    kinds = LinkKinds(LinkSettings())
    assert written in kinds
    assert kinds.kind(written) == (kind, reverse)


@given(written=st.text(min_size=1, max_size=30).filter(link_word))
def test_the_option_that_is_shown_maps_the_type_it_names(written: str) -> None:
    flag, assignment = shlex.split(kind_option(written, "related"))
    assert flag == "--set"
    settings = load_settings(None, [assignment], environment={}).links
    assert LinkKinds(settings).kind(written) == ("related", False)


def test_a_setting_can_say_that_the_other_ticket_is_the_cause() -> None:
    kinds = LinkKinds(LinkSettings(kinds={"stems from": "caused-by"}))
    assert kinds.kind("Stems from") == ("causal", True)


def test_words_of_plain_prose_make_no_column_one_of_kinds() -> None:
    kinds = LinkKinds(LinkSettings())
    assert not kinds.speaks_of_kinds({"test": 3, "created": 2, "none": 1})
