"""Kin groups: connected components of duplicate links, with one canonical ticket each."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ticketkin.core.tables import BoolArray, IntArray, Kind, Links, Tickets


@dataclass(frozen=True)
class KinGroups:
    """Which tickets are duplicates of one another, directly or through others."""

    group: IntArray
    """Group number of each ticket row, shape (n_tickets,); a ticket without kin is alone in its own."""
    canonical: IntArray
    """Row of the ticket that stands for the group, shape (n_tickets,)."""

    @cached_property
    def sizes(self) -> IntArray:
        """Size of each ticket's group, shape (n_tickets,)."""
        counts = np.bincount(self.group, minlength=0)
        sizes: IntArray = counts[self.group].astype(np.int64)
        return sizes

    @cached_property
    def has_kin(self) -> BoolArray:
        """True where a ticket has at least one duplicate, shape (n_tickets,)."""
        kin: BoolArray = self.sizes > 1
        return kin

    @cached_property
    def _by_group(self) -> dict[int, IntArray]:
        order = np.argsort(self.group, kind="stable")
        borders = np.flatnonzero(np.diff(self.group[order])) + 1
        return {int(self.group[rows[0]]): rows for rows in np.split(order, borders) if len(rows) > 1}

    def members(self, row: int) -> IntArray:
        """Return the other rows of the same kin group, ascending."""
        rows = self._by_group.get(int(self.group[row]))
        return np.empty(0, dtype=np.int64) if rows is None else rows[rows != row]

    @property
    def groups(self) -> list[IntArray]:
        """Ticket rows of every group with at least two tickets."""
        return list(self._by_group.values())


def kin_groups(tickets: Tickets, links: Links) -> KinGroups:
    """Return the components of the duplicate links over all tickets.

    The canonical ticket is the one opened first; without times, the one that the others point to
    most (a chain's root), then the first row. Cycles therefore resolve without special care.
    """
    n_tickets = len(tickets)
    duplicates = links.frame.filter(pl.col("kind") == Kind.DUPLICATE.value)
    _, target = _rows(tickets, duplicates)
    group = link_components(tickets, Links(duplicates))
    order = tickets.visibility.order
    if order is None:
        pointed_at = np.bincount(target, minlength=n_tickets)
        order = np.empty(n_tickets, dtype=np.int64)
        order[np.lexsort((np.arange(n_tickets), -pointed_at))] = np.arange(n_tickets)
    by_order = np.lexsort((order, group))
    first_of_group = by_order[np.unique(group[by_order], return_index=True)[1]]
    return KinGroups(group=group, canonical=first_of_group[group])


def link_components(tickets: Tickets, links: Links) -> IntArray:
    """Return the component of every ticket over all links, whatever their kind; shape (n_tickets,)."""
    n_tickets, edges = len(tickets), _rows(tickets, links.frame)
    graph = coo_array((np.ones(len(links), dtype=np.int8), edges), shape=(n_tickets, n_tickets))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _rows(tickets: Tickets, frame: pl.DataFrame) -> tuple[IntArray, IntArray]:
    at = tickets.position
    source = np.array([at[t] for t in frame["source"]], dtype=np.int64)
    return source, np.array([at[t] for t in frame["target"]], dtype=np.int64)
