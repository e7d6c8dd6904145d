"""Jira's documents (the Atlassian Document Format) as plain text.

Nodes and their attributes: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

_DEEPEST = 40
# Nodes that hold lines of text rather than blocks.
_INLINE_PARENTS = {"paragraph", "heading", "codeBlock", "caption", "taskItem", "decisionItem"}
_LISTS = {"bulletList", "orderedList", "taskList", "decisionList"}
# Where a node that holds no others keeps its text, best first.
_ATTRIBUTES = ("text", "url", "title", "alt", "shortName", "fileName")


def is_document(value: Mapping[str, Any]) -> bool:
    """Return whether an object is a document of Jira."""
    return value.get("type") == "doc" and isinstance(value.get("content"), list)


def document_text(document: Mapping[str, Any]) -> str:
    """Return the text of a document: a line a block, "- " before list items, " | " between table cells.

    Links are followed by their address where the text is another. Nodes nested deeper than 40 levels are "…".
    """
    return _blocks(document.get("content"), 0)


def _kind(node: Mapping[str, Any]) -> str:
    return str(node.get("type"))


def _nodes(content: Any) -> Iterable[Mapping[str, Any]]:
    return (node for node in content if isinstance(node, dict)) if isinstance(content, list) else ()


def _blocks(content: Any, depth: int) -> str:
    """Return the nodes' texts a line each; neighbouring inline nodes share a line."""
    if depth > _DEEPEST:
        return "…"
    lines: list[str] = []
    was_inline = False
    for node in _nodes(content):
        kind = _kind(node)
        is_inline = not isinstance(node.get("content"), list) and kind not in ("rule", *_INLINE_PARENTS)
        text = _inline(node) if is_inline else _block(node, depth)
        if is_inline and was_inline:
            lines[-1] += text
        elif text.strip():
            lines.append(text)
        was_inline = is_inline and bool(lines)
    return "\n".join(lines)


def _block(node: Mapping[str, Any], depth: int) -> str:
    kind, content = _kind(node), node.get("content")
    if kind in _INLINE_PARENTS:
        return "".join(map(_inline, _nodes(content)))
    if kind in _LISTS:
        items = [_blocks([item], depth + 1) if _kind(item) in _LISTS else _item(item, depth + 1)
                 for item in _nodes(content)]  # fmt: skip
        return "\n".join(filter(None, items))
    if kind == "tableRow":
        cells = (_blocks(cell.get("content"), depth + 1).replace("\n", " ") for cell in _nodes(content))
        return " | ".join(cells)
    title = _attributes(node).get("title")
    return "\n".join(filter(None, (title if isinstance(title, str) else "", _blocks(content, depth + 1))))


def _item(item: Mapping[str, Any], depth: int) -> str:
    is_line = _kind(item) in _INLINE_PARENTS
    text = _block(item, depth) if is_line else _blocks(item.get("content"), depth)
    return "- " + text.replace("\n", "\n  ") if text.strip() else ""


def _attributes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = node.get("attrs")
    return attributes if isinstance(attributes, dict) else {}


def _inline(node: Mapping[str, Any]) -> str:
    kind, attributes = _kind(node), _attributes(node)
    if kind == "text":
        text = node.get("text")
        return _with_address(text if isinstance(text, str) else "", node.get("marks"))
    if kind == "hardBreak":
        return "\n"
    if kind == "date":
        return _day(attributes.get("timestamp"))
    values = (attributes.get(name) for name in _ATTRIBUTES)
    return next((value for value in values if isinstance(value, str) and value), "")


def _with_address(text: str, marks: Any) -> str:
    for mark in _nodes(marks):
        address = _attributes(mark).get("href")
        if mark.get("type") == "link" and isinstance(address, str) and address not in ("", text):
            return f"{text} ({address})"
    return text


def _day(timestamp: Any) -> str:
    """Return the day of milliseconds since 1970."""
    try:
        return datetime.fromtimestamp(int(timestamp) / 1000, UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
