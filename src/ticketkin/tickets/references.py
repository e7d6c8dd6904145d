"""References to tickets and records as people and systems write them, in cells and in texts.

One definition of what a reference is, and of what says nothing: `0`, `TBD`, `no problem`. Without it every
two tickets with such a cell would be linked.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import unquote

import polars as pl

from ticketkin.tickets.cleaning import is_placeholder

# Answers to "which one?" that name none, beside the placeholders of every column.
_NO_ANSWER = {
    "n a", "k a", "true", "false", "yes", "no", "ja", "nein", "oui", "non", "si", "sí", "x", "xx", "xxx",
    "kein", "keine", "keiner", "keines", "aucun", "aucune", "ninguno", "ninguna", "nothing", "nichts",
    "rien", "nada", "unbekannt", "inconnu", "desconocido", "tba", "to be determined", "unassigned",
    "entfällt", "empty", "leer", "blank", "vide", "vacío", "missing",
}  # fmt: skip
_BEGINS_WITH_NO = re.compile(
    r"(?:no|not|none|kein\w*|nicht|aucun\w*|pas|sans|sin|ningun\w*) [^\d]*", re.IGNORECASE
)
_LONGEST_ID = 64
_ID = re.compile(r"#?[^\W_]+(?:[-_./:#][^\W_]+)*")
# Dates, times, decimals, addresses: digits with signs that no number of a ticket has between them alone.
_NO_ID = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:t[\d:.]+z?)?|\d+(?:[./:]\d+)+|#?0+", re.IGNORECASE)
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NUMBERED = r"[A-Z][A-Z0-9]{1,9}-?\d{1,10}"
# What is an id wherever it stands in a text.
_ID_IN_TEXT = re.compile(rf"(?<![\w-])(?:{_UUID}|[0-9a-fA-F]{{32}}|{_NUMBERED}|#\d{{1,10}})(?![\w-])")
_NUMBER_IN_TEXT = re.compile(r"(?<![\w.-])\d{1,10}(?![\w-]|\.\d)")
_NAMED_NUMBER = re.compile(
    r"(?:problem|prb|issue|bug|ticket|incident|inc|change|chg|rfc|request|req|case|defect|id|nr|no|number"
    r"|vorfall|störung|störfall|änderung|problème|demande|incidente|problema|cambio)\b[.:]? *#? *(\d{1,10})",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
# Names of the fields of an address that carry an id; a query of ServiceNow is one within another.
_ID_FIELD = re.compile(
    r"(?:^|[?&^=])(?:number|sys_id|id|key|issue|issuekey|issue_key|ticket|ticket_id|bug_id|selectedissue)"
    r"=([^&^=#?]+)",
    re.IGNORECASE,
)
# In the languages whose labels are read; "not a duplicate" says the opposite.
SAYS_DUPLICATE = r"duplicate|duplikat|dublette|doublon|duplicad"
SAYS_NOT = r"\b(?:no|non|not|kein\w*|nicht|pas)\b"
_DUPLICATE_WORD = re.compile(rf"(?:{SAYS_DUPLICATE})\w*|\bdup(?:e|es)?\b", re.IGNORECASE)
_NOT_BEFORE = re.compile(
    rf"(?:{SAYS_NOT}|n['\u2019]t)\W+(?:(?:a|an|the|true|real|exact|ein\w*|un|une)\W+)*$", re.IGNORECASE
)
_CLAUSE = re.compile(r"[^;!?\n.]*(?:\.(?=\S)[^;!?\n.]*)*")
_MOST_BETWEEN = 120
_REFERENCE_IN_NOTES = re.compile(
    rf"https?://\S+|(?<![\w./-])(?:{_UUID}|[0-9a-f]{{32}}|[a-z][a-z0-9]{{1,9}}-?\d{{1,10}}|#?\d{{1,10}})"
    r"(?![\w/-]|\.\d)",
    re.IGNORECASE,
)
# Fewer digits than this are a count ("duplicate of 3 other tickets") unless nothing but these words leads to
# them and nothing follows.
_FEWEST_DIGITS = 4
_LEADS_TO_NUMBER = re.compile(
    r"(?:[\W_]*\b(?:of|to|with|is|the|von|zu|mit|de|del|du|ticket|incident|bug|issue|number|nr|no|id)\b)*[\W_]*",
    re.IGNORECASE,
)
_ENDS_NUMBER = re.compile(r"\s*(?:[).,\]]|$)")
_TICKET_NUMBER = re.compile(rf"\b(?:{_NUMBERED}|\d{{4,10}})\b")
_BETWEEN = re.compile(r"[,;|\n\r\t]+")
_QUOTED = r'"([^"]*(?:""[^"]*)*)"'
_HYPERLINK = re.compile(
    rf'=\s*hyperlink\(\s*{_QUOTED}\s*(?:[,;]\s*(?:{_QUOTED}|([^")]*)))?\s*\)', re.IGNORECASE
)
_WITH_EXPONENT = re.compile(r"\d(?:\.\d{1,20})?e\+?\d{1,2}", re.IGNORECASE)
# Shorter numbers are written with all their digits by every program.
_FEWEST_DIGITS_OF_EXPONENT = 12
_WHOLE = re.compile(r"(\d+)\.0+")


class KnownReferences(Mapping[str, str]):
    """Every name a reference may use (id, number, sys_id) to the ticket's id.

    A name counts as it is written; where no ticket has it so, by case, a leading # and the shape that
    programs give to numbers (12.0, 1e+16), if exactly one ticket fits.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._by_key: dict[str, str | None] = {}
        self._by_size: dict[float, str | None] = {}
        for name, ticket in names.items():
            key = _key(name)
            if self._by_key.setdefault(key, ticket) != ticket:
                self._by_key[key] = None
            if len(key) >= _FEWEST_DIGITS_OF_EXPONENT and key.isascii() and key.isdigit():
                size = float(key)
                if self._by_size.setdefault(size, ticket) != ticket:
                    self._by_size[size] = None

    def __getitem__(self, name: str) -> str:
        ticket = self._ticket(name)
        if ticket is None:
            raise KeyError(name)
        return ticket

    def __contains__(self, name: object) -> bool:
        # Most questions are of names that no ticket has; an exception each would double the time.
        return isinstance(name, str) and self._ticket(name) is not None

    def _ticket(self, name: str) -> str | None:
        ticket = self._names.get(name)
        if ticket is None:
            key = _key(name)
            ticket = self._by_key.get(key)
            if ticket is None and _WITH_EXPONENT.fullmatch(key):
                ticket = self._by_size.get(float(key))
        return ticket

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def known_names(frame: pl.DataFrame) -> KnownReferences:
    """Return the names of the tickets of a frame with `ticket_id`, `number` and `sys_id`."""
    names: dict[str, str] = {}
    for column in ("sys_id", "number", "ticket_id"):
        pairs = zip(frame[column], frame["ticket_id"], strict=True)
        names |= {name: ticket for name, ticket in pairs if name}
    return KnownReferences(names)


def _key(name: str) -> str:
    key = name.strip().casefold().removeprefix("#").strip()
    whole = _WHOLE.fullmatch(key) if key.endswith("0") else None
    return whole[1] if whole else key


def says_nothing(reference: str) -> bool:
    """Return True if a cell for a reference says that there is none: '', '0', 'TBD', 'no problem'."""
    if is_placeholder(reference):
        return True
    plain = re.sub(r"[\W_]+", " ", reference.casefold()).strip()
    return (
        not plain.strip("0 ")
        or plain in _NO_ANSWER
        or is_placeholder(plain)
        or _BEGINS_WITH_NO.fullmatch(plain) is not None
    )


def are_flags(values: Collection[str]) -> bool:
    """Return True if the values of a column only say whether there is a record: 0 and 1 name none."""
    return "0" in values and set(values) <= {"0", "1"}


def looks_like_id(text: str) -> bool:
    """Return True for a number, letters with digits (PRB0012345, ABC-12), a sys_id or a UUID."""
    return (
        len(text) <= _LONGEST_ID
        and any(sign.isdigit() for sign in text)
        and _ID.fullmatch(text) is not None
        and _NO_ID.fullmatch(text) is None
    )


def references(cell: str, known: Mapping[str, str]) -> list[str]:
    """Return the references a cell holds, each once: names in `known`, and what looks like an id.

    A cell may list several, hold an address that carries an id, or say it in words ("duplicate of INC1").
    """
    text = cell.strip()
    if text in known:
        return [text]
    if says_nothing(text):
        return []
    if looks_like_id(text):
        return [text]
    text = shown_of_hyperlink(text)
    if _URL.fullmatch(text):
        return _in_address(text, known)
    parts = [part.strip() for part in _BETWEEN.split(text) if part.strip()]
    listed = [reference for part in parts for reference in _in_part(part, known)]
    return list(dict.fromkeys(listed))


def shown_of_hyperlink(text: str) -> str:
    """Return what a spreadsheet shows of =HYPERLINK("address","INC1"); any other text as it is."""
    formula = _HYPERLINK.fullmatch(text.strip())
    if formula is None:
        return text
    return (formula[2] or (formula[3] or "").strip() or formula[1]).replace('""', '"')


def _in_part(part: str, known: Mapping[str, str]) -> list[str]:
    if part in known or looks_like_id(part):
        return [part]
    words = part.split()
    if all(word in known or looks_like_id(word) for word in words):
        return words
    if addresses := _URL.findall(part):
        return [reference for address in addresses for reference in _in_address(address, known)]
    named = _NAMED_NUMBER.fullmatch(part)
    strong = [named[1]] if named else _ID_IN_TEXT.findall(part)
    numbers = _NUMBER_IN_TEXT.findall(part)
    return strong or (numbers if len(numbers) == 1 and numbers[0] in known else [])


def _in_address(address: str, known: Mapping[str, str]) -> list[str]:
    """Return the id that a web address carries: in a field of its query, or as the last part of its path."""
    plain = unquote(unquote(address)).rstrip(".,;)>]")
    fields = [value.strip() for value in _ID_FIELD.findall(plain)]
    path = re.split(r"[?#]", plain.partition("://")[2], maxsplit=1)[0]
    parts = [part for part in path.split("/")[1:] if part]
    candidates = [*fields, *parts[-1:]]
    chosen = next((one for one in candidates if one in known), None)
    if chosen is None:
        chosen = next((one for one in candidates if looks_like_id(one)), None)
    return [] if chosen is None else [chosen]


def duplicate_in_notes(notes: str, ticket: str, known: Mapping[str, str]) -> str | None:
    """Return which ticket the notes of `ticket`, closed as a duplicate, name; None where they name none.

    What follows a word that says duplicate counts before any other number; what they say
    it is no duplicate of never does.
    """
    excluded = {ticket}
    unknown = None
    for word in _DUPLICATE_WORD.finditer(notes):
        denied = _NOT_BEFORE.search(notes, max(0, word.start() - 40), word.start()) is not None
        for reference in _in_clause(notes, word.end(), known):
            target = known.get(reference)
            if target is None:
                # A ticket that is absent is still the one that is meant; a word such as windows10 is none.
                if unknown is None and not denied and _ID_IN_TEXT.fullmatch(reference):
                    unknown = reference
            elif denied:
                excluded.add(target)
                break
            elif target not in excluded and unknown is None:
                return reference
    if unknown is not None:
        return unknown
    numbers = _TICKET_NUMBER.findall(notes)
    return next((number for number in numbers if known.get(number, ticket) not in excluded), None)


def _in_clause(notes: str, start: int, known: Mapping[str, str]) -> Iterator[str]:
    """Yield the references between a place in the notes and the end of its clause."""
    clause = _CLAUSE.match(notes, start, start + _MOST_BETWEEN)
    end = clause.end() if clause else start
    for reference in _REFERENCE_IN_NOTES.finditer(notes, start, end):
        written = reference[0]
        if _URL.fullmatch(written):
            yield from _in_address(written, known)
        elif (
            len(written) >= _FEWEST_DIGITS or not written.isdigit() or _stands_alone(notes, start, reference)
        ):
            yield written


def _stands_alone(notes: str, start: int, number: re.Match[str]) -> bool:
    return bool(
        _LEADS_TO_NUMBER.fullmatch(notes, start, number.start()) and _ENDS_NUMBER.match(notes, number.end())
    )
