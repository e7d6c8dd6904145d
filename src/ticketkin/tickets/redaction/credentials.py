"""Passwords, PINs and codes behind a word for one, and in addresses.

Each recogniser finds a label and what follows it; `looks_secret` decides whether that is a secret or only a
word about one.
"""

import re

from ticketkin.tickets.redaction.predicates import ends_clause, is_predicate
from ticketkin.tickets.redaction.recogniser import (
    ANYWHERE,
    CREDENTIAL,
    PART_START,
    SCOPE,
    THREE_DIGITS,
    Recogniser,
    Span,
    labels,
    whole_words,
)
from ticketkin.tickets.redaction.secret_values import (
    NO_VALUE,
    VALUE,
    assigned_secret,
    is_strong,
    not_hidden,
    plain_secret,
    strong_secret,
    strong_where_loose,
)

# Words for passwords. The long ones may be part of any name or compound (DB_PASSWORD, WLAN-Passwort,
# Initialkennwort), the short ones stand alone or as a part of a name.
_PASSWORD = (
    labels(
        r"pass[ _-]?words?|passwor[td]e?s?|passwd|kennw(?:ort|örter)(?:es|s)?|pass[ _-]?phrase|passcode"
        r"|mots?[ _-]de[ _-]passe|contrase(?:ñ|n)as?"
        + "".join(
            rf"|{word[0]}{PART_START}{word[1:]}(?![^\W_])"
            for word in ("pwd", "pw", "psw", "mdp", "pass", "clave", "passkey", "psk")
        ),
        ANYWHERE,
    )
    + r"(?:[ _.-]?(?:\d{1,2}|prod|dev|test|old|new|alt|neu|hash|actuel|actual|initial|temporal))?(?![^\W_])"
)
_PASSWORD_TRIGGERS = (
    "pass",
    "pwd",
    "=pw",
    "=psw",
    "kennw",
    "=mdp",
    "contrase",
    "=clave",
    "=psk",
    "=mot",
    "=mots",
)
_KEYS = labels(
    "|".join(
        rf"{what}[ -]?(?:key|schlüssel|psk|code)"
        for what in ("wpa2?", "wi-?fi", "wlan", "wireless", "pre-?shared", "network security", "encryption")
    )
    + r"|clé (?:du )?(?:wi-?fi|wpa2?|wlan)|community string|security answer|secret answer|maiden name"
    r"|réponse secrète|antwort auf die sicherheitsfrage"
)
_KEY_TRIGGERS = (
    *whole_words(
        "wpa wifi wi fi wlan wireless shared encryption community answer maiden réponse antwort network"
    ),
)
_ASSIGN = r"\\?[\"']?\]?[ \t]{0,3}(?:(?::=|=>|=|:)(?![=:])[ \t]{0,3}|:[ \t]{0,3}\n[ \t]{0,3})"
_COPULA = (
    r"[ ](?:is|was|are|ist|war|lautete?|wäre|est|était|es|era"
    r"|(?:has[ ])?(?:been[ ])?(?:was[ ])?(?:changed|reset|set)[ ]to"
    r"|(?:wurde|wird)[ ]auf|a[ ]été[ ](?:changé|remplacé|modifié)[ ](?:en|par)|(?P<loose>to|auf|(?:will"
    r"|should|must|would|may|can)[ ]be|soll(?:te)?|sera|será|(?:was[ ]|has[ ]been[ ])?(?:changed|reset"
    r"|set|updated|geändert|changé|cambiada)[ ](?:from|von|de)(?:[ ]\S{1,64}[ ](?:to|auf|in|en|à|a))?))"
    r"(?:[ ](?:now|currently|still|always|immer|bisher|siempre|jetzt|nun|derzeit|noch|maintenant"
    r"|toujours|ahora))?(?:[ ]?:)?[ ]"
)


def _pin(match: re.Match[str]) -> Span | None:
    """Take the number, but not that of things that are pinned: "pin 1000 items"."""
    verb = match.group().startswith("pin ") and match.group()[4:].isdigit()
    if verb and not ends_clause(match.string, match.end()):
        following = re.compile(r"\s*([^\W\d_]+)").match(match.string, match.end())
        if following and not is_predicate(following[1]):
            return None
    return not_hidden(match)


_CODES = labels(
    "|".join(
        rf"{what}[- ]?codes?"
        for what in (
            "verification",
            "security",
            "one[- ]?time",
            "confirmation",
            "auth(?:entication)?",
            "access",
            "door",
            "entry",
            "activation",
            "mfa",
            "sms",
            "alarm",
            "unlock",
            "safe",
            "login",
            "sicherheits",
            "zugangs",
            "bestätigungs",
            "freischalt",
            "freigabe",
            "tür",
            "einmal",
        )
    )
    + r"|codes? (?:de |d['’])?(?:vérification|sécurité|accès|confirmation|secret|entrée|alarme|validation)"
    r"|código (?:de )?(?:verificación|seguridad|acceso)|your code|ihr code|votre code|mein code|mon code"
    r"|su código|mfa|otp|tan|puk|cvv2?|cvc2?",
    r"(?<![^\W_].)",
)
_PIN = labels(r"pin(?:[ -]?(?:codes?|nummer|number))?|codes? pin|código pin|pincode", PART_START)
_CODE_LINK = (
    r"(?:[ ](?:for|für|pour|of|von|vom|de|du|der)(?:[ ][\w.-]{1,20}){1,3}?)?"
    r"[\s:=#(\"']{0,3}(?:(?:is|was|ist|war|lautet|est|était|es|era|code)\b(?:[ ](?:now|jetzt"
    r"|nun))?[\s:\"']{0,3})?"
)
_USERS = labels(
    r"creds?|credentials?|log[io]n|user(?:name)?[ ]?/[ ]?(?:pass(?:word)?|pw|pwd)|zugangsdaten"
    r"|anmeldedaten|zugang"
    r"|identifiants?|credenciales|accès"
)
USER_AND_PASSWORD = re.compile(
    rf"{_USERS}(?!\w)[\s:=]{{1,3}}(?:(?:are|is|sind|ist|sont|son|with|mit|avec)[ ]:?)?[ ]?"
    r"(?P<user>[\w.@\\-]{2,64}+)[ ]?[/:|][ ]?(?P<value>[^\s\"'<>/]{3,64})",
    re.I,
)
PAIR_TRIGGERS = whole_words(
    "cred creds credential credentials credenciales zugangsdaten anmeldedaten login logon"
    " user username zugang accès identifiant identifiants"
)


def secret_of_pair(match: re.Match[str]) -> Span | None:
    """Return the span of the password in "user / password", None where the two are no such pair."""
    value = match["value"].rstrip(".,;")
    if NO_VALUE.fullmatch(value) or is_predicate(value):
        return None
    start = match.start("value")
    same = value.casefold() == match["user"].casefold()
    return (start, start + len(value)) if is_strong(value) or same else None


RECOGNISERS = (
    Recogniser(
        CREDENTIAL,
        "user and password in an address",
        re.compile(r"(?<=://)(?P<value>[^\s/@:\[\"'<>]{0,200}+:[^\s/@\[\"'<>]{1,200}+)(?=@)"),
        ("://",),
        "https://jdoe:secret@host.example",
        not_hidden,
    ),
    Recogniser(
        CREDENTIAL,
        "password element",
        re.compile(rf"{_PASSWORD}[^<>\n]{{0,80}}>(?P<value>[^<>\n]{{1,200}}+)</", re.I),
        ("</",),
        "<password>s3cret</password>",
        lambda match: not_hidden(match) if not is_predicate(match["value"]) else None,
    ),
    Recogniser(
        CREDENTIAL,
        "named value",
        re.compile(
            rf"{_PASSWORD}[\"']?\s{{0,3}},?\s{{0,20}}[\"']?value[\"']?\s{{0,3}}[:=]\s{{0,3}}{VALUE}", re.I
        ),
        ("value",),
        '<add key="password" value="s3cret" />',
        assigned_secret,
    ),
    Recogniser(
        CREDENTIAL,
        "assigned password",
        re.compile(rf"{_PASSWORD}{SCOPE}{_ASSIGN}{VALUE}", re.I),
        _PASSWORD_TRIGGERS,
        "password: Summer2024!",
        assigned_secret,
    ),
    Recogniser(
        CREDENTIAL,
        "assigned key of a network",
        re.compile(rf"{_KEYS}{SCOPE}{_ASSIGN}{VALUE}", re.I),
        _KEY_TRIGGERS,
        "WPA key: rainy-Tuesday-13",
        assigned_secret,
    ),
    Recogniser(
        CREDENTIAL,
        "told key of a network",
        re.compile(rf"{_KEYS}{SCOPE}{_COPULA}{VALUE}", re.I),
        _KEY_TRIGGERS,
        "the WPA key is rainy-Tuesday-13",
        strong_where_loose,
    ),
    Recogniser(
        CREDENTIAL,
        "told password",
        re.compile(rf"{_PASSWORD}{SCOPE}{_COPULA}{VALUE}", re.I),
        _PASSWORD_TRIGGERS,
        "the password for the guests is Summer2024!",
        strong_where_loose,
    ),
    Recogniser(
        CREDENTIAL,
        "old password",
        re.compile(
            rf"{_PASSWORD}{SCOPE}[ ](?:was[ ]|has[ ]been[ ])?(?:changed|reset|updated|geändert|changé"
            rf"|cambiada)[ ](?:from|von|de)[ ]"
            rf"{VALUE}",
            re.I,
        ),
        _PASSWORD_TRIGGERS,
        "password changed from Winter23 to Spring24",
        strong_secret,
    ),
    Recogniser(
        CREDENTIAL,
        "password without a link",
        re.compile(
            rf"{_PASSWORD}(?:(?:[ ](?:provisoire|temporaire"
            rf"|provisorio))?[ ]{{1,2}}(?:[-–—>→]{{1,2}}[ ])?\(?|[ ]?\n[ ]?){VALUE}",
            re.I,
        ),
        _PASSWORD_TRIGGERS,
        "temp password Xy12!qw",
        plain_secret,
    ),
    Recogniser(
        CREDENTIAL,
        "pin",
        re.compile(rf"{_PIN}(?![^\W_]){_CODE_LINK}(?P<value>\d{{4,12}})(?![\w]|[.,:]\d|-\d)", re.I),
        whole_words("pin pincode pinnummer pinnumber dbpin"),
        "PIN: 4711",
        _pin,
        gate=THREE_DIGITS,
    ),
    Recogniser(
        CREDENTIAL,
        "code",
        re.compile(
            rf"(?:{_CODES}|2(?<!\w2)fa(?:[- ]?codes?)?)(?!\w){_CODE_LINK}(?P<value>\d{{3}}[ -]?\d{{3}}"
            rf"|\d{{3,12}})(?![\w]|[.,:]\d|-\d)",
            re.I,
        ),
        whole_words(
            "code codes fa mfa otp tan puk cvv cvc código sicherheitscode zugangscode bestätigungscode"
            " freischaltcode freigabecode türcode einmalcode"
        ),
        "verification code: 730551",
        not_hidden,
        gate=THREE_DIGITS,
    ),
    Recogniser(
        CREDENTIAL,
        "recovery key",
        re.compile(r"(?<![\w-])(?:\d{6}-){7}\d{6}(?![\w-])"),
        (re.compile(r"\d{6}-\d{6}-"),),
        "111111-222222-333333-444444-555555-666666-077777-088888",
    ),
    Recogniser(
        CREDENTIAL,
        "user and password",
        USER_AND_PASSWORD,
        PAIR_TRIGGERS,
        "creds: admin / Adm1n!",
        secret_of_pair,
    ),
)
