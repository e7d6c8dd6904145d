"""What may be proposed to the ticket system, looked at when it is proposed and again when it is accepted."""

from uuid import UUID, uuid4

from ticketkin.core.errors import InputError
from ticketkin.core.tables import Kind
from ticketkin.relations.parents import is_open_tier, parent_tiers
from ticketkin.service.refusals import ConflictError, UnknownProposalError
from ticketkin.store.answers import standing_answer
from ticketkin.store.audit import put_audit
from ticketkin.store.database import Transaction
from ticketkin.store.proposals import (
    Proposal,
    ProposalState,
    advance_proposal,
    proposal_by_id,
    proposal_of_key,
    put_proposal,
    standing_proposals,
)
from ticketkin.store.tickets import await_turn, tickets_by_id


def propose(connection: Transaction, duplicate: str, parent: str, key: str | None, actor: str) -> Proposal:
    """Keep the proposal to close a ticket under another, by their ids; once, however often it is asked.

    Raises ConflictError where the key was used for another pair, or where the ticket is proposed under
    another parent; InputError where it may not be proposed (`check_proposable`).
    """
    await_turn(connection)
    known = None if key is None else proposal_of_key(connection, key)
    known = known or next(
        (one for one in standing_proposals(connection, duplicate) if one.duplicate == duplicate), None
    )
    if known is not None:
        if (known.duplicate, known.parent) != (duplicate, parent):
            raise ConflictError(
                f"{known.duplicate} is already proposed under {known.parent} ({known.state}); decline that "
                "proposal first, or send a key of its own for each proposal"
            )
        return known
    check_proposable(connection, duplicate, parent)
    proposal = put_proposal(connection, duplicate, parent, key or str(uuid4()), actor)
    put_audit(connection, actor, "proposed a duplicate", proposals=1)
    return proposal


def check_proposable(connection: Transaction, duplicate: str, parent: str) -> None:
    """Return nothing where a ticket may be closed under another.

    Raises InputError where nobody's answer that stands calls them duplicates, one of them is closed, the
    parent lies under a third ticket itself, or others are to be closed under the duplicate.
    """
    if standing_answer(connection, duplicate, parent) != Kind.DUPLICATE.value:
        raise InputError(
            f"No answer that stands says that {duplicate} and {parent} are duplicates; answer that first "
            "(POST /v1/answers, or the page Review)"
        )
    tickets = tickets_by_id(connection, [duplicate, parent])
    tiers = dict(zip(tickets.ids, parent_tiers(tickets).tolist(), strict=True))
    for name in (duplicate, parent):
        if not is_open_tier(tiers[name]):
            raise InputError(f"{name} is closed, so nothing is proposed of it; choose an open ticket")
    if tiers[parent] > 1:
        raise InputError(f"{parent} lies under another ticket itself; propose the one that it lies under")
    for other in standing_proposals(connection, parent):
        if other.duplicate == parent:
            raise InputError(
                f"{parent} is itself proposed as a duplicate of {other.parent}; propose that one as parent"
            )
    below = [one for one in standing_proposals(connection, duplicate) if one.parent == duplicate]
    if below:
        raise InputError(
            f"{below[0].duplicate} is proposed under {duplicate}; decline that first, or propose {parent} "
            f"under {duplicate}"
        )


def advance(connection: Transaction, proposal_id: UUID, state: ProposalState, actor: str) -> Proposal:
    """Accept, decline or send a proposal, and return it.

    Raises UnknownProposalError; ConflictError where it is in another state than the one before; as
    `check_proposable` where it is accepted and tickets or answers changed since.
    """
    await_turn(connection)
    proposal = proposal_by_id(connection, proposal_id)
    if proposal is None:
        raise UnknownProposalError(f"There is no proposal {proposal_id}; see GET /v1/proposals")
    if proposal.state == state:  # said twice
        return proposal
    if state == "accepted" and proposal.state == "proposed":
        _check_still_proposable(connection, proposal)
    if not advance_proposal(connection, proposal_id, state, actor):
        raise ConflictError(f"The proposal {proposal_id} is {proposal.state}, so it can't be {state}")
    put_audit(connection, actor, f"{state} a proposal", proposals=1)
    after = proposal_by_id(connection, proposal_id)
    assert after is not None  # noqa: S101 - it was changed just now
    return after


def _check_still_proposable(connection: Transaction, proposal: Proposal) -> None:
    try:
        check_proposable(connection, proposal.duplicate, proposal.parent)
    except InputError as error:
        raise ConflictError(f"It can't be accepted any more: {error}") from error
