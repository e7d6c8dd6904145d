"""The choice of the parent under which the other tickets are closed."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np

from ticketkin.core.tables import BoolArray, IntArray, Tickets

# State names of tickets that nobody works on any more, in various systems.
_CLOSED = re.compile(
    r"(?:closed?|resolved|cancell?ed|done|fixed|verified|rejected|completed?|6|7|8)\b", re.IGNORECASE
)
CLOSED_ON_ITS_OWN = 1
"""The tier of a ticket that is closed and nobody's duplicate or child."""


@dataclass(frozen=True)
class Parent:
    """The ticket that a duplicate is closed under."""

    ticket_id: str
    is_open: bool


NO_PARENT = Parent("", is_open=False)


class _TierFields(TypedDict):
    """The part of a `TicketRow` that says how well it can be a parent."""

    closed_at: str
    resolved_at: str
    state: str
    duplicate_of: str
    parent: str
    close_code: str


def parent_tiers(tickets: Tickets) -> IntArray:
    """Return how well each ticket can be the parent of duplicates, 0 is best; shape (n_tickets,).

    0 still open, 1 closed; 2 and 3 the same of tickets that people called a duplicate or a child of another.
    Closed is what has a closing or resolving time, or a state that says so.
    """
    columns = tickets.frame[list(_TierFields.__annotations__)]
    rows = cast("Iterator[_TierFields]", columns.iter_rows(named=True))
    return np.array([parent_tier(row) for row in rows], dtype=np.int64)


def parent_tier(ticket: _TierFields) -> int:
    """Return how well a ticket, by field, can be the parent of duplicates, as `parent_tiers`."""
    is_closed = ticket["closed_at"] or ticket["resolved_at"] or _CLOSED.match(ticket["state"])
    is_child = ticket["duplicate_of"] or ticket["parent"] or "duplicate" in ticket["close_code"].lower()
    return bool(is_closed) + 2 * bool(is_child)


def are_open(tickets: Tickets) -> BoolArray:
    """Return which tickets people still work on, shape (n_tickets,)."""
    return np.asarray(parent_tiers(tickets) % 2 == 0)


def is_open_tier(tier: int) -> bool:
    """Return whether tickets of one of `parent_tiers` are still open."""
    return tier % 2 == 0


def canonical_parent(rows: Iterable[int], order: IntArray, tiers: IntArray) -> int:
    """Return the ticket to close the others under: of the best of `parent_tiers` the first filed."""
    return min(rows, key=lambda row: (tiers[row], order[row]))
