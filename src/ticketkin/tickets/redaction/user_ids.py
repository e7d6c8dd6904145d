"""Whether what follows a word for a user is a user id or only a word."""

import re

from ticketkin.tickets.redaction.credentials import secret_of_pair
from ticketkin.tickets.redaction.predicates import ends_clause, is_predicate
from ticketkin.tickets.redaction.recogniser import (
    Span,
)

# Nothing of these begins a user name: with them, a word behind "user name" says something about it.
NO_USER = {
    "is", "was", "not", "and", "or", "in", "on", "at", "for", "of", "to", "the", "a", "an", "has",
    "have", "field", "missing", "unknown", "invalid", "incorrect", "wrong", "expired", "locked",
    "required", "empty", "blank", "null", "none", "n/a", "na", "does", "cannot", "can", "will", "must",
    "should", "with", "from", "by", "as", "if", "that", "this", "it", "are", "string", "str", "int",
    "long", "true", "false", "und", "oder", "ist", "nicht", "falsch", "fehlt", "gesperrt", "unbekannt",
    "ungültig", "wird", "wurde", "kann", "im", "der", "die", "das", "et", "ou", "est", "n'est",
    "inconnu", "bloqué", "refusé", "incorrecto", "invalide", "y", "o", "no", "bloqueado", "nuevo",
    "usuario", "user", "username", "password", "passwort", "different", "same", "changed", "created",
    "deleted", "test", "value", "name", "id", "please", "already", "admin", "administrator", "root",
    "guest", "git", "system", "anonymous", "nobody", "localhost",
}  # fmt: skip
# How words of the three languages begin that begin with two consonants; "jd" or "mk" begins a user id.
_ONSETS = re.compile(
    r"[aeiouyäöüéèêàh]|.[aeiouyäöüéèêàâîôû]|bl|br|ch|ck|cl|cr|dr|dw|fl|fr|gh|gl|gn|gr|kl|kn|kr|ph|pl|pn"
    r"|pr|ps|qu|rh|sc|sh|sk"
    r"|sl|sm|sn|sp|sq|st|sv|sw|th|tr|ts|tw|wh|wr|zw|sz|pf|dj"
)
_SHORT_ID = re.compile(r"(?!win|o\d|sap|ios|log|id|no|nr|v\d|app|page|test)[a-z]{1,10}\d{1,8}")
# User ids in capitals, as mainframes and SAP give them; not tickets, machines and products.
_CAPITAL_ID = re.compile(
    r"(?!INC|REQ|RITM|CHG|PRB|S?C?TASK|KB|WIN|WINDOWS|OFFICE|EXCHANGE|SERVER|SRV|PRINTER|LAPTOP|CLIENT|PC"
    r"|LEVEL|TEST|GROUP|ORACLE|VERSION|BUILD|PO\d|NB\d|WS\d|SR\d|CS\d)(?:[A-Z]{1,2}\d{4,7}|[A-Z]{5,9}\d{1,3})"
)


def _is_user_id(value: str, *, assigned: bool, alone: bool) -> bool:
    """Return True if a value is a user id: with digits, in parts, no word, or a word alone behind a colon."""
    word = value.casefold()
    if len(word) < 2 or word in NO_USER or is_predicate(word) or not re.match(r"\w", word) or "(" in word:
        return False
    if word.isdigit():
        # Longer ones are times in milliseconds and numbers of things.
        return assigned and 3 <= len(word) <= 10
    if any(character.isdigit() for character in word):
        return True
    if re.fullmatch(r"[^\W\d_]+\.[^\W\d_]+|[\w.-]+\\\\?[\w.-]+", word):
        return True
    if re.fullmatch(r"[^\W\d_]+_[^\W\d_]+", word):
        return assigned
    return word.isalpha() and alone and (assigned or _ONSETS.match(word) is None)


def located_user_id(match: re.Match[str]) -> Span | None:
    """Return the span of a user id behind a word for one."""
    start, end = match.span("value")
    value = match["value"].rstrip(".,;:!?)]}")
    end = start + len(value)
    linked = re.search(r"[:=]|\b(?:is|ist|lautet|est|es)\b", match["link"]) is not None
    direct = not linked and _ONSETS.match(value.casefold()) is None
    right = _is_user_id(value, assigned=linked, alone=direct or ends_clause(match.string, end))
    return (start, end) if right else None


def located_user(match: re.Match[str]) -> Span | None:
    """Take what follows "user" where a colon stands between, or where it has digits behind a few letters."""
    start, end = match.span("value")
    value = match["value"].rstrip(".,;:-")
    end = start + len(value)
    if value[:1].isupper():
        return (start, end) if _CAPITAL_ID.fullmatch(value) else None
    if match["link"] == " ":
        return (start, end) if _SHORT_ID.fullmatch(value) else None
    return (start, end) if _is_user_id(value, assigned=True, alone=ends_clause(match.string, end)) else None


def located_user_of_pair(match: re.Match[str]) -> Span | None:
    """Return the span of the user name of a pair of user and password."""
    named = _is_user_id(match["user"], assigned=True, alone=True)
    return match.span("user") if named and secret_of_pair(match) else None
