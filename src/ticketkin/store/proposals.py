"""What is proposed to the ticket system: that one ticket is closed under another as its duplicate.

A proposal is an outbox entry: made from an answer, accepted or declined by a person, and sent once by whoever
writes into the ticket system. A ticket has at most one proposal that is not declined.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from pydantic import with_config

from ticketkin.store.database import Transaction

ProposalState = Literal["proposed", "accepted", "declined", "sent"]
_BEFORE: dict[ProposalState, ProposalState] = {
    "accepted": "proposed",
    "declined": "proposed",
    "sent": "accepted",
}
"""From which state another one is reached."""
_COLUMNS = (
    "proposal_id, duplicate, parent, state, key, proposed_by, proposed_at, decided_by, decided_at, sent_at"
)


@with_config(use_attribute_docstrings=True)
@dataclass(frozen=True)
class Proposal:
    """That a ticket is a duplicate, to be closed under another."""

    proposal_id: UUID
    duplicate: str
    parent: str
    state: ProposalState
    """proposed, then accepted or declined by a person, then sent."""
    key: str
    """Of the request that made it: the same key makes nothing new."""
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    sent_at: datetime | None


def put_proposal(connection: Transaction, duplicate: str, parent: str, key: str, actor: str) -> Proposal:
    """Store a proposal about two stored tickets, by their ids."""
    row = connection.execute(
        "INSERT INTO proposals (proposal_id, duplicate, parent, key, proposed_by) "  # noqa: S608 - names of columns
        f"VALUES (%s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
        (uuid4(), duplicate, parent, key, actor),
    ).fetchone()
    assert row is not None  # noqa: S101 - it was inserted
    return Proposal(*row)


def proposal_of_key(connection: Transaction, key: str) -> Proposal | None:
    """Return what a request with this key made; None where none did."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM proposals WHERE key = %s",  # noqa: S608 - names of columns
        (key,),
    ).fetchone()
    return None if row is None else Proposal(*row)


def proposal_by_id(connection: Transaction, proposal_id: UUID) -> Proposal | None:
    """Return a proposal, kept from others' hands until the transaction ends; None where there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM proposals WHERE proposal_id = %s FOR UPDATE",  # noqa: S608 - names of columns
        (proposal_id,),
    ).fetchone()
    return None if row is None else Proposal(*row)


def standing_proposals(connection: Transaction, ticket_id: str) -> list[Proposal]:
    """Return the proposals about a ticket, as duplicate or as parent, that were not declined."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM proposals WHERE state <> 'declined' AND %s IN (duplicate, parent) "  # noqa: S608 - names of columns
        "ORDER BY proposed_at",
        (ticket_id,),
    ).fetchall()
    return [Proposal(*row) for row in rows]


def proposals_in(connection: Transaction, state: ProposalState | None, most: int) -> list[Proposal]:
    """Return the proposals in a state, in any where it is None: the oldest first, as they are to be sent."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM proposals WHERE %s::text IS NULL OR state = %s "  # noqa: S608 - names of columns
        "ORDER BY proposed_at LIMIT %s",
        (state, state, most),
    ).fetchall()
    return [Proposal(*row) for row in rows]


def advance_proposal(connection: Transaction, proposal_id: UUID, state: ProposalState, actor: str) -> bool:
    """Accept, decline or send a proposal; return whether it was in the state before that one."""
    decided = "sent_at = now()" if state == "sent" else "decided_by = %(actor)s, decided_at = now()"
    return (
        connection.execute(
            f"UPDATE proposals SET state = %(state)s, {decided} "  # noqa: S608 - one of two constants
            "WHERE proposal_id = %(proposal)s AND state = %(before)s",
            {"state": state, "actor": actor, "proposal": proposal_id, "before": _BEFORE[state]},
        ).rowcount
        > 0
    )
