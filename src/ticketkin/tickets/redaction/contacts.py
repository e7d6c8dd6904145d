"""E-mail addresses and phone numbers."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber

from ticketkin.tickets.redaction.recogniser import (
    DIGITS,
    EMAIL,
    PHONE,
    THREE_DIGITS,
    Recogniser,
    Span,
    digits_of,
    labels,
    numbers_a_thing,
    whole_words,
)

# Endings of file names that look like the end of an address (icon@2x.png).
_FILE_ENDINGS = {
    "png", "jpg", "jpeg", "gif", "svg", "bmp", "java", "class", "jar", "html", "htm", "xml", "js", "css",
    "json", "txt", "log", "properties",
}  # fmt: skip
_AT = (
    r"(?:\s{0,2}[(\[{<]\s?(?:at|ät|arroba|arobase|@)\s?[)\]}>]\s{0,2}|\s{1,2}(?:arroba|arobase)\s{1,2}"
    r"|[ ]@[ ]|@[ ]|%40|&#0?64;|＠)"
)
_BRACKETED_DOT = r"(?:\s{0,2}[(\[{]\s?(?:dot|punkt|point|punto|\.)\s?[)\]}]\s{0,2})"
_DOT = rf"(?:\.|{_BRACKETED_DOT}|\s(?:dot|DOT)\s)"


def _is_address(match: re.Match[str]) -> Span | None:
    domain = match["domain"].casefold()
    ending = domain.rpartition(".")[2]
    if ending in _FILE_ENDINGS or re.match(r"\d+x\.", domain):
        return None
    # git@host:path names a repository; the person is not in it.
    if match["local"].casefold() == "git" and match.string[match.end() : match.end() + 1] in (":", "/"):
        return None
    return match.span()


def _spelled(match: re.Match[str]) -> Span | None:
    """Take an address with blanks around its @ only where the name has parts: "look @ this.page" is none."""
    name, at, _ = match.group().partition("@")
    spaced = at and (name.endswith(" ") or match.group()[len(name) + 1 :].startswith(" "))
    return match.span() if not spaced or re.search(r"[\w][._\d]", name.strip()) else None


# Mobile numbers of Germany, Britain, France, the Netherlands, Switzerland and Belgium, without spaces: these
# shapes say more than the ranges in use, which change and leave out the numbers kept for fiction.
_MOBILE = re.compile(r"01[567]\d{8,9}|07[3-9]\d{8}|0[67]\d{8}|07[5-9]\d{7}|04[5-9]\d{7}")
_TRUNK_ZERO = ("DE", "GB", "FR", "IT", "AT", "CH", "NL", "BE")
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "AT", "CH", "NL", "BE")
_EXTENSION = r"(?:[\s,;]{0,3}(?:ext(?:ension)?\.?|x|#|durchwahl|dw|poste|-)[\s.:]{0,2}\d{1,6})?"
_BODY = r"(?:[ ./()\u2013\u00a0-]{0,3}\d)"


def _parsed(number: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except NumberParseException:
        return None


@lru_cache(4096)
def _is_valid_in(regions: tuple[str, ...], number: str) -> bool:
    numbers = ((region, _parsed(number, region)) for region in regions)
    return any(n is not None and phonenumbers.is_valid_number_for_region(n, region) for region, n in numbers)


def _international(match: re.Match[str]) -> Span | None:
    number = match["number"]
    parsed = _parsed("+" + re.sub(r"^(?:\+|00)", "", number.strip()).replace("(0)", ""), None)
    if parsed is None or numbers_a_thing(match):
        return None
    grouped = number.startswith("+") and re.search(r"\d[ ./()-]", number) is not None
    right = phonenumbers.is_possible_number(parsed) if grouped else phonenumbers.is_valid_number(parsed)
    return match.span() if right else None


_FRENCH = re.compile(r"0[1-9](?P<gap>[ .-])\d\d(?:(?P=gap)\d\d){3}")
_AMERICAN = re.compile(
    r"(?:1[ .-])?(?:\([2-9]\d{2}\) ?[2-9]\d{2}[ .-]\d{4}|[2-9]\d{2}(?:(?P<gap>[ .-])[2-9]\d{2}(?P=gap)"
    r"|[ /][2-9]\d{2}-)\d{4})"
)
_SPANISH = re.compile(r"9\d \d{3}(?: \d{2}){2}|[6-9]\d{2}(?: \d{3}){2}|[6-9]\d{2}(?: \d{2}){3}")


def _national(match: re.Match[str]) -> Span | None:
    number = match["number"]
    if numbers_a_thing(match):
        return None
    if _FRENCH.fullmatch(number) or _AMERICAN.fullmatch(number):
        return match.span()
    if number.lstrip("(").startswith("0"):
        digits = digits_of(number)
        right = len(digits) >= 9 and (_MOBILE.fullmatch(digits) or _is_valid_in(_TRUNK_ZERO, number))
        return match.span() if right else None
    parsed = _parsed(number, "ES") if _SPANISH.fullmatch(number) else None
    return match.span() if parsed is not None and phonenumbers.is_valid_number(parsed) else None


def _mobile(match: re.Match[str]) -> Span | None:
    return match.span() if _MOBILE.fullmatch(match.group()) and not numbers_a_thing(match) else None


def _labelled(match: re.Match[str]) -> Span | None:
    n_digits = len(digits_of(match["number"]))
    if not 6 <= n_digits <= 15 or re.match(
        r"(?:19|20)\d\d[-/.]\d\d?[-/.]\d\d?|\d{1,2}[./]\d{1,2}[./](?:19|20)\d\d", match["number"]
    ):
        return None
    # "Call", "mobile" and "number" come before other numbers, too: there the number must look like a phone's.
    if (
        match["label"].casefold().startswith(_WEAK_WORDS)
        and not re.search(r"\d[ ./()-]", match["number"])
        and not match["number"].startswith("+")
    ):
        return match.span("value") if _is_valid_in(REGIONS, match["number"]) else None
    return match.span("value")


_PHONE_WORDS = (
    r"telephones?|phones?|tel|fon|my number|kurzwahl|telefon\w{0,8}|téléphone|teléfono|fax|cellphone"
    r"|cell|handy\w{0,8}|mobilnummer"
    r"|mobilfunk\w{0,8}|rufnummer|rückruf\w{0,8}|callback|durchwahl|tél|gsm|whatsapp|móvil|contact number"
    r"|mobile?|call(?:ed)?|ring|rang|reach(?:able)?|dial(?:led)?|text|sms|contact|anrufen?|rufen|erreichbar"
    r"|erreicht man|joignable|portable|appel\w{0,4}|rappel\w{0,4}|numéro|llám\w{0,6}|llam\w{0,6}|nummer"
)
_WEAK_WORDS = (
    "mobil", "call", "ring", "rang", "reach", "dial", "text", "sms", "contact", "an", "ru", "err", "joi",
    "por", "app", "rap", "num", "núm", "ll",
)  # fmt: skip
_PHONE_LINKS = (
    r"(?:[ \t\u00a0.:=#(/-]{1,3}(?:me|us|him|her|them|back|no|nr|n°|num|number|nummer|numéro|número|on"
    r"|at|under|unter|auf|au|le|al"
    r"|el|is|ist|lautet|est|es|sie|mich|uns|ihn|moi|nous|the|line|desk|office|home|work|mobile|phone"
    r"|extension)"
    r"(?!\w)){0,4}[ \t\u00a0.:=#/°-]{1,4}(?:\((?![\d+]))?"
)

EMAILS = (
    Recogniser(
        EMAIL,
        "email",
        re.compile(
            r"(?<![\w.+%'-])(?P<local>(?:[\w.%'-]*+\+[\w.+-]++=)?[\w.+%'-]++|\"[^\"\n@]{1,64}+\")@"
            r"(?P<domain>(?:[\w-]{1,63}+\.){1,10}(?:xn--[\w-]{2,59}|[^\W\d_]{2,24})(?![\w-])"
            r"|\[[\d.:a-fA-F]{3,45}\])"
        ),
        ("@",),
        "jane.doe@example.com",
        _is_address,
    ),
    Recogniser(
        EMAIL,
        "bracketed email",
        re.compile(r"(?<=<)(?P<local>[\w.+%'-]++)@(?P<domain>(?>[\w-]{1,63}(?:\.[\w-]{1,63}){0,10}))(?=>)"),
        ("@",),
        "<jane.doe@intranet>",
    ),
    Recogniser(
        EMAIL,
        "spelled email",
        re.compile(
            rf"(?<![\w.+%'-])(?:[\w-]{{1,40}}+{_BRACKETED_DOT}){{0,3}}[\w.+'-]++{_AT}[\w-]{{1,63}}+(?:{_DOT}[\w-]{{1,63}}+){{0,8}}{_DOT}[^\W\d_]{{2,24}}(?![\w-])",
            re.I,
        ),
        (
            re.compile(r"[(\[{<]\s?(?:[AaÄä][Tt]|@)\s?[)\]}>]|%40|&#0?64;|＠|@ \w"),
            *whole_words("arroba arobase"),
        ),
        "jane.doe (at) example.com",
        _spelled,
    ),
    Recogniser(
        EMAIL,
        "email with at",
        re.compile(
            r"(?<![\w.+'-])[^\W\d_]{1,40}+[._][^\W\d_]{1,40}+\sat\s(?:[\w-]{1,63}+\.){1,5}"
            r"(?:com|org|net|edu|gov|info|biz|eu|us|uk|de|at|ch|fr|be|nl|es|it|pl|example)(?![\w-])",
            re.I,
        ),
        (re.compile(r"[._][^\W\d_]{1,40}+ at \w"),),
        "jane.doe at example.com",
    ),
    Recogniser(
        EMAIL,
        "email in words",
        re.compile(
            r"(?<![\w.+'-])(?:[\w-]{1,40}+\s(?:dot|punkt)\s){0,2}[\w.+'-]++\s(?:at|ät)\s[\w-]{1,63}+"
            r"(?:\s(?:dot|punkt)\s[\w-]{2,63}+){0,4}\s(?:dot|punkt)\s"
            r"(?:com|org|net|edu|gov|info|biz|io|eu|us|uk|de|at|ch|fr|be|nl|es|it|pl|example)(?![\w-])",
            re.I,
        ),
        whole_words("dot punkt"),
        "jane.doe at example dot com",
    ),
)
PHONES = (
    Recogniser(
        PHONE,
        "labelled phone",
        re.compile(
            rf"(?P<label>{labels(_PHONE_WORDS)})(?!\w){_PHONE_LINKS}"
            rf"(?P<value>(?P<number>(?:\(?\+|\()?\d{_BODY}{{5,17}}){_EXTENSION})(?![\w]|[.-]\d)",
            re.I,
        ),
        (
            *whole_words(
                "phone phones tel tél fon kurzwahl number fax cell handy gsm móvil mobile mobil call"
                " called ring rang reach"
                " reachable dial dialled dialed text"
                " sms contact anrufen anruf rufen erreichbar erreicht joignable portable numéro nummer"
                " callback durchwahl whatsapp"
            ),
            "phone",
            "telefon",
            "téléphone",
            "teléfono",
            "handy",
            "mobil",
            "rufnummer",
            "rückruf",
            "appel",
            "llam",
            "llám",
        ),
        "Telefon: 030 23125 123",
        _labelled,
        gate=DIGITS,
    ),
    Recogniser(
        PHONE,
        "extension",
        re.compile(
            labels("ext|extension|durchwahl|dw|nebenstelle|apparat|app|kurzwahl|poste|extensión|interno")
            + r"\b"
            r"(?:[\s.:]{1,3}(?:no|nr|n°|number|nummer|is|ist|est"
            r"|es)\b)?[\s.:°]{1,3}(?P<value>\d{3,6})(?![\w%]|[.,:/-]\d)",
            re.I,
        ),
        whole_words("ext extension durchwahl dw nebenstelle apparat app kurzwahl poste extensión interno"),
        "Durchwahl 4512",
        gate=THREE_DIGITS,
    ),
    Recogniser(
        PHONE,
        "international phone",
        re.compile(
            rf"(?P<number>(?:[+](?<![\w+./=-].)[ ]?"
            rf"|[0](?<![\w+./=:-].)0)[1-9]{_BODY}{{6,15}}){_EXTENSION}(?![\w]|[.:/-]\d)"
        ),
        (DIGITS,),
        "+49 30 23125 456",
        _international,
    ),
    Recogniser(
        PHONE,
        "national phone",
        re.compile(
            r"(?P<number>[0-9(](?<![\w.:/#+,-].)(?<!\d[ ].)(?:(?:(?<=0)"
            r"|(?<=\()0)\d{1,5}\)?(?:[ ]?[ ./\u2013-][ ]?\d{2,9}){1,5}"
            r"|(?<=9)\d \d{3}(?: \d{2}){2}|(?:(?<=[2-9])|(?<=\()[2-9]"
            r"|(?<=1)[ .-]\(?[2-9])\d{2}\)?[ ./-]{1,2}\d{2,3}[ .-]\d{2,4}(?:[ ]\d{2})?))"
            rf"{_EXTENSION}(?![\w]|[.,:/-]\d|-\w)"
        ),
        (DIGITS,),
        "(030) 23125-123",
        _national,
    ),
    Recogniser(
        PHONE,
        "mobile phone",
        re.compile(r"0(?<![\w.:/#+,=-]0)[1-9]\d{8,9}(?![\w-]|[.,:/]\d)"),
        (DIGITS,),
        "01713920045",
        _mobile,
    ),
)
