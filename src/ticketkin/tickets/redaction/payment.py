"""Payment cards, IBANs and bank accounts."""

import re

from stdnum import iban, luhn

from ticketkin.tickets.redaction.recogniser import (
    CARD,
    DIGITS,
    IBAN,
    WORD_END,
    Recogniser,
    Span,
    before,
    digits_of,
    labels,
    numbers_a_thing,
    value_span,
    whole_words,
)

# First digits of each issuer's cards and how many digits they have (ISO/IEC 7812, the issuers' own lists).
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|64[4-9]\d|65\d{2})\d{12,15}"  # Discover
    r"|(?:30[0-5]\d|3[689]\d{2})\d{10,15}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:5018|5019|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
    r"|220[0-4]\d{12,15}"  # Mir
)
_CARD_WORD = re.compile(
    r"card|karte|carte|tarjeta|visa|master|amex|american express|maestro|diners|jcb|debit|credit"
)


def _is_card_number(text: str) -> bool:
    digits = digits_of(text)
    return len(set(digits)) > 1 and _ISSUERS.fullmatch(digits) is not None and bool(luhn.is_valid(digits))


def _is_card(match: re.Match[str]) -> Span | None:
    if not _is_card_number(match.group()):
        return None
    digits = digits_of(match.group())
    named = _CARD_WORD.search(before(match)) is not None
    named = named or _CARD_WORD.search(match.string[match.end() : match.end() + 40].casefold()) is not None
    if named:
        return match.span()
    # Thirteen digits in one piece are times in milliseconds far more often than cards.
    plain = match.group().isdigit() and len(digits) not in (14, 15, 16)
    return None if plain or numbers_a_thing(match) else match.span()


def _whole_groups(match: re.Match[str]) -> Span | None:
    """Return the longest beginning of a match that is an IBAN: the pattern takes words behind it, too."""
    start, end = match.span()
    text = match.string
    ends = [end, *(start + cut.start() for cut in re.finditer(r"[ -]", match.group()))]
    for stop in sorted(set(ends), reverse=True):
        # Structure and check digits; which banks a country has changes more often than any list of them.
        if iban.is_valid(text[start:stop], check_country=False):
            return start, stop
    return None


RECOGNISERS = (
    Recogniser(
        IBAN,
        "iban",
        re.compile(
            r"[A-Za-z](?<!\w.)[A-Za-z] ?\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,4})?(?!\w)"
        ),
        (re.compile(r"\d\d[ -]?[A-Za-z0-9]{4}[ -]?\d"),),
        "DE89 3704 0044 0532 0130 00",
        _whole_groups,
    ),
    Recogniser(
        IBAN,
        "labelled iban",
        re.compile(
            rf"IBAN(?<!\w....)\b[\s:=#.]{{0,4}}(?:(?:is|ist|lautet|est|es|no|nr)\b[\s:.]{{1,3}})?"
            rf"(?P<value>[A-Z]{{2}}\d{{2}}(?:[ -]?[A-Z0-9]{{2,4}}){{3,8}}){WORD_END}",
            re.I,
        ),
        ("iban",),
        "IBAN: DE00 1234 5678 9012 3456 78",
        lambda match: value_span(match) if len(digits_of(match["value"])) >= 10 else None,
    ),
    Recogniser(
        IBAN,
        "bank account",
        re.compile(
            labels(
                r"bank\s+account|kontonummer|kontonr|konto-nr|numéro de compte|número de cuenta"
                r"|cuenta bancaria"
                r"|compte bancaire|sort code|routing number|bankleitzahl|blz|rib|account (?=n)|kto(?=\.)"
            )
            + r"\b"
            r"(?:[\s.:=#°-]{0,3}(?:no|nr|number|nummer|n|is|ist|lautet|est|es)\b){0,2}[\s.:=#°]{1,4}"
            rf"(?P<value>\d(?:[ -]?\d){{5,22}}){WORD_END}",
            re.I,
        ),
        ("konto", *whole_words("account compte cuenta sort routing bankleitzahl blz rib kto")),
        "bank account number 12345678",
        gate=DIGITS,
    ),
    Recogniser(
        CARD,
        "labelled card",
        re.compile(
            labels(
                r"credit ?card|debit ?card|card|kreditkarte|karte|kartennummer|carte|tarjeta|visa|mastercard"
                r"|amex|pan|cc"
            )
            + r"(?!\w)(?:[\s.:=#\"']{0,3}(?:no|nr|number|nummer|numéro|número|is|ist|est|es|de"
            r"|bancaire)\b){0,3}[\s.:=#\"'°]{1,4}"
            r"(?P<value>\d(?:[ .-]?\d){12,18})(?!\w)",
            re.I,
        ),
        whole_words(
            "card creditcard debitcard kreditkarte karte kartennummer carte tarjeta visa mastercard amex"
            " pan cc"
        ),
        "card number 4111 1111 11111111",
        lambda match: match.span("value") if _is_card_number(match["value"]) else None,
        gate=DIGITS,
    ),
    Recogniser(
        CARD,
        "card",
        re.compile(
            r"\d(?<![\w.+-]\d)(?:\d{3}(?P<gap>[ .-]?)\d{4}(?P=gap)\d{4}(?P=gap)\d{1,4}(?:(?P=gap)\d{1,3})?"
            r"|\d{3}(?P<space>[ -])\d{6}(?P=space)\d{4,5}|\d{12,18})(?![-]?\w|\.\d)"
        ),
        (DIGITS,),
        "4111 1111 1111 1111",
        _is_card,
    ),
)
