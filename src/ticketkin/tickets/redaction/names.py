"""Names of people behind a title, a greeting or a word such as caller."""

import re

from ticketkin.tickets.redaction.recogniser import NAME, Recogniser, Span, labels, whole_words

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶĹĻĽŁŃŅŇŐŒŔŘŚŞŠŢŤŪŮŰŹŻŽ"
_PART = (
    rf"(?:(?:O['’]|D['’]|Mc"
    rf"|Mac)?[{_UPPER}][^\W\d_A-Z]{{1,24}}(?:[-'’][{_UPPER}]?[^\W\d_A-Z]{{1,24}}){{0,2}})(?![\w'’-]|[.@]\w)"
)
_INITIAL = rf"[{_UPPER}]\.(?![\w@])"
_PARTICLE = r"(?:von|van|der|den|de|del|della|la|le|da|dos|du|di|zu|zum|bin|el|ter|ten)"
_GAP = r"[ \u00a0]"
# One to four parts: Jane Doe, John Q. Public, Ludwig van der Beispiel.
_PERSON = rf"(?:(?:{_PART}|{_INITIAL})(?:{_GAP}(?:{_PARTICLE}{_GAP}){{0,2}}(?:{_PART}|{_INITIAL})){{0,3}})"
_FULL = rf"(?:(?:{_PART}|{_INITIAL})(?:{_GAP}(?:{_PARTICLE}{_GAP}){{0,2}}(?:{_PART}|{_INITIAL})){{1,3}})"
# As directories list people, the family name first or in capitals: Doe, Jane; DOE Jane; Jane DOE.
_CAPITALS = rf"[{_UPPER}]{{4,25}}(?:[-'’][{_UPPER}]{{2,25}})?(?![\w'’-]|[.@]\w)"
_LISTED = (
    rf"(?:{_PART},{_GAP}{_PART}(?:{_GAP}{_INITIAL})?(?=[ ]{{0,3}}(?:\Z|[\n;(|]))"
    rf"|{_CAPITALS},?{_GAP}{_PART}|{_PART}{_GAP}{_CAPITALS})"
)

# Words that stand where a name could and name no person.
_NO_PERSON_WORDS = """
dr prof dipl ing team support service services servicedesk desk helpdesk help it hr department dept
office admin administrator system systems group user users customer client all everyone everybody folks
sir madam colleague colleagues manager management operations security network infrastructure project
application applications server finance accounting sales marketing engineering facility facilities
supervisor please issue error problem ticket incident request unknown none given self portal app bot
monitoring alert notification postmaster mailer daemon root guest test tester postman company the this
we i my our your monday tuesday wednesday thursday friday saturday sunday vpn email mail phone best kind
regards thanks thank hello dear hi is not as in on at for from with when after and or but if its can
cannot could would should what which who windows outlook excel word teams printer laptop web internal
external local default global technical business level ihr ihre das der die dem den ein eine unser
unsere kollege kollegen kollegin dienst abteilung leitung zentrale einkauf vertrieb buchhaltung technik
bitte danke mitarbeiter mitarbeiterin benutzer anwender kunde unbekannt keine störung lage doktor
professor montag dienstag mittwoch donnerstag freitag samstag sonntag informatik verwaltung werkstatt
lager empfang l le la les l'équipe équipe un une votre notre directeur directrice responsable
informatique aucun aucune inconnu merci bonjour président demandeur assistance technique achats
comptabilité el los las equipo soporte servicio departamento director directora usuario ninguno
desconocido gracias null undefined string object exception class name value version true false builder
apache eclipse hadoop java linux agent device node host cluster account database file folder key queue
job task new starter starters joiner joiners hire human resources change board advisory cab monthly
weekly daily annual report reports legal procurement payroll purchasing audit compliance communications
research development quality production warehouse reception committee chief officer nobody somebody
anyone center centre bank corp inc ltd gmbh university personal personalabteilung geschäftsführung
vertriebsteam direction ressources humaines recursos humanos journée
"""
_NO_PERSON = frozenset(_NO_PERSON_WORDS.split())


def _is_person(text: str) -> bool:
    words = [word.casefold().strip(".,") for word in re.split(r"[ \u00a0]", text)]
    return not any(word in _NO_PERSON or word.startswith(("l'", "l’")) for word in words)


def _person(match: re.Match[str]) -> Span | None:
    return match.span("value") if _is_person(match["value"]) else None


_BARE_NAME = re.compile(r"(?:name|nom|nombre)(?!\w)", re.I)
_IN_ORDER = re.compile(_FULL)


def _of_a_role(match: re.Match[str]) -> Span | None:
    """Take a person in any order, but behind a bare "name" in plain order only: things have names, too."""
    bare = _BARE_NAME.match(match.group()) is not None
    return _person(match) if not bare or _IN_ORDER.fullmatch(match["value"]) else None


_GREETINGS = labels(
    r"regards|rgds|sincerely|faithfully|cheers|thanks|thank you|many thanks|thx|best wishes|best|yours"
    r"|br|grüßen|grüssen|gruß|gruss|grüße"
    r"|vg|mfg|lg|danke|dank|cordialement|salutations|merci|bien à vous|saludos|gracias|atentamente|saludo"
)
# "contact on site", "contact for delivery", "demandeur (Lyon)".
_WHERE = (
    r"(?:[ ](?:on[ -]?site|vor[ ]ort|sur[ ](?:site|place)|(?:for|für|pour|para)(?:[ ][\w-]{1,20}){1,3}?)"
    r"|[ ]?\([^()\n]{1,30}\))?"
)
_ROLES = labels(
    r"caller|contact(?: person)?|requester|requestor|requested (?:by|for)|reported by|reporter|raised by"
    r"|opened by|submitted by"
    r"|on behalf of|line manager|manager|supervisor|employee(?: name)?|new hire|new starter|new joiner"
    r"|approver|approved by|full name"
    r"|customer name|user(?: ?name)?|end user|affected user|ansprechpartner(?:in)?|melder(?:in)?"
    r"|anrufer(?:in)?|kontakt|mitarbeiter(?:in)?"
    r"|vorgesetzter?|gemeldet von|anwender(?:in)?|benutzer|demandeu(?:r|se)|appelant|responsable"
    r"|utilisat(?:eur|rice)|signalé par"
    r"|solicitante|contacto|usuario|nombre|name|nom|vor- und nachname",
    r"(?<![\w.].)",
)

RECOGNISERS = (
    Recogniser(
        NAME,
        "title",
        re.compile(
            r"[DFHMPS](?<![\w/].)(?:(?<=M)(?:(?:r|rs|s|iss|me|lle)?\.?|onsieur|adame|ademoiselle)"
            r"|(?<=D)(?:ra?\.?|on|oña)|(?<=P)rof\.?"
            r"|(?<=H)errn?|(?<=F)rau|(?<=S)(?:ra?\.?|rta\.?|eñora?))"
            rf"[ \u00a0](?:(?:Dr|Prof|Dipl|Ing)\.?[ \u00a0]){{0,2}}(?P<value>{_PERSON})"
        ),
        whole_words(
            "mr mrs ms miss dr prof mme mlle sr sra srta dra m herr herrn frau monsieur madame"
            " mademoiselle señor señora don doña"
        ),
        "Mrs Jane Roe",
        lambda match: _person(match) if not match.group().startswith(("M ", "Don ")) else None,
    ),
    Recogniser(
        NAME,
        "introduction",
        re.compile(
            r"[MmTtIiJj](?<!\w.)(?:(?<=[Mm])(?:y name is|y name's|ein Name ist|on nom est|e llamo"
            r"|i nombre es)|(?<=[Tt])his is"
            r"|(?<=[Ii])ch hei(?:ß|ss)e|(?<=[Jj])e m['’]appelle)"
            rf"[ \u00a0](?P<value>{_PERSON})"
        ),
        (
            "name is",
            "name's",
            "this is",
            "name ist",
            "ich hei",
            "appelle",
            "nom est",
            "me llamo",
            "nombre es",
        ),
        "My name is Jane Doe",
        lambda match: (
            None
            if match.group().startswith(("This is", "this is")) and not _introduces(match)
            else _person(match)
        ),
    ),
    Recogniser(
        NAME,
        "signature",
        re.compile(
            rf"{_GREETINGS}[ ]?[,.!]{{0,3}}[ ]?\s{{0,3}}\n\s{{0,3}}(?-i:(?P<value>{_PERSON}))"
            r"[ \u00a0]{0,3}[,.]?(?=\n|\Z)",
            re.I,
        ),
        whole_words(
            "regards rgds sincerely faithfully cheers thanks thank thx wishes best yours br grüßen"
            " grüssen gruß gruss grüße vg mfg lg danke dank"
            " cordialement salutations merci bien saludos gracias atentamente saludo "
            + "grüßen gruß grüße".casefold()
        ),
        "Kind regards,\nJane Doe",
        _person,
        gate=re.compile(r"\n"),
    ),
    Recogniser(
        NAME,
        "signature in a line",
        re.compile(
            labels("regards|grüßen|grüße|gruß|cordialement|saludos|thanks")
            + rf"[,.]?[ ](?-i:(?P<value>{_PERSON}))[ ]{{0,3}}[,.]?(?=\n|\Z)",
            re.I,
        ),
        whole_words("regards grüssen grüsse gruss cordialement saludos thanks"),
        "Kind regards, Jane Doe",
        _person,
    ),
    Recogniser(
        NAME,
        "short signature in a line",
        re.compile(
            # LG makes screens: only at the start of a line or sentence.
            labels("vg|mfg|lg|cdt|cheers|br", r"(?:(?<=\n.)|(?<=[.!?,][ ].))")
            + rf"[,.]?[ ](?-i:(?P<value>{_PERSON}))[ ]{{0,3}}[,.]?(?=\n|\Z)",
            re.I,
        ),
        whole_words("vg mfg lg cdt cheers br"),
        "Danke!\nVG Jane",
        _person,
    ),
    Recogniser(
        NAME,
        "salutation",
        re.compile(
            r"[DHLBCE](?<!\w.)(?:(?<=D)ear|(?<=H)(?:i|ello|ey|allo|ola)|(?<=L)iebe[rs]?|(?<=B)onjour"
            r"|(?<=C)h(?:er|ère)|(?<=E)stimad[oa])"
            rf"[ ](?P<value>{_PERSON})(?=[ ]?[,!](?:[ \n]|\Z)|[ ]?\n)"
        ),
        whole_words("dear hi hello hey hallo hola liebe lieber liebes bonjour cher chère estimado estimada"),
        "Dear Jane,",
        _person,
    ),
    Recogniser(
        NAME,
        "name in a directory",
        re.compile(rf"CN(?<!\w..)=(?-i:(?P<value>{_FULL}))(?=,|\Z|\n|[\"'])", re.I),
        ("cn=",),
        "CN=Jane Doe,OU=Users",
        _person,
    ),
    Recogniser(
        NAME,
        "by whom",
        re.compile(
            labels(
                r"requested by|reported by|raised by|opened by|submitted by|approved by|on behalf of"
                r"|gemeldet von|signalé par|i\. ?a\."
                r"|i\. ?v\.|im auftrag von"
            )
            + rf"[ ](?-i:(?P<value>{_FULL}))",
            re.I,
        ),
        (
            *whole_words(
                "requested reported raised opened submitted approved behalf gemeldet signalé auftrag"
            ),
            re.compile(r"[Ii]\. ?[AaVv]\."),
        ),
        "requested by Jane Doe",
        _person,
    ),
    Recogniser(
        NAME,
        "role",
        re.compile(
            rf"{_ROLES}{_WHERE}[ \t]{{0,2}}:[ \t]{{0,3}}(?-i:(?P<value>{_FULL}|{_LISTED}))(?=[ ]{{0,3}}(?:\Z"
            rf"|[\n,;.()/|\[-]|(?:approved|has|is|hat|ist|a|est)[ ]))",
            re.I,
        ),
        whole_words(
            "caller contact requester requestor requested reported reporter raised opened submitted"
            " behalf manager supervisor employee hire"
            " starter joiner approver approved name user username ansprechpartner ansprechpartnerin"
            " melder melderin anrufer anruferin kontakt"
            " mitarbeiter mitarbeiterin vorgesetzte vorgesetzter gemeldet anwender anwenderin benutzer"
            " demandeur demandeuse appelant"
            " responsable utilisateur utilisatrice signalé solicitante contacto usuario nombre nom nachname"
        ),
        "Caller: Jane Doe",
        _of_a_role,
        gate=re.compile(rf":[ \t]{{0,3}}[{_UPPER}]"),
    ),
)


def _introduces(match: re.Match[str]) -> bool:
    """Return True where "this is Jane Doe" introduces the caller: two names, and a clause on themselves."""
    rest = match.string[match.end() : match.end() + 12]
    return " " in match["value"] and re.match(r"(?: from| calling|,? here|,| \()", rest) is not None
