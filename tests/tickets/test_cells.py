"""Cells that hold objects: references, documents, anything nested."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ticketkin.tickets.cells import cell_text, reference_text
from ticketkin.tickets.rich_text import document_text


def _text(text: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": text, "marks": list(marks)}


def _node(kind: str, *content: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {"type": kind, "content": list(content), "attrs": attributes}


def _item(*content: dict[str, Any]) -> dict[str, Any]:
    return _node("listItem", *content)


DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [
        _node("heading", _text("Mail is down"), level=1),
        _node(
            "paragraph",
            _text("See "),
            _text("the guide", {"type": "link", "attrs": {"href": "https://x/guide"}}),
            {"type": "hardBreak"},
            {"type": "mention", "attrs": {"id": "1", "text": "@desk"}},
            _text(" by "),
            {"type": "date", "attrs": {"timestamp": "1700000000000"}},
        ),
        _node(
            "orderedList",
            _item(
                _node("paragraph", _text("open")),
                _node("bulletList", _item(_node("paragraph", _text("click")))),
            ),
        ),
        _node("taskList", _node("taskItem", _text("restart"), state="TODO")),
        _node("codeBlock", _text("ping mail\ntimeout")),
        _node(
            "table",
            _node("tableRow", _node("tableHeader", _node("paragraph", _text("host")))),
            _node(
                "tableRow",
                _node("tableCell", _node("paragraph", _text("a"))),
                _node("tableCell", _node("paragraph", _text("b"))),
            ),
        ),
        {"type": "rule"},
        _node("panel", _node("paragraph", {"type": "inlineCard", "attrs": {"url": "https://x/1"}})),
        _node("expand", _node("paragraph", {"type": "emoji", "attrs": {"shortName": ":x:"}}), title="More"),
        _node("unknownKind", _node("paragraph", _text("kept"))),
    ],
}
DOCUMENT_TEXT = """Mail is down
See the guide (https://x/guide)
@desk by 2023-11-14
- open
  - click
- restart
ping mail
timeout
host
a | b
https://x/1
More
:x:
kept"""


def test_a_document_is_its_text() -> None:
    assert document_text(DOCUMENT) == DOCUMENT_TEXT
    assert cell_text(DOCUMENT, "description") == DOCUMENT_TEXT
    assert reference_text(json.dumps(DOCUMENT), "description") == DOCUMENT_TEXT
    assert reference_text(repr(DOCUMENT), "description") == DOCUMENT_TEXT


@pytest.mark.parametrize(
    ("cell", "column", "expected"),
    [
        ({"display_value": "INC9", "value": "sys9"}, "Parent Incident", "sys9"),
        ({"display_value": "INC9", "value": "sys9"}, "caused_by", "sys9"),
        ({"display_value": "01/05/2024", "value": "2024-05-01"}, "sys_updated_on", "2024-05-01"),
        ({"display_value": "01/05/2024", "value": "2024-05-01"}, "opened_at", "2024-05-01"),
        ({"display_value": "A. Person", "value": "u1"}, "opened_by", "A. Person"),
        ({"self": "https://x", "id": "3", "name": "Done", "statusCategory": {"name": "x"}}, "status", "Done"),
        ([{"id": 1, "name": "mail", "color": "red"}, {"id": 2, "name": "vpn"}], "labels", "mail, vpn"),
        ({"id": "100", "key": "A-1", "fields": {"summary": "x"}}, "parent", "A-1"),
        (
            {"name": "Disk full", "details": "since Monday"},
            "u_fault",
            "name: Disk full\ndetails: since Monday",
        ),
        ({"a": {"b": [1, 2.5, None, True]}}, "x", "a: b: 1, 2.5, true"),
        ([{"step": "open"}, {"step": "click"}], "x", "step: open\nstep: click"),
        ({"value": {"street": "Main"}}, "x", "street: Main"),
        (["a", ["b", "c"]], "x", "a, b, c"),
        (float("nan"), "x", None),
        ({}, "x", ""),
    ],
)
def test_objects_become_readable_text(cell: object, column: str, expected: str | None) -> None:
    assert cell_text(cell, column) == expected


@pytest.mark.parametrize(
    "column", ["parent_incident", "parent", "problem_id", "Parent Incident", "u_linked_to"]
)
@pytest.mark.parametrize(
    "text",
    [
        "{'link': 'https://x/api/now/table/incident/abc', 'value': 'abc'}",
        '{"link": "https://x", "value": "abc"}',
        "{'display_value': nan, 'value': 'abc', 'link': None}",
        "{'value': \"abc\", 'display_value': ''}",
        " {'link': 'it\\'s', 'value': 'abc'} ",
    ],
)
def test_saved_references_give_their_value(text: str, column: str) -> None:
    assert reference_text(text, column) == "abc"


@pytest.mark.parametrize(
    "text",
    [
        '{"value": 3, "error": "disk"}',
        '{"name": "x", "steps": []}',
        "{'value': __import__('os').system('true')}",
        "{'value': open('x')}",
        "{'value': 'a' 'b' + 'c'}",
        "{not closed 'value'",
        "{}",
        "[{}]",
        "{" * 50_000 + "}" * 50_000,
        "[" + "{'a':[" * 5_000 + "]}" * 5_000 + "]",
        "{'value': '" + "\\" * 9_999 + "'}",
        "{'value': " + "-" * 20_000 + "1}",
    ],
)
def test_text_that_is_no_reference_stays(text: str) -> None:
    assert reference_text(text, "parent") == text


def test_what_is_nested_too_deeply_is_cut_and_counted() -> None:
    value: Any = "bottom"
    for _ in range(500):
        value = {"a": [value]}
    counts: Counter[str] = Counter()
    text = cell_text({"top": "kept", "deep": value}, "x", counts)
    assert text is not None
    assert text.startswith("top: kept")
    assert counts == {"deep_cells": 1}
    for _ in range(500):
        value = {"type": "panel", "content": [value]}
    assert document_text({"type": "doc", "content": [value]}) == "…"


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
keys = st.sampled_from(
    ["value", "display_value", "link", "name", "id", "self", "type", "content", "attrs", "text", "a"]
)
nested = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=10,
)


@given(nested)
@example({"type": [], "content": []})
@example({"type": "bulletList", "content": [{"type": {}, "content": [{"type": "text", "text": 1}]}]})
@settings(max_examples=300, deadline=None)
def test_nothing_that_has_content_becomes_nothing(cell: Any) -> None:
    text = cell_text(cell, "x")
    assert text is None or isinstance(text, str)
    assert isinstance(document_text({"type": "doc", "content": [cell]}), str)
    assert reference_text(repr(cell)) is not None


@given(
    st.dictionaries(st.sampled_from("abcd"), st.text(st.characters(categories=["L"]), min_size=1), min_size=1)
)
@settings(max_examples=100, deadline=None)
def test_every_value_of_an_object_is_in_its_text(cell: dict[str, str]) -> None:
    text = cell_text(cell, "x") or ""
    assert all(f"{key}: {value}" in text for key, value in cell.items())
