"""What goes in and out about who signs in, and who did what."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID
from fastapi import Path
from pydantic import ConfigDict, Field, JsonValue, create_model, model_validator
from ticketkin.core.tables import OPENING_FIELDS, Tickets
from ticketkin.relations.families import FamilyRecord, TieRecord
from ticketkin.service.desk_time import DeskTime
from ticketkin.service.strict_model import Strict
from ticketkin.serving.answers import Relation
from ticketkin.store.audit import AuditEntry
from ticketkin.tickets.mapping import MAPPABLE


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
