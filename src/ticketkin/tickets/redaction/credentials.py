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
    is_placeholder_at,
    labels,
    value_span,
    whole_words,
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
_QUOTED = (
    r"\\?\"(?P<double>[^\"\n\\]{1,200}+)\\?\"|'(?P<single>[^'\n]{1,200}+)'"
    r"|[„“”](?P<curly>[^„“”\n]{1,200}+)[“”]"
    r"|«[ ]?(?P<guillemets>[^«»\n]{1,200}+)»|`(?P<ticks>[^`\n]{1,200}+)`"
)
_BARE = r"(?P<bare>[^\s\"<>„“«»`]{1,200}+)"
_VALUE = rf"(?:{_QUOTED}|{_BARE})"
_GROUPS = ("double", "single", "curly", "guillemets", "ticks", "bare")

# What stands where a secret is hidden or still to be filled in, and expressions of code.
NO_VALUE = re.compile(
    r"[*•.x#_?-]{2,}|\W|\$\{.*|\$[A-Za-z_.]+|%\w+%|\{\{.*|\{[\w.]*\}|<.*|\$\(.*|https?://.*"
    r"|[A-Za-z]:\\.*|/(?:etc|var|usr|opt|home|tmp)/.*|\\\\.*"
    r"|[\w.]*\w\(.*|new|this\..*|self\..*|request\..*|(?-i:[A-Z]+(?:_[A-Z0-9]+)+)|@\w+[({].*|(?:string"
    r"|str|char|int|bool|boolean|text|varchar)"
    r"|@\w+|[a-z]+(?:\.[a-z_]\w*){2,}|[\w.]+\.(?:txt|docx?|xlsx?|pdf|html?|xml|json|ya?ml|properties"
    r"|java|py|cs|js|php|aspx?|jsp)"
    r"|.*(?:pass[-_]?wor[dt]|passwd|pwd|kennwort|passphrase|credential)[^\d!@#$%^&*]*",
    re.IGNORECASE | re.DOTALL,
)
# Names of tickets, releases, sizes, times and products have digits, too.
_NO_SECRET = re.compile(
    r"(?-i:[A-Z]{2,8}-?\d{3,})|v?\d{1,5}(?:[.:/-]\d{1,5})+|\d+(?:st|nd|rd|th|h|hrs?|m|min|s|d|days?|x|%"
    r"|k|kb|mb|gb|fa|er|\.)|0x[0-9a-f]+"
    r"|(?:office|o|m|microsoft|win|windows|exchange|server|sap|outlook|oauth|wpa|sha|md|ldap|saml|vpn"
    r"|excel|s|tls|http|utf|log4j"
    r"|java|php|python|sql|ios|android|ad|iphone|pdf|base|ntlmv?|kb|rsa|aes|ssl|pkcs|des)\d{1,4}",
    re.IGNORECASE,
)
# Words that are passwords as often as words about one.
_FAMOUS = frozenset(("admin", "administrator", "secret", "guest", "root", "test"))
# Multi-word values in quotes are pass phrases, unless they begin like a message.
_MESSAGE_WORDS = """
is was not no must should can cannot can't may has ist nicht muss kann darf est ne doit n'est es debe
the please
"""
_MESSAGE = frozenset(_MESSAGE_WORDS.split())
_SIGNS = re.compile(r"[!@#$%^&*+=?~_|\\§€.:\-]")


def _has_letter_and_digit(value: str) -> bool:
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def is_strong(value: str) -> bool:
    """Return True if a value can hardly be a word: letters with digits, signs within, capitals within."""
    core = value.rstrip("?!.,;:")
    if len(core) < 3 or _NO_SECRET.fullmatch(core):
        return False
    if _has_letter_and_digit(value):
        return True
    inner = _SIGNS.sub("", core[1:-1])
    plain_sign = re.search(r"[@#$%^&*+=~|§€!_]", core) is not None
    if plain_sign and any(c.isalnum() for c in core):
        return True
    return re.search(r"[a-zß-ÿ][A-ZÀ-Þ]", core) is not None and bool(inner)


def looks_secret(match: re.Match[str], span: Span, *, assigned: bool, quoted: bool) -> bool:
    """Return True if what a label leads to is a secret, not a word about one.

    `assigned` says that a colon or an equals sign stands between, `quoted` that the value is in quotes.
    """
    text = match.string
    value = text[slice(*span)]
    if NO_VALUE.fullmatch(value) or is_placeholder_at(text, span[0]):
        return False
    words = value.split()
    if len(words) > 1:
        message = words[0].casefold() in _MESSAGE or is_predicate(words[-1])
        return not message and ((assigned and len(words) <= 6) or is_strong(value.replace(" ", "")))
    return is_strong(value) or _is_secret_word(match, span, assigned=assigned, quoted=quoted)


def _is_secret_word(match: re.Match[str], span: Span, *, assigned: bool, quoted: bool) -> bool:
    """Return True if a plain word is a secret: it is no predicate and stands alone."""
    word = match.string[slice(*span)].strip(".,;:!?()[]")
    alone = ends_clause(match.string, span[1])
    if assigned and alone and word.casefold() in _FAMOUS:
        return True
    if not word or is_predicate(word):
        return False
    if word.isdigit():
        return len(word) >= 4 or (assigned and quoted)
    return quoted or (
        alone and len(word) >= (3 if assigned else 4) and (word.isalpha() or ("-" in word and assigned))
    )


def _value_of(match: re.Match[str]) -> tuple[Span, bool]:
    """Return the span of the value and whether it is in quotes; what ends a setting is cut off."""
    group = next(name for name in _GROUPS if match[name] is not None)
    start, end = match.span(group)
    if group != "bare":
        return (start, end), True
    value = match[group]
    if "=" in match.string[max(match.start(), start - 4) : start]:
        cut = re.search(r"[;&,]", value)
        value = value[: cut.start()] if cut else value
    value = value.rstrip(",;").removesuffix("'").rstrip(".,;")
    opening = value.count("(") < value.count(")")
    value = value.rstrip(")") if opening and value.endswith(")") else value
    value = (
        value.rstrip("]}") if value.rstrip("]}").count("[") + value.rstrip("]}").count("{") == 0 else value
    )
    return (start, start + len(value)), False


def _assigned(match: re.Match[str]) -> Span | None:
    span, quoted = _value_of(match)
    return span if span[0] < span[1] and looks_secret(match, span, assigned=True, quoted=quoted) else None


def _secret_span(match: re.Match[str]) -> Span | None:
    span, quoted = _value_of(match)
    return span if span[0] < span[1] and looks_secret(match, span, assigned=False, quoted=quoted) else None


def _strong_where_loose(match: re.Match[str]) -> Span | None:
    span = _secret_span(match)
    # "Reset the password to X" gives one away, "pass to Jane" does not.
    if span is None or (match["loose"] and not is_strong(match.string[slice(*span)])):
        return None
    return span


def _strong_only(match: re.Match[str]) -> Span | None:
    span = _secret_span(match)
    return span if span and is_strong(match.string[slice(*span)]) else None


def _plain(match: re.Match[str]) -> Span | None:
    """Take what follows a label without any link only where it can be nothing but a secret."""
    span, quoted = _value_of(match)
    value = match.string[slice(*span)]
    core = value.rstrip("?!.,;:")
    if NO_VALUE.fullmatch(value) or not is_strong(value) or len(core) < 5:
        return None
    if quoted:
        return span if " " not in value else None
    signs = re.search(r"[!@#$%^&*+=~_|\\§€-]", core) is not None
    digits_within = re.search(r"\d[^\W\d]", core) is not None
    return span if _has_letter_and_digit(core) and (signs or digits_within or len(core) >= 6) else None


def not_hidden(match: re.Match[str]) -> Span | None:
    """Return the span of the value unless it is masked, a variable, an expression or a placeholder."""
    span = value_span(match)
    value = "" if span is None else match.string[slice(*span)]
    return (
        None
        if span is None or NO_VALUE.fullmatch(value) or is_placeholder_at(match.string, span[0])
        else span
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
            rf"{_PASSWORD}[\"']?\s{{0,3}},?\s{{0,20}}[\"']?value[\"']?\s{{0,3}}[:=]\s{{0,3}}{_VALUE}", re.I
        ),
        ("value",),
        '<add key="password" value="s3cret" />',
        _assigned,
    ),
    Recogniser(
        CREDENTIAL,
        "assigned password",
        re.compile(rf"{_PASSWORD}{SCOPE}{_ASSIGN}{_VALUE}", re.I),
        _PASSWORD_TRIGGERS,
        "password: Summer2024!",
        _assigned,
    ),
    Recogniser(
        CREDENTIAL,
        "assigned key of a network",
        re.compile(rf"{_KEYS}{SCOPE}{_ASSIGN}{_VALUE}", re.I),
        _KEY_TRIGGERS,
        "WPA key: rainy-Tuesday-13",
        _assigned,
    ),
    Recogniser(
        CREDENTIAL,
        "told key of a network",
        re.compile(rf"{_KEYS}{SCOPE}{_COPULA}{_VALUE}", re.I),
        _KEY_TRIGGERS,
        "the WPA key is rainy-Tuesday-13",
        _strong_where_loose,
    ),
    Recogniser(
        CREDENTIAL,
        "told password",
        re.compile(rf"{_PASSWORD}{SCOPE}{_COPULA}{_VALUE}", re.I),
        _PASSWORD_TRIGGERS,
        "the password for the guests is Summer2024!",
        _strong_where_loose,
    ),
    Recogniser(
        CREDENTIAL,
        "old password",
        re.compile(
            rf"{_PASSWORD}{SCOPE}[ ](?:was[ ]|has[ ]been[ ])?(?:changed|reset|updated|geändert|changé"
            rf"|cambiada)[ ](?:from|von|de)[ ]"
            rf"{_VALUE}",
            re.I,
        ),
        _PASSWORD_TRIGGERS,
        "password changed from Winter23 to Spring24",
        _strong_only,
    ),
    Recogniser(
        CREDENTIAL,
        "password without a link",
        re.compile(
            rf"{_PASSWORD}(?:(?:[ ](?:provisoire|temporaire"
            rf"|provisorio))?[ ]{{1,2}}(?:[-–—>→]{{1,2}}[ ])?\(?|[ ]?\n[ ]?){_VALUE}",
            re.I,
        ),
        _PASSWORD_TRIGGERS,
        "temp password Xy12!qw",
        _plain,
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
