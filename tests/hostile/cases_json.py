"""JSON and JSON Lines: single bad values, odd shapes, documents of Atlassian and references of ServiceNow."""

import json
from functools import partial
from typing import Any

from hostile_case import Outcome, holds, importing, values

_json = partial(importing, "JSON", file="a.json")
lines = partial(importing, "JSON Lines", file="a.jsonl")


def ticket(number: int, **more: Any) -> dict[str, Any]:
    """One good record."""
    return {
        "number": f"INC{number}",
        "short_description": f"Printer {number} is down",
        "description": "x y",
        **more,
    }


def array(*records: Any) -> str:
    """Records as an array; a string stands for itself."""
    return "[" + ", ".join(r if isinstance(r, str) else json.dumps(r) for r in records) + "]"


def a_line_each(*records: Any) -> str:
    """Records, a line each; a string stands for itself."""
    return "".join((r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in records)


def _record(value: str) -> str:
    """A record with a value as written."""
    return f'{{"number": "INC2", "short_description": "VPN is slow", "extra": {value}}}'


_NUMBER = "7" * 5_000
_DEEP = "[" * 900 + "]" * 900
_DEEPER = "[" * 100_000 + "]" * 100_000
_KEPT = Outcome(rows=3, tickets=range(2, 4))
_KEPT_OR_REFUSED = Outcome((0, 2), rows=3, tickets=range(2, 4))


def _adf(*paragraphs: str) -> dict[str, Any]:
    content = [{"type": "paragraph", "content": [{"type": "text", "text": text}]} for text in paragraphs]
    return {"type": "doc", "version": 1, "content": content}


_LIST_ADF = {
    "type": "doc",
    "version": 1,
    "content": [
        {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "Steps"}]},
        {
            "type": "bulletList",
            "content": [
                {
                    "type": "listItem",
                    "content": [{"type": "paragraph", "content": [{"type": "text", "text": step}]}],
                }
                for step in ("open the door", "walk in")
            ],
        },
        {"type": "codeBlock", "content": [{"type": "text", "text": "error = 5"}]},
    ],
}


def _jira(key: str, description: Any) -> dict[str, Any]:
    return {
        "key": key,
        "fields": {"summary": "Mail is down", "description": description, "issuetype": {"name": "Bug"}},
    }


def _many_columns() -> bytes:
    records = [ticket(n, **{f"k{n}_{k}": "x" for k in range(10)}) for n in range(1_000)]
    return json.dumps(records).encode()


VALUES = [
    make(f"{what}, {how}", content, end, check)
    for what, value, end, check in (
        ("half an emoji", '"half \\ud83d here"', Outcome(rows=3, tickets=3), None),
        ("the other half of an emoji", '"half \\ude00 here"', Outcome(rows=3, tickets=3), None),
        ("a whole number of 5,000 digits", _NUMBER, _KEPT, None),
        ("a number too large for a float", "1e999", Outcome(rows=3, tickets=3), None),
        ("a fraction of 5,000 digits", f"0.{_NUMBER}", Outcome(rows=3, tickets=3), None),
        ("a value that is NaN", "NaN", Outcome(rows=3, tickets=3), None),
        ("a value that is Infinity", "-Infinity", Outcome(rows=3, tickets=3), None),
        ("a value nested 900 deep", _DEEP, _KEPT, None),
        ("a zero character", '"a\\u0000b"', Outcome(rows=3, tickets=3), None),
        (
            "a line separator of Unicode",
            '"one\u2028two\u2029three\u0085four"',
            Outcome(rows=3, tickets=3),
            None,
        ),
        ("terminal escapes", '"\\u001b[31mred\\u001b[0m"', Outcome(rows=3, tickets=3), None),
        ("an empty object", "{}", Outcome(rows=3, tickets=3), None),
        ("true", "true", Outcome(rows=3, tickets=3), None),
    )
    for make, how, content in (
        (_json, "in an array", array(ticket(1), _record(value), ticket(3))),
        (lines, "on a line", a_line_each(ticket(1), _record(value), ticket(3))),
    )
]

TEXTS = [
    _json(
        "a title of half an emoji and words",
        array('{"number": "INC1", "short_description": "Mail \\ud83d is down"}', ticket(2)),
        Outcome(rows=2, tickets=2),
        holds("title", "Mail", "is down"),
    ),
    _json(
        "a value nested 100,000 deep, in an array",
        array(ticket(1), _record(_DEEPER), ticket(3)),
        _KEPT_OR_REFUSED,
    ),
    lines(
        "a value nested 100,000 deep, on a line", a_line_each(ticket(1), _record(_DEEPER), ticket(3)), _KEPT
    ),
    _json("nothing but nesting", _DEEPER, Outcome(2)),
    _json(
        "a description that is a document of Jira",
        array(_jira("A-1", _adf("The mail server", "does not answer"))),
        Outcome(rows=1, tickets=1),
        holds("description", "The mail server", "does not answer"),
    ),
    _json(
        "a document of Jira with a list and code",
        json.dumps({"issues": [_jira("A-1", _LIST_ADF)]}),
        Outcome(rows=1, tickets=1),
        holds("description", "Steps", "open the door", "walk in", "error = 5"),
    ),
    lines(
        "a document of Jira as text",
        a_line_each({"key": "A-1", "summary": "Mail", "description": json.dumps(_adf("The mail server"))}),
        Outcome(rows=1, tickets=1),
        holds("description", "The mail server"),
    ),
    _json(
        "an empty document of Jira",
        array(_jira("A-1", _adf()), _jira("A-2", None)),
        Outcome(rows=2, tickets=2),
    ),
    _json(
        "a description that is an unknown object",
        array(ticket(1) | {"description": {"de": {"body": "Die Post ist weg"}}}),
        Outcome(rows=1, tickets=1),
        holds("description", "Die Post ist weg"),
    ),
    _json(
        "a description that is a list of texts",
        array(ticket(1) | {"description": ["first part", "second part"]}),
        Outcome(rows=1, tickets=1),
        holds("description", "first part", "second part"),
    ),
    _json(
        "a description that is a list of comments",
        array(
            ticket(1)
            | {"description": [{"author": "a", "body": "first part"}, {"author": "b", "body": "second"}]}
        ),
        Outcome(rows=1, tickets=1),
        holds("description", "first part", "second"),
    ),
    _json(
        "references of ServiceNow",
        array(
            ticket(1)
            | {"cmdb_ci": {"display_value": "mail-01", "link": "https://x.example/api/now/table/cmdb_ci/0"}},
            ticket(2) | {"cmdb_ci": {"display_value": "mail-02", "value": "0"}},
        ),
        Outcome(rows=2, tickets=2),
        values(configuration_item=["mail-01", "mail-02"]),
    ),
    _json(
        "a title that is a number",
        array(ticket(1) | {"short_description": 12345}),
        Outcome(rows=1, tickets=1),
    ),
    _json("a title that is null", array(ticket(1) | {"short_description": None}), Outcome(rows=1, tickets=1)),
]

SHAPES = [
    make(name, content, end)
    for make, name, content, end in (
        (_json, "an array of numbers", "[1, 2, 3]", Outcome(2)),
        (_json, "an array of arrays", "[[1, 2], [3, 4]]", Outcome(2)),
        (_json, "one number", "7", Outcome(2)),
        (_json, "one text", '"text"', Outcome(2)),
        (_json, "null", "null", Outcome(2)),
        (_json, "true alone", "true", Outcome(2)),
        (_json, "an empty array", "[]", Outcome(2)),
        (_json, "an empty object alone", "{}", Outcome(2)),
        (_json, "an array of empty objects", "[{}, {}]", Outcome(2)),
        (_json, "a result that is empty", '{"result": []}', Outcome(2)),
        (_json, "a result that is null", '{"result": null}', Outcome(2)),
        (_json, "a result that is one record", json.dumps({"result": ticket(1)}), Outcome((0, 2), rows=1, tickets=1)),
        (_json, "one record", json.dumps(ticket(1)), Outcome((0, 2), rows=1, tickets=1)),
        (_json, "records between scalars", array(ticket(1), 5, '"text"', ticket(2)), Outcome(rows=4, tickets=2, rejected=2)),
        (_json, "an empty record among others", array(ticket(1), {}, ticket(2)), Outcome(rows=3, tickets=2, blank=1)),
        (_json, "a record of empty values among others", array(ticket(1), {"number": "", "description": None}, ticket(2)), Outcome(rows=3, tickets=2, blank=1)),
        (_json, "a key twice", '[{"number": "INC1", "short_description": "a b", "short_description": "c d"}]', Outcome(rows=1, tickets=1)),
        (_json, "a key without a name", array(ticket(1) | {"": "x", " ": "y"}), Outcome(rows=1, tickets=1)),
        (_json, "a key that is half an emoji", '[{"number": "INC1", "short_description": "a b", "\\ud83d": "x"}]', Outcome(rows=1, tickets=1)),
        (_json, "keys that differ in case", array(ticket(1) | {"Number": "INC9"}), Outcome(rows=1, tickets=1)),
        (_json, "other keys in every record", _many_columns, Outcome((0, 2), rows=1_000, tickets=1_000)),
        (_json, "cut off", array(ticket(1), ticket(2))[:-30], Outcome((0, 2), rejected=range(1, 3))),
        (_json, "a comma too many", "[" + json.dumps(ticket(1)) + ",]", Outcome((0, 2), tickets=1)),
        (_json, "single quotes", str([ticket(1)]), Outcome(2)),
        (_json, "a comment", "// made by hand\n" + array(ticket(1)), Outcome(2)),
        (_json, "two arrays", array(ticket(1)) + "\n" + array(ticket(2)), Outcome((0, 2), tickets=2)),
        (_json, "lines called JSON", a_line_each(ticket(1), ticket(2)), Outcome(rows=2, tickets=2)),
        (_json, "text behind the array", array(ticket(1)) + " the end", Outcome((0, 2))),
        (lines, "the last line cut off", a_line_each(ticket(1), ticket(2)) + '{"number": "INC3", "short', Outcome(rows=3, tickets=2, rejected=1)),
        (lines, "a comma after each line", a_line_each(ticket(1), ticket(2)).replace("}\n", "},\n"), Outcome((0, 2), tickets=2)),
        (lines, "empty lines", a_line_each(ticket(1)) + "\n  \n" + a_line_each(ticket(2)), Outcome(tickets=2, rejected=0)),
        (lines, "an array over several lines", json.dumps([ticket(1), ticket(2)], indent=1), Outcome((0, 2), tickets=2)),
        (lines, "an array on one line", json.dumps([ticket(1), ticket(2)]), Outcome((0, 2), tickets=2)),
        (lines, "scalars between records", a_line_each(ticket(1), 5, "null", "[1]", ticket(2)), Outcome(rows=5, tickets=2, rejected=3)),
        (lines, "line ends of Windows between records", a_line_each(ticket(1), ticket(2)).replace("\n", "\r\n"), Outcome(rows=2, tickets=2)),
        (lines, "no line that is JSON", "one\ntwo\n", Outcome(2)),
        (lines, "a mark of UTF-8", "\ufeff" + a_line_each(ticket(1), ticket(2)), Outcome(rows=2, tickets=2)),
        (lines, "zero bytes", a_line_each(ticket(1), ticket(2)).replace("down", "do\x00wn"), Outcome(rows=2, tickets=2)),
        (lines, "form feeds between values", a_line_each(ticket(1), ticket(2)) + "\x0c\n", Outcome(tickets=2)),
        (lines, "two records on one line", a_line_each(ticket(1)) + json.dumps(ticket(2)) + json.dumps(ticket(3)) + "\n", Outcome(rows=range(2, 4), tickets=range(1, 4))),
    )
]  # fmt: skip

CASES = [*VALUES, *TEXTS, *SHAPES]
