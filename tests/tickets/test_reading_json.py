"""JSON in every shape, and records with a fault that cost no other record."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ticketkin.core.errors import UnreadableFileError
from ticketkin.tickets.reading import RawTable, read_table

GOOD = [{"number": f"INC{n}", "title": f"Ticket {n}"} for n in range(1, 6)]


def _read(folder: Path, content: str, name: str = "a.json") -> RawTable:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return read_table(path)


def _array_with(faulty: str, at: int = 2) -> str:
    records = [json.dumps(record) for record in GOOD]
    return "[" + ", ".join([*records[:at], faulty, *records[at:]]) + "]"


def _lines_with(faulty: str, at: int = 2) -> str:
    records = [json.dumps(record) for record in GOOD]
    return "\n".join([*records[:at], faulty, *records[at:]])


MENDED = [
    ('{"number": "INC9", "title": "half \\ud83d of it"}', "half \ufffd of it", "half_characters"),
    ('{"number": "INC9", "title": "a\\u0000b"}', "ab", "nul_bytes"),
    ('{"number": "INC9", "title": "x", "title": "y"}', "x", "repeated_keys"),
    ('{"number": "INC9", "title": "", "title": "y"}', "y", "repeated_keys"),
    ('{"number": "INC9", "title": ' + '{"a":' * 300 + "1" + "}" * 300 + "}", None, "deep_cells"),
    ('{"number": "INC9", "title": ' + "7" * 5000 + "}", "7" * 5000, None),
    ('{"number": "INC9", "title": NaN}', None, None),
    ('{"number": "INC9", "title": Infinity}', "Infinity", None),
    ('{"number": "INC9", "title": 1e999}', "1e999", None),
    ('{"number": "INC9", "title": "a\u2028b\u2029c\u0085d"}', "a\u2028b\u2029c\u0085d", None),
]


@pytest.mark.parametrize(("record", "title", "repair"), MENDED)
@pytest.mark.parametrize("written", [_array_with, _lines_with])
def test_one_odd_cell_costs_nothing(
    tmp_path: Path, record: str, title: str | None, repair: str | None, written: Any
) -> None:
    table = _read(tmp_path, written(record))
    assert table.frame["number"].to_list() == ["INC1", "INC2", "INC9", "INC3", "INC4", "INC5"]
    if repair != "deep_cells":
        assert table.frame["title"][2] == title
    assert list(table.repairs) == ([repair] if repair else [])
    assert table.rejected == []


FAULTY = [
    "nonsense",
    "12",
    '"text"',
    "null",
    "[1, 2]",
    '{"number": "INC9", "title": tru}',
    '{"number": "INC9", "title": "bad \\x escape"}',
    '{"number": "INC9" "title": "no comma"}',
    '{"number": "INC9", "x": ' + "[" * 5_000 + "]" * 5_000 + "}",
    '{"number": "INC9", "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
]


@pytest.mark.parametrize("faulty", [*FAULTY, '{"number": "INC9", "title": "not closed', '{"number": "INC9"'])
@pytest.mark.parametrize("written", [_array_with, _lines_with])
@pytest.mark.parametrize("at", [0, 2, 5])
def test_one_faulty_record_costs_itself_alone(tmp_path: Path, faulty: str, written: Any, at: int) -> None:
    table = _read(tmp_path, written(faulty, at))
    assert table.frame["number"].to_list() == [record["number"] for record in GOOD]
    if not (written is _array_with and at == 5):  # an unclosed record at the end leaves the array open too
        assert [number for number, _ in table.rejected] == [at + 1]
        assert table.n_records == 6


def test_an_array_cut_off_keeps_what_came(tmp_path: Path) -> None:
    table = _read(tmp_path, json.dumps(GOOD)[:-30])
    assert table.frame.height == 4
    assert len(table.rejected) == 1


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson"])
@pytest.mark.parametrize(
    "content",
    [
        json.dumps(GOOD),
        json.dumps(GOOD, indent=2),
        json.dumps({"total": 5, "issues": GOOD, "isLast": True}),
        json.dumps({"result": GOOD}, indent=1),
        "\n".join(map(json.dumps, GOOD)),
        "\r\n".join(map(json.dumps, GOOD)) + "\r\n\r\n",
        "".join(map(json.dumps, GOOD)),
        " ".join(json.dumps(record, indent=2) for record in GOOD),
        ",\n".join(json.dumps(record, indent=2) for record in GOOD),
        json.dumps(GOOD[:2]) + "\n" + json.dumps(GOOD[2:]),
        json.dumps({"result": GOOD[:2]}) + "\n" + json.dumps({"result": GOOD[2:]}),
        "\ufeff" + json.dumps(GOOD),
    ],
)
def test_the_content_decides_the_shape(tmp_path: Path, name: str, content: str) -> None:
    table = _read(tmp_path, content, name)
    assert table.frame.to_dicts() == GOOD
    assert (table.n_records, table.rejected) == (5, [])


def test_text_after_the_array_is_rejected(tmp_path: Path) -> None:
    table = _read(tmp_path, json.dumps(GOOD) + ' {"number": "INC9"}')
    assert table.rejected == [(6, "not valid JSON: there is more text after the end of the array")]


def test_records_without_content_are_blank(tmp_path: Path) -> None:
    table = _read(tmp_path, '[{}, {"number": "INC1"}, {"number": null}, {"number": " "}]')
    assert (table.rows, table.n_blank, table.n_records) == ([2], 3, 4)


@pytest.mark.parametrize(
    "content", ["12", '"text"', "null", "true", "{}", '{"a": 1}', "nonsense", "[", "[]", " "]
)
def test_json_without_records_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnreadableFileError):
        _read(tmp_path, content)


def test_records_that_are_no_table_are_an_error(tmp_path: Path) -> None:
    records = [{f"key {n}": "x"} for n in range(5_001)]
    with pytest.raises(UnreadableFileError, match="more than 5,000 different keys"):
        _read(tmp_path, json.dumps(records))


def test_a_ticket_that_holds_issues_is_no_page(tmp_path: Path) -> None:
    lines = [json.dumps({"id": n, "issues": [{"a": 1}, {"a": 2}]}) for n in range(3)]
    assert _read(tmp_path, "\n".join(lines)).frame["id"].to_list() == ["0", "1", "2"]


values = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
nested = st.recursive(
    values, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner), max_leaves=8
)


@given(
    st.lists(st.dictionaries(st.text(max_size=5), nested, max_size=4), min_size=1, max_size=6), st.booleans()
)
@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_record_is_accounted_for(tmp_path: Path, records: list[dict[str, Any]], as_lines: bool) -> None:
    records = [{"number": "INC1"}, *records]
    content = "\n".join(map(json.dumps, records)) if as_lines else json.dumps(records)
    table = _read(tmp_path, content, "a.jsonl")
    assert table.n_records == len(records)
    assert table.rejected == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"startAt": 0, "total": 900}, {}, "holds 5 of 900 records"),
        ({}, {"total": 900}, "holds 5 of 900 records"),
        ({"names": {"a": [1]}, "total_count": 6}, {"isLast": True}, "holds 5 of 6 records"),
        ({}, {"isLast": False}, "holds 5 records and says that more follow"),
        ({"isLast": False}, {"nextPageToken": "abc"}, "holds 5 records and says that more follow"),
        ({}, {"hasMore": True}, "holds 5 records and says that more follow"),
        ({"total": 5}, {"isLast": True, "nextPageToken": None}, None),
        ({"maxResults": 50}, {"next": "", "count": 5}, None),
        ({"total": "many"}, {"isLast": "no"}, None),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_page_of_an_interface_says_what_it_lacks(
    tmp_path: Path,
    before: dict[str, object],
    after: dict[str, object],
    expected: str | None,
    indent: int | None,
) -> None:
    table = _read(tmp_path, json.dumps({**before, "issues": GOOD, **after}, indent=indent))
    assert table.frame.to_dicts() == GOOD
    notes = [note for note in table.notes if "records" in note]
    assert len(notes) == (expected is not None)
    assert expected is None or expected in notes[0]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("last", [{"total": 5}, {"total": 7}, {"isLast": False}])
def test_pages_one_after_another_are_counted_together(
    tmp_path: Path, last: dict[str, object], indent: int | None
) -> None:
    first = {"isLast": False, "issues": GOOD[:2], "total": 5}
    pages = [first, {"issues": GOOD[2:], "isLast": True} | last]
    table = _read(tmp_path, "\n".join(json.dumps(page, indent=indent) for page in pages))
    assert table.frame.to_dicts() == GOOD
    assert len(table.notes) == (last != {"total": 5})
