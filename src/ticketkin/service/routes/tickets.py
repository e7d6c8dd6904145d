"""Tickets into the store and out of it."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from ticketkin.service.corpus import UnknownTicketError
from ticketkin.service.problems import problem, responses
from ticketkin.service.schemas import Name, RejectedTicket, TicketsDeleted, TicketsIn, TicketsStored
from ticketkin.service.serving_state import Serving
from ticketkin.serving.incoming import tickets_of_records

router = APIRouter(prefix="/v1", tags=["tickets"])


@router.post("/tickets", responses=responses(401, 403, 413, 422, 429, 503), response_model=TicketsStored)
def store_tickets(given: TicketsIn, serving: Serving) -> TicketsStored | JSONResponse:
    """Store tickets: new ones, and those that changed.

    They are cleaned and masked as in training, encoded once, and in the database and searched when the answer
    comes. The same request sent again changes nothing.
    """
    most = serving.settings.most_tickets
    if len(given.tickets) > most:
        return problem(413, f"{len(given.tickets):,} tickets came, {most:,} are allowed at once; send fewer")
    bundle = serving.corpus.bundle
    records = [ticket.model_dump(exclude_none=True) for ticket in given.tickets]
    incoming = tickets_of_records(records, bundle.ticket_settings, bundle.pseudonymising)
    counts = serving.corpus.store(incoming.tickets)
    rejected = [] if incoming.rejected is None else list(incoming.rejected.iter_rows(named=True))
    return TicketsStored(
        n_added=counts.n_added,
        n_updated=counts.n_updated,
        n_unchanged=counts.n_unchanged,
        n_repeated=len(records) - len(rejected) - len(incoming.tickets),
        rejected=[RejectedTicket(place=row["row"], reason=row["reason"]) for row in rejected],
        notes=incoming.notes,
    )


@router.delete("/tickets/{name}", responses=responses(401, 403, 404, 422, 429, 503))
def delete_ticket(name: Name, serving: Serving) -> TicketsDeleted:
    """Delete a ticket, with its embeddings and links; it is found no more when the answer comes."""
    if serving.corpus.delete([name]):
        raise UnknownTicketError(f"No ticket {name[:60]!r} is stored, so there is nothing to delete")
    return TicketsDeleted(n_deleted=1, unknown=[])


@router.delete("/tickets", responses=responses(401, 403, 413, 422, 429, 503))
def delete_tickets(
    serving: Serving,
    name: Annotated[list[str], Query(min_length=1, max_length=500, description="Ids or numbers.")],
) -> TicketsDeleted:
    """Delete tickets by id or number; names that no ticket has are told, and are no error."""
    unknown = serving.corpus.delete(name)
    return TicketsDeleted(n_deleted=len(set(name)) - len(unknown), unknown=unknown)
