"""One ticket by field, for functions that compare a few tickets rather than whole columns."""

from datetime import datetime
from typing import TypedDict


class TicketRow(TypedDict):
    """A row of `Tickets`: the columns of its schema; a text is "" where absent."""

    ticket_id: str
    number: str
    sys_id: str
    opened_at: datetime | None
    title: str
    description: str
    category: str
    subcategory: str
    service: str
    configuration_item: str
    assignment_group: str
    priority: str
    caller: str
    state: str
    close_code: str
    close_notes: str
    resolved_at: str
    closed_at: str
    updated_at: str
    parent: str
    problem: str
    caused_by: str
    duplicate_of: str
    stated_links: str
    source_row: int
