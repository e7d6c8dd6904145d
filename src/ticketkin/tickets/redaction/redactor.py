"""Finding and replacing: one pass asks every recogniser, passes go on until nothing moves."""

import re
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ticketkin.tickets.redaction import (
    commands,
    contacts,
    credentials,
    identifiers,
    names,
    networks,
    payment,
    secrets,
)
from ticketkin.tickets.redaction.known_names import PersonFinder, WordList, person_finder
from ticketkin.tickets.redaction.recogniser import (
    NAME,
    Recogniser,
    RedactedKind,
    Span,
    needs_digits,
    placeholders_in,
)
from ticketkin.tickets.settings import TicketSettings

REDACTION_VERSION = "3"
"""Changes whenever what is replaced changes: texts redacted by different versions are not alike."""

# In order: where two recognisers claim the same text, the earlier one has it.
RECOGNISERS: tuple[Recogniser, ...] = (
    *secrets.RECOGNISERS,
    *credentials.RECOGNISERS,
    *commands.RECOGNISERS,
    *contacts.EMAILS,
    *payment.RECOGNISERS,
    *identifiers.RECOGNISERS,
    *networks.RECOGNISERS,
    *contacts.PHONES,
    *names.RECOGNISERS,
)
# A replacement can uncover another beside it (see `recogniser`); a few passes find them all.
_MAX_PASSES = 12


def recognised_kinds() -> tuple[RedactedKind, ...]:
    """Return every kind of what is replaced, with its placeholder and a sentence on what is looked for."""
    return tuple(dict.fromkeys(recogniser.kind for recogniser in RECOGNISERS))


NOT_RECOGNISED = (
    "Names of people in running text without a title, greeting or word such as caller before them,"
    " unless they are in "
    "the list given with --redact-words or the extra names is on.",
    "Postal addresses, licence plates, photographs and attachments.",
    "Passwords and keys that neither have a known shape nor stand behind a word for one.",
    "Random codes of unknown meaning such as sys_id, GUID and checksums: they tell tickets apart.",
)
"""What is not looked for, a plain sentence each."""


@dataclass(frozen=True, order=True)
class Replacement:
    """A stretch of a text and the kind it is replaced as."""

    start: int
    end: int
    kind: RedactedKind = field(compare=False)


@dataclass(frozen=True)
class _Triggered:
    """Recognisers by what makes them worth trying, so that each trigger is looked for once a text."""

    gate: re.Pattern[str] | None
    words: dict[str, list[int]]
    parts: dict[str, list[int]]
    looks: dict[re.Pattern[str], list[int]]

    @classmethod
    def by_gate(cls, recognisers: Sequence[Recogniser]) -> tuple["_Triggered", ...]:
        groups: dict[re.Pattern[str] | None, _Triggered] = {}
        for place, recogniser in enumerate(recognisers):
            group = groups.setdefault(recogniser.gate, cls(recogniser.gate, {}, {}, {}))
            for trigger in recogniser.triggers:
                if not isinstance(trigger, str):
                    group.looks.setdefault(trigger, []).append(place)
                elif trigger.startswith("="):
                    group.words.setdefault(trigger[1:], []).append(place)
                else:
                    group.parts.setdefault(trigger, []).append(place)
        return tuple(groups.values())

    def worth_trying(self, text: str, folded: str, words: frozenset[str], has_digits: bool) -> set[int]:
        """Return places of the recognisers that could match."""
        if self.gate is not None and not (has_digits >= needs_digits(self.gate) and self.gate.search(text)):
            return set()
        places = {place for word in self.words.keys() & words for place in self.words[word]}
        for part, those in self.parts.items():
            if part in folded:
                places.update(those)
        for look, those in self.looks.items():
            if has_digits >= needs_digits(look) and not places.issuperset(those) and look.search(text):
                places.update(those)
        return places


_TRIGGERED = _Triggered.by_gate(RECOGNISERS)
_LETTERS = re.compile(r"[a-zß-ÿ]+")
_DIGIT = re.compile(r"\d")


def _worth_trying(text: str) -> list[Recogniser]:
    folded = text.casefold()
    words = frozenset(_LETTERS.findall(folded))
    has_digits = _DIGIT.search(text) is not None
    places = set().union(*(group.worth_trying(text, folded, words, has_digits) for group in _TRIGGERED))
    return [RECOGNISERS[place] for place in sorted(places)]


class _Claims:
    """Stretches of a text that are taken; the first claim on a stretch wins."""

    def __init__(self, text: str) -> None:
        self._taken: list[Span] = placeholders_in(text)
        self.replacements: list[Replacement] = []

    def add(self, span: Span, kind: RedactedKind) -> None:
        start, end = span
        place = bisect_left(self._taken, (start, start))
        if start >= end or (place > 0 and self._taken[place - 1][1] > start):
            return
        if place < len(self._taken) and self._taken[place][0] < end:
            return
        insort(self._taken, span)
        self.replacements.append(Replacement(start, end, kind))


@dataclass(frozen=True)
class Redactor:
    """Replaces personal data and secrets by placeholders.

    The value is not kept, not even hashed: names and card numbers come from so small a set that a hash gives
    them away. Time is linear in the text.
    """

    words: WordList | None = None
    people: PersonFinder | None = None

    @classmethod
    def of(cls, settings: TicketSettings) -> "Redactor":
        """Return the redactor of these settings.

        Raises ConfigurationError where the list of words can't be read, MissingExtraError where names are
        asked for and spaCy or a pipeline is missing.
        """
        words = WordList.read(settings.redact_words) if settings.redact_words is not None else None
        people = person_finder(settings.names_pipelines) if settings.redact_names else None
        return cls(words, people)

    @classmethod
    def if_asked(cls, settings: TicketSettings) -> "Redactor | None":
        """Return the redactor of these settings, None where they leave texts as they are. Raises as `of`."""
        return cls.of(settings) if settings.redact else None

    def redact(self, text: str, counts: Counter[str] | None = None) -> str:
        """Return `text` with placeholders; doing it twice changes nothing more.

        `counts` gains one for each replacement, by name of the kind.
        """
        for _ in range(_MAX_PASSES):
            replacements = self._one_pass(text)
            if not replacements:
                break
            if counts is not None:
                counts.update(replacement.kind.name for replacement in replacements)
            text = _replaced(text, replacements)
        return text

    def replacements(self, text: str) -> list[Replacement]:
        """Return what `redact` replaces, as stretches of the text that is given, in order."""
        origin = list(range(len(text) + 1))
        total: list[Replacement] = []
        for _ in range(_MAX_PASSES):
            replacements = self._one_pass(text)
            if not replacements:
                break
            total.extend(Replacement(origin[r.start], origin[r.end], r.kind) for r in replacements)
            for r in reversed(replacements):
                # A placeholder's characters come from where the stretch began, what follows from its end.
                origin[r.start : r.end] = [origin[r.start]] * len(r.kind.placeholder)
            text = _replaced(text, replacements)
        return sorted(total)

    def _one_pass(self, text: str) -> list[Replacement]:
        claims = _Claims(text)
        if self.words is not None:
            for span in self.words.spans(text):
                claims.add(span, NAME)
        for recogniser in _worth_trying(text):
            for match in recogniser.pattern.finditer(text):
                spans = recogniser.locate(match)
                if spans is not None:
                    claims.add(spans, recogniser.kind)
        if self.people is not None:
            for span in self.people(text):
                claims.add(span, NAME)
        return sorted(claims.replacements)


def _replaced(text: str, replacements: Sequence[Replacement]) -> str:
    pieces = []
    end = 0
    for replacement in replacements:
        pieces += [text[end : replacement.start], replacement.kind.placeholder]
        end = replacement.end
    return "".join([*pieces, text[end:]])


_DEFAULT = Redactor()


def redact(text: str, counts: Counter[str] | None = None) -> str:
    """Return `text` as a redactor with default settings leaves it: see `Redactor.redact`."""
    return _DEFAULT.redact(text, counts)
