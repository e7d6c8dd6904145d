"""One ticket that has just opened, read as an import reads a file of one row.

The cells go through the functions of the import; what is spared is a table for each step, which costs twenty
times the work that one row is. A test compares both ways on any cells.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from ticketkin.core.tables import TICKETS_SCHEMA, Tickets
from ticketkin.core.ticket_fields import OPENING_FIELDS, PERSON_FIELDS
from ticketkin.tickets.account import Account
from ticketkin.tickets.cleaning import WHITE_SPACE, is_placeholder
from ticketkin.tickets.column_cleaning import FREE_TEXT, clean_cell
from ticketkin.tickets.dates import parse_times
from ticketkin.tickets.pseudonyms import NoPseudonyms, Pseudonymising
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.reference_columns import MAY_BE_PERSONAL
from ticketkin.tickets.settings import TicketSettings

NEW_TICKET_FIELDS = (*OPENING_FIELDS, *PERSON_FIELDS, "opened_at", "number")
"""What can be said of a ticket that has just opened."""
UNNUMBERED = "new#1"
"""The id of a ticket that was given without a number."""


@dataclass(frozen=True)
class NewTicket:
    """A ticket cleaned and masked, and what was done to it."""

    tickets: Tickets
    """The one ticket."""
    opened_at: datetime | None
    """When it says that it opened; None where it says nothing that can be read."""
    repairs: Counter[str]
    redactions: Counter[str]
    people_left_out: str
    """Why its people are left out, a sentence; empty where they are kept, or none is named."""


def read_new_ticket(
    cells: Mapping[str, str], settings: TicketSettings, pseudonymising: Pseudonymising, now: datetime
) -> NewTicket:
    """Return the ticket whose fields, of `NEW_TICKET_FIELDS`, are `cells`; without a time it opens `now`.

    Raises ConfigurationError and MissingExtraError as `import_tables`.
    """
    account = Account(settings, Redactor.of(settings), pseudonymising)
    number = _identity(cells.get("number", ""), account)
    row: dict[str, str | int | datetime | None] = dict.fromkeys(TICKETS_SCHEMA, "")
    row |= {"ticket_id": number or UNNUMBERED, "number": number, "source_row": 1}
    row |= {name: _person(cells.get(name, ""), account) for name in PERSON_FIELDS}
    for name in OPENING_FIELDS:
        is_free = name in FREE_TEXT
        row[name] = clean_cell(cells.get(name, ""), is_free, account, account.repairs, account.redactions)
    opened_at = _opening(cells.get("opened_at", ""))
    row["opened_at"] = opened_at or now
    tickets = Tickets(pl.from_dicts([row], schema=TICKETS_SCHEMA))
    return NewTicket(tickets, opened_at, account.repairs, account.redactions, account.people_left_out)


def _filled(cell: str) -> str:
    """Return a cell without blanks around it, "" where it says nothing in words."""
    stripped = cell.strip(WHITE_SPACE)
    return "" if is_placeholder(stripped) else stripped


def _identity(cell: str, account: Account) -> str:
    number = _filled(cell)
    if not account.settings.redact or not MAY_BE_PERSONAL.search(number):
        return number
    hidden = account.redactor.redact(number)
    return number if hidden == number else f"{hidden} 1"


def _person(cell: str, account: Account) -> str:
    named = _filled(cell)
    if not named:
        return ""
    pseudonyms = account.pseudonymising()
    if isinstance(pseudonyms, NoPseudonyms):
        account.people_left_out = pseudonyms.sentence
        return ""
    return pseudonyms.of(named)


def _opening(cell: str) -> datetime | None:
    if not cell or is_placeholder(cell):
        return None
    opened: datetime | None = parse_times(pl.Series("opened_at", [cell], dtype=pl.String)).values[0]
    return opened
