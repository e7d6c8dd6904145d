"""Texts that say too little: copies, cut off, hardly any words, or other words than those learned from."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.tables import IntArray, Tickets
from ticketkin.core.wording import number_of, percent

_FEWEST = 100
_MANY_COPIES = 0.3
_TWICE = 0.02
_CUT_SHARE, _SHORTEST_CUT = 0.02, 60
_FEW_TEXTS, _FEW_WORDS = 0.1, 5
_KNOWN_LESS = 0.75


def copied_texts(tickets: Tickets, texts: Sequence[str]) -> Check:
    """Find an export full of copies, or one that holds the same tickets twice under other ids."""
    if len(texts) < _FEWEST:
        return skipped("copied_texts", f"too few tickets to tell ({len(texts)})")
    lowered = [" ".join(text.lower().split()) for text in texts]
    counts = Counter(lowered)
    share = sum(counts[text] > 1 for text in lowered) / len(lowered)
    opened = tickets.frame["opened_at"].to_list()
    moments = Counter(zip(lowered, opened, strict=True))
    twice = sum(n - 1 for (_, time), n in moments.items() if time is not None and n > 1)
    evidence = (
        f"{percent(share)} of {number_of(len(texts), 'text')} stand there more than once; "
        f"{number_of(twice, 'ticket repeats', 'tickets repeat')} the text and the opening time of another one"
    )
    if twice > _TWICE * len(texts):
        return warning(
            "copied_texts",
            f"tickets seem to be exported twice under several ids. {evidence}",
            "export each ticket once; keep one of two systems that mirror each other",
        )
    if share > _MANY_COPIES:
        return warning(
            "copied_texts",
            f"finding copies proves little about tickets that people wrote. {evidence}",
            "judge tickets of people apart from those of monitoring, or link by fields what is a copy",
        )
    return passed("copied_texts", evidence)


def cut_texts(tickets: Tickets) -> Check:
    """Find columns whose texts were cut at one length by an export."""
    cut = []
    for column in ("title", "description"):
        lengths = tickets.frame[column].str.len_chars().to_numpy()
        longest = int(lengths.max()) if len(lengths) else 0
        n_longest = int((lengths == longest).sum())
        if longest >= _SHORTEST_CUT and n_longest >= max(10, _CUT_SHARE * len(lengths)):
            cut.append(
                f"{number_of(n_longest, 'text')} of {column} end at exactly {number_of(longest, 'character')}"
            )
    if cut:
        return warning(
            "cut_texts",
            f"{' and '.join(cut)}: an export cut them",
            "export the whole column; a list view and some spreadsheets cut at 120, 255 or 4,000 characters",
        )
    return passed("cut_texts", "no column ends at one length")


def thin_texts(texts: Sequence[str]) -> Check:
    """Find texts that can't tell a ticket: a few words that stand again and again, such as a category."""
    if len(texts) < _FEWEST:
        return skipped("thin_texts", f"too few tickets to tell ({len(texts)})")
    different = len({text.lower() for text in texts})
    words = float(np.median([len(text.split()) for text in texts]))
    evidence = (
        f"{number_of(different, 'different text')} among {number_of(len(texts), 'ticket')}, "
        f"{words:.0f} words each (median)"
    )
    if different < _FEW_TEXTS * len(texts) and words <= _FEW_WORDS:
        return failed(
            "thin_texts",
            f"the texts say what kind of ticket it is, not what happened: {evidence}",
            "map title and description to the columns that people wrote: --map title=COLUMN",
        )
    return passed("thin_texts", evidence)


def other_words(texts: Sequence[str], rows: Mapping[str, IntArray]) -> Check:
    """Find a holdout of other words than the training tickets: another language, product or desk.

    `rows` gives the ticket rows of train, evaluation and holdout.
    """
    code = "other_words"
    if min(len(rows[name]) for name in ("train", "evaluation", "holdout")) < 20:
        return skipped(code, "too few tickets in a split to tell")
    words = {name: [_words(texts[row]) for row in own] for name, own in rows.items()}
    held = Counter(word for own in words["train"] for word in set(own))
    known = {word for word, n in held.items() if n > 1}
    shares = {
        name: float(np.mean([sum(word in known for word in own) / len(own) for own in words[name] if own]))
        for name in ("evaluation", "holdout")
    }
    evidence = ", ".join(f"{percent(share)} of the words in {name}" for name, share in shares.items())
    if shares["holdout"] < _KNOWN_LESS * shares["evaluation"]:
        return warning(
            code,
            f"the held-out tickets are written in other words: training knows {evidence}. They may be of "
            "another language, product or desk",
            "judge each language or desk by itself; with split.by=time the newest tickets may be new ground",
        )
    return passed(code, f"training knows {evidence}")


def _words(text: str) -> list[str]:
    return [word for word in text.lower().split() if word.isalpha()]
