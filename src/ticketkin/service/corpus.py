"""The tickets a service answers from: kept in the database, searched by the model that answers.

Models may stand side by side: each has an index of its own, and the last row of the switches in the database
says which of them answers. Every process looks for it once a second.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event, Lock, Thread
from uuid import uuid4

from ticketkin.core.checks import Check
from ticketkin.core.errors import InputError, TicketkinError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import Links, Tickets
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.service.compute_threads import all_cores_for
from ticketkin.service.model_index import FollowingState, ModelIndex
from ticketkin.service.model_switching import open_known
from ticketkin.service.refitting import refit_when_due
from ticketkin.service.settled_memory import settle_memory
from ticketkin.service.stored_embeddings import BATCH_TICKETS, keep_embeddings
from ticketkin.service.syncing import move_cursor
from ticketkin.service.turns import Turns
from ticketkin.serving.answers import Answer
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import Value
from ticketkin.serving.kin import Kin
from ticketkin.serving.segment import content_hashes
from ticketkin.store.audit import put_audit
from ticketkin.store.database import Database
from ticketkin.store.links import put_links
from ticketkin.store.models import PREPARING, KnownModel, active_model, known_models, note_process
from ticketkin.store.refits import StoredRefit
from ticketkin.store.sync_ledger import SyncBatch
from ticketkin.store.tickets import TicketCounts, delete_tickets, names_to_ids, put_tickets, stored_content

COMMAND_LINE = "command line"
"""Name of the actor where nobody signed in."""
FOLLOW_SECONDS = 1.0
"""How often a process checks what others changed, and which model answers."""
_NOTE_SECONDS = 3.0
"""How often a process says which models it is ready for."""
_AGAIN_SECONDS = 10.0
"""After so long a model that could not be opened is tried again."""
_STOP_SECONDS = 2.0


class Corpus:
    """A database, the model that answers, and those that stand ready beside it.

    A caller that needs an answer together with its model takes `active` first and asks that object.
    """

    def __init__(self, bundle: Bundle, database: Database, folder: Path, *, n_processes: int = 1) -> None:
        """`folder` is where indexes lie, of this process and of the `n_processes` that answer beside it."""
        self.database, self._folder, self._turns = database, folder, Turns(n_processes)
        self._redact_words = bundle.redact_words
        self._active = ModelIndex(bundle, database, folder, self._turns)
        self._models = {bundle.id: self._active}
        self._faults: dict[str, str] = {}
        """Why a model could not be opened here, by bundle."""
        self._tried_at: dict[str, float] = {}
        self._wanted: str | None = None
        self._process = uuid4()
        self._noted_at = float("-inf")
        self._switching, self._noting = Lock(), Lock()
        self._stopping = Event()
        self._followers: list[Thread] = []

    @property
    def active(self) -> ModelIndex:
        """The model that answers now; it stays as it is for whoever took it."""
        return self._active

    @property
    def bundle(self) -> Bundle:
        """The bundle of the model that answers."""
        return self._active.bundle

    @property
    def kin(self) -> Kin:
        """What answers from the tickets as this process knows them now."""
        return self._active.kin

    @property
    def state(self) -> FollowingState:
        """How well this process follows the database."""
        return self._active.state

    @property
    def followed(self) -> tuple[int, int]:
        """Numbers of the last changes of tickets and of links that this process has taken over."""
        return self._active.followed

    @property
    def misses_switch(self) -> bool:
        """Whether the database names a model that is not ready here, so that another one answers."""
        return self._wanted is not None and self._wanted != self.bundle.id

    def warm_up(self, progress: Progress = SILENT) -> Check:
        """Make the model that answers ready; see `ModelIndex.warm_up`."""
        return self._active.warm_up(progress)

    def start_following(self) -> None:
        """Follow the database, and hold other models ready, in threads of their own until `close`."""
        tasks = {
            "follow the database": self.follow,
            "hold models ready": self.hold_ready,
            "refit the ranking": self.refit,
        }
        for name, task in tasks.items():
            thread = Thread(target=self._repeat, args=(task,), name=name, daemon=True)
            self._followers.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop following; the database stays open."""
        self._stopping.set()
        for thread in self._followers:
            thread.join(timeout=_STOP_SECONDS)
        for model in list(self._models.values()):
            model.close()

    def relate(self, ticket: Mapping[str, Value], k: int) -> Answer:
        """Return what the nearest stored tickets are to a new one; see `ModelIndex.relate`."""
        return self._active.relate(ticket, k)

    def kin_of(self, name: str, k: int) -> Answer:
        """Return the same for a stored ticket; see `ModelIndex.kin_of`."""
        return self._active.kin_of(name, k)

    def stored(self, names: Sequence[str]) -> Tickets:
        """Return stored tickets; see `ModelIndex.stored`."""
        return self._active.stored(names)

    def named(self, name: str) -> tuple[str, str]:
        """Return id and title of a stored ticket by id or number. Raises as `kin_of`."""
        ticket = self.stored([name])
        return ticket.ids[0], ticket.frame["title"][0]

    def named_apart(self, one: str, other: str) -> tuple[str, str]:
        """Return the ids of two stored tickets. Raises as `named`, and InputError where they are one."""
        first, second = self.named(one)[0], self.named(other)[0]
        if first == second:
            raise InputError(f"{one[:60]!r} and {other[:60]!r} are one ticket; name two")
        return first, second

    def store(
        self,
        tickets: Tickets,
        progress: Progress = SILENT,
        *,
        actor: str = COMMAND_LINE,
        sync: SyncBatch | None = None,
    ) -> TicketCounts:
        """Store tickets that were cleaned and masked; then they are in the database and searched.

        Only what is new or changed is encoded. A batch is stored with its embeddings or not at all, and the
        cursor of their source moves with the last one; raises ConflictError as `move_cursor`.
        """
        due = self._changed(tickets)
        added = updated = 0
        unchanged = len(tickets) - len(due)
        starts = range(0, len(due), BATCH_TICKETS)
        with progress.task("store tickets", len(due)) as task:
            for start in starts if due or sync is None else [0]:
                batch = Tickets(tickets.frame[due[start : start + BATCH_TICKETS]])
                is_last = start + BATCH_TICKETS >= len(due)
                counts = self._put(batch, actor, sync if is_last else None, added + updated)
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
        """Take over all that was changed in the database before this call, by the model that answers then."""
        while True:
            model = self._active
            model.catch_up(progress)
            if model is self._active:
                return

    def follow(self) -> None:
        """Switch to the model that the database names, if it is ready here and as new as the database."""
        with self.database.transaction() as connection:
            self._wanted = active_model(connection)
        ready = self._models.get(self._wanted or self.bundle.id)
        if ready is not None and ready is not self._active and ready.is_ready:
            with self._switching:
                ready.follow_refit()
                ready.catch_up()
                self._active = ready
            self._note(due=True)
        self._active.follow_refit()
        self.catch_up()

    def refit(self) -> StoredRefit | None:
        """Fit the ranking of the model that answers anew, if enough answers came since the last time."""
        done = refit_when_due(self.database, self.bundle)
        if done is not None:
            self._active.follow_refit()
        return done

    def hold_ready(self) -> None:
        """Open the models that the database lists beside the one that answers, and keep them up to date."""
        with self.database.transaction() as connection:
            known = known_models(connection)
        due = [model for model in known if self._is_due(model)]
        for model in due:
            self._open(model)
        kept = {model.bundle for model in known}
        self._faults = {bundle: fault for bundle, fault in self._faults.items() if bundle in kept}
        for bundle in [bundle for bundle, model in self._models.items() if model is not self._active]:
            if bundle in kept:
                self._models[bundle].catch_up()
            else:
                with self._switching:
                    self._drop(bundle)
                settle_memory()
        self._note(due=bool(due))

    def _is_due(self, model: KnownModel) -> bool:
        last = self._tried_at.get(model.bundle, float("-inf"))
        return model.bundle not in self._models and time.monotonic() - last > _AGAIN_SECONDS

    def _open(self, known: KnownModel) -> None:
        """Make a model ready; if that fails, the reason is kept, and it is tried again later."""
        self._tried_at[known.bundle] = time.monotonic()
        self._faults[known.bundle] = PREPARING
        self._note(due=True)
        try:
            bundle = open_known(known, self._redact_words)
            model = ModelIndex(bundle, self.database, self._folder, self._turns)
        except (TicketkinError, OSError) as error:
            self._faults[known.bundle] = str(error)
            return
        parity = model.warm_up()
        if model.is_ready:
            self._models[known.bundle] = model
            del self._faults[known.bundle]
        else:
            model.close()
            self._faults[known.bundle] = parity.evidence

    def _drop(self, bundle: str) -> None:
        model = self._models[bundle]
        if model is not self._active:
            del self._models[bundle]
            model.close()

    def _note(self, *, due: bool) -> None:
        if not due and time.monotonic() - self._noted_at < _NOTE_SECONDS:
            return
        with self._noting, self.database.transaction() as connection:
            ready = dict.fromkeys(self._models, "")
            note_process(connection, self._process, {**self._faults, **ready}, self.bundle.id)
        self._noted_at = time.monotonic()

    def _repeat(self, task: Callable[[], object]) -> None:
        while not self._stopping.wait(FOLLOW_SECONDS):
            try:
                task()
            except TicketkinError:  # the state says how long ago it last succeeded
                continue

    def _changed(self, tickets: Tickets) -> list[int]:
        """Return the rows of the tickets that are not stored as they are given."""
        with self.database.transaction() as connection:
            stored = stored_content(connection, tickets.ids)
        content = content_hashes(tickets).tolist()
        return [row for row, name in enumerate(tickets.ids) if stored.get(name) != content[row]]

    def _put(self, tickets: Tickets, actor: str, sync: SyncBatch | None, n_before: int) -> TicketCounts:
        """Store one batch; `n_before` counts what batches before it changed, for the ledger."""
        bundle = self.bundle
        with all_cores_for(len(tickets)):
            embedded = bundle.embed(tickets) if len(tickets) else None
        counts = TicketCounts(0, 0, 0)
        with self.database.transaction() as connection:
            if embedded is not None:
                counts = put_tickets(connection, tickets, content_hashes(tickets), stable_hashes(tickets.ids))
                keep_embeddings(connection, bundle, embedded)
                put_audit(connection, actor, "stored tickets", new=counts.n_added, changed=counts.n_updated)
            if sync is not None:
                move_cursor(connection, sync, n_before + counts.n_added + counts.n_updated)
        return counts
