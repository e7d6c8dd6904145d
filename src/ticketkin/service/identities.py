"""Who holds a key or a session, remembered for some seconds so that not every request asks the database."""

import hashlib
import time
from threading import Lock

from ticketkin.store.database import Database
from ticketkin.store.keys import Identity, identity_of_key, identity_of_session

KNOWN_SECONDS = 10.0
"""How long a process may still accept a revoked key or session that it remembers."""
_MOST_KNOWN = 10_000


class KnownIdentities:
    """Asks the database who holds a key or a session, and remembers it for some seconds."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock = database, Lock()
        self._known: dict[bytes, tuple[float, Identity | None]] = {}

    def of(self, key: str | None, session: str | None) -> Identity | None:
        """Return who that is, None for nobody known. Raises StoreUnavailableError."""
        secret = key or session
        if not secret:
            return None
        digest = hashlib.sha256(f"{bool(key)}{secret}".encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            at, identity = self._known.get(digest, (float("-inf"), None))
        if time.monotonic() - at < KNOWN_SECONDS:
            return identity
        with self._database.transaction() as connection:
            identity = identity_of_key(connection, key) if key else identity_of_session(connection, secret)
        with self._lock:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            self._known[digest] = (time.monotonic(), identity)
        return identity

    def forget(self) -> None:
        """Forget all remembered identities: somebody has just signed out."""
        with self._lock:
            self._known.clear()
