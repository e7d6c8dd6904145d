"""What goes in and out about who signs in, and who did what."""

from typing import Annotated

from pydantic import Field

from ticketkin.service.strict_model import Strict
from ticketkin.store.audit import AuditEntry


class AuditOut(Strict):
    """The newest things that were done."""

    entries: list[AuditEntry]


class SignInIn(Strict):
    """A key, to sign in a browser."""

    key: Annotated[str, Field(min_length=1, max_length=1_000)]


class SignedIn(Strict):
    """Who is signed in."""

    name: str
    role: str
