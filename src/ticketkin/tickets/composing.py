"""The text a model reads, composed by a template that serving repeats exactly."""

import string
from collections.abc import Mapping
from dataclasses import dataclass

from ticketkin.core.errors import ConfigurationError, LeakageError
from ticketkin.core.tables import Tickets
from ticketkin.core.ticket_fields import LINK_FIELDS, OPENING_FIELDS, PERSON_FIELDS, RESOLUTION_FIELDS
from ticketkin.tickets.cleaning import WHITE_SPACE


def template_fields(template: str) -> list[str]:
    """Return the fields a template names, in order.

    Raises LeakageError for a field known only after resolution or holding a link (a label), and
    ConfigurationError for an unknown field, a template without fields, or broken braces.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ConfigurationError(f"template {template!r} is broken: {error}") from None
    fields = [name for _, name, _, _ in parts if name is not None]
    for name in fields:
        _check_field(name, template)
    if not fields:
        raise ConfigurationError(
            f"template {template!r} names no field; put at least one in braces: {_allowed()}"
        )
    return fields


def _allowed() -> str:
    return ", ".join("{" + name + "}" for name in OPENING_FIELDS)


def _check_field(name: str, template: str) -> None:
    if name in RESOLUTION_FIELDS:
        raise LeakageError(
            f"{{{name}}} in the template is known only after the ticket is worked on, so a model that "
            f"reads it would look good here and fail on new tickets; allowed are {_allowed()}"
        )
    if name in LINK_FIELDS:
        raise LeakageError(
            f"{{{name}}} in the template is a link, the very answer the model must find; "
            f"allowed are {_allowed()}"
        )
    if name in PERSON_FIELDS:
        raise ConfigurationError(
            f"{{{name}}} in the template is a person, kept as a pseudonym that says nothing to a model; "
            f"allowed are {_allowed()}"
        )
    if name not in OPENING_FIELDS:
        raise ConfigurationError(
            f"unknown field {{{name}}} in the template {template!r}; allowed are {_allowed()}"
        )


def compose_texts(tickets: Tickets, template: str) -> list[str]:
    """Return the text of each ticket, length n_tickets; "" only where every field is empty.

    Lines of the template whose fields are all empty are left out, so that a missing description
    leaves no dangling label. Raises as `template_fields`.
    """
    names = list(dict.fromkeys(template_fields(template)))
    lines = [_Line.of(line) for line in template.split("\n")]
    # Plain texts: of one ticket, a query of the frame costs a hundred times its work.
    rows = tickets.frame[names].iter_rows(named=True)
    return ["".join(line.filled(row) for line in lines).strip(WHITE_SPACE) for row in rows]


@dataclass(frozen=True)
class _Line:
    """A line of a template: pairs of what stands before a field, and that field, None behind the last."""

    parts: list[tuple[str, str | None]]

    @classmethod
    def of(cls, line: str) -> "_Line":
        return cls([(literal, name) for literal, name, _, _ in string.Formatter().parse(line)])

    def filled(self, row: Mapping[str, str]) -> str:
        """Return the line with the fields of a ticket, "" where all that it names are empty."""
        names = [name for _, name in self.parts if name is not None]
        if names and not any(row[name] for name in names):
            return ""
        pieces = [literal if name is None else literal + row[name] for literal, name in self.parts]
        return "".join(pieces) + "\n"
