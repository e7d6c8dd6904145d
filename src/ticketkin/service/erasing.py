"""A ticket or a person out of a service: database, indexes and what was shown, with a receipt."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock, Timeout

from ticketkin.core.errors import InputError, TicketkinError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.records import read_record
from ticketkin.core.tables import Tickets
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.service.corpus import COMMAND_LINE
from ticketkin.service.model_index import FOLLOWED, REMEDY, SLOT, Followed
from ticketkin.service.place import Place
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.segment import content_hashes
from ticketkin.store.audit import put_audit
from ticketkin.store.database import Transaction
from ticketkin.store.erasing import erase_tickets, erase_user, ids_of_caller, note_erasure, rewrite_tables
from ticketkin.store.tickets import names_to_ids, put_tickets, tickets_by_id
from ticketkin.tickets.pseudonyms import NoPseudonyms

_WAIT_SECONDS = 60.0
NOT_COVERED = (
    "backups, replicas and archived logs of a database server of your own",
    "bundles, runs and refits that learned from the tickets: the next run without them is the remedy",
    "the index that ticketkin index keeps in a bundle: ticketkin index BUNDLE --delete FILE --purge",
    "files that people exported",
)
"""What an erasure does not reach, and what to do about it."""


@dataclass(frozen=True)
class ErasureRequest:
    """Who and what is to be erased."""

    tickets: tuple[str, ...] = ()
    """Ids or numbers."""
    people: tuple[str, ...] = ()
    """Accounts as the ticket system writes them, and names of keys."""
    with_their_tickets: bool = False
    """Whether tickets that these people opened go, too; else their pseudonym is taken off."""


@dataclass(frozen=True)
class Receipt:
    """What an erasure did; it names nobody."""

    erased_at: str
    rows: dict[str, int]
    """Deleted or blanked rows by table."""
    unknown_tickets: int
    """Names that no stored ticket has."""
    people_left_out: str
    """Why callers could not be found, where they could not; empty otherwise."""
    rewrote_tables: bool
    indexes_deleted: int
    """Of processes that are not running; they are filled again at the next start."""
    indexes_rewritten: int
    """Of running processes on this machine."""
    indexes_waiting: int
    """Of running processes that had not written theirs anew after a minute."""
    not_covered: tuple[str, ...] = NOT_COVERED

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def erase(bundle: Path, place: Place, request: ErasureRequest, progress: Progress = SILENT) -> Receipt:
    """Erase tickets and people, and return the receipt. Raises InputError where nothing is named."""
    if not request.tickets and not request.people:
        raise InputError("Nothing was named to erase; give --ticket NUMBER or --person ACCOUNT")
    reason, callers = _callers(bundle, request.people)
    with place.existing_database() as database:
        with database.transaction() as connection:
            known = names_to_ids(connection, request.tickets)
            rows, number = _erased(connection, request, list(known.values()), callers)
        progress.say("rewriting the tables without what was erased")
        rewrite_tables(database)
        # The database stays open meanwhile: running processes read from it what was erased.
        deleted, rewritten, waiting = _indexes(place, number)
    return Receipt(
        erased_at=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=rows,
        unknown_tickets=len(set(request.tickets) - known.keys()),
        people_left_out=reason,
        rewrote_tables=True,
        indexes_deleted=deleted,
        indexes_rewritten=rewritten,
        indexes_waiting=waiting,
    )


def _callers(bundle: Path, people: Sequence[str]) -> tuple[str, list[str]]:
    """Return why people can't be told among callers, and their pseudonyms."""
    if not people:
        return "", []
    pseudonyms = Bundle.open(bundle).pseudonymising()
    if isinstance(pseudonyms, NoPseudonyms):
        return pseudonyms.reason, []
    return "", [pseudonym for person in people if (pseudonym := pseudonyms.of(person))]


def _erased(
    connection: Transaction, request: ErasureRequest, ids: list[str], callers: Sequence[str]
) -> tuple[dict[str, int], int]:
    """Erase within one transaction; return the rows of each table, and the number of the erasure."""
    rows: dict[str, int] = {}
    theirs = [ticket for caller in callers for ticket in ids_of_caller(connection, caller)]
    if request.with_their_tickets:
        ids = list(dict.fromkeys([*ids, *theirs]))
        theirs = []
    if ids:
        rows |= erase_tickets(connection, ids, stable_hashes(ids))
    blanked = _without_caller(connection, [name for name in theirs if name not in ids])
    if request.people:
        rows["callers taken off tickets"] = blanked
    for person in request.people:
        for table, n_rows in erase_user(connection, person).items():
            rows[table] = rows.get(table, 0) + n_rows
    put_audit(connection, COMMAND_LINE, "erased", **rows)
    return rows, note_erasure(connection)


def _without_caller(connection: Transaction, ids: Sequence[str]) -> int:
    if not ids:
        return 0
    frame = tickets_by_id(connection, ids).frame.with_columns(pl.lit("").alias("caller"))
    tickets = Tickets(frame)
    return put_tickets(connection, tickets, content_hashes(tickets), stable_hashes(tickets.ids)).n_updated


def _indexes(place: Place, number: int) -> tuple[int, int, int]:
    """Delete the indexes of this machine that nobody uses, and wait until the others are written anew."""
    deleted, used = 0, []
    for slot in sorted(place.indexes.glob("*/*/")):
        lock = FileLock(slot / SLOT)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            used.append(slot)
            continue
        shutil.rmtree(slot / "index", ignore_errors=True)
        (slot / FOLLOWED).unlink(missing_ok=True)
        lock.release()
        deleted += 1
    end = time.monotonic() + _WAIT_SECONDS
    waiting = list(used)
    while waiting and time.monotonic() < end:
        waiting = [slot for slot in waiting if _erasures_of(slot) < number]
        time.sleep(0.1 if waiting else 0.0)
    return deleted, len(used) - len(waiting), len(waiting)


def _erasures_of(slot: Path) -> int:
    try:
        return read_record(slot / FOLLOWED, Followed, REMEDY).erasures
    except TicketkinError:
        return -1
