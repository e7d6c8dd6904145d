"""The kinds of kin that a pair of tickets can be."""

from ticketkin.core.tables import Kind
from ticketkin.tickets.reviewed import NONE

__all__ = ["KINDS", "NONE"]

KINDS = (Kind.DUPLICATE.value, Kind.RELATED.value, Kind.CAUSAL.value, NONE)
"""In the order of their codes, and of the columns of probabilities."""
