"""Names of people: behind a title, a greeting or a word such as caller; from a list; by a language model."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ticketkin.core.errors import ConfigurationError, MissingExtraError
from ticketkin.tickets.redaction.recogniser import NAME, Recogniser, Span, labels, whole_words

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶĹĻĽŁŃŅŇŐŒŔŘŚŞŠŢŤŪŮŰŹŻŽ"
_PART = rf"(?:(?:O['’]|D['’]|Mc|Mac)?[{_UPPER}][^\W\d_A-Z]{{1,24}}(?:[-'’][{_UPPER}]?[^\W\d_A-Z]{{1,24}}){{0,2}})(?![\w'’-]|[.@]\w)"
_INITIAL = rf"[{_UPPER}]\.(?![\w@])"
_PARTICLE = r"(?:von|van|der|den|de|del|della|la|le|da|dos|du|di|zu|zum|bin|el|ter|ten)"
_GAP = r"[ \u00a0]"
# One to four parts: Jane Doe, John Q. Public, Ludwig van der Beispiel.
_PERSON = rf"(?:(?:{_PART}|{_INITIAL})(?:{_GAP}(?:{_PARTICLE}{_GAP}){{0,2}}(?:{_PART}|{_INITIAL})){{0,3}})"
_FULL = rf"(?:(?:{_PART}|{_INITIAL})(?:{_GAP}(?:{_PARTICLE}{_GAP}){{0,2}}(?:{_PART}|{_INITIAL})){{1,3}})"

# Words that stand where a name could and name no person.
_NO_PERSON = frozenset(
    """dr prof dipl ing team support service services servicedesk desk helpdesk help it hr department dept office admin administrator system systems
    group user users customer client all everyone everybody folks sir madam colleague colleagues manager management operations
    security network infrastructure project application applications server finance accounting sales marketing engineering facility
    facilities supervisor please issue error problem ticket incident request unknown none given self portal app application bot
    monitoring alert notification postmaster mailer daemon root guest test tester postman company the this we i my our your monday
    tuesday wednesday thursday friday saturday sunday vpn email mail phone best kind regards thanks thank hello dear hi is not please
    as in on at for from with when after and or but if it its can cannot could would should what which who windows outlook office
    excel word teams printer laptop web internal external local default global technical business level
    ihr ihre das der die dem den ein eine unser unsere kollege kollegen kollegin dienst abteilung leitung zentrale einkauf vertrieb
    buchhaltung technik bitte danke mitarbeiter mitarbeiterin benutzer anwender kunde unbekannt keine störung lage doktor professor
    montag dienstag mittwoch donnerstag freitag samstag sonntag informatik verwaltung werkstatt lager empfang
    l le la les l'équipe équipe un une votre notre directeur directrice responsable informatique aucun aucune inconnu merci bonjour
    directeur président demandeur assistance technique achats comptabilité
    el los las equipo soporte servicio departamento director directora usuario ninguno desconocido gracias
    null undefined string object exception class name value version true false builder apache eclipse hadoop java linux
    agent device node host cluster account database file folder key queue job task""".split()
)


def _is_person(text: str) -> bool:
    words = [word.casefold().strip(".") for word in re.split(r"[ \u00a0]", text)]
    return not any(word in _NO_PERSON or word.startswith(("l'", "l’")) for word in words)


def _person(match: re.Match[str]) -> Span | None:
    return match.span("value") if _is_person(match["value"]) else None


_GREETINGS = labels(
    r"regards|rgds|sincerely|faithfully|cheers|thanks|thank you|many thanks|thx|best wishes|best|yours|br|grüßen|grüssen|gruß|gruss|grüße"
    r"|vg|mfg|lg|danke|dank|cordialement|salutations|merci|bien à vous|saludos|gracias|atentamente|saludo"
)
_ROLES = labels(
    r"caller|contact(?: person)?|requester|requestor|requested (?:by|for)|reported by|reporter|raised by|opened by|submitted by"
    r"|on behalf of|line manager|manager|supervisor|employee(?: name)?|new hire|new starter|new joiner|approver|approved by|full name"
    r"|customer name|user(?: ?name)?|end user|affected user|ansprechpartner(?:in)?|melder(?:in)?|anrufer(?:in)?|kontakt|mitarbeiter(?:in)?"
    r"|vorgesetzter?|gemeldet von|anwender(?:in)?|benutzer|demandeu(?:r|se)|appelant|responsable|utilisat(?:eur|rice)|signalé par"
    r"|solicitante|contacto|usuario|nombre|name|nom|vor- und nachname",
    r"(?<![\w.].)",
)

RECOGNISERS = (
    Recogniser(
        NAME,
        "title",
        re.compile(
            r"[DFHMPS](?<![\w/].)(?:(?<=M)(?:(?:r|rs|s|iss|me|lle)?\.?|onsieur|adame|ademoiselle)|(?<=D)(?:ra?\.?|on|oña)|(?<=P)rof\.?"
            r"|(?<=H)errn?|(?<=F)rau|(?<=S)(?:ra?\.?|rta\.?|eñora?))"
            rf"[ \u00a0](?:(?:Dr|Prof|Dipl|Ing)\.?[ \u00a0]){{0,2}}(?P<value>{_PERSON})"
        ),
        whole_words(
            "mr mrs ms miss dr prof mme mlle sr sra srta dra m herr herrn frau monsieur madame mademoiselle señor señora don doña"
        ),
        "Mrs Jane Roe",
        lambda match: _person(match) if not match.group().startswith(("M ", "Don ")) else None,
    ),  # fmt: skip
    Recogniser(
        NAME,
        "introduction",
        re.compile(
            r"[MmTtIiJj](?<!\w.)(?:(?<=[Mm])(?:y name is|y name's|ein Name ist|on nom est|e llamo|i nombre es)|(?<=[Tt])his is"
            r"|(?<=[Ii])ch hei(?:ß|ss)e|(?<=[Jj])e m['’]appelle)"
            rf"[ \u00a0](?P<value>{_PERSON})"
        ),
        ("name is", "name's", "this is", "name ist", "ich hei", "appelle", "nom est", "me llamo", "nombre es"),
        "My name is Jane Doe",
        lambda match: None if match.group().startswith(("This is", "this is")) and not _introduces(match) else _person(match),
    ),
    Recogniser(
        NAME,
        "signature",
        re.compile(
            rf"{_GREETINGS}[ ]?[,.!]{{0,3}}[ ]?\s{{0,3}}\n\s{{0,3}}(?-i:(?P<value>{_PERSON}))[ \u00a0]{{0,3}}[,.]?(?=\n|\Z)", re.I
        ),
        whole_words(
            "regards rgds sincerely faithfully cheers thanks thank thx wishes best yours br grüßen grüssen gruß gruss grüße vg mfg lg danke dank"
            " cordialement salutations merci bien saludos gracias atentamente saludo " + "grüßen gruß grüße".casefold()
        ),
        "Kind regards,\nJane Doe",
        _person,
        gate=re.compile(r"\n"),
    ),  # fmt: skip
    Recogniser(
        NAME,
        "signature in a line",
        re.compile(rf"{labels('regards|grüßen|grüße|gruß|cordialement|saludos|thanks')}[,.]?[ ](?-i:(?P<value>{_PERSON}))[ ]{{0,3}}[,.]?(?=\n|\Z)", re.I),
        whole_words("regards grüssen grüsse gruss cordialement saludos thanks"),
        "Kind regards, Jane Doe",
        _person,
    ),
    Recogniser(
        NAME,
        "salutation",
        re.compile(
            r"[DHLBCE](?<!\w.)(?:(?<=D)ear|(?<=H)(?:i|ello|ey|allo|ola)|(?<=L)iebe[rs]?|(?<=B)onjour|(?<=C)h(?:er|ère)|(?<=E)stimad[oa])"
            rf"[ ](?P<value>{_PERSON})(?=[ ]?[,!](?:[ \n]|\Z)|[ ]?\n)"
        ),
        whole_words("dear hi hello hey hallo hola liebe lieber liebes bonjour cher chère estimado estimada"),
        "Dear Jane,",
        _person,
    ),
    Recogniser(
        NAME,
        "by whom",
        re.compile(
            labels(
                r"requested by|reported by|raised by|opened by|submitted by|approved by|on behalf of|gemeldet von|signalé par|i\. ?a\."
                r"|i\. ?v\.|im auftrag von"
            )
            + rf"[ ](?-i:(?P<value>{_FULL}))",
            re.I,
        ),
        whole_words("requested reported raised opened submitted approved behalf gemeldet signalé i auftrag"),
        "requested by Jane Doe",
        _person,
    ),
    Recogniser(
        NAME,
        "role",
        re.compile(
            rf"{_ROLES}[ \t]{{0,2}}:[ \t]{{0,3}}(?-i:(?P<value>{_FULL}))(?=[ ]{{0,3}}(?:\Z|[\n,;.()/|\[-]|(?:approved|has|is|hat|ist|a|est)[ ]))",
            re.I,
        ),
        whole_words(
            "caller contact requester requestor requested reported reporter raised opened submitted behalf manager supervisor employee hire"
            " starter joiner approver approved name user username ansprechpartner ansprechpartnerin melder melderin anrufer anruferin kontakt"
            " mitarbeiter mitarbeiterin vorgesetzte vorgesetzter gemeldet anwender anwenderin benutzer demandeur demandeuse appelant"
            " responsable utilisateur utilisatrice signalé solicitante contacto usuario nombre nom nachname"
        ),
        "Caller: Jane Doe",
        _person,
        gate=re.compile(rf":[ \t]{{0,3}}[{_UPPER}]"),
    ),  # fmt: skip
)


def _introduces(match: re.Match[str]) -> bool:
    """Return True where "this is Jane Doe" introduces the caller: two names, and a clause on themselves."""
    rest = match.string[match.end() : match.end() + 12]
    return " " in match["value"] and re.match(r"(?: from| calling|,? here|,| \()", rest) is not None


_WORD = re.compile(r"\w+")
_MAX_LINE = 200


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()


@dataclass(frozen=True)
class WordList:
    """Names, user ids and phrases that are replaced wherever they stand as whole words, whatever their case."""

    lengths: dict[str, tuple[int, ...]]
    """First word of a phrase -> lengths of the phrases that begin with it, in words, longest first."""
    phrases: frozenset[str]

    @classmethod
    def of(cls, lines: list[str]) -> "WordList":
        """Return the list of these phrases; blank lines are skipped. Raises ConfigurationError.

        A phrase of one letter or without any letter or digit would replace the text itself and is refused.
        """
        lengths: dict[str, set[int]] = {}
        phrases = set()
        for number, line in enumerate(lines, 1):
            words = list(_WORD.finditer(line))
            if not line.strip():
                continue
            trimmed = line[words[0].start() : words[-1].end()] if words else ""
            if len(trimmed) < 2 or len(line) > _MAX_LINE:
                raise ConfigurationError(
                    f"--redact-words, line {number}: {line[:40]!r} is no name, user id or phrase; each line holds one of "
                    f"2 to {_MAX_LINE} characters, with letters or digits"
                )
            phrases.add(_folded(trimmed))
            lengths.setdefault(_folded(words[0].group()), set()).add(len(words))
        return cls({word: tuple(sorted(n, reverse=True)) for word, n in lengths.items()}, frozenset(phrases))

    @classmethod
    def read(cls, path: Path) -> "WordList":
        """Return the list in a UTF-8 file, one phrase a line. Raises ConfigurationError where it can't be read."""
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"--redact-words {path}: can't be read ({error}); give a text file in UTF-8 with one name, user id or "
                "phrase a line"
            ) from None
        return cls.of(text.splitlines())

    def spans(self, text: str) -> list[Span]:
        """Return where phrases of the list stand, longest first at each place; linear in the text."""
        words = [match.span() for match in _WORD.finditer(text)]
        spans = []
        place = 0
        while place < len(words):
            n_words = self._longest(text, words, place)
            if n_words:
                spans.append((words[place][0], words[place + n_words - 1][1]))
            place += n_words or 1
        return spans

    def _longest(self, text: str, words: list[Span], place: int) -> int:
        start, end = words[place]
        for n_words in self.lengths.get(_folded(text[start:end]), ()):
            if place + n_words <= len(words):
                stop = words[place + n_words - 1][1]
                if stop - start <= 2 * _MAX_LINE and _folded(text[start:stop]) in self.phrases:
                    return n_words
        return 0


PersonFinder = Callable[[str], list[Span]]
# Texts are given to a language model in pieces: its memory grows with the text.
_PIECE = 10_000


def person_finder(pipelines: tuple[str, ...]) -> PersonFinder:
    """Return a function that gives the spans of people's names, by spaCy pipelines that are installed.

    `pipelines` names packages such as en_core_web_sm; where it is empty, every installed one is asked. Raises
    MissingExtraError where spaCy or a pipeline is missing.
    """
    try:
        import spacy
        from spacy.util import get_installed_models
    except ImportError:
        raise MissingExtraError(
            "Names of people in running text are recognised by spaCy, which is not installed: "
            "pip install 'ticketkin[names]', and a pipeline for your language, e.g. en_core_web_sm"
        ) from None
    installed = tuple(sorted(get_installed_models()))
    missing = [name for name in pipelines if name not in installed]
    if missing or not installed:
        raise MissingExtraError(
            f"spaCy pipeline {', '.join(missing) or 'for names'} is not installed; installed: {', '.join(installed) or 'none'}. "
            "Install one with a recogniser of names (e.g. en_core_web_sm, de_core_news_sm) as a Python package"
        )
    return entity_spans([spacy.load(name) for name in pipelines or installed])


def entity_spans(models: list[Any]) -> PersonFinder:
    """Return a function that gives the spans of what any of these spaCy pipelines labels a person."""

    def spans(text: str) -> list[Span]:
        return [
            (start + entity.start_char, start + entity.end_char)
            for start in range(0, len(text), _PIECE)
            for model in models
            for entity in model(text[start : start + _PIECE]).ents
            if entity.label_ in ("PERSON", "PER")
        ]

    return spans
