"""Dates as they stand behind a word for a birthday."""

import re

from ticketkin.tickets.redaction.recogniser import (
    Span,
    digits_of,
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
    """Return the span of the date, unless it stands for none."""
    # 1900-01-01 and the like are what systems put where no date is known.
    digits = digits_of(match["value"])
    return None if digits in ("19000101", "01011900", "19700101", "01011970") else match.span("value")
