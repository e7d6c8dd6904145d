"""Proposals to the ticket system: made from answers, decided by people, sent by whoever writes there."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from ticketkin.service.problems import responses
from ticketkin.service.proposal_schemas import ProposalIn, ProposalsOut
from ticketkin.service.proposing import advance, propose
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Administrator, Agent, Reviewer
from ticketkin.store.proposals import Proposal, ProposalState, proposals_in

router = APIRouter(prefix="/v1/proposals", tags=["proposals"])
_REFUSALS = responses(401, 403, 404, 409, 422, 429, 503)


@router.post("", responses=_REFUSALS)
def put(given: ProposalIn, serving: Serving, reviewer: Reviewer) -> Proposal:
    """Propose to close an open ticket under another open one that somebody answered it is a duplicate of."""
    duplicate, parent = serving.corpus.named_apart(given.duplicate, given.parent)
    with serving.corpus.database.transaction() as connection:
        return propose(connection, duplicate, parent, given.key, reviewer.name)


@router.get("", responses=responses(401, 403, 422, 429, 503))
def proposals(
    serving: Serving,
    _: Agent,
    state: Annotated[ProposalState | None, Query(description="Only those in it.")] = None,
    most: Annotated[int, Query(ge=1, le=1_000, description="How many.")] = 100,
) -> ProposalsOut:
    """Return proposals, the oldest first."""
    with serving.corpus.database.transaction() as connection:
        return ProposalsOut(proposals=proposals_in(connection, state, most))


@router.post("/{proposal_id}/accept", responses=_REFUSALS)
def accept(proposal_id: UUID, serving: Serving, reviewer: Reviewer) -> Proposal:
    """Accept a proposal; then it may be sent."""
    with serving.corpus.database.transaction() as connection:
        return advance(connection, proposal_id, "accepted", reviewer.name)


@router.post("/{proposal_id}/decline", responses=_REFUSALS)
def decline(proposal_id: UUID, serving: Serving, reviewer: Reviewer) -> Proposal:
    """Decline a proposal; the ticket may be proposed anew."""
    with serving.corpus.database.transaction() as connection:
        return advance(connection, proposal_id, "declined", reviewer.name)


@router.post("/{proposal_id}/sent", responses=_REFUSALS)
def sent(proposal_id: UUID, serving: Serving, administrator: Administrator) -> Proposal:
    """Say that an accepted proposal stands in the ticket system; said twice it changes nothing."""
    with serving.corpus.database.transaction() as connection:
        return advance(connection, proposal_id, "sent", administrator.name)
