"""What the service says of drift, as its documentation shows it."""

from typing import Self

from ticketkin.service.desk_time import DeskTime
from ticketkin.service.drift import Drift
from ticketkin.service.strict_model import Strict


class ShiftOut(Strict):
    """One quantity when the model was made, and now."""

    quantity: str
    """words, length, nearest, likely_kin, or the name of a field."""
    before: float
    """words: mean share of a ticket's words that at most one ticket learned from holds; length: median of
    characters; a field: share of tickets with a value that no other ticket of the run had; nearest: median
    score of the nearest ticket; likely_kin: share of tickets whose nearest one is likely kin.
    """
    now: float
    stability_index: float
    """Population stability index of the distributions."""
    by_chance: float
    """An index that one comparison in a thousand of the same population exceeds."""
    has_shifted: bool
    """Whether the index is 0.25 or more and above that."""
    examples: list[str]
    """Of a field that shifted, values that are more frequent now."""


class DriftOut(Strict):
    """Whether the newest stored tickets still are like those that the model was made from."""

    n_tickets: int
    """Stored tickets that were compared."""
    n_scored: int
    """Those of them whose nearest ticket was scored."""
    n_reference: int
    """Tickets of the run; 0 where the bundle keeps no counts of them."""
    since: DeskTime | None
    """When the first of the compared tickets opened."""
    has_shifted: bool | None
    """None where there are too few tickets to compare."""
    shifts: list[ShiftOut]

    @classmethod
    def of(cls, drift: Drift) -> Self:
        """Return what was measured."""
        return cls(
            n_tickets=drift.n_tickets,
            n_scored=drift.n_scored,
            n_reference=drift.n_reference,
            since=drift.since,
            has_shifted=drift.has_shifted if drift.is_known else None,
            shifts=[
                ShiftOut(
                    quantity=one.quantity,
                    before=one.before,
                    now=one.now,
                    stability_index=one.stability.index,
                    by_chance=one.stability.by_chance,
                    has_shifted=one.stability.has_shifted,
                    examples=list(one.examples),
                )
                for one in drift.shifts
            ],
        )
