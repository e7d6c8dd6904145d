"""Several processes of a service at one address: each answers from an index of its own, over one database.

Python computes in one thread at a time, so more processes answer more people at once, and while one that was
killed is replaced, the others answer.
"""

import logging
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.connection import wait
from socket import socket

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config
from uvicorn.supervisors.multiprocess import SIGNALS, Multiprocess, Process

from ticketkin.core.errors import JobError
from ticketkin.service.logs import keep_texts_out
from ticketkin.service.own_signals import own_signals
from ticketkin.service.settings import COUNTS_FOLDER

_GRACE_SECONDS = 10.0
"""For a worker to put things away once the process that started it has gone."""
_REPLY_SECONDS = 0.2
"""A worker says within this time whether it answers requests."""
_FAILED = 1
_HANGUP = getattr(signal, "SIGHUP", 0)
"""What processes get when their terminal ends; not known to Windows."""
_TABLE_THREADS = "POLARS_MAX_THREADS"
"""Environment variable that polars reads at its import: an answer waits longer for its threads than for their
work.
"""
_NO_COMPLAINT = "ignore::UserWarning:multiprocessing.resource_tracker"
_log = logging.getLogger("uvicorn.error")


class Spreading:
    """Closes a connection behind its answer while the worker is busy with others.

    A connection belongs to the worker that accepted it. The next one is accepted by whoever is idle.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._n_open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self._n_open > 1:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        self._n_open += 1
        try:
            await self._app(scope, receive, closing)
        finally:
            self._n_open -= 1


class _Process(Process):
    """A worker, which ends with the process that started it."""

    def target(self, sockets: list[socket] | None = None) -> None:
        threading.Thread(target=_end_with_parent, daemon=True).start()
        keep_texts_out()
        super().target(sockets)


class _Workers(Multiprocess):
    """The first worker alone until it answers, as it fills the index that the others take over."""

    def __init__(self, config: Config, sockets: list[socket], answers: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._answers, self.is_answering = answers, False
        self.stopped_by: int | None = None

    def init_processes(self) -> None:
        self.processes = [self._started()]

    def keep_subprocess_alive(self) -> None:
        first = self.processes[0]
        if not self.is_answering and first.exitcode is not None:
            self.should_exit.set()  # it would fail in the same way again
        elif not self.is_answering and first.is_ready():
            self.processes += [self._started() for _ in range(self.processes_num - 1)]
            self.is_answering = True
            self._answers()
        elif self.is_answering:
            self._replace_dead()

    def _replace_dead(self) -> None:
        for place, worker in enumerate(self.processes):
            if self.should_exit.is_set() or worker.exitcode is None:
                continue
            _log.warning("A worker ended (code %s); another one takes its place", worker.exitcode)
            self.processes[place] = self._started()

    def _started(self) -> Process:
        worker = _Process(self.config, self.sockets)
        # Ctrl-C reaches all processes of a terminal; a worker is stopped by this one alone.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            worker.start()
        finally:
            signal.signal(signal.SIGINT, before)
        worker.child_conn.close()  # so that nobody waits for the answer of a worker that was killed
        return worker

    def terminate_all(self) -> None:
        for worker in self.processes:
            if worker.is_ready(_REPLY_SECONDS):
                worker.terminate()
            else:  # still starting: it would go on to the end of that first
                worker.kill()

    def handle_int(self) -> None:
        self._stop(signal.SIGINT)

    def handle_term(self) -> None:
        self._stop(signal.SIGTERM)

    def handle_hup(self) -> None:
        self._stop(signal.SIGHUP)

    def _stop(self, number: int) -> None:
        self.stopped_by = number
        self.should_exit.set()


def run_workers(config: Config, listener: socket, answers: Callable[[], None]) -> None:
    """Run `config.workers` processes of `config.app` until this process is asked to stop.

    `answers` is called once the first of them answers. Raises JobError where that one does not start.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    with _environment():
        workers = _Workers(config, [listener], answers)
        if before.get(_HANGUP) is signal.SIG_IGN:  # started by nohup, which holds for the workers, too
            signal.signal(_HANGUP, signal.SIG_IGN)
        try:
            with own_signals():
                workers.run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if workers.stopped_by is not None:
        signal.raise_signal(workers.stopped_by)
    elif not workers.is_answering:
        raise JobError(
            "The first worker did not start, so no other one was tried; the lines above say why. Without "
            "--workers the service runs in this process"
        )


@contextmanager
def _environment() -> Iterator[None]:
    """Within the block workers count requests in files that all of them read, so that each knows the sums.

    Tables are read in one thread. A worker that is killed leaves locks behind, which the process that puts
    them away would complain of.
    """
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="ticketkin-") as folder:
        os.environ[COUNTS_FOLDER] = folder
        os.environ.setdefault(_TABLE_THREADS, "1")
        os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [before.get("PYTHONWARNINGS"), _NO_COMPLAINT]))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _end_with_parent() -> None:
    """Stop this worker once the process that started it has gone, however that ended."""
    parent = parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_GRACE_SECONDS)
    os._exit(_FAILED)
