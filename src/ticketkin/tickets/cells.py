"""Cells that are references: ServiceNow's Table API, Jira's objects, and their Python-dict text."""

import ast
import json
from typing import Any

# Where the useful text of an object lies, best first.
_DISPLAY_FIRST = ("display_value", "value", "name", "key", "displayName", "id")
# Links and times need the value itself (a sys_id, UTC), not what a page would show.
_VALUE_FIRST = ("value", "display_value", "key", "name", "id")
_VALUE_COLUMNS = {"sys_id", "number", "parent", "parent_incident", "problem_id", "caused_by", "duplicate_of"}


def cell_text(value: Any, column: str = "") -> str | None:
    """Return the text of a cell: a plain value, {link, value}, {display_value, …}, or a list of such."""
    if value is None:
        return None
    if isinstance(value, str):
        return reference_text(value, column)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        by_value = column in _VALUE_COLUMNS or column.endswith("_at")
        keys = _VALUE_FIRST if by_value else _DISPLAY_FIRST
        return next((str(value[key]) for key in keys if value.get(key) not in (None, "")), "")
    if isinstance(value, list):
        return ", ".join(filter(None, (cell_text(item, column) for item in value)))
    return str(value)


def reference_text(text: str, column: str = "") -> str:
    """Return the value inside a reference written as text, e.g. "{'link': …, 'value': 'abc'}"."""
    stripped = text.strip()
    if not (stripped.startswith("{") and stripped.endswith("}") and "value" in stripped):
        return text
    parsed: Any = None
    try:
        parsed = json.loads(stripped)
    except ValueError:
        try:
            parsed = ast.literal_eval(stripped)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
    if isinstance(parsed, dict) and {"value", "display_value"} & parsed.keys():
        return cell_text(parsed, column) or ""
    return text
