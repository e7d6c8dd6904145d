"""Shuffled links, which carry no information: kin groups of the same sizes on other tickets.

No candidate may show a gain on them. Each ticket is replaced by one of similar fields and time, drawn
independently: two tickets of a shuffled group have no more in common than by chance.
"""

from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import IntArray

_MOST_TICKETS = 2_000


@dataclass(frozen=True)
class Shuffling:
    """Which tickets may stand for those with kin."""

    groups: IntArray
    """True kin-group number of each ticket, shape (n_tickets,)."""
    strata: IntArray
    """Number of each ticket's fields and time."""
    pool: IntArray
    """Rows that take part, ascending."""

    @classmethod
    def of(cls, groups: IntArray, strata: IntArray, seed: int) -> "Shuffling":
        """Take every ticket with kin, and as many others of their strata as make 2,000."""
        sizes = np.bincount(groups)
        kin = np.flatnonzero(sizes[groups] > 1)
        others = np.setdiff1d(np.flatnonzero(np.isin(strata, strata[kin])), kin)
        n_others = min(len(others), max(len(kin), _MOST_TICKETS - len(kin)))
        chosen = np.random.default_rng(seed).choice(others, n_others, replace=False)
        return cls(groups, strata, np.union1d(kin, chosen))

    def draw(self, seed: int) -> IntArray:
        """Return kin-group numbers of all tickets, shape (n_tickets,): as many groups of the same sizes."""
        generator = np.random.default_rng(seed)
        sizes = np.bincount(self.groups)
        kin = np.flatnonzero(sizes[self.groups] > 1)
        kin = kin[np.argsort(self.groups[kin], kind="stable")]
        free = {
            int(stratum): generator.permutation(self.pool[self.strata[self.pool] == stratum]).tolist()
            for stratum in np.unique(self.strata[self.pool])
        }
        drawn = []
        for stratum in self.strata[generator.permutation(kin)].tolist():
            tickets = free[stratum] or max(free.values(), key=len)
            drawn.append(tickets.pop())
        shuffled = len(sizes) + np.arange(len(self.groups))
        shuffled[drawn] = self.groups[kin]
        _, numbered = np.unique(shuffled, return_inverse=True)
        return numbered.astype(np.int64)
