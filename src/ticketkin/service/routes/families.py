"""What belongs together: by people's links, and by what is said of open tickets now."""

from typing import Annotated

from fastapi import APIRouter, Query

from ticketkin.service.family_schemas import FamiliesPage, FamilyOut
from ticketkin.service.open_groups import OpenGroups
from ticketkin.service.problems import responses
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Agent
from ticketkin.service.ticket_schemas import Name

router = APIRouter(prefix="/v1", tags=["families"])
_REFUSALS = responses(401, 403, 404, 422, 429, 503)


@router.get("/families", responses=_REFUSALS)
def families(
    serving: Serving,
    _: Agent,
    first: Annotated[int, Query(ge=1, le=1_000_000, description="Number of the first family.")] = 1,
    most: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 20,
) -> FamiliesPage:
    """Return the families that people's links make: duplicates under one parent, causes, relatives."""
    known = serving.families.known()
    shown = known.record.families[first - 1 : first - 1 + most]
    return FamiliesPage(
        n_families=known.record.n_families,
        n_tickets=known.record.n_tickets,
        left_out=known.record.left_out,
        change=known.change,
        families=[FamilyOut.of(family, known.titles) for family in shown],
    )


@router.get("/tickets/{name}/family", responses=_REFUSALS)
def family_of_ticket(name: Name, serving: Serving, _: Agent) -> FamilyOut:
    """Return the family of a stored ticket; one that nobody linked is a family of its own."""
    ticket_id, title = serving.corpus.named(name)
    known = serving.families.known()
    family = known.of(ticket_id)
    return FamilyOut.alone(ticket_id, title) if family is None else FamilyOut.of(family, known.titles)


@router.get("/groups/open", responses=_REFUSALS)
def open_groups(
    serving: Serving,
    _: Agent,
    hours: Annotated[
        int, Query(ge=1, le=24 * 31, description="How far back from the newest ticket to look.")
    ] = 24,
) -> OpenGroups:
    """Return open tickets that are said to be kin of each other, the groups that grow first.

    The first call after many tickets came asks about each of them and takes as long as that.
    """
    return serving.open_groups.groups(hours)
