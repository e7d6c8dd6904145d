"""Tickets into the store and out of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from ticketkin.core.errors import InputError
from ticketkin.core.tables import Tickets
from ticketkin.core.wording import number_of
from ticketkin.service.problems import responses
from ticketkin.service.refusals import TooLargeError, UnknownTicketError
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Administrator, Agent
from ticketkin.service.ticket_schemas import (
    Name,
    RejectedTicket,
    TicketOut,
    TicketsDeleted,
    TicketsFound,
    TicketsIn,
    TicketsStored,
)
from ticketkin.serving.incoming import Incoming, tickets_of_records
from ticketkin.store.tickets import tickets_by_id, tickets_named

router = APIRouter(prefix="/v1", tags=["tickets"])


@router.post("/tickets", responses=responses(401, 403, 409, 413, 422, 429, 503))
def store_tickets(given: TicketsIn, serving: Serving, administrator: Administrator) -> TicketsStored:
    """Store tickets: new ones, and those that changed.

    They are cleaned and masked as in training, encoded once, and in the database and searched when the answer
    comes. The same request sent again changes nothing. With `sync` the cursor of a source moves with them;
    409 where it stands elsewhere than they go on from.
    """
    most = serving.settings.most_tickets
    if len(given.tickets) > most:
        raise TooLargeError(
            f"{number_of(len(given.tickets), 'ticket')} came, {most:,} are allowed at once; send fewer"
        )
    bundle = serving.corpus.bundle
    records = [ticket.model_dump(exclude_none=True) for ticket in given.tickets]
    try:
        incoming = tickets_of_records(records, bundle.ticket_settings, bundle.pseudonymising)
    except InputError as error:  # as a whole
        if given.sync is None:
            raise
        # Else a program that brings tickets over would send the same batch for ever.
        incoming = Incoming(Tickets.none(), [])
        rejected = [RejectedTicket(place=place, reason=str(error)) for place in range(1, len(records) + 1)]
    else:
        rows = [] if incoming.rejected is None else list(incoming.rejected.iter_rows(named=True))
        rejected = [RejectedTicket(place=row["row"], reason=row["reason"]) for row in rows]
    sync = given.sync.batch(len(records), len(rejected)) if given.sync else None
    counts = serving.corpus.store(incoming.tickets, actor=administrator.name, sync=sync)
    return TicketsStored(
        n_added=counts.n_added,
        n_updated=counts.n_updated,
        n_unchanged=counts.n_unchanged,
        n_repeated=len(records) - len(rejected) - len(incoming.tickets),
        rejected=rejected,
        notes=incoming.notes,
    )


@router.delete("/tickets/{name}", responses=responses(401, 403, 404, 422, 429, 503))
def delete_ticket(name: Name, serving: Serving, administrator: Administrator) -> TicketsDeleted:
    """Delete a ticket, with its embeddings and links; it is found no more when the answer comes."""
    if serving.corpus.delete([name], administrator.name):
        raise UnknownTicketError(f"No ticket {name[:60]!r} is stored, so there is nothing to delete")
    return TicketsDeleted(n_deleted=1, unknown=[])


@router.delete("/tickets", responses=responses(401, 403, 413, 422, 429, 503))
def delete_tickets(
    serving: Serving,
    administrator: Administrator,
    name: Annotated[list[str], Query(min_length=1, max_length=500, description="Ids or numbers.")],
) -> TicketsDeleted:
    """Delete tickets by id or number; names that no ticket has are told, and are no error."""
    unknown = serving.corpus.delete(name, administrator.name)
    return TicketsDeleted(n_deleted=len(set(name)) - len(unknown), unknown=unknown)


@router.get("/tickets", responses=responses(401, 403, 422, 429, 503))
def find_tickets(
    serving: Serving,
    _: Agent,
    text: Annotated[
        str, Query(max_length=200, description="How a number begins, or what a title holds.")
    ] = "",
    most: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 20,
) -> TicketsFound:
    """Return stored tickets by the beginning of their number or a part of their title, the newest first."""
    with serving.corpus.database.transaction() as connection:
        return TicketsFound(tickets=TicketOut.all_of(tickets_named(connection, text, most)))


@router.get("/tickets/{name}", responses=responses(401, 403, 404, 422, 429, 503))
def ticket(name: Name, serving: Serving, _: Agent) -> TicketOut:
    """Return a stored ticket, as it was cleaned and masked."""
    ticket_id, _title = serving.corpus.named(name)
    with serving.corpus.database.transaction() as connection:
        stored = TicketOut.all_of(tickets_by_id(connection, [ticket_id]))
    if not stored:
        raise UnknownTicketError(f"The ticket {name[:60]!r} has just been deleted")
    return stored[0]
