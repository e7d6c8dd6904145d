"""Which column of an export is which field of a ticket."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ticketkin.core.errors import LeakageError, MappingError
from ticketkin.core.near_names import near_name
from ticketkin.core.printing import printable_line
from ticketkin.core.ticket_fields import LINK_FIELDS, OPENING_FIELDS, PERSON_FIELDS, RESOLUTION_FIELDS
from ticketkin.core.wording import number_of
from ticketkin.tickets.link_columns import LinkColumn, link_columns
from ticketkin.tickets.systems import OTHER, SERVICENOW, SYSTEMS, Aliases

MAPPABLE = (
    "ticket_id", "number", "sys_id", "opened_at",
    *OPENING_FIELDS, *PERSON_FIELDS, *RESOLUTION_FIELDS,
    *(name for name in LINK_FIELDS if name != "stated_links"),
)  # fmt: skip
# How the second column of one name is called: Description_2.
_REPEATED = re.compile(r"(.+)_\d+")
_MOST_NAMED = 60


@dataclass(frozen=True)
class ColumnMapping:
    """Ticket field -> column name, and what was left over."""

    system: str
    columns: dict[str, str]
    unused: list[str]
    links: list[LinkColumn] = field(default_factory=list)
    """Columns that name linked tickets, such as Jira's; none of them is a field's column."""
    notes: list[str] = field(default_factory=list)

    @property
    def shown_columns(self) -> dict[str, str]:
        """Every column that is used, by field; the link columns as one."""
        linked = ", ".join(column.name for column in self.links)
        return {**self.columns, "stated_links": linked} if linked else self.columns


# How a reference is written out into columns: by walking along it, or by flattening the Table API's answer.
_PARTS_OF_REFERENCES = {"number", "value", "display_value", "name", "sys_id"}


def normalise_name(name: str) -> str:
    """Return a column name in lower case with underscores: 'Short description' is short_description.

    Latin letters lose their accents ('Priorität' is prioritat); other scripts stay as they are.
    """
    plain = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", name.casefold()))
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFC", plain)).strip("_")


def _any_content(column: str) -> int:
    return 1


class _Columns:
    """The columns of an export by normalised name; of several with one name, the fullest counts."""

    def __init__(self, columns: Sequence[str], filled: Callable[[str], int]) -> None:
        self._filled = filled
        self._by_name: dict[str, list[str]] = {}
        self.notes: list[str] = []
        present = set(columns)
        for column in columns:
            repeated = _REPEATED.fullmatch(column)
            name = repeated[1] if repeated and repeated[1] in present else column
            self._by_name.setdefault(normalise_name(name), []).append(column)
        self._by_name.pop("", None)
        self._add_parts_of_references(columns)

    def _add_parts_of_references(self, columns: Sequence[str]) -> None:
        """Let `parent_incident.number` and its like stand for `parent_incident` where that is absent."""
        own_names = self.names
        for column in columns:
            reference, dot, part = column.rpartition(".")
            name = normalise_name(reference)
            if dot and name and name not in own_names and normalise_name(part) in _PARTS_OF_REFERENCES:
                self._by_name.setdefault(name, []).append(column)

    @property
    def names(self) -> set[str]:
        return set(self._by_name)

    def named(self, name: str) -> str | None:
        """Return the column of a normalised name, None without one."""
        columns = self._by_name.get(name, [])
        if len(columns) < 2:
            return columns[0] if columns else None
        fullest = max(columns, key=self._filled)
        if fullest != columns[0]:
            self.notes.append(
                f"{number_of(len(columns), 'column is', 'columns are')} called {columns[0]!r}; {fullest!r}, "
                "the fullest, is used"
            )
        return fullest

    def is_empty(self, column: str) -> bool:
        return self._filled(column) == 0


def find_mapping(
    columns: Sequence[str], overrides: Mapping[str, str], filled: Callable[[str], int] = _any_content
) -> ColumnMapping:
    """Return which column feeds which field.

    `overrides` (field -> column) win over what is recognised. `filled` tells how many cells of a column
    hold something, by which one of several columns is chosen. Raises MappingError for an unknown field or
    column, with near names, and where no column holds any text; LeakageError where a column known only
    after resolution is asked for as an opening field.
    """
    by_name = _Columns(columns, filled)
    system, aliases = _recognise(by_name.names)
    by_field: dict[str, str] = {}
    _recognise_fields(by_field, MAPPABLE, aliases, by_name)
    if not {"title", "description"} & by_field.keys():
        # A report of a known system may call its texts by other names: sys_id beside Title.
        _recognise_fields(by_field, ("title", "description"), OTHER, by_name)
    for name, column in overrides.items():
        exact = _overriding(name, column, columns, by_name)
        by_field = {f: c for f, c in by_field.items() if c != exact}
        by_field[name] = exact
    if not {"title", "description", "number", "ticket_id"} & by_field.keys() or (
        system == "other" and not {"title", "description"} & by_field.keys()
    ):
        raise MappingError(
            f"No column was recognised as title or description among: {_listed(columns)}. "
            "Name them: --map title=COLUMN,description=COLUMN"
        )
    links = [link for link in link_columns(columns, system) if link.name not in by_field.values()]
    used = {*by_field.values(), *(link.name for link in links)}
    unused = [column for column in columns if column not in used]
    system = "custom" if overrides and system == "other" else system
    return ColumnMapping(system, by_field, unused, links, list(dict.fromkeys(by_name.notes)))


def _recognise(names: set[str]) -> tuple[str, Aliases]:
    for system, aliases, signs in SYSTEMS:
        if any(sign <= names for sign in signs):
            return system, aliases
    return "other", OTHER


def _recognise_fields(
    by_field: dict[str, str], fields: Sequence[str], aliases: Aliases, by_name: _Columns
) -> None:
    """Add to `found` each field's best column that no field has yet.

    An opening field passes over an empty column where another of its names has content. A link does
    not: `parent` is no substitute for an empty `parent_incident`.
    """
    for name in fields:
        columns = (by_name.named(alias) for alias in aliases.get(name, ()))
        free = [column for column in columns if column is not None and column not in by_field.values()]
        if free:
            full = (column for column in free if not by_name.is_empty(column))
            may_choose = len(free) > 1 and name in (*OPENING_FIELDS, "opened_at")
            by_field[name] = next(full, free[0]) if may_choose else free[0]


def _overriding(name: str, column: str, columns: Sequence[str], by_name: _Columns) -> str:
    """Return the exact name of the column that feeds the field `name`."""
    _check_override(name, column, columns, by_name)
    return column if column in columns else str(by_name.named(normalise_name(column)))


def _listed(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - _MOST_NAMED:,} more" if len(columns) > _MOST_NAMED else ""
    return ", ".join(printable_line(name) for name in columns[:_MOST_NAMED]) + more


def _check_override(name: str, column: str, columns: Sequence[str], by_name: _Columns) -> None:
    if name not in MAPPABLE:
        raise MappingError(
            f"--map {name}={column}: no ticket field is called {name!r}{near_name(name, MAPPABLE)}; "
            f"allowed are {', '.join(MAPPABLE)}"
        )
    plain = normalise_name(column)
    if column not in columns and plain not in by_name.names:
        raise MappingError(
            f"--map {name}={column}: the export has no column {column!r}{near_name(column, columns)}; "
            f"it has {_listed(columns)}"
        )
    late = {alias for f in (*RESOLUTION_FIELDS, *LINK_FIELDS) for alias in SERVICENOW.get(f, ())}
    if name in (*OPENING_FIELDS, "opened_at") and plain in late:
        raise LeakageError(
            f"--map {name}={column}: {column!r} is known only after the ticket is worked on (or is a link), "
            "so a model that reads it would look good here and fail on new tickets; map another column"
        )
