"""Personal data and secrets out of texts, before anything is stored or logged.

A module a family of recognisers: secrets and credentials, contacts, payment, identifiers, networks, names.
`redactor` puts them in order; a new kind is a `RedactedKind` and a recogniser in one of them.
"""

from ticketkin.tickets.redaction.recogniser import RedactedKind
from ticketkin.tickets.redaction.redactor import (
    NOT_RECOGNISED,
    REDACTION_VERSION,
    Redactor,
    Replacement,
    recognised_kinds,
    redact,
)

__all__ = [
    "NOT_RECOGNISED",
    "REDACTION_VERSION",
    "RedactedKind",
    "Redactor",
    "Replacement",
    "recognised_kinds",
    "redact",
]
