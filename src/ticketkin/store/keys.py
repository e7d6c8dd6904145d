"""Who may use a service: keys of programs and people, and sessions of browsers, kept as hashes alone.

A key is 32 random bytes, so that no key can be guessed from its SHA-256: the database reveals none.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ticketkin.store.database import Transaction

_PREFIX = "kin_"
_KEY_BYTES = 32


class Role(StrEnum):
    """What somebody may do; each may do what those before it may."""

    AGENT = "agent"
    """Ask."""
    REVIEWER = "reviewer"
    """Say what tickets are to each other."""
    ADMINISTRATOR = "administrator"
    """Store and delete tickets, and see who did what."""

    def may(self, needed: "Role") -> bool:
        """Return whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True)
class Identity:
    """Who asks."""

    name: str
    role: Role


@dataclass(frozen=True)
class KeyRecord:
    """A key as it is listed; the key itself is known to its holder alone."""

    key_id: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def opens(self) -> bool:
        """Whether the key is still valid: neither revoked nor expired."""
        is_over = self.expires_at is not None and self.expires_at <= datetime.now(UTC)
        return self.revoked_at is None and not is_over


def create_key(connection: Transaction, name: str, role: Role, lasts: timedelta | None) -> tuple[str, str]:
    """Return the id and the text of a new key; the text is not kept."""
    key, key_id = _PREFIX + secrets.token_urlsafe(_KEY_BYTES), secrets.token_hex(4)
    connection.execute(
        "INSERT INTO api_keys (key_id, hash, name, role, expires_at) VALUES (%s, %s, %s, %s, now() + %s)",
        (key_id, _hash(key), name, role.value, lasts),
    )
    return key_id, key


def revoke_key(connection: Transaction, key_id: str) -> bool:
    """Revoke a key and the sessions it opened; return whether it was valid until now."""
    connection.execute("DELETE FROM sessions WHERE key_id = %s", (key_id,))
    return (
        connection.execute(
            "UPDATE api_keys SET revoked_at = now() WHERE key_id = %s AND revoked_at IS NULL", (key_id,)
        ).rowcount
        > 0
    )


def listed_keys(connection: Transaction) -> list[KeyRecord]:
    """Return all keys, the oldest first."""
    rows = connection.execute(
        "SELECT key_id, name, role, created_at, expires_at, revoked_at FROM api_keys ORDER BY created_at"
    ).fetchall()
    return [KeyRecord(key_id, name, Role(role), *times) for key_id, name, role, *times in rows]


def identity_of_key(connection: Transaction, key: str) -> Identity | None:
    """Return whose key it is; None for one that is unknown, expired or revoked."""
    row = connection.execute(
        "SELECT name, role FROM api_keys WHERE hash = %s AND revoked_at IS NULL "
        "AND (expires_at IS NULL OR expires_at > now())",
        (_hash(key),),
    ).fetchone()
    return None if row is None else Identity(str(row[0]), Role(row[1]))


def open_session(connection: Transaction, key: str, lasts: timedelta) -> tuple[str, Identity] | None:
    """Return the text of a new session for the holder of a key; None for a key that opens nothing."""
    identity = identity_of_key(connection, key)
    if identity is None:
        return None
    session = secrets.token_urlsafe(_KEY_BYTES)
    connection.execute("DELETE FROM sessions WHERE expires_at < now()")
    connection.execute(
        "INSERT INTO sessions (hash, name, role, key_id, expires_at) "
        "SELECT %s, name, role, key_id, least(now() + %s, expires_at) FROM api_keys WHERE hash = %s",
        (_hash(session), lasts, _hash(key)),
    )
    return session, identity


def open_session_of(connection: Transaction, identity: Identity, lasts: timedelta) -> str:
    """Return the text of a new session for somebody whom another service knows."""
    session = secrets.token_urlsafe(_KEY_BYTES)
    connection.execute("DELETE FROM sessions WHERE expires_at < now()")
    connection.execute(
        "INSERT INTO sessions (hash, name, role, expires_at) VALUES (%s, %s, %s, now() + %s)",
        (_hash(session), identity.name, identity.role.value, lasts),
    )
    return session


def identity_of_session(connection: Transaction, session: str) -> Identity | None:
    """Return whose session it is; None for one that is unknown or expired."""
    row = connection.execute(
        "SELECT name, role FROM sessions WHERE hash = %s AND expires_at > now()", (_hash(session),)
    ).fetchone()
    return None if row is None else Identity(str(row[0]), Role(row[1]))


def close_session(connection: Transaction, session: str) -> None:
    """End a session."""
    connection.execute("DELETE FROM sessions WHERE hash = %s", (_hash(session),))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
