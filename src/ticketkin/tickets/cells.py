"""Cells that are more than text: references of ServiceNow's Table API, objects of Jira, nested JSON.

A table saved by pandas holds them as Python writes dictionaries. They are read by a grammar of a few tokens:
nothing of a cell is ever evaluated.
"""

import ast
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ticketkin.tickets.mapping import normalise_name
from ticketkin.tickets.rich_text import document_text, is_document

# Where the useful text of an object lies, best first.
_DISPLAY_FIRST = ("display_value", "value", "name", "key", "displayName", "login", "id")
# Links and times need the value itself (a sys_id, UTC), not what a page would show.
_VALUE_FIRST = ("value", "display_value", "key", "name", "id")
_VALUE_COLUMNS = {"sys_id", "number", "key", "id"}
_LINK_WORDS = {"parent", "problem", "caused", "duplicate", "dupe"}
_TIME_WORDS = {"at", "opened", "created", "closed", "resolved", "updated", "date", "time"}
_REFERENCE = {"link", "value", "display_value"}
# An object with one of these stands for a record kept elsewhere: its name says what it is.
_IDENTITY = {"self", "link", "url", "href", "html_url", "node_id", "accountId", "id", "key", "sys_id"}
_DEEPEST = 20
_LONGEST_JSON, _LONGEST_LITERAL = 1 << 20, 1 << 15
_LOOKS_NESTED = re.compile(r"\{(?s:.*)\}\Z|\[\s*\{(?s:.*)\]\Z")
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?>(?:[^'\\]++|\\.)*)'|"(?>(?:[^"\\]++|\\.)*)")|(?P<word>[A-Za-z]+)"""
    r"""|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<sign>[{}\[\]:,]))\s*""",
    re.DOTALL,
)
_WORDS = {"None": "null", "nan": "null", "NaN": "null", "null": "null", "NaT": "null"}
_WORDS |= {"True": "true", "False": "false", "true": "true", "false": "false"}


def cell_text(value: Any, column: str = "", counts: Counter[str] | None = None) -> str | None:
    """Return the text of a cell, None where it holds nothing.

    A reference ({link, value}, {display_value, …}) is its name, in columns of links and times its value. A
    document of Jira is its text; any other object is a line "key: value" for each of its values. What is
    nested deeper than 20 levels is left out, counted as `deep_cells`.
    """
    counts = Counter() if counts is None else counts
    if isinstance(value, str):
        return reference_text(value, column)
    return _text(value, column, counts, 0)


def reference_text(text: str, column: str = "") -> str:
    """Return the value inside a reference written as text, e.g. "{'link': …, 'value': 'abc'}".

    Text that is no reference, list of references or document of Jira comes back as it is.
    """
    stripped = text.strip()
    if not _LOOKS_NESTED.match(stripped):
        return text
    parsed = _parse(stripped)
    members = parsed if isinstance(parsed, list) else [parsed]
    if members and all(isinstance(member, dict) and _is_saved_reference(member) for member in members):
        return _text(parsed, column, Counter(), 0) or ""
    return text


def _is_saved_reference(value: Mapping[str, Any]) -> bool:
    if is_document(value):
        return True
    if value.keys() <= _REFERENCE:
        return bool(value.keys() & {"value", "display_value"})
    return "self" in value and bool(value.keys() & set(_DISPLAY_FIRST))


def _text(value: Any, column: str, counts: Counter[str], depth: int) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list) and depth >= _DEEPEST:
        counts["deep_cells"] += 1
        return "…"
    if isinstance(value, dict):
        return _object_text(value, column, counts, depth)
    if isinstance(value, list):
        texts = [text for item in value if (text := _text(item, column, counts, depth + 1))]
        plain = all(not isinstance(item, dict) or _name(item, column) is not None for item in value)
        return (", " if plain else "\n").join(texts)
    return str(value)


def _object_text(value: Mapping[str, Any], column: str, counts: Counter[str], depth: int) -> str | None:
    if is_document(value):
        return document_text(value)
    name = _name(value, column)
    if name is not None:
        return _text(name, column, counts, depth + 1)
    lines = []
    for key, member in value.items():
        text = _text(member, "", counts, depth + 1)
        if text:
            lines.append(f"{key}:\n{text}" if "\n" in text else f"{key}: {text}")
    return "\n".join(lines)


def _name(value: Mapping[str, Any], column: str) -> Any:
    """Return what stands for the whole object, "" for an empty reference; None where all of it counts."""
    keys = _VALUE_FIRST if _wants_value(column) else _DISPLAY_FIRST
    if value.keys() <= {"id"} | (_IDENTITY - {"key"}):
        return value.get("id")
    filled = [key for key in keys if key != "id" and value.get(key) not in (None, "")]
    if value.keys() <= _REFERENCE | set(_DISPLAY_FIRST):
        return value[filled[0]] if filled else value.get("id") or ("" if value.keys() & _REFERENCE else None)
    return value[filled[0]] if filled and value.keys() & _IDENTITY else None


def _wants_value(column: str) -> bool:
    name = normalise_name(column)
    words = set(name.split("_"))
    # Who opened a ticket is a person to show; when it was opened is a time.
    return name in _VALUE_COLUMNS or bool(words & _LINK_WORDS or (words & _TIME_WORDS and "by" not in words))


def _parse(text: str) -> Any:
    """Return the object a text writes as JSON or as Python does; None where it is neither, or too long."""
    if len(text) > _LONGEST_JSON:
        return None
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        pass
    try:
        written = _literal_as_json(text)
        return written and json.loads(written, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None


def _literal_as_json(text: str) -> str | None:
    """Return a Python literal of dictionaries, lists, texts and numbers as JSON; None for anything else."""
    if len(text) > _LONGEST_LITERAL:
        return None
    parts, position = [], 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return None
        position = token.end()
        if token["string"]:
            try:
                # One quoted text and nothing else: there is nothing in it to run or to nest.
                parts.append(json.dumps(ast.literal_eval(token["string"])))
            except (ValueError, SyntaxError):
                return None
        elif token["word"]:
            if token["word"] not in _WORDS:
                return None
            parts.append(_WORDS[token["word"]])
        else:
            parts.append(token["number"] or token["sign"])
    return "".join(parts)
