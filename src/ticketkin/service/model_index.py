"""The stored tickets as one model searches them: an index of this process that follows the database.

It follows by the number of the last change it took over. It lies on the disk, so that a restart goes on from
there; whatever becomes of it, it can be filled again.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
from filelock import FileLock, Timeout
from pydantic import NonNegativeInt

from ticketkin.core.artifacts import atomic_path, write_json
from ticketkin.core.checks import Check, Outcome
from ticketkin.core.errors import TicketkinError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.records import read_record
from ticketkin.core.tables import Tickets
from ticketkin.evaluation.schema import Report, read_report
from ticketkin.ranking.refit import Refit
from ticketkin.service.compute_threads import one_thread_each
from ticketkin.service.refitting import refit_to_answer_by
from ticketkin.service.refusals import UnknownTicketError
from ticketkin.service.settled_memory import settle_memory
from ticketkin.service.stored_embeddings import BATCH_TICKETS, completed, kept_embeddings
from ticketkin.service.turns import Turns
from ticketkin.serving.answers import Answer
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import Value
from ticketkin.serving.index import Index
from ticketkin.serving.index_manifest import copy_index
from ticketkin.serving.kin import Kin
from ticketkin.serving.making import REPORT_JSON
from ticketkin.serving.parity import parity_check
from ticketkin.serving.stored_links import linked_duplicates
from ticketkin.store.database import Database
from ticketkin.store.erasing import count_erasures
from ticketkin.store.links import links_change, stored_links
from ticketkin.store.tickets import changes_after, installation_id, newest_change

INDEX = "index"
SLOT, FOLLOWED = ".slot", "followed.json"
"""Files beside an index: the lock of the process that uses it, and how far it has followed."""
_CLOSE_SECONDS = 2.0
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


class ModelIndex:
    """A bundle and its index of the stored tickets.

    Answers are given by `kin`, which stays as it is for whoever took it; any number of threads may ask.
    """

    def __init__(self, bundle: Bundle, database: Database, folder: Path, turns: Turns) -> None:
        """`folder` is where indexes lie, of this process and of others; `turns` are those of the process."""
        self.bundle, self.database, self._turns = bundle, database, turns
        with database.transaction() as connection:
            place = f"{installation_id(connection)}-{bundle.id[:12]}"
        self._slot = _own_slot(folder / place)
        self.place = Path(self._slot.lock_file).parent
        self.parity: Check | None = None
        """How the bundle's own probes scored here; None before they did."""
        self._following = Lock()
        reads_pairs = bundle.record.n_pairs_read > 0  # by a tokenizer that one thread at a time can use
        self._scoring: AbstractContextManager[object] = Lock() if reads_pairs else nullcontext()
        self._index, self._followed = self._opened()
        self._refit: Refit | None = None
        self._kin = self._snapshot()
        self._as_new_at = 0.0

    @cached_property
    def report(self) -> Report:
        """What was proven of the bundle when it was made."""
        return read_report(self.bundle.folder / REPORT_JSON)

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

    @property
    def is_ready(self) -> bool:
        """Whether it has taken over what the database held and scores as it was judged."""
        return self.parity is not None and self.parity.outcome is not Outcome.FAILED

    def warm_up(self, progress: Progress = SILENT) -> Check:
        """Take over what the database holds and score the bundle's own probes; return how those went.

        Until then answers may come from fewer tickets than are stored.
        """
        self.catch_up(progress)
        self.follow_refit()
        self.parity = parity_check(self.bundle)  # which loads the encoders
        one_thread_each()
        settle_memory()
        return self.parity

    def close(self) -> None:
        """Release the index for the next process; write it to the disk unless a thread is busy with it."""
        if self._following.acquire(timeout=_CLOSE_SECONDS):
            with suppress(OSError, TicketkinError):  # the next start reads it from the database
                self._write_held()
            self._following.release()
        self._slot.release()

    def write_held(self) -> None:
        """Write tickets that are in memory alone to the index on the disk. Raises as `Index.put`."""
        with self._following:
            self._write_held()

    def _write_held(self) -> None:
        if not self._index.is_on_disk:
            self._index.write_held()
            self._note_followed()

    def relate(self, ticket: Mapping[str, Value], k: int) -> Answer:
        """Return what the nearest stored tickets are to a new one. Raises as `Kin.relate`."""
        with self._turns.one(), self._scoring:
            return self._kin.relate(ticket, k)

    def kin_of(self, name: str, k: int) -> Answer:
        """Return the same for a stored ticket by id or number. Raises UnknownTicketError without one."""
        kin = self._knowing([name])
        with self._turns.one(), self._scoring:
            return kin.relate_stored([name], k)[0]

    def stored(self, names: Sequence[str]) -> Tickets:
        """Return stored tickets by id or number, in the order of `names`. Raises as `kin_of`."""
        kin = self._knowing(names)
        return kin.index.tickets(np.array([kin.index.row_of(name) for name in names], dtype=np.int64))

    def _knowing(self, names: Sequence[str]) -> Kin:
        """Return what answers once it knows all these tickets: another process may have just stored one."""
        kin = self._kin
        missing = _missing(kin, names)
        if missing:
            self.catch_up()
            kin = self._kin
            missing = _missing(kin, missing)
        if missing:
            raise UnknownTicketError(
                f"No ticket {missing[0][:60]!r} is stored; give the id or number of one that was sent here, "
                "or the text of a new one"
            )
        return kin

    def catch_up(self, progress: Progress = SILENT) -> None:
        """Take over all that was changed in the database before this call."""
        with self.database.transaction() as connection:
            wanted = Followed(newest_change(connection), links_change(connection), count_erasures(connection))
        if self._has(wanted):
            self._as_new_at = time.monotonic()
            return
        with self._following:  # a thread that waited finds that another one did it meanwhile
            while not self._has(wanted):
                self._follow_once(progress)
            if self._index.tend(progress):
                self._kin = self._snapshot()
            self._as_new_at = time.monotonic()

    def _has(self, wanted: Followed) -> bool:
        own = self._followed
        return (
            own.change >= wanted.change
            and own.links_change >= wanted.links_change
            and own.erasures >= wanted.erasures
        )

    def _follow_once(self, progress: Progress) -> None:
        with self.database.transaction() as connection:
            changes = changes_after(connection, self._followed.change, BATCH_TICKETS)
            stored, missing = kept_embeddings(connection, self.bundle, changes.stored)
            n_links = links_change(connection)
            links = stored_links(connection) if n_links != self._followed.links_change else None
            erasures = count_erasures(connection)
        if len(changes.deleted):
            self._index.delete_hashed(changes.deleted)
        if len(changes.stored):
            whole = completed(self.database, self.bundle, stored, missing) if missing else stored
            self._index.hold(whole)
        if links is not None:
            self._index.replace_links(linked_duplicates(links))
        is_last = len(changes.stored) < BATCH_TICKETS
        if is_last and erasures > self._followed.erasures:
            self._index.compact()
        self._followed = Followed(changes.until, n_links, erasures if is_last else self._followed.erasures)
        self._note_followed()
        self._kin = self._snapshot()

    def follow_refit(self) -> None:
        """Score by the refit that the database names, or by the bundle's own weights."""
        with self.database.transaction() as connection:
            wanted = refit_to_answer_by(connection, self.bundle, self._refit)
        if wanted is not self._refit:
            with self._following:
                self._refit = wanted
                self._kin = self._answering_from(self._kin.index)

    def _snapshot(self) -> Kin:
        """Return what answers from the tickets as they are now."""
        return self._answering_from(self._index.snapshot())

    def _answering_from(self, index: Index) -> Kin:
        return Kin(self.bundle, index, self._refit, is_busy=lambda: self._turns.is_busy)

    def _note_followed(self) -> None:
        """Write how far the disk has followed: the next start takes over again what is in memory alone."""
        if self._index.is_on_disk:
            write_json(self.place / FOLLOWED, vars(self._followed))

    def _opened(self) -> tuple[Index, Followed]:
        """Return the index of an earlier process, or one like that of a process beside this one.

        An empty one where there is none, or where it is damaged.
        """
        folder, path = self.place / INDEX, self.place / FOLLOWED
        if not path.exists():
            _begin_like_another(self.place)
        if path.exists():
            try:
                followed = read_record(path, Followed, REMEDY)
                with self.database.transaction() as connection:
                    is_ahead = (  # of a database that was restored
                        followed.change > newest_change(connection)
                        or followed.links_change > links_change(connection)
                    )
                if not is_ahead:
                    return Index.open(folder, self.bundle.scorer, self.bundle.id), followed
            except TicketkinError:
                pass  # filled anew
        shutil.rmtree(folder, ignore_errors=True)
        return Index.open(folder, self.bundle.scorer, self.bundle.id, create=True), Followed()


def _missing(kin: Kin, names: Sequence[str]) -> list[str]:
    return [name for name in names if kin.index.row_of(name) is None]


def _begin_like_another(place: Path) -> None:
    """Copy the newest index of another process, so that what this one has to take over is little."""
    others = sorted(place.parent.glob(f"*/{FOLLOWED}"), key=lambda path: path.stat().st_mtime)
    if not others:
        return
    with suppress(OSError):  # it is being changed; this one is filled from the database
        shutil.rmtree(place / INDEX, ignore_errors=True)
        followed = others[-1].read_bytes()  # before the index: it may be further than this says
        copy_index(others[-1].parent / INDEX, place / INDEX)
        with atomic_path(place / FOLLOWED) as temporary:
            temporary.write_bytes(followed)


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
