"""Dates as they stand behind a word for a birthday."""

import re
from collections.abc import Callable
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as swiss_ssn
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.us import ssn
from ticketkin.tickets.redaction.user_ids import located_user, located_user_id, located_user_of_pair
from ticketkin.tickets.redaction.credentials import PAIR_TRIGGERS, USER_AND_PASSWORD, secret_of_pair
from ticketkin.tickets.redaction.predicates import ends_clause, is_predicate
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




_MONTHS = (
    r"jan\w{0,7}|feb\w{0,7}|f[ée]v\w{0,5}|m[aä]r\w{0,4}|apr\w{0,3}|avr\w{0,3}|ma[iy]\w{0,2}|jun[ie]?o?"
    r"|juin|jul[iy]?o?|juil\w{0,4}"
    r"|aug\w{0,4}|ao[uû]t|ago\w{0,4}|sep\w{0,8}|o[ckt]\w{0,6}|nov\w{0,6}|de[czs]\w{0,7}|déc\w{0,5}"
    r"|ene\w{0,3}|abr\w{0,3}"
)
DATE = (
    r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{2,4}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.)?[ -](?:of[ ]|de[ ])?(?:{_MONTHS})\.?,?[ -](?:de[ ])?\d{{2,4}}"
    rf"|(?:{_MONTHS})\.?[ ]\d{{1,2}}(?:st|nd|rd|th)?,?[ ]\d{{2,4}}|\d{{8}})"
)


def birth_date(match: re.Match[str]) -> Span | None:
    # 1900-01-01 and the like are what systems put where no date is known.
    digits = digits_of(match["value"])
    return None if digits in ("19000101", "01011900", "19700101", "01011970") else match.span("value")
