"""The tickets a service answers from: kept in the database, searched in an index of this process.

The index follows the database by the number of the last change it took over. It lies on the disk, so that a
restart goes on from there; whatever becomes of it, it can be filled again.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread

import numpy as np
from filelock import FileLock, Timeout
from pydantic import NonNegativeInt

from ticketkin.core.artifacts import write_json
from ticketkin.core.checks import Check
from ticketkin.core.errors import TicketkinError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.records import read_record
from ticketkin.core.tables import FloatArray, Links, Tickets
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.service.refusals import UnknownTicketError
from ticketkin.serving.answers import Answer
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import Value
from ticketkin.serving.index import Index
from ticketkin.serving.kin import Kin
from ticketkin.serving.parity import parity_check
from ticketkin.serving.segment import content_hashes
from ticketkin.serving.stored_links import linked_duplicates
from ticketkin.store.audit import put_audit
from ticketkin.store.database import Database, Transaction
from ticketkin.store.embeddings import put_embeddings, stored_embeddings
from ticketkin.store.erasing import count_erasures
from ticketkin.store.links import links_change, put_links, stored_links
from ticketkin.store.tickets import (
    TicketCounts,
    changes_after,
    delete_tickets,
    installation_id,
    names_to_ids,
    newest_change,
    put_tickets,
    stored_content,
)

COMMAND_LINE = "command line"
"""Who acts where nobody signed in."""
FOLLOW_SECONDS = 1.0
"""How often a process looks what others changed."""
_BATCH_TICKETS = 1_000
SLOT, FOLLOWED = ".slot", "followed.json"
"""Files beside an index: the lock of the process that uses it, and how far it has followed."""
REMEDY = "Delete this folder: it is filled again from the database"


@dataclass(frozen=True)
class Followed:
    """How far the index has followed the database."""

    change: NonNegativeInt = 0
    links_change: NonNegativeInt = 0
    erasures: NonNegativeInt = 0
    """How many of them have left no byte in the index."""


@dataclass(frozen=True)
class FollowingState:
    """How well this process follows the database."""

    n_tickets: int
    change: int
    """Number of the last change that answers take into account."""
    seconds_behind: float
    """Since it last was as new as the database."""


class Corpus:
    """A bundle, a database, and the index in between.

    Answers are given by `kin`, which stays as it is for whoever took it; any number of threads may ask.
    """

    def __init__(self, bundle: Bundle, database: Database, folder: Path) -> None:
        """`folder` is where indexes lie, of this process and of others."""
        self.bundle, self.database = bundle, database
        with database.transaction() as connection:
            place = f"{installation_id(connection)}-{bundle.id[:12]}"
        self._slot = _own_slot(folder / place)
        self._place = Path(self._slot.lock_file).parent
        self._following = Lock()
        reads_pairs = bundle.record.n_pairs_read > 0  # by a tokenizer that one thread at a time can use
        self._scoring: AbstractContextManager[object] = Lock() if reads_pairs else nullcontext()
        self._index, self._followed = self._opened()
        self._kin = Kin(bundle, self._index.snapshot())
        self._as_new_at = 0.0
        self._stopping = Event()
        self._follower: Thread | None = None

    @property
    def kin(self) -> Kin:
        """What answers from the tickets as this process knows them now."""
        return self._kin

    @property
    def state(self) -> FollowingState:
        """How well this process follows the database."""
        behind = time.monotonic() - self._as_new_at if self._as_new_at else float("inf")
        return FollowingState(len(self._kin), self._followed.change, behind)

    @property
    def followed(self) -> tuple[int, int]:
        """Numbers of the last changes of tickets and of links that this process has taken over."""
        return self._followed.change, self._followed.links_change

    def warm_up(self, progress: Progress = SILENT) -> Check:
        """Take over what the database holds and score the bundle's own probes; return how those went.

        Until then answers may come from fewer tickets than are stored.
        """
        self.catch_up(progress)
        return parity_check(self.bundle)

    def start_following(self) -> None:
        """Follow the database in a thread of its own until `close`."""
        self._follower = Thread(target=self._follow, name="follow the database", daemon=True)
        self._follower.start()

    def close(self) -> None:
        """Stop following; the database stays open."""
        self._stopping.set()
        if self._follower is not None:
            self._follower.join(timeout=2.0)
        self._slot.release()

    def relate(self, ticket: Mapping[str, Value], k: int) -> Answer:
        """Return what the nearest stored tickets are to a new one. Raises as `Kin.relate`."""
        with self._scoring:
            return self._kin.relate(ticket, k)

    def kin_of(self, name: str, k: int) -> Answer:
        """Return the same for a stored ticket by id or number. Raises UnknownTicketError without one."""
        kin = self._kin
        _row_of(kin, name)
        with self._scoring:
            return kin.relate_stored([name], k)[0]

    def stored(self, names: Sequence[str]) -> Tickets:
        """Return stored tickets by id or number, in the order of `names`. Raises as `kin_of`."""
        kin = self._kin
        return kin.index.tickets(np.array([_row_of(kin, name) for name in names], dtype=np.int64))

    def named(self, name: str) -> tuple[str, str]:
        """Return id and title of a stored ticket by id or number. Raises as `kin_of`."""
        ticket = self.stored([name])
        return ticket.ids[0], ticket.frame["title"][0]

    def store(
        self, tickets: Tickets, progress: Progress = SILENT, *, actor: str = COMMAND_LINE
    ) -> TicketCounts:
        """Store tickets that were cleaned and masked; then they are in the database and searched.

        Only what is new or changed is encoded. A batch is stored with its embeddings or not at all.
        """
        due = self._changed(tickets)
        added = updated = 0
        unchanged = len(tickets) - len(due)
        with progress.task("store tickets", len(due)) as task:
            for start in range(0, len(due), _BATCH_TICKETS):
                batch = Tickets(tickets.frame[due[start : start + _BATCH_TICKETS]])
                counts = self._put(batch, actor)
                added, updated = added + counts.n_added, updated + counts.n_updated
                unchanged += counts.n_unchanged
                task.advance(len(batch))
        if added or updated:
            self.catch_up(progress)
        return TicketCounts(added, updated, unchanged)

    def delete(self, names: Sequence[str], actor: str) -> list[str]:
        """Delete tickets by id or number; return the names that no stored ticket has."""
        with self.database.transaction() as connection:
            known = names_to_ids(connection, names)
            ids = list(dict.fromkeys(known.values()))
            if ids:
                delete_tickets(connection, ids, stable_hashes(ids))
                put_audit(connection, actor, "deleted tickets", tickets=len(ids))
        if ids:
            self.catch_up()
        return [name for name in dict.fromkeys(names) if name not in known]

    def link(self, links: Links) -> int:
        """Store links between stored tickets; return how many were new."""
        with self.database.transaction() as connection:
            n_new = put_links(connection, links)
        if n_new:
            self.catch_up()
        return n_new

    def catch_up(self, progress: Progress = SILENT) -> None:
        """Take over all that was changed in the database before this call."""
        with self.database.transaction() as connection:
            wanted = Followed(newest_change(connection), links_change(connection), count_erasures(connection))
        if self._has(wanted):
            self._as_new_at = time.monotonic()
            return
        with self._following:  # who waited finds that it was done for them meanwhile
            while not self._has(wanted):
                self._follow_once(progress)
            self._as_new_at = time.monotonic()

    def _has(self, wanted: Followed) -> bool:
        own = self._followed
        return (
            own.change >= wanted.change
            and own.links_change == wanted.links_change
            and own.erasures >= wanted.erasures
        )

    def _follow_once(self, progress: Progress) -> None:
        with self.database.transaction() as connection:
            changes = changes_after(connection, self._followed.change, _BATCH_TICKETS)
            stored, missing = self._embedded(connection, changes.stored)
            n_links = links_change(connection)
            links = stored_links(connection) if n_links != self._followed.links_change else None
            erasures = count_erasures(connection)
        if len(changes.deleted):
            self._index.delete_hashed(changes.deleted)
        if len(changes.stored):
            self._index.hold(self._completed(stored, missing) if missing else stored)
            self._index.tend(progress)
        if links is not None:
            self._index.replace_links(linked_duplicates(links))
        is_last = len(changes.stored) < _BATCH_TICKETS
        if is_last and erasures > self._followed.erasures:
            self._index.compact()
            self._index.tend(progress)
        self._followed = Followed(changes.until, n_links, erasures if is_last else self._followed.erasures)
        if self._index.is_on_disk:  # else another start takes over again what is in memory alone
            write_json(self._place / FOLLOWED, vars(self._followed))
        self._kin = Kin(self.bundle, self._index.snapshot())

    def _follow(self) -> None:
        while not self._stopping.wait(FOLLOW_SECONDS):
            try:
                self.catch_up()
            except TicketkinError:  # the state tells how long ago it last went well
                continue

    def _changed(self, tickets: Tickets) -> list[int]:
        """Return the rows of the tickets that are not stored as they are given."""
        with self.database.transaction() as connection:
            stored = stored_content(connection, tickets.ids)
        content = content_hashes(tickets).tolist()
        return [row for row, name in enumerate(tickets.ids) if stored.get(name) != content[row]]

    def _put(self, tickets: Tickets, actor: str) -> TicketCounts:
        embedded = self.bundle.embed(tickets)
        with self.database.transaction() as connection:
            counts = put_tickets(connection, tickets, content_hashes(tickets), stable_hashes(tickets.ids))
            self._put_embeddings(connection, embedded)
            put_audit(connection, actor, "stored tickets", new=counts.n_added, changed=counts.n_updated)
        return counts

    def _put_embeddings(self, connection: Transaction, embedded: EmbeddedTickets) -> None:
        texts = self.bundle.texts_read(embedded.tickets)
        for name, model in self.bundle.models.items():
            hashes = stable_hashes(texts[name])
            put_embeddings(connection, embedded.tickets.ids, model, hashes, embedded.embeddings[name])

    def _embedded(self, connection: Transaction, tickets: Tickets) -> tuple[EmbeddedTickets, list[int]]:
        """Return tickets with the embeddings that are stored, and the rows where one is missing."""
        texts = self.bundle.texts_read(tickets)
        is_whole = np.ones(len(tickets), dtype=np.bool_)
        embeddings: dict[str, FloatArray] = {}
        for name, model in self.bundle.models.items():
            is_there, vectors = stored_embeddings(connection, tickets.ids, model, stable_hashes(texts[name]))
            whole = np.zeros((len(tickets), vectors.shape[1]), dtype=np.float32)
            whole[is_there] = vectors
            embeddings[name] = whole
            is_whole &= is_there
        return self.bundle.with_embeddings(tickets, embeddings), np.flatnonzero(~is_whole).tolist()

    def _completed(self, given: EmbeddedTickets, missing: list[int]) -> EmbeddedTickets:
        """Embed tickets that another bundle's service stored, and keep the embeddings for other processes."""
        made = self.bundle.embed(Tickets(given.tickets.frame[missing]))
        with self.database.transaction() as connection:
            self._put_embeddings(connection, made)
        embeddings = {}
        for name, vectors in made.embeddings.items():
            known = given.embeddings[name]
            whole = known if known.shape[1] else np.zeros((len(known), vectors.shape[1]), dtype=np.float32)
            whole[missing] = vectors
            embeddings[name] = whole
        return self.bundle.with_embeddings(given.tickets, embeddings)

    def _opened(self) -> tuple[Index, Followed]:
        """Return the index of an earlier process, an empty one where it is none or damaged."""
        folder, path = self._place / "index", self._place / FOLLOWED
        if path.exists():
            try:
                followed = read_record(path, Followed, REMEDY)
                with self.database.transaction() as connection:
                    is_ahead = followed.change > newest_change(connection)  # of a database that was restored
                if not is_ahead:
                    return Index.open(folder, self.bundle.scorer, self.bundle.id), followed
            except TicketkinError:
                pass  # filled anew
        shutil.rmtree(folder, ignore_errors=True)
        return Index.open(folder, self.bundle.scorer, self.bundle.id, create=True), Followed()


def _row_of(kin: Kin, name: str) -> int:
    row = kin.index.row_of(name)
    if row is None:
        raise UnknownTicketError(
            f"No ticket {name[:60]!r} is stored; give the id or number of one that was sent here, or the "
            "text of a new one"
        )
    return row


def _own_slot(folder: Path) -> FileLock:
    """Return the lock of the first index that no other process uses."""
    number = 0
    while True:
        place = folder / str(number)
        place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place / SLOT)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            number += 1
            continue
        return lock
