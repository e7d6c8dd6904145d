"""Personal data and secrets out of texts, before anything is stored or logged.

Each kind becomes one stable placeholder. The value is not kept, not even hashed: names and card
numbers come from so small a set that a hash gives them away.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

_EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){13,18}(?![\w-])")
_PHONE = re.compile(
    r"(?<![\w.:/#-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){5,12}"
    r"|\(\d{2,5}\)[ .-]?\d{3,4}[ .-]?\d{3,5}"
    r"|\d{3}[ .-]\d{3}[ .-]\d{4}"
    r"|0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5})(?![\w-]|\.\d)"
)
_CREDENTIAL = re.compile(
    r"(?P<label>\b(?:password|passwort|passwd|pwd|passcode|pass|pin|contraseña|secret|api[_ -]?key|token)\b"
    r"(?:\s+(?:is|ist|es))?\s*[:=]\s*|\b(?:password|passwort|pwd)\s+(?:is|ist|es)\s+)"
    r"(?P<value>(?!\[)[^\s,;\"'<>]{3,})",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{20,}\b"
    r"|\bxox[abprs]-[\w-]{10,}\b|\bsk-[A-Za-z0-9_-]{20,}\b|\bglpat-[\w-]{15,}\b"
    r"|(?<=\bBearer )[\w.~+/-]{16,}=*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----"
)
_USER_IN_URL = re.compile(r"(?<=://)[^\s/@:\[]+:[^\s/@\[]+(?=@)")
# A quick look that spares most texts the patterns above; one alternation of all these is slower.
_MARKERS = (
    "@", "://", "pass", "pwd", "pin", "contrase", "secret", "api", "token", "eyj", "akia", "asia",
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "xox", "sk-", "glpat", "bearer", "begin",
)  # fmt: skip
_LONG_NUMBER = re.compile(r"\d[\d ()/.-]{6,}\d")


def _worth_looking(text: str) -> bool:
    folded = text.casefold()
    return any(marker in folded for marker in _MARKERS) or _LONG_NUMBER.search(text) is not None


def passes_luhn(digits: str) -> bool:
    """Return True if a digit string satisfies the Luhn check of card numbers (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def redact(text: str, counts: Counter[str] | None = None) -> str:
    """Return `text` with personal data and secrets as placeholders; idempotent.

    `counts` gains one for each replacement, by kind: token, credential, email, card, phone. Ticket
    numbers, IP addresses, versions and times are left alone.
    """
    if not _worth_looking(text):
        return text
    counts = Counter() if counts is None else counts
    # A number taken out can uncover the next one beside it, so the patterns run until nothing moves.
    while (redacted := _redact_once(text, counts)) != text:
        text = redacted
    return text


def _redact_once(text: str, counts: Counter[str]) -> str:
    text = _replace(_TOKEN, text, "token", counts)
    text = _replace(_USER_IN_URL, text, "credential", counts)
    text = _replace_credentials(text, counts)
    text = _replace(_EMAIL, text, "email", counts)
    text = _replace(_CARD, text, "card", counts, _is_card)
    return _replace(_PHONE, text, "phone", counts, _is_phone)


def _replace(
    pattern: re.Pattern[str],
    text: str,
    kind: str,
    counts: Counter[str],
    accept: Callable[[str], bool] = lambda _: True,
) -> str:
    def placeholder(match: re.Match[str]) -> str:
        if not accept(match.group()):
            return match.group()
        counts[kind] += 1
        return f"[{kind.upper()}]"

    return pattern.sub(placeholder, text)


def _replace_credentials(text: str, counts: Counter[str]) -> str:
    def placeholder(match: re.Match[str]) -> str:
        counts["credential"] += 1
        return f"{match['label']}[CREDENTIAL]"

    return _CREDENTIAL.sub(placeholder, text)


def _digits(text: str) -> str:
    return "".join(character for character in text if character in "0123456789")


def _is_card(text: str) -> bool:
    digits = _digits(text)
    return len(set(digits)) > 1 and passes_luhn(digits)


def _is_phone(text: str) -> bool:
    return 7 <= len(_digits(text)) <= 15


@dataclass(frozen=True)
class RedactedKind:
    """One kind of what is replaced: its name in counts, and a plain sentence for reports and manuals."""

    name: str
    description: str

    @property
    def placeholder(self) -> str:
        """What stands in a text where one was replaced."""
        return f"[{self.name.upper()}]"


def recognised_kinds() -> tuple[RedactedKind, ...]:
    """Return every kind of what is replaced, with its placeholder and a sentence on what is looked for."""
    return (
        RedactedKind("credential", "Passwords behind a word for one, and users with passwords in addresses."),
        RedactedKind("token", "Tokens and keys of known shape."),
        RedactedKind("email", "E-mail addresses."),
        RedactedKind("card", "Card numbers that pass the Luhn check."),
        RedactedKind("phone", "Phone numbers of the usual shapes."),
    )


NOT_RECOGNISED = ("Names of people.", "Postal addresses.")
"""What is not looked for, a plain sentence each."""
