"""The value behind a label, and whether it is a secret or only a word about one."""

import re

from ticketkin.tickets.redaction.predicates import ends_clause, is_predicate
from ticketkin.tickets.redaction.recogniser import (
    Span,
    is_placeholder_at,
    value_span,
)

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


def has_letter_and_digit(value: str) -> bool:
    """Return whether a value holds a letter and a digit."""
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def is_strong(value: str) -> bool:
    """Return True if a value can hardly be a word: letters with digits, signs within, capitals within."""
    core = value.rstrip("?!.,;:")
    if len(core) < 3 or _NO_SECRET.fullmatch(core):
        return False
    if has_letter_and_digit(value):
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


def not_hidden(match: re.Match[str]) -> Span | None:
    """Return the span of the value unless it is masked, a variable, an expression or a placeholder."""
    span = value_span(match)
    value = "" if span is None else match.string[slice(*span)]
    return (
        None
        if span is None or NO_VALUE.fullmatch(value) or is_placeholder_at(match.string, span[0])
        else span
    )


_QUOTED = (
    r"\\?\"(?P<double>[^\"\n\\]{1,200}+)\\?\"|'(?P<single>[^'\n]{1,200}+)'"
    r"|[„“”](?P<curly>[^„“”\n]{1,200}+)[“”]"
    r"|«[ ]?(?P<guillemets>[^«»\n]{1,200}+)»|`(?P<ticks>[^`\n]{1,200}+)`"
)
_BARE = r"(?P<bare>[^\s\"<>„“«»`]{1,200}+)"
VALUE = rf"(?:{_QUOTED}|{_BARE})"
_GROUPS = ("double", "single", "curly", "guillemets", "ticks", "bare")


def value_of(match: re.Match[str]) -> tuple[Span, bool]:
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


def assigned_secret(match: re.Match[str]) -> Span | None:
    """Return the span of a secret that a colon or an equals sign assigns to its label."""
    span, quoted = value_of(match)
    return span if span[0] < span[1] and looks_secret(match, span, assigned=True, quoted=quoted) else None


def secret_span(match: re.Match[str]) -> Span | None:
    """Return the span of a secret that words link to its label."""
    span, quoted = value_of(match)
    return span if span[0] < span[1] and looks_secret(match, span, assigned=False, quoted=quoted) else None


def strong_where_loose(match: re.Match[str]) -> Span | None:
    """Return the span of a secret; behind loose words, such as "reset to", only of a strong one."""
    span = secret_span(match)
    # "Reset the password to X" gives one away, "pass to Jane" does not.
    if span is None or (match["loose"] and not is_strong(match.string[slice(*span)])):
        return None
    return span


def strong_secret(match: re.Match[str]) -> Span | None:
    """Return the span of a secret that can hardly be a word."""
    span = secret_span(match)
    return span if span and is_strong(match.string[slice(*span)]) else None


def plain_secret(match: re.Match[str]) -> Span | None:
    """Take what follows a label without any link only where it can be nothing but a secret."""
    span, quoted = value_of(match)
    value = match.string[slice(*span)]
    core = value.rstrip("?!.,;:")
    if NO_VALUE.fullmatch(value) or not is_strong(value) or len(core) < 5:
        return None
    if quoted:
        return span if " " not in value else None
    signs = re.search(r"[!@#$%^&*+=~_|\\§€-]", core) is not None
    digits_within = re.search(r"\d[^\W\d]", core) is not None
    return span if has_letter_and_digit(core) and (signs or digits_within or len(core) >= 6) else None
