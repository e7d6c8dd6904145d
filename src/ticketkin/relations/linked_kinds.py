"""Which kind of kin two tickets are by what people linked."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ticketkin.core.tables import IntArray, Links, Origin, Tickets
from ticketkin.relations.kinds import KINDS, NONE
from ticketkin.relations.pairs import NOTHING_STATED
from ticketkin.tickets.kin import KinGroups

_DUPLICATE, _NONE = KINDS.index("duplicate"), KINDS.index(NONE)


@dataclass(frozen=True)
class LinkedKinds:
    """Kinds of pairs of rows as people stated them, as places in `KINDS`.

    Reviewed pairs have priority, then kin groups (duplicates), then links; shared problems come last.
    """

    groups: KinGroups
    linked: Mapping[int, Mapping[int, int]]
    """Row to the rows it is linked with, and how; both ways."""
    reviewed: Mapping[frozenset[int], int]

    @classmethod
    def of(
        cls, tickets: Tickets, links: Links, groups: KinGroups, reviewed: pl.DataFrame = NOTHING_STATED
    ) -> "LinkedKinds":
        """Return the kinds of links; final pairs of `reviewed` (`STATED_SCHEMA`) have priority."""
        at = tickets.position
        linked: defaultdict[int, dict[int, int]] = defaultdict(dict)
        shared = pl.col("origin") == Origin.PROBLEM.value
        for frame in (links.frame.filter(~shared), links.frame.filter(shared)):
            for source, target, kind in frame.select("source", "target", "kind").iter_rows():
                for one, other in ((at[source], at[target]), (at[target], at[source])):
                    linked[one].setdefault(other, KINDS.index(kind))
        final = {
            frozenset((at[source], at[target])): KINDS.index(kind)
            for source, target, kind, _ in reviewed.filter("final").iter_rows()
        }
        return cls(groups, linked, final)

    @property
    def n_links(self) -> int:
        """Linked pairs."""
        return sum(len(others) for others in self.linked.values()) // 2

    def of_pair(self, one: int, other: int) -> int:
        """Return the kind of a pair of rows, that of `none` where nobody linked them."""
        by_links = self.linked.get(one, {}).get(other, _NONE)
        if self.groups.group[one] == self.groups.group[other]:
            by_links = _DUPLICATE
        return self.reviewed.get(frozenset((one, other)), by_links)

    def of_pairs(self, left: IntArray, right: IntArray) -> IntArray:
        """Return the kinds of pairs of rows, shape (n_pairs,)."""
        pairs = zip(left.tolist(), right.tolist(), strict=True)
        return np.array([self.of_pair(one, other) for one, other in pairs], dtype=np.int64)

    def kin_of(self, row: int) -> dict[int, int]:
        """Return the rows that people linked with a row or put into its kin group, and how."""
        others = {*self.linked.get(row, {}), *self.groups.members(row).tolist()} - {row}
        kinds = {other: self.of_pair(row, other) for other in others}
        return {other: kind for other, kind in kinds.items() if kind != _NONE}
