"""Proposals: what is to be closed under what, for a person to accept or decline."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from ticketkin.service.pages.rendering import signed_in_page
from ticketkin.service.proposal_schemas import ProposalIn
from ticketkin.service.routes.proposals import accept, decline, proposals, put
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Reviewer
from ticketkin.store.tickets import tickets_by_id

router = APIRouter(include_in_schema=False)
_MOST = 200
FormName = Annotated[str, Form(min_length=1, max_length=1_000)]


@router.get("/proposals")
def listed(request: Request, serving: Serving, who: Reviewer) -> HTMLResponse:
    """Show what waits for a decision, and what was accepted and waits to be sent."""
    waiting = proposals(serving, who, "proposed", _MOST).proposals
    accepted = proposals(serving, who, "accepted", _MOST).proposals
    names = [name for one in (*waiting, *accepted) for name in (one.duplicate, one.parent)]
    with serving.corpus.database.transaction() as connection:
        tickets = tickets_by_id(connection, names)
    return signed_in_page(
        request,
        who,
        "proposals.html",
        place="review",
        waiting=waiting,
        accepted=accepted,
        titles=dict(zip(tickets.ids, tickets.frame["title"], strict=True)),
    )


@router.post("/proposals")
def proposed(serving: Serving, who: Reviewer, duplicate: FormName, parent: FormName) -> RedirectResponse:
    """Propose to close a ticket under another, and show all proposals."""
    put(ProposalIn(duplicate=duplicate, parent=parent), serving, who)
    return RedirectResponse("/proposals", 303)


@router.post("/proposals/{proposal_id}")
def decided(
    proposal_id: UUID,
    serving: Serving,
    who: Reviewer,
    choice: Annotated[Literal["accept", "decline"], Form()],
) -> RedirectResponse:
    """Accept or decline a proposal, and show the others."""
    (accept if choice == "accept" else decline)(proposal_id, serving, who)
    return RedirectResponse("/proposals", 303)
