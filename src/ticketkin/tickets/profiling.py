"""What is in the file: counts, lengths, categories, languages, repeats, templates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import IntArray, Tickets
from ticketkin.core.wording import number_of, percent
from ticketkin.tickets.templates import normalise

# Language detection costs about a millisecond a text: a sample tells the shares.
_LANGUAGE_SAMPLE = 300
_N_SHOWN = 12
_NO_CATEGORY = "(none)"
_LEAST_SHOWN_SHARE = 0.01
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class TicketProfile:
    """A file of tickets in numbers; shares lie between 0 and 1."""

    n_tickets: int
    n_empty: int
    first_opened: str | None
    last_opened: str | None
    n_without_time: int
    length_tokens_median: float
    length_tokens_p95: float
    limit_tokens: int
    share_cut: float
    """Share of texts longer than the model reads."""
    categories: dict[str, int]
    languages: dict[str, float]
    n_exact_repeats: int
    """Texts equal to an earlier one."""
    templates: list[tuple[str, int]]
    """The most frequent texts once numbers are taken out, with their counts (2 or more)."""


@dataclass(frozen=True)
class FileProfile:
    """A profile and the lengths that a histogram is drawn of; profile.json."""

    profile: TicketProfile
    lengths_tokens: list[int]
    """Of each ticket's text, uncut."""


def profile_tickets(
    tickets: Tickets, texts: Sequence[str], lengths_tokens: IntArray, limit_tokens: int
) -> TicketProfile:
    """Return the profile; `lengths_tokens` has shape (n_tickets,), `limit_tokens` is the model's."""
    opened = tickets.frame["opened_at"].drop_nulls()
    categories = Counter(tickets.frame["category"].to_list())
    templates = Counter(normalise(text)[:200] for text in texts if text)
    lengths = np.asarray(lengths_tokens)
    return TicketProfile(
        n_tickets=len(tickets),
        n_empty=sum(not text for text in texts),
        first_opened=None if opened.is_empty() else str(opened.min()),
        last_opened=None if opened.is_empty() else str(opened.max()),
        n_without_time=tickets.frame["opened_at"].null_count(),
        length_tokens_median=float(np.median(lengths)) if len(lengths) else 0.0,
        length_tokens_p95=float(np.percentile(lengths, 95)) if len(lengths) else 0.0,
        limit_tokens=limit_tokens,
        share_cut=float((lengths > limit_tokens).mean()) if len(lengths) else 0.0,
        categories={name or _NO_CATEGORY: count for name, count in categories.most_common(_N_SHOWN)},
        languages=_languages(texts),
        n_exact_repeats=len(texts) - len(set(texts)),
        templates=[(text, count) for text, count in templates.most_common(5) if count > 1 and text],
    )


def profile_lines(profile: TicketProfile) -> list[str]:
    """Return the profile in a few lines for the screen."""
    opened = "no opening times"
    if profile.first_opened:
        missing = f" ({profile.n_without_time:,} without)" if profile.n_without_time else ""
        opened = f"opened {profile.first_opened} to {profile.last_opened}{missing}"
    categories = [f"{name} {count:,}" for name, count in list(profile.categories.items())[:6]]
    lines = [
        f"{number_of(profile.n_tickets, 'ticket')}, {opened}",
        f"texts: half have {number_of(round(profile.length_tokens_median), 'token')} or more, one in twenty "
        f"has {profile.length_tokens_p95:,.0f} or more; {percent(profile.share_cut)} are cut at the "
        f"{profile.limit_tokens:,} that the model reads",
    ]
    if profile.categories.keys() - {_NO_CATEGORY}:
        lines.append("categories: " + ", ".join(categories))
    shares = [
        f"{name.capitalize()} {percent(share)}"
        for name, share in profile.languages.items()
        if share >= _LEAST_SHOWN_SHARE
    ]
    if shares:
        lines.append("languages: " + ", ".join(shares))
    n_repeats = profile.n_exact_repeats
    counted = number_of(n_repeats, "text repeats", "texts repeat") if n_repeats else "no text repeats"
    repeats = f"{counted} an earlier one"
    if profile.templates:
        text, count = profile.templates[0]
        shown = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
        repeats += f'; the most frequent wording, numbers aside, stands {count:,} times: "{shown}"'
    lines.append(repeats)
    return lines


def _languages(texts: Sequence[str]) -> dict[str, float]:
    from lingua import Language, LanguageDetectorBuilder

    filled = [text[:300] for text in texts if len(text) >= 20]
    sample = filled[:: max(1, len(filled) // _LANGUAGE_SAMPLE)][:_LANGUAGE_SAMPLE]
    if not sample:
        return {}
    spoken = [
        Language.ENGLISH, Language.GERMAN, Language.FRENCH, Language.SPANISH, Language.ITALIAN,
        Language.PORTUGUESE, Language.DUTCH, Language.POLISH,
    ]  # fmt: skip
    detector = LanguageDetectorBuilder.from_languages(*spoken).with_low_accuracy_mode().build()
    counts = Counter(
        language.name.lower() for text in sample if (language := detector.detect_language_of(text))
    )
    return {name: round(count / len(sample), 3) for name, count in counts.most_common(5)}
