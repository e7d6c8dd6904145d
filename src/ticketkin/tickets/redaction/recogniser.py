"""What a recogniser is, and the pieces that the recognisers of every family share.

Most texts hold nothing to redact. What counts for speed is that a pattern is seldom tried (triggers) and
begins with a set of characters, which `re` searches for fastest: a lookbehind stands after the first one.

Every pattern here is applied to whole texts of any length, so each must run in linear time: quantifiers are
possessive or bounded, and a run of characters is entered at its start only (a lookbehind of its own class).
A test feeds each pattern its worst case. A match never begins or ends inside a word (see `WORD_START`):
otherwise a replacement could uncover another beside it, and redacting would take many passes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class RedactedKind:
    """One kind of what is replaced: its name in counts, and a plain sentence for reports and manuals."""

    name: str
    description: str

    @property
    def placeholder(self) -> str:
        """What stands in a text where one was replaced."""
        return f"[{self.name.upper()}]"


CREDENTIAL = RedactedKind(
    "credential",
    "Passwords, PINs and one-time codes behind a word for one (password, pwd, Kennwort, mot de passe, "
    "contraseña), in settings files, command lines and addresses.",
)
TOKEN = RedactedKind(
    "token",
    "Keys and tokens for machines: API keys of known shape, JWT, private keys, Authorization headers, and "
    "long values behind words such as client_secret or AccountKey.",
)
EMAIL = RedactedKind("email", "E-mail addresses, also written as name (at) host.example.")
PHONE = RedactedKind(
    "phone",
    "Phone and fax numbers: international ones, national ones that are valid in the United States or in "
    "Western Europe, and any number or extension behind a word for one.",
)
CARD = RedactedKind(
    "card", "Payment card numbers with an issuer's prefix, its length and a right check digit."
)
IBAN = RedactedKind("iban", "IBANs with right check digits, and bank account numbers behind a word for one.")
NATIONAL_ID = RedactedKind(
    "national_id",
    "Social security, tax, passport and identity card numbers: behind a word for one, or with a shape and "
    "check digits that leave little doubt (United States, United Kingdom, Germany, France, Spain, Italy, "
    "Switzerland, Belgium, Brazil).",
)
USER_ID = RedactedKind("user_id", "User names, employee and badge numbers behind a word for one.")
IP = RedactedKind(
    "ip",
    "IPv4 and IPv6 addresses, apart from version numbers, net masks, loopback and unspecified addresses.",
)
MAC = RedactedKind("mac", "MAC addresses.")
BIRTH_DATE = RedactedKind("birth_date", "Dates of birth behind a word such as born, DOB, geboren or né le.")
NAME = RedactedKind(
    "name",
    "Names of people behind a title, a greeting or a word such as caller; whatever the user's own list"
    " holds; "
    "with the extra `names` also what a language model takes for a person.",
)

Span = tuple[int, int]
Locate = Callable[[re.Match[str]], Span | None]

WORD_END = r"(?!\w)"
# What may stand before the first letter of a label, as a lookbehind behind that letter: no letter or digit;
# or it begins a part of a name in code (DB_PIN, dbPin, db.pin); or anything (Initialpasswort).
WORD_START = r"(?<!\w.)"
PART_START = r"(?:(?<![^\W_].)|(?-i:(?<=[a-z][A-Z])))"
ANYWHERE = ""
# "for the VPN", "für den Server", "du wifi", "invité": what a secret is for, before it is given.
SCOPE = (
    r"(?:[ ](?:for|of|to|on|at|in|für|von|vom|zum|zur|des|der|am|im|auf|du|de|d['’]|pour|del|para"
    r"|provisoire|temporaire|guests?|gast|gäste|invités?|invitados?)"
    r"(?:[ ][^\s,;:=.\"]{1,30}){0,4}?)?"
)
# Triggers of recognisers without a word of their own: a run of digits, four numbers with dots, pairs of
# hexadecimal digits.
DIGITS = re.compile(r"\d(?:[ ().:/-]{0,3}\d){4}")
DOTTED = re.compile(r"\d\.\d{1,3}\.\d")
HEX_GROUPS = re.compile(r"[:-][0-9A-Fa-f]{1,4}[:-]|::[0-9A-Fa-f]|\.[0-9A-Fa-f]{4}\.")
ID_DIGITS = re.compile(r"\d(?:[A-Za-z ./-]{0,3}\d){4}")
THREE_DIGITS = re.compile(r"\d[ -]?\d[ -]?\d")
LONG_RUN = re.compile(r"[A-Za-z0-9_-]{16}")
_PLACEHOLDER = re.compile(r"\[[A-Z]{2,12}(?:_[A-Z]{2,12})?\]")


def value_span(match: re.Match[str]) -> Span | None:
    """Return where the group `value` lies, or the whole match where the pattern has no such group."""
    return match.span("value") if "value" in match.re.groupindex else match.span()


@dataclass(frozen=True)
class Recogniser:
    """A pattern with what makes it cheap (triggers) and what makes it right (locate)."""

    kind: RedactedKind
    name: str
    pattern: re.Pattern[str]
    triggers: tuple[str | re.Pattern[str], ...]
    """The pattern is tried only on texts that hold one of these: a pattern, a text in lower case, or, behind
    an equals sign, a run of letters: "=pin" is not in "pinned"."""
    example: str
    """A text in which the recogniser replaces something; what is made of it tests that time stays linear."""
    locate: Locate = value_span
    """Span of what a match gives away, None where it gives nothing away."""
    gate: re.Pattern[str] | None = None
    """Without this in a text, not even the triggers are looked for."""


@cache
def needs_digits(look: re.Pattern[str]) -> bool:
    """Return True if a trigger can match only in texts with a digit: most texts are spared a search."""
    return look.pattern.startswith(r"\d") or look is LONG_RUN


def whole_words(text: str) -> tuple[str, ...]:
    """Return the triggers that these words are, each as a run of letters of its own."""
    return tuple(f"={word}" for word in text.split())


def labels(alternatives: str, boundary: str = WORD_START) -> str:
    """Return a pattern for words, at a boundary, that `re` finds fast whatever their case.

    `alternatives` are patterns separated by `|`, each beginning with a letter. They are sorted by that
    letter, so that a place in the text is tried for few of them and most places for none.
    """
    by_letter: dict[str, list[str]] = {}
    for alternative in _alternatives(alternatives):
        if not alternative[:1].isalpha():
            raise ValueError(f"label {alternative!r} begins with no letter; write each alternative out")
        by_letter.setdefault(alternative[0].casefold(), []).append(alternative[1:])
    firsts = "".join(sorted({form for letter in by_letter for form in (letter, letter.upper())}))
    branches = "|".join(
        f"(?<=[{letter}{letter.upper()}])(?:{'|'.join(rests)})" for letter, rests in sorted(by_letter.items())
    )
    return f"(?-i:[{firsts}]){boundary}(?:{branches})"


def _alternatives(pattern: str) -> list[str]:
    """Return the alternatives of a pattern, split at each `|` outside brackets."""
    parts, depth = [""], 0
    for character in pattern:
        depth += (character in "([") - (character in ")]")
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def before(match: re.Match[str], n_characters: int = 48) -> str:
    """Return the text just before a match, in lower case."""
    return match.string[max(0, match.start() - n_characters) : match.start()].casefold()


def digits_of(text: str) -> str:
    """Return the ASCII digits of a text."""
    return "".join(character for character in text if character in "0123456789")


# Numbers of things, in the languages of service desks: what follows one of these is no phone, card or id
# of a person. The word may be followed by what joins it to its number: no., Nr., number, is, :, #.
_NUMBERED_ITEMS = (
    r"order|p\.?o|purchase|sku|parts?|article|item|material|batch|lot|serial|s/n|asset|tag|inventory"
    r"|imei|iccid|meid"
    r"|tracking|shipment|parcel|delivery|invoice|bill|case|ticket|incident|change|request|task|ref"
    r"|reference|job"
    r"|log|entry|row|line|record|build|version|release|revision|error|code|customer|client|contract"
    r"|project|centre"
    r"|center|quote|offer|model|product|barcode|ean|isbn|issn|upc|gtin|timestamp|pid|process|port"
    r"|transaction"
    r"|message|bug|issue|patch|commit|kb|block|offset|epoch|size|bytes?|serials?|uid|guid|uuid|hash"
    r"|checksum"
    r"|bestell\w*|auftrags?\w*|artikel\w*|charge\w*|serien\w*|inventar\w*|rechnungs?\w*|lieferschein\w*"
    r"|vorgangs?\w*"
    r"|fall\w*|kunden?\w*|vertrags?\w*|fehler\w*|sendungs?\w*|projekt\w*|kostenstelle|geräte\w*|teile?\w*"
    r"|commande|référence|facture|série|article|dossier|colis|suivi|contrat|erreur|produit"
    r"|pedido|referencia|factura|serie|lote|artículo|albarán|contrato|cliente|producto"
)
_THING_BEFORE = re.compile(
    rf"(?<!\w)(?:{_NUMBERED_ITEMS})"
    r"(?:[\s.:#=(-]{0,3}(?:no|nr|num|number|nummer|numéro|número|n°|nº|ids?|is|ist|est|es|de|du|der|des"
    r"|von|of|the"
    r"|entry|order|code)(?!\w)){0,3}[\s.:#=(°º-]{0,4}$"
)


def numbers_a_thing(match: re.Match[str]) -> bool:
    """Return True if the words before a match say that it is the number of an order, a device or the like."""
    return _THING_BEFORE.search(before(match)) is not None


def is_placeholder_at(text: str, start: int) -> bool:
    """Return True if a placeholder of redaction begins at `start`."""
    return _PLACEHOLDER.match(text, start) is not None


def placeholders_in(text: str) -> list[Span]:
    """Return where texts that look like placeholders of redaction stand, in order."""
    return [match.span() for match in _PLACEHOLDER.finditer(text)]
