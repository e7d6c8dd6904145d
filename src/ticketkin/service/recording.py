"""Keeps what was shown to people, in the background: nobody waits for it."""

import logging
from collections.abc import Callable
from queue import Empty, Full, Queue
from threading import Event, Thread
from uuid import UUID, uuid4

from ticketkin.core.errors import StoreUnavailableError
from ticketkin.core.tables import FloatArray
from ticketkin.serving.answers import Answer
from ticketkin.store.database import Database
from ticketkin.store.suggestions import Question, Shown, put_question

_MOST_WAITING = 10_000
_MOST_AT_ONCE = 200
_RETRY_SECONDS = 2.0
_log = logging.getLogger(__name__)


class Recorder:
    """Writes questions and what was shown into the database, in a thread of its own."""

    def __init__(self, database: Database, lost: Callable[[], None] = lambda: None) -> None:
        """`lost` is called for a question that is not kept, as the database was away for too long."""
        self._database, self._lost = database, lost
        self._waiting: Queue[Question] = Queue(_MOST_WAITING)
        self._stopping = Event()
        self._writer = Thread(target=self._write, name="record what was shown", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._writer.start()

    def close(self) -> None:
        """Write what waits, for a short time, and stop."""
        self._stopping.set()
        if self._writer.is_alive():
            self._writer.join(timeout=_RETRY_SECONDS)

    def wait(self) -> None:
        """Return once everything that was noted is in the database."""
        self._waiting.join()

    def note(self, answer: Answer, change: int) -> UUID:
        """Return the id of the question; it is written soon.

        `change` is the number of the last change that the answer took into account.
        """
        question = Question(
            uuid4(),
            answer.ticket_id or None,
            answer.bundle,
            change,
            [
                Shown(
                    one.ticket_id,
                    one.kind,
                    one.band or "",
                    one.probability,
                    one.similarity,
                    _as_bytes(answer.features.get(one.ticket_id)),
                )
                for one in answer.relations
            ],
            answer.refit,
        )
        try:
            self._waiting.put_nowait(question)
        except Full:
            self._lost()
        return question.question_id

    def _write(self) -> None:
        while True:
            batch = self._next()
            if not batch:
                if self._stopping.is_set():
                    return
                continue
            while not self._written(batch) and not self._stopping.wait(_RETRY_SECONDS):
                pass
            for _ in batch:
                self._waiting.task_done()

    def _next(self) -> list[Question]:
        batch: list[Question] = []
        try:
            batch.append(self._waiting.get(timeout=0.2))
            while len(batch) < _MOST_AT_ONCE:
                batch.append(self._waiting.get_nowait())
        except Empty:
            pass
        return batch

    def _written(self, batch: list[Question]) -> bool:
        try:
            with self._database.transaction() as connection:
                for question in batch:
                    put_question(connection, question)
        except StoreUnavailableError as error:
            _log.warning("what was shown waits to be kept: %s", error)
            return False
        return True


def _as_bytes(features: FloatArray | None) -> bytes | None:
    return None if features is None else features.astype("<f4").tobytes()
