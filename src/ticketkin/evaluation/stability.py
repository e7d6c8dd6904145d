"""How far a distribution has moved away from another one: the population stability index.

The index is the sum over cells of (p - q) ln(p / q), where p and q are the shares of a cell before and now
(Siddiqi, "Credit Risk Scorecards", 2006, who calls 0.25 and more a significant shift). Samples of one
population give an index above 0 as well, distributed about as (1/n + 1/m) times chi-squared with one degree
of freedom less than there are cells (Yurdakul and Naranjo, "Statistical properties of the population
stability index", Journal of Risk Model Validation 14, 2020); what chance may give so is never called a shift.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import Float64Array

SIGNIFICANT_SHIFT = 0.25
"""From this index on, and beyond chance, a distribution counts as another one."""
_BY_CHANCE = 0.999
"""Share of comparisons of one and the same population that stay below what chance may give."""
_EMPTY_CELL = 0.5
"""Added to each count, so that a cell that one sample lacks does not make the index infinite."""


@dataclass(frozen=True)
class Stability:
    """Two samples compared."""

    index: float
    """Population stability index; 0 where both have the same shares."""
    by_chance: float
    """An index that one in a thousand comparisons of the same population exceeds."""

    @property
    def has_shifted(self) -> bool:
        """Whether the distributions differ, by more than chance explains."""
        return self.index >= max(SIGNIFICANT_SHIFT, self.by_chance)


def stability(before: Sequence[int], now: Sequence[int]) -> Stability:
    """Compare the counts of two samples in the same cells, neither of them empty."""
    from scipy.stats import chi2

    earlier, later = np.array(before, dtype=np.float64), np.array(now, dtype=np.float64)
    share_before, share_now = _shares(earlier), _shares(later)
    index = float(((share_now - share_before) * np.log(share_now / share_before)).sum())
    n_cells = max(2, int(((earlier + later) > 0).sum()))
    spread = 1 / earlier.sum() + 1 / later.sum()
    return Stability(index, float(chi2.ppf(_BY_CHANCE, n_cells - 1) * spread))


def _shares(counts: Float64Array) -> Float64Array:
    filled = counts + _EMPTY_CELL
    shares: Float64Array = filled / filled.sum()
    return shares


def tenths(values: Float64Array) -> list[float]:
    """Return the values that cut a sample into ten parts of about equal size, each once, ascending.

    Where many values are equal there are fewer; at least one.
    """
    cuts: list[float] = np.unique(np.quantile(values, np.arange(1, 10) / 10)).tolist()
    return cuts


def cell_counts(values: Float64Array, edges: Sequence[float]) -> list[int]:
    """Count values between ascending edges, each edge in the cell below it; len(edges) + 1 cells."""
    cells = np.searchsorted(np.array(edges), values, side="left")
    counts: list[int] = np.bincount(cells, minlength=len(edges) + 1).tolist()
    return counts
