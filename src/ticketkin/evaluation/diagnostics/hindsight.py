"""Texts and fields written after linking: they tell of a link what nobody knows when a ticket opens."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.tables import BoolArray, IntArray, Tickets, field_codes
from ticketkin.core.ticket_fields import OPENING_FIELDS
from ticketkin.core.wording import number_of, percent

_FEWEST_LINKS = 20
_SHARED_BY_CHANCE = (0.2, 0.3, 0.1)
"""Share of links whose texts may name each other, share a reference, or quote the other's title: people do
write "see also", and one fault has one error code.
"""
_LONG_TITLE_WORDS = 4
_TELLS_COVERAGE, _TELLS_LIFT = 0.2, 20.0
"""A word tells that a ticket is linked if a fifth of the linked ones hold it, and 20 times fewer others."""
_FEWEST_UNLINKED = 50
_TAKEN_OVER = 0.98
_RARELY_BY_CHANCE = 0.1
_ONLY_KIN = 0.8
_FEWEST_VALUES = 20
_TOKEN = re.compile(r"[\w#\[\]-]+")
# A word is tried from its first letter alone: from another it would match no more.
_REFERENCE = re.compile(r"(?<![a-z])[a-z]{2,}[-_ #]?\d{4,}|#\d{4,}")
_AS_FILED = "export texts and fields as first filed, or cut what was added later"
_FIELDS = tuple(name for name in OPENING_FIELDS if name not in ("title", "description"))


@dataclass(frozen=True)
class LinkedTexts:
    """Tickets, the texts a model reads of them, and the duplicate links between them."""

    tickets: Tickets
    texts: Sequence[str]
    left: IntArray
    """Ticket rows of the links' sources: what was closed as a duplicate."""
    right: IntArray
    groups: IntArray
    """Kin group of every ticket."""

    @property
    def is_linked(self) -> BoolArray:
        """Whether each ticket has kin."""
        linked: BoolArray = np.bincount(self.groups)[self.groups] > 1
        return linked


def hindsight_checks(linked: LinkedTexts) -> list[Check]:
    """Return the checks of what was written into texts and fields once tickets were linked."""
    if len(linked.left) < _FEWEST_LINKS:
        reason = f"too few links to tell ({len(linked.left)})"
        return [skipped(code, reason) for code in ("texts_name_kin", "words_of_linking", "fields_of_linking")]
    lowered = [" ".join(text.lower().split()) for text in linked.texts]
    return [_texts_name_kin(linked, lowered), _words_of_linking(linked, lowered), _fields_of_linking(linked)]


def _texts_name_kin(linked: LinkedTexts, lowered: Sequence[str]) -> Check:
    """Find texts that hold the number of their kin, a reference that only kin hold, or the other's title."""
    frame = linked.tickets.frame
    names = [
        {name.lower() for name in row if len(name) >= 4}
        for row in zip(*(frame[column] for column in ("ticket_id", "number", "sys_id")), strict=True)
    ]
    titles = [" ".join(title.lower().split()) for title in frame["title"]]
    own = [set(_REFERENCE.findall(text)) for text in lowered]
    held = Counter(reference for references in own for reference in references)

    def names_other(one: int, other: int) -> bool:
        return any(name in lowered[one] for name in names[other])

    def shares_reference(one: int, other: int) -> bool:
        return any(held[reference] == 2 for reference in own[one] & own[other])

    def holds_title(one: int, other: int) -> bool:
        title = titles[other]
        return len(title.split()) >= _LONG_TITLE_WORDS and title not in titles[one] and title in lowered[one]

    shares = {
        "name the other ticket's number": _share(linked, names_other),
        "hold a reference that no third ticket holds": _share(linked, shares_reference),
        "hold the other ticket's title": _share(linked, holds_title),
    }
    shown = ", ".join(f"{percent(share)} {what}" for what, share in shares.items())
    evidence = f"of {number_of(len(linked.left), 'linked pair')} {shown}"
    if any(share > most for share, most in zip(shares.values(), _SHARED_BY_CHANCE, strict=True)):
        return failed("texts_name_kin", f"texts say which ticket they were linked to: {evidence}", _AS_FILED)
    return passed("texts_name_kin", evidence)


def _share(linked: LinkedTexts, either_way: Callable[[int, int], bool]) -> float:
    pairs = zip(linked.left.tolist(), linked.right.tolist(), strict=True)
    return float(np.mean([either_way(a, b) or either_way(b, a) for a, b in pairs]))


def _words_of_linking(linked: LinkedTexts, lowered: Sequence[str]) -> Check:
    """Find words and values that tell that a ticket is linked, whatever it is linked to."""
    sources = np.zeros(len(lowered), dtype=np.bool_)
    sources[linked.left] = True
    unlinked = ~linked.is_linked
    if unlinked.sum() < _FEWEST_UNLINKED:
        return skipped("words_of_linking", f"too few tickets without a link ({int(unlinked.sum())})")
    telling = [
        *_telling([set(_TOKEN.findall(text)) for text in lowered], sources, unlinked, "the word"),
        *_telling(list(_values(linked.tickets)), sources, unlinked, "the value"),
    ]
    if telling:
        return failed(
            "words_of_linking",
            f"{'; '.join(telling[:3])}: it tells that a ticket was linked, which nobody knows when it opens",
            _AS_FILED,
        )
    return passed("words_of_linking", "no word and no value stands in linked tickets alone")


def _values(tickets: Tickets) -> Iterator[set[str]]:
    for row in zip(*(tickets.frame[name] for name in _FIELDS), strict=True):
        yield {f"{name} = {value}" for name, value in zip(_FIELDS, row, strict=True) if value}


def _telling(tokens: Sequence[set[str]], linked: BoolArray, unlinked: BoolArray, what: str) -> Iterator[str]:
    ours, theirs = (
        Counter(token for row in np.flatnonzero(rows).tolist() for token in tokens[row])
        for rows in (linked, unlinked)
    )
    n_ours, n_theirs = int(linked.sum()), int(unlinked.sum())
    for token, count in ours.most_common():
        share, other = count / n_ours, theirs[token] / n_theirs
        if share < _TELLS_COVERAGE:
            return
        if share >= _TELLS_LIFT * max(other, 1 / n_theirs):
            yield (
                f"{what} {token!r} stands in {percent(share)} of the tickets linked to another one and in "
                f"{percent(other, 1)} of those without a link"
            )


def _fields_of_linking(linked: LinkedTexts) -> Check:
    """Find fields that every linked pair shares, or kin alone: values taken over from a master."""
    suspects, shown = list[tuple[bool, str]](), list[str]()
    n_groups = int(linked.groups.max()) + 1
    for name in _FIELDS:
        codes = field_codes(linked.tickets.frame[name])
        known = codes >= 0
        sizes = np.bincount(codes[known], minlength=1).astype(np.float64)
        if (sizes > 0).sum() < _FEWEST_VALUES:
            continue
        both = known[linked.left] & known[linked.right]
        agree = float((codes[linked.left] == codes[linked.right])[both].mean()) if both.any() else 0.0
        by_chance = float(((sizes / known.sum()) ** 2).sum())
        n_same = float((sizes * (sizes - 1)).sum())
        of_value_and_group = codes[known] * n_groups + linked.groups[known]
        kin = np.unique(of_value_and_group, return_counts=True)[1]
        only_kin = float((kin * (kin - 1)).sum()) / n_same if n_same else 0.0
        described = (
            f"{percent(agree)} of the linked pairs agree in {name}, by chance {percent(by_chance)}; "
            f"{percent(only_kin)} of the pairs of one value are kin"
        )
        shown.append(described)
        many = both.sum() >= max(_FEWEST_LINKS, len(both) / 2)
        if many and by_chance < _RARELY_BY_CHANCE and agree >= _TAKEN_OVER:
            suspects.append((only_kin >= _ONLY_KIN, described))
    if not suspects:
        return passed("fields_of_linking", "; ".join(shown) or "no field has enough values to tell")
    make = failed if any(is_sure for is_sure, _ in suspects) else warning
    return make(
        "fields_of_linking",
        f"{'; '.join(described for _, described in suspects)}: such values were most likely taken over when "
        "tickets were linked",
        _AS_FILED,
    )
