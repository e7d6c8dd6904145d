"""Tickets from outside a run: a text, named fields, records or files, all read as the run's export was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import Tickets
from ticketkin.core.wording import number_of
from ticketkin.tickets.account import ImportSummary, replaced_words
from ticketkin.tickets.cleaning import clean_text
from ticketkin.tickets.importing import import_tables, import_tickets
from ticketkin.tickets.mapping import MAPPABLE
from ticketkin.tickets.new_ticket import NEW_TICKET_FIELDS, NewTicket, read_new_ticket
from ticketkin.tickets.pseudonyms import Pseudonymising
from ticketkin.tickets.reading import RawTable
from ticketkin.tickets.reading.encodings import without_surrogates
from ticketkin.tickets.settings import TicketSettings

Value = str | datetime | None
_NO_NAME = "new"


@dataclass(frozen=True)
class Incoming:
    """Tickets cleaned, masked and cut as in the run, and what a reader should know of that."""

    tickets: Tickets
    notes: list[str]
    rejected: pl.DataFrame | None = None
    """Rows of files, and records counted from 1, that can't be used, with source, row and reason."""


def new_ticket(
    ticket: str | Mapping[str, Value],
    fields: Mapping[str, Value],
    settings: TicketSettings,
    pseudonymising: Pseudonymising,
    now: datetime | None = None,
) -> Incoming:
    """Return one ticket from its text or its fields.

    The first line of a text is the title, the rest the description. A ticket without an opening time opens
    `now`, by default the current time in UTC. Raises InputError for an unknown field, naming the allowed
    ones, where there is no text, and for a time that can't be read.
    """
    given = dict(_of_text(ticket) if isinstance(ticket, str) else ticket)
    twice = sorted(given.keys() & fields.keys())
    if twice:
        raise InputError(f"{', '.join(twice)} is given twice, in the ticket and as a field; give it once")
    values = {**given, **fields}
    _check_names(values, NEW_TICKET_FIELDS)
    cells = {name: _cell(value) for name, value in values.items()}
    if not any(clean_text(cells.get(name, "")) for name in ("title", "description")):
        raise InputError(
            "The ticket has no text, so nothing can be compared with it; give a title or a description"
        )
    now = now or datetime.now(UTC).replace(tzinfo=None)
    read = read_new_ticket(cells, settings, pseudonymising, now)
    given_time = cells.get("opened_at", "")
    if clean_text(given_time) and read.opened_at is None:
        raise InputError(
            f"opened_at {given_time[:60]!r} can't be read as a time between 1990 and the end of next year; "
            "write it as 2025-12-31 14:30:00"
        )
    notes = _notes(read, settings)
    if read.opened_at is not None and read.opened_at > now:
        notes.append(
            f"it opens in the future ({read.opened_at:%Y-%m-%d %H:%M}): all that opens before is compared"
        )
    return Incoming(read.tickets, notes)


def tickets_of_records(
    records: Sequence[Mapping[str, Value]], settings: TicketSettings, pseudonymising: Pseudonymising
) -> Incoming:
    """Return the tickets of records by ticket field, such as number, title, state and close_notes.

    Raises InputError for an unknown field, naming the allowed ones; otherwise as `import_tables`.
    """
    for record in records:
        _check_names(record, MAPPABLE)
    return _imported(records, settings, pseudonymising)


def tickets_of_files(
    files: Sequence[Path],
    settings: TicketSettings,
    pseudonymising: Pseudonymising,
    progress: Progress = SILENT,
) -> Incoming:
    """Return the tickets of exports in any format that `ticketkin import` reads; raises as it does."""
    result = import_tickets(files, settings, progress, pseudonymising)
    n_rejected = result.rejected.height
    reasons = "; ".join(f"{reason} ({n:,})" for reason, n in list(result.summary.rejections.items())[:3])
    notes = [f"{number_of(n_rejected, 'row')} can't be used: {reasons}"] if n_rejected else []
    notes += _notes(result.summary, settings)
    return Incoming(result.tickets, notes + result.summary.notes, result.rejected)


def _of_text(text: str) -> dict[str, Value]:
    title, _, description = text.strip().partition("\n")
    return {"title": title, "description": description}


def _check_names(values: Mapping[str, Value], allowed: Sequence[str]) -> None:
    unknown = [str(name) for name in values if name not in allowed]
    if unknown:
        raise InputError(
            f"a ticket has no field {', '.join(map(repr, unknown[:3]))} here; allowed are "
            f"{', '.join(allowed)}"
        )


def _imported(
    records: Sequence[Mapping[str, Value]], settings: TicketSettings, pseudonymising: Pseudonymising
) -> Incoming:
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: [_cell(record.get(name)) for record in records] for name in names}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
    table = RawTable(frame, list(range(1, len(records) + 1)), len(records))
    own = settings.model_copy(update={"mapping": {name: name for name in names}})
    result = import_tables([(_NO_NAME, table)], own, SILENT, pseudonymising)
    return Incoming(result.tickets, _notes(result.summary, settings), result.rejected)


def _cell(value: Value) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return "" if value is None else without_surrogates(str(value))


def _notes(summary: ImportSummary | NewTicket, settings: TicketSettings) -> list[str]:
    """Return what a reader should know of how tickets were read."""
    notes = [summary.people_left_out] if summary.people_left_out else []
    n_cut = summary.repairs.get("cut_texts")
    if n_cut:
        notes.append(
            f"{number_of(n_cut, 'text was', 'texts were')} cut at "
            f"{number_of(settings.max_characters, 'character')}, as in training"
        )
    if summary.redactions:
        masked = replaced_words(dict(sorted(summary.redactions.items())))
        notes.append(f"personal data and secrets masked: {masked}")
    return notes
