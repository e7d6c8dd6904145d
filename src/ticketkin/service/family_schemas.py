"""What goes out about families of tickets."""

from collections.abc import Mapping
from typing import Self

from ticketkin.relations.families import FamilyRecord, TieRecord
from ticketkin.service.strict_model import Strict


class FamilyMember(Strict):
    """A ticket of a family."""

    ticket_id: str
    title: str
    duplicate_of: str
    """The one parent that it is a duplicate of; empty for a parent, and for what is no duplicate."""


class FamilyOut(Strict):
    """Tickets joined by people's links."""

    family: int
    """Its number; the largest family is 1, and 0 is a ticket that nobody linked."""
    tickets: list[FamilyMember]
    """In filing order."""
    causal: list[TieRecord]
    """Each source is the cause of its target."""
    related: list[TieRecord]
    longest_chain: list[str]
    """From the first cause to the last effect; empty without causes."""

    @classmethod
    def of(cls, family: FamilyRecord, titles: Mapping[str, str]) -> Self:
        """Return a family with the titles of its tickets."""
        return cls(
            family=family.family,
            tickets=[
                FamilyMember(
                    ticket_id=name, title=titles[name], duplicate_of=family.duplicate_of.get(name, "")
                )
                for name in family.tickets
            ],
            causal=family.causal,
            related=family.related,
            longest_chain=family.longest_chain,
        )

    @classmethod
    def alone(cls, ticket_id: str, title: str) -> Self:
        """Return the family of a ticket that nobody linked."""
        member = FamilyMember(ticket_id=ticket_id, title=title, duplicate_of="")
        return cls(family=0, tickets=[member], causal=[], related=[], longest_chain=[])


class FamiliesPage(Strict):
    """Some of the families, the largest first."""

    n_families: int
    n_tickets: int
    """Tickets in all of them."""
    left_out: list[tuple[str, str]]
    """Cause and effect of each causal link that would make something its own cause."""
    change: int
    """Number of the last change of stored tickets that they take into account."""
    families: list[FamilyOut]
