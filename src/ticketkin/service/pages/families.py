"""Families: what people's links join, as a table of all and a drawing of one."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from ticketkin.core.wording import number_of
from ticketkin.service.family_schemas import FamilyOut
from ticketkin.service.pages.family_graph import draw_family
from ticketkin.service.pages.kin_view import TicketView, ticket_views
from ticketkin.service.pages.rendering import signed_in_page
from ticketkin.service.routes.families import families, family_of_ticket
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Agent

router = APIRouter(include_in_schema=False)
_A_PAGE = 20


@dataclass(frozen=True)
class MemberView:
    """A ticket of a family, and what it is to the others."""

    ticket: TicketView
    roles: list[str]


@dataclass(frozen=True)
class FamilyLine:
    """A family in one line."""

    first: str
    """The parent of most duplicates, or the first filed."""
    title: str
    n_tickets: int
    n_duplicates: int
    n_causes: int
    n_related: int


@router.get("/families")
def all_families(
    request: Request,
    serving: Serving,
    who: Agent,
    first: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> HTMLResponse:
    """Show the families, the largest first."""
    known = families(serving, who, first, _A_PAGE)
    return signed_in_page(
        request,
        who,
        "families.html",
        place="families",
        known=known,
        lines=[_line(family) for family in known.families],
        first=first,
        last=first + len(known.families) - 1,
        before=max(1, first - _A_PAGE),
        after=first + _A_PAGE,
    )


@router.get("/family")
def one_family(
    request: Request,
    serving: Serving,
    who: Agent,
    ticket: Annotated[str, Query(min_length=1, max_length=1_000)],
) -> HTMLResponse:
    """Show the family of a ticket."""
    family = family_of_ticket(ticket, serving, who)
    views = {
        view.name: view
        for view in ticket_views(serving.corpus.stored([one.ticket_id for one in family.tickets]))
    }
    roles = _roles(family)
    return signed_in_page(
        request,
        who,
        "family.html",
        place="families",
        asked=ticket,
        family=family,
        line=_line(family),
        drawing=draw_family(family, {name: view.is_open for name, view in views.items()}),
        members=[MemberView(view, roles[name]) for name, view in views.items()],
    )


def _line(family: FamilyOut) -> FamilyLine:
    parents = [one.duplicate_of for one in family.tickets if one.duplicate_of]
    first = max(parents, key=parents.count) if parents else family.tickets[0].ticket_id
    titles = {one.ticket_id: one.title for one in family.tickets}
    return FamilyLine(
        first=first,
        title=titles[first],
        n_tickets=len(family.tickets),
        n_duplicates=len(parents),
        n_causes=len(family.causal),
        n_related=len(family.related),
    )


def _roles(family: FamilyOut) -> dict[str, list[str]]:
    """Return for each ticket what it is to others, in words."""
    roles: dict[str, list[str]] = {one.ticket_id: [] for one in family.tickets}
    parents = [one.duplicate_of for one in family.tickets]
    for one in family.tickets:
        if n := parents.count(one.ticket_id):
            roles[one.ticket_id].append(f"parent of {number_of(n, 'duplicate')}")
        if one.duplicate_of:
            roles[one.ticket_id].append(f"duplicate of {one.duplicate_of}")
    for tie in family.causal:
        roles[tie.source].append(f"caused {tie.target}")
        roles[tie.target].append(f"caused by {tie.source}")
    for tie in family.related:
        roles[tie.source].append(f"related to {tie.target}")
        roles[tie.target].append(f"related to {tie.source}")
    return roles
