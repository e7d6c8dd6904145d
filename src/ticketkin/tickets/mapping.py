"""Which column of an export is which field of a ticket."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ticketkin.core.errors import LeakageError, MappingError
from ticketkin.core.tables import LINK_FIELDS, OPENING_FIELDS, PERSON_FIELDS, RESOLUTION_FIELDS

MAPPABLE = (
    "ticket_id", "number", "sys_id", "opened_at",
    *OPENING_FIELDS, *PERSON_FIELDS, *RESOLUTION_FIELDS, *LINK_FIELDS,
)  # fmt: skip

# field -> column names as a system writes them, normalised, best first.
_Aliases = Mapping[str, Sequence[str]]
_SERVICENOW: _Aliases = {
    "number": ("number",),
    "sys_id": ("sys_id",),
    "opened_at": ("opened_at", "opened", "sys_created_on", "created"),
    "title": ("short_description",),
    "description": ("description",),
    "category": ("category",),
    "subcategory": ("subcategory",),
    "service": ("business_service", "service"),
    "configuration_item": ("cmdb_ci", "configuration_item"),
    "assignment_group": ("assignment_group",),
    "caller": ("caller_id", "caller"),
    "priority": ("priority",),
    "state": ("state", "incident_state"),
    "close_code": ("close_code", "resolution_code", "closed_code"),
    "close_notes": ("close_notes", "resolution_notes"),
    "resolved_at": ("resolved_at", "resolved"),
    "closed_at": ("closed_at", "closed"),
    "updated_at": ("sys_updated_on", "sys_updated_at", "updated"),
    "parent": ("parent_incident", "parent"),
    "problem": ("problem_id", "problem"),
    "caused_by": ("caused_by", "caused_by_change"),
    "duplicate_of": ("duplicate_of", "u_duplicate_of"),
}
_JIRA: _Aliases = {
    "ticket_id": ("issue_key", "key", "issuekey", "id"),
    "sys_id": ("issue_id",),
    "opened_at": ("created",),
    "title": ("summary", "title"),
    "description": ("description", "text"),
    "category": ("issue_type", "issuetype"),
    "subcategory": ("components", "component_s", "component"),
    "service": ("project_key", "project", "project_name"),
    "caller": ("reporter", "reporter_id"),
    "priority": ("priority",),
    "state": ("status",),
    "close_code": ("resolution",),
    "resolved_at": ("resolved", "resolutiondate"),
    "updated_at": ("updated",),
    "parent": (),
    "duplicate_of": ("duplicate_of",),
}
_BUGZILLA: _Aliases = {
    "ticket_id": ("bug_id", "id"),
    "opened_at": ("creation_time", "creation_ts", "opened", "created"),
    "title": ("short_desc", "summary", "title"),
    "description": ("description", "text", "comment_0", "long_desc"),
    "category": ("type", "bug_type"),
    "subcategory": ("component",),
    "service": ("product",),
    "caller": ("reporter", "creator"),
    "priority": ("priority", "bug_severity", "severity"),
    "state": ("bug_status", "status"),
    "close_code": ("resolution",),
    "updated_at": ("last_change_time", "delta_ts", "updated", "changed"),
    "duplicate_of": ("dupe_of", "dup_id"),
}
_OTHER: _Aliases = {
    "ticket_id": ("id", "ticket_id", "issue_id", "case_id", "ticket", "ticket_number", "key"),
    "number": ("number",),
    "opened_at": ("opened_at", "created_at", "created", "opened", "open_time", "creation_date", "date"),
    "title": ("title", "short_description", "summary", "subject", "headline", "name"),
    "description": ("description", "text", "body", "details", "content", "message"),
    "category": ("category", "topic_group", "ticket_type", "type"),
    "subcategory": ("subcategory", "sub_category", "sub_category1", "component"),
    "service": ("service", "business_service", "product", "application", "system"),
    "configuration_item": ("configuration_item", "ci", "asset"),
    "assignment_group": ("assignment_group", "group", "team", "queue"),
    "caller": ("caller", "requester", "reporter", "customer", "submitter", "requested_by"),
    "priority": ("priority", "severity", "urgency"),
    "state": ("state", "status"),
    "close_code": ("close_code", "resolution"),
    "close_notes": ("close_notes", "solution"),
    "resolved_at": ("resolved_at", "resolved"),
    "closed_at": ("closed_at", "closed"),
    "updated_at": ("updated_at", "updated", "modified", "last_modified"),
    "parent": ("parent",),
    "problem": ("problem_id",),
    "caused_by": ("caused_by",),
    "duplicate_of": ("duplicate_of", "duplicate"),
}
# system -> its aliases and the columns that give it away (all of one set).
_SYSTEMS: Sequence[tuple[str, _Aliases, Sequence[set[str]]]] = (
    (
        "servicenow",
        _SERVICENOW,
        ({"number", "short_description"}, {"number", "sys_updated_on"}, {"sys_id"}, {"number", "opened"}),
    ),
    ("jira", _JIRA, ({"issue_key", "summary"}, {"key", "summary"}, {"issuetype", "created"})),
    ("bugzilla", _BUGZILLA, ({"bug_id"}, {"product", "component"})),
)


@dataclass(frozen=True)
class ColumnMapping:
    """Ticket field -> column name, and what was left over."""

    system: str
    columns: dict[str, str]
    unused: list[str]


def normalise_name(name: str) -> str:
    """Return a column name in lower case with underscores: 'Short description' is short_description."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def find_mapping(columns: Sequence[str], overrides: Mapping[str, str]) -> ColumnMapping:
    """Return which column feeds which field.

    `overrides` (field -> column) win over what is recognised. Raises MappingError for an unknown
    field or column, with near names, and where no column holds any text; LeakageError where a
    column known only after resolution is asked for as an opening field.
    """
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(normalise_name(column), column)
    system, aliases = _recognise(set(by_name))
    found: dict[str, str] = {}
    _recognise_fields(found, MAPPABLE, aliases, by_name)
    if not {"title", "description"} & found.keys():
        # A report of a known system may call its texts by other names: sys_id beside Title.
        _recognise_fields(found, ("title", "description"), _OTHER, by_name)
    for field, column in overrides.items():
        _check_override(field, column, columns, by_name)
        found = {f: c for f, c in found.items() if c != by_name.get(normalise_name(column), column)}
        found[field] = column if column in columns else by_name[normalise_name(column)]
    if not {"title", "description", "number", "ticket_id"} & found.keys() or (
        system == "other" and not {"title", "description"} & found.keys()
    ):
        raise MappingError(
            f"No column was recognised as title or description among: {', '.join(columns)}. "
            "Name them: --map title=COLUMN,description=COLUMN"
        )
    unused = [column for column in columns if column not in found.values()]
    return ColumnMapping("custom" if overrides and system == "other" else system, found, unused)


def _recognise(names: set[str]) -> tuple[str, _Aliases]:
    for system, aliases, signs in _SYSTEMS:
        if any(sign <= names for sign in signs):
            return system, aliases
    return "other", _OTHER


def _recognise_fields(
    found: dict[str, str], fields: Sequence[str], aliases: _Aliases, by_name: Mapping[str, str]
) -> None:
    """Add to `found` each field's best column that no field has yet."""
    for field in fields:
        for alias in aliases.get(field, ()):
            if alias in by_name and by_name[alias] not in found.values():
                found[field] = by_name[alias]
                break


def _check_override(field: str, column: str, columns: Sequence[str], by_name: Mapping[str, str]) -> None:
    if field not in MAPPABLE:
        raise MappingError(
            f"--map {field}={column}: no ticket field is called {field!r}{_near(field, MAPPABLE)}; "
            f"allowed are {', '.join(MAPPABLE)}"
        )
    name = normalise_name(column)
    if column not in columns and name not in by_name:
        raise MappingError(
            f"--map {field}={column}: the export has no column {column!r}{_near(column, columns)}; "
            f"it has {', '.join(columns)}"
        )
    late = {alias for f in (*RESOLUTION_FIELDS, *LINK_FIELDS) for alias in _SERVICENOW.get(f, ())}
    if field in (*OPENING_FIELDS, "opened_at") and name in late:
        raise LeakageError(
            f"--map {field}={column}: {column!r} is known only after the ticket is worked on (or is a link), "
            "so a model that reads it would look good here and fail on new tickets; map another column"
        )


def _near(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
