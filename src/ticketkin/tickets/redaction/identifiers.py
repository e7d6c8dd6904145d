"""Numbers and names by which people are known: national ids, user names, dates of birth."""

import re
from collections.abc import Callable

from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as swiss_ssn
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.us import ssn

from ticketkin.tickets.redaction.birth_dates import DATE, birth_date
from ticketkin.tickets.redaction.credentials import PAIR_TRIGGERS, USER_AND_PASSWORD
from ticketkin.tickets.redaction.recogniser import (
    BIRTH_DATE,
    DIGITS,
    ID_DIGITS,
    NATIONAL_ID,
    PART_START,
    THREE_DIGITS,
    USER_ID,
    WORD_END,
    Locate,
    Recogniser,
    Span,
    digits_of,
    labels,
    numbers_a_thing,
    value_span,
    whole_words,
)
from ticketkin.tickets.redaction.user_ids import NO_USER, located_user, located_user_id, located_user_of_pair

_LINK = (
    r"(?:[\s.:=#(-]{0,3}(?:no|nr|n|num|number|nummer|numéro|número|is|was|ist|war|lautet|est|es|of|de|la"
    r"|el|le)\b){0,3}"
    r"[\s.:=#°º(-]{1,4}"
)
_NATIONAL_WORDS = (
    r"ssn|social security|nino|ni number|ni no|steuer-?(?:nummer|nr)|national insurance"
    r"|tax(?:payer)?[ -]?id(?:entification)?|itin|tin|steuer-?id(?:nr)?"
    r"|steuer-?identifikations?-?nummer|steuer-?idnr|idnr(?<!-....)|sozialversicherungs-?(?:nummer|nr)"
    r"|rentenversicherungsnummer"
    r"|sv-?(?:nummer|nr)|ahv-?(?:nummer|nr)|sécurité sociale|n°\s?sécu|nir|numéro fiscal|spi|dni|nie|nif"
    r"|codice fiscale"
    r"|bsn|burgerservicenummer|pesel|personnummer|cpr|cpf|aadhaar|pan card|passport|passeport|pasaporte"
    r"|passaporto|reisepass\w{0,8}"
    r"|personalausweis\w{0,8}|carte d['’]identité|carte vitale|identity card|id card"
    r"|driver'?s?['’]? licen[cs]e|driving licen[cs]e"
    r"|führerschein\w{0,8}|permis de conduire|numéro de sécurité sociale|seguridad social|nhs number"
    r"|medicare"
)


def _checked(is_valid: Callable[[str], bool]) -> Locate:
    def locate(match: re.Match[str]) -> Span | None:
        return match.span() if is_valid(match.group()) and not numbers_a_thing(match) else None

    return locate


def _labelled_number(match: re.Match[str]) -> Span | None:
    start, end = match.span("value")
    value = match["value"].rstrip("./-")
    return (start, end - len(match["value"]) + len(value)) if len(digits_of(value)) >= 5 else None


# Registry keys, drives and file names look like DOMAIN\\user.
_NO_DOMAIN = re.compile(
    r"HK[A-Z]{1,3}\\.*|.*\.(?:exe|dll|txt|log|docx?|xlsx?|pdf|ini|bat|cmd|msi|ps\d?)|.*\\[nrtbfdswx]"
    r"|.*\\(?:domain|users?|admins?|groups?|config|data|system|bin|temp|ip|or|and)"
)


_STAFF = ("employee", "staff", "personnel", "payroll", "worker", "badge", "student", "pers", "emp")


def _staff_number(match: re.Match[str]) -> Span | None:
    return match.span("value") if len(digits_of(match["value"])) >= 3 else None


RECOGNISERS = (
    Recogniser(
        NATIONAL_ID,
        "labelled national id",
        re.compile(
            rf"{labels(_NATIONAL_WORDS)}(?!\w){_LINK}(?P<value>[A-Z0-9][A-Z0-9./-]{{0,24}}+"
            r"(?:[ ](?:(?=[A-Z./-]{0,6}\d)[A-Z0-9./-]{1,20}+|(?-i:[A-HJ-Z])(?![\w'’]))){0,8})(?!\w)",
            re.I,
        ),
        (
            "steuer",
            "versicherungsn",
            "reisepass",
            "ausweis",
            "führerschein",
            *whole_words(
                "ssn social nino ni insurance tax taxpayer itin tin idnr sv ahv sécurité sécu nir fiscal"
                " fiscale spi dni nie nif bsn"
                " burgerservicenummer pesel personnummer cpr cpf aadhaar pan passport passeport"
                " pasaporte passaporto identité vitale identity"
                " id license licence permis seguridad nhs medicare"
            ),
        ),
        "Sozialversicherungsnummer 65 170839 J 003",
        _labelled_number,
        gate=ID_DIGITS,
    ),
    Recogniser(
        NATIONAL_ID,
        "us ssn",
        re.compile(r"\d(?<![\w.-]\d)\d{2}-\d{2}-\d{4}(?![\w-]|\.\d)"),
        (DIGITS,),
        "123-45-6789",
        _checked(ssn.is_valid),
    ),
    Recogniser(
        NATIONAL_ID,
        "uk nino",
        re.compile(rf"[A-Z](?<!\w.)[A-Z] \d{{2}} \d{{2}} \d{{2}} [A-D]{WORD_END}"),
        (re.compile(r"[A-Z] \d{2} \d{2} \d"),),
        "AB 12 34 56 C",
        _checked(lambda _: True),
    ),
    Recogniser(
        NATIONAL_ID,
        "de svnr",
        re.compile(rf"\d(?<!\w\d)\d [0-3]\d[01]\d{{3}} [A-Z] \d{{3}}{WORD_END}"),
        (DIGITS,),
        "65 170839 J 003",
        _checked(lambda _: True),
    ),
    Recogniser(
        NATIONAL_ID,
        "fr nir",
        re.compile(
            r"[12](?<![\w.-].) ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?![\w-]"
            r"|\.\d)"
        ),
        (DIGITS,),
        "2 55 08 14 168 025 38",
        _checked(lambda value: value.count(" ") >= 5 or bool(nir.is_valid(value))),
    ),
    Recogniser(
        NATIONAL_ID,
        "es dni",
        re.compile(r"[\dXYZ](?<!\w.)(?:(?<=\d)\d{7}-?|(?<=[XYZ])-?\d{7}-?)[A-HJ-NP-TV-Z](?![\w-])"),
        (DIGITS,),
        "12345678Z",
        _checked(lambda value: bool(dni.is_valid(value) or nie.is_valid(value))),
    ),
    Recogniser(
        NATIONAL_ID,
        "it codice fiscale",
        re.compile(rf"[A-Z](?<!\w.)[A-Z]{{5}}\d{{2}}[A-EHLMPRST]\d{{2}}[A-Z]\d{{3}}[A-Z]{WORD_END}", re.I),
        (re.compile(r"\d\d[A-Za-z]\d\d[A-Za-z]\d"),),
        "RCCMNL83S18D969H",
        _checked(codicefiscale.is_valid),
    ),
    Recogniser(
        NATIONAL_ID,
        "ch ahv",
        re.compile(r"7(?<![\w.-]7)56\.\d{4}\.\d{4}\.\d{2}(?![\w-]|\.\d)"),
        ("756.",),
        "756.9217.0769.85",
        _checked(swiss_ssn.is_valid),
    ),
    Recogniser(
        NATIONAL_ID,
        "be nn or br cpf",
        re.compile(
            r"\d(?<![\w.-]\d)(?:\d\.\d{2}\.\d{2}-\d{3}\.\d{2}|\d{2}\.\d{3}\.\d{3}-\d{2})(?![\w-]|\.\d)"
        ),
        (DIGITS,),
        "390.533.447-05",
        _checked(lambda value: bool(nn.is_valid(value) or cpf.is_valid(value))),
    ),
    Recogniser(
        USER_ID,
        "staff number",
        re.compile(
            labels(
                "|".join(rf"{who}[ -]?(?:id|no|nr|num|number|code)" for who in _STAFF)
                + r"|employee(?=[ ]?[#:])|emp(?=[ ]?#|\.[ ]?(?:no|nr|id))|ma-?(?:nr|nummer)"
                r"|matrikelnummer|n° employé|n°employé|personal-?(?:nummer|nr)|pers\.?-?nr"
                r"|mitarbeiter-?(?:nummer|nr|id"
                r"|kennung)|ausweis-?(?:nummer|nr)|stammnummer"
                r"|matricule|numéro d['’]employé|numéro de badge|n° de badge|id employé"
                r"|número de empleado|id de empleado|legajo"
            )
            + rf"(?!\w){_LINK}(?P<value>[A-Z0-9][\w-]{{2,20}}){WORD_END}",
            re.I,
        ),
        (
            "ausweis",
            *whole_words(
                "personal personalnummer personalnr ma matrikelnummer employee emp empid employeeid"
                " staff personnel"
                " payroll worker badge student pers persnr mitarbeiter mitarbeiternummer mitarbeiternr"
                " mitarbeiterid stammnummer matricule employé empleado legajo"
            ),
        ),
        "Personalnummer: 40712",
        _staff_number,
        gate=THREE_DIGITS,
    ),
    Recogniser(
        USER_ID,
        "user name",
        re.compile(
            labels(
                r"user[ _-]?(?:id|name)|login[ _-]?(?:id|name)|log[io]n|samaccountname|sam account"
                r"|userprincipalname|uid|benutzer-?(?:kennung|name|id)|anmelde-?(?:name|kennung)"
                r"|user-?kennung|kennung|identifiant"
                r"|nom d['’]utilisateur|nombre de usuario|usuario",
                PART_START,
            )
            + r"(?!\w)(?P<link>[\"']{0,2}[\s:=]{1,4}(?:(?:is|was|ist|war|lautet|est"
            r"|es)\b[\s:]{1,2})?)[\"']?"
            r"(?P<value>[^\s\"'<>,;&|]{2,80})",
            re.I,
        ),
        (
            "kennung",
            *whole_words(
                "userid user username userprincipalname login logon loginid loginname samaccountname"
                " benutzer benutzername benutzerid anmeldename"
                " uid sam identifiant usuario utilisateur"
            ),
        ),
        "Username: jroe",
        located_user_id,
    ),
    Recogniser(
        USER_ID,
        "user",
        re.compile(
            labels(r"user|benutzer(?:konto)?|utilisateur|usuario|account|compte|cuenta")
            + r"(?!\w)(?P<link>[\"']?[ ]?[:=][ ]?|[ ])[\"']?(?P<value>[a-z][\w.@\\-]{1,60})(?![\w(])",
            re.I,
        ),
        whole_words("user benutzer benutzerkonto utilisateur usuario account compte cuenta"),
        "user: jdoe",
        located_user,
    ),
    Recogniser(
        USER_ID,
        "user of a password",
        USER_AND_PASSWORD,
        PAIR_TRIGGERS,
        "creds: jdoe / Adm1n!",
        located_user_of_pair,
    ),
    Recogniser(
        USER_ID,
        "user of a remote host",
        re.compile(
            labels("ssh|scp|sftp|rsync", r"(?<![\w.-].)")
            + r"[ ](?:[^\n@]{0,80}[ ])?(?P<value>[a-z][\w.-]{0,31}+)@(?=[\w\[])"
        ),
        whole_words("ssh scp sftp rsync"),
        "ssh jdoe@192.0.2.7",
        lambda match: match.span("value") if match["value"] not in NO_USER else None,
    ),
    Recogniser(
        USER_ID,
        "user of a domain",
        re.compile(
            r"[A-Z](?<![\w\\/.-].)[A-Z0-9-]{1,14}+\\(?P<value>[a-z][a-z0-9_-]{0,30}(?:\.[a-z0-9_-]{1,30})?)(?![\w\\(:]|\.\w)"
        ),
        ("\\",),
        "CORP\\jdoe",
        lambda match: value_span(match) if not _NO_DOMAIN.fullmatch(match.group()) else None,
    ),
    Recogniser(
        BIRTH_DATE,
        "birth date",
        re.compile(
            labels(
                r"born|dob|d\.o\.b\.?|date of birth|birth ?(?:date|day)|geboren|geburtsdatum|geburtstag"
                r"|geb(?:\.?[ -]{0,2}dat(?:um)?)?|née?|né\(e\)|date de naissance|naissance"
                r"|fecha de nacimiento|f\. ?nac|nacid[oa]"
            )
            + r"(?!\w)"
            rf"(?:[\s.:=(]{{0,3}}(?:on|in|am|le|el|is|ist|est"
            rf"|es)\b){{0,2}}[\s.:=(]{{1,4}}(?P<value>{DATE}){WORD_END}",
            re.I,
        ),
        whole_words(
            "born dob d birth birthday birthdate geboren geburtsdatum geburtstag geb né née naissance"
            " nacimiento nac nacido nacida"
        ),
        "Geburtsdatum: 01.04.1979",
        birth_date,
        gate=re.compile(r"\d"),
    ),
)
