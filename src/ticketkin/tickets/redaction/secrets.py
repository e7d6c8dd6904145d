"""Keys and tokens for machines: by the shape their makers gave them, or behind a word for one."""

import base64
import binascii
import re

from ticketkin.tickets.redaction.key_shapes import KEY_SHAPES
from ticketkin.tickets.redaction.predicates import is_predicate
from ticketkin.tickets.redaction.recogniser import (
    LONG_RUN,
    PART_START,
    SCOPE,
    TOKEN,
    Recogniser,
    Span,
    is_placeholder_at,
    labels,
    value_span,
    whole_words,
)

_KEY_LINE = r"[A-Za-z0-9+/=]{16,}+"

_STRONG_LABELS = labels(
    "|".join(
        rf"{what}[ _.-]?secret(?:[ _-]?(?:key|value))?"
        for what in (
            "client",
            "app",
            "application",
            "consumer",
            "shared",
            "webhook",
            "signing",
            "jwt",
            "oauth2?",
            "bot",
        )
    )
    + "".join(
        rf"|{what}[ _-]?tokens?"
        for what in (
            "api",
            "access",
            "auth",
            "refresh",
            "bearer",
            "bot",
            "personal[ _-]access",
            "oauth",
            "security",
            "session",
            "csrf",
            "id",
        )
    )
    + r"|secret[ _-]?(?:access[ _-]?)?key|account[ _-]?key|shared[ _-]?access[ _-]?(?:key|signature)"
    r"|access[ _-]?key"
    r"|api[ _-]?(?:key|secret)s?"
    r"|api-?schlüssel|zugriffs-?(?:token|schlüssel)|zugangs-?(?:token|schlüssel)|clés? (?:d['’])?(?:api"
    r"|accès)|jetons?(?: d['’]accès)?|clave (?:de )?api"
    r"|subscription[ _-]?key|private[ _-]?key|encryption[ _-]?key|master[ _-]?key|jsessionid|phpsessid"
    r"|x-[a-z-]{1,20}-(?:key|token)"
    r"|connection[ _-]?key",
    PART_START,
)
_WEAK_LABELS = labels("tokens?|secrets?|geheimnis", PART_START)
_LINK = (
    r"\\?[\"']?\]?(?:\s{0,3}(?::=|=>|=|:)(?![=:])\s{0,3}|[ ](?:is|was|ist|war|lautet|est|était"
    r"|es)[ ]:?[ ]?|[ ](?=\\?[\"']))\\?[\"']?"
)
_HEX_OR_GUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _is_key(value: str, least: int) -> bool:
    has_digit = any(c.isdigit() for c in value)
    has_letter = any(c.isalpha() for c in value)
    mixed = (has_digit and (has_letter or len(value) >= 10)) or (
        len(value) >= 24 and re.search(r"[a-z][A-Z].{0,20}[A-Z]", value) is not None
    )
    return (
        len(value) >= least
        and mixed
        and "(" not in value
        and "::" not in value
        and not value.startswith(("$", "{", "<", "%", "http"))
    )


def _labelled(match: re.Match[str]) -> Span | None:
    start = match.start("value")
    value = match["value"].rstrip(".,;:")
    if is_placeholder_at(match.string, start) or is_predicate(value):
        return None
    return (start, start + len(value)) if _is_key(value, 8) else None


def _weakly_labelled(match: re.Match[str]) -> Span | None:
    span = _labelled(match)
    if span is None:
        return None
    value = match.string[slice(*span)]
    # "Token=TokenName2" of code has no sign and few digits; a token has digits among its letters.
    return (
        span
        if (len(value) >= 12 and len(re.findall(r"\d[A-Za-z]", value)) >= 2) or _HEX_OR_GUID.fullmatch(value)
        else None
    )


def _basic(match: re.Match[str]) -> Span | None:
    """Take the value where it decodes to user:password, as the scheme wants (RFC 7617)."""
    try:
        decoded = base64.b64decode(match["value"] + "=" * (-len(match["value"]) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return match.span("value") if b":" in decoded and decoded.isascii() else None


def _after_scheme(match: re.Match[str]) -> Span | None:
    return None if is_placeholder_at(match.string, match.start("value")) else value_span(match)


def _header(match: re.Match[str]) -> Span | None:
    """Take the value of an Authorization header unless it is a plain word: "Authorization: required"."""
    value = match["value"]
    word = value.rstrip(".:").isalpha() and len(value) < 20 and not re.search(r"[a-z][A-Z]", value)
    return None if word or is_placeholder_at(match.string, match.start("value")) else match.span("value")


def _bearer(match: re.Match[str]) -> Span | None:
    return match.span("value") if any(c.isdigit() for c in match["value"]) else None


RECOGNISERS = (
    Recogniser(
        TOKEN,
        "private key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]{0,20000}+-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            rf"|(?>(?:(?:\s|\\[nr]|[\w-]{{3,20}}: [^\n]{{1,80}}\n){{0,6}}{_KEY_LINE}){{0,400}})(?:(?:\s"
            rf"|\\n){{0,4}}[A-Za-z0-9+/]{{1,15}}=)?"
            r"(?:\.{2,3})?)"
        ),
        ("private key",),
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAexampleexample\n-----END RSA PRIVATE KEY-----",
    ),
    Recogniser(
        TOKEN,
        "putty key",
        re.compile(r"(?<=Private-Lines: )\d{1,3}\s{1,2}(?P<value>(?:[A-Za-z0-9+/=]{1,64}+\s?){1,200})"),
        ("private-lines",),
        "Private-Lines: 1\nAAAAB3NzaC1yc2EAAAADAQABAAABAQ==",
    ),
    *(
        Recogniser(
            TOKEN,
            name,
            re.compile(rf"(?<![A-Za-z0-9])(?:{shape})(?![A-Za-z0-9])"),
            tuple(triggers.split()),
            example,
            gate=LONG_RUN,
        )
        for name, shape, triggers, example in KEY_SHAPES
    ),
    Recogniser(
        TOKEN,
        "twilio",
        re.compile(r"[AS](?<![A-Za-z0-9].)[CK][a-f0-9]{32}(?![A-Za-z0-9])"),
        (re.compile(r"[CK][a-f0-9]{32}"),),
        "SK" + "a1" * 16,
    ),
    Recogniser(
        TOKEN,
        "webhook",
        re.compile(
            r"(?<=://)(?:hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/"
            r"|[\w.-]{1,80}\.webhook\.office\.com/webhookb2/)(?P<value>[\w/@-]{8,300})"
        ),
        ("hooks.slack", "webhook"),
        "https://hooks.slack.com/services/T00000000/B00000000/EXAMPLE",
    ),
    Recogniser(
        TOKEN,
        "signed address",
        re.compile(
            r"(?<=[?&;])(?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature"
            r"|access_token|api_?key|token)=(?P<value>[\w%+/=.~-]{12,2000})",
            re.I,
        ),
        ("sig=", "signature=", "token=", "key="),
        "https://host.example/f?sv=1&sig=Zm9vYmFyZXhhbXBsZQ%3D%3D",
        _bearer,
    ),
    Recogniser(
        TOKEN,
        "authorization header",
        re.compile(
            r"authorization\\?[\"']?\s{0,2}[:=]\s{0,2}\\?[\"']?(?:(?:basic|bearer|token|apikey|api-key"
            r"|digest|negotiate|ntlm|aws4-hmac-sha256)[ ]{1,2})?"
            r"(?P<value>[\w.~+/=:-]{6,8000}+)",
            re.I,
        ),
        ("authorization",),
        "Authorization: Basic amRvZTpzM2NyM3Q=",
        _header,
    ),
    Recogniser(
        TOKEN,
        "basic authentication",
        re.compile(r"(?<!\w)basic (?P<value>[A-Za-z0-9+/]{8,400}={0,2})(?![\w=])", re.I),
        ("basic ",),
        "Basic amRvZTpzM2NyM3Q=",
        _basic,
    ),
    Recogniser(
        TOKEN,
        "bearer token",
        re.compile(r"(?<!\w)bearer[ ]{1,2}(?P<value>[\w.~+/-]{16,8000}+=*)", re.I),
        ("bearer",),
        "Bearer abc123def456ghi789jkl",
        _bearer,
    ),
    Recogniser(
        TOKEN,
        "cookie",
        re.compile(r"(?<![\w-])(?:set-)?cookie: ?(?P<value>[\w.-]{1,80}=[^\n]{6,4000})", re.I),
        ("cookie:",),
        "Cookie: JSESSIONID=0123456789ABCDEF",
    ),
    Recogniser(
        TOKEN,
        "labelled key",
        re.compile(rf"{_STRONG_LABELS}(?![^\W_]){SCOPE}{_LINK}(?P<value>[^\s\"'<>;,&]{{8,2000}}+)", re.I),
        (
            *whole_words(
                "secret secrets key keys token tokens clé clés jeton jetons clave jsessionid phpsessid"
                " signature"
                " secretkey secretaccesskey accountkey accesskey sharedaccesskey sharedaccesssignature"
                " apikey apikeys apisecret clientsecret appsecret"
                " consumersecret accesstoken authtoken refreshtoken idtoken bearertoken sessiontoken"
                " csrftoken zugriffstoken zugangstoken"
                " subscriptionkey privatekey encryptionkey masterkey schlüssel zugriffsschlüssel"
                " zugangsschlüssel"
            ),
        ),
        "client_secret=8xQ7Zt-EXAMPLE-4f2a91bc",
        _labelled,
    ),
    Recogniser(
        TOKEN,
        "labelled token",
        re.compile(rf"{_WEAK_LABELS}(?![^\W_]){SCOPE}{_LINK}(?P<value>[^\s\"'<>;,&]{{12,2000}}+)", re.I),
        (*whole_words("token tokens secret secrets geheimnis"), "authtoken"),
        "token: 4d2f8a6b1c9e7d3f5a0b",
        _weakly_labelled,
    ),
)
