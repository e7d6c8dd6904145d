"""The verdict in sentences: what came out, on what, and what a reader should know before acting on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ticketkin.core.wording import number_of
from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.metrics import IN_FIRST_TEN, METRICS
from ticketkin.evaluation.power import Power, is_within_reach
from ticketkin.evaluation.retrieval import RetrievalScores

Answer = Literal["yes", "no", "unproven"]
"""Whether anything is better than the untouched model; unproven where people linked none or too few."""

UNTOUCHED_MODEL = "the untouched model"
"""What sentences call the base, until `naming_base` says what it is."""


def naming_base(sentences: str, name: str) -> str:
    """Return sentences in which the base is called by its `name`, where it is no untouched model."""
    if not name:
        return sentences
    return sentences.replace(UNTOUCHED_MODEL, name).replace(
        UNTOUCHED_MODEL.capitalize(), f"{name[:1].upper()}{name[1:]}"
    )


def unproven_words(champion: str, n_groups: int) -> str:
    """Return what to say where people linked no duplicates, or too few to prove anything: how to find out."""
    why = "Nobody has linked these tickets, so nothing can be proven yet."
    if n_groups:
        why = f"Only {number_of(n_groups, 'group')} of duplicates can judge, too few to prove anything yet."
    return (
        f"{why} Until then rank with '{champion}', which learns from no links. To find out whether another "
        "ranking is better, judge some pairs of tickets, or give links with --links FILE."
    )


def better_words(champion: str, counted: str, *, synthetic: bool) -> str:
    """Return the sentences where a challenger won; `counted` says what it finds and how that was counted."""
    answer = "Yes, though on the built-in synthetic sample only" if synthetic else "Yes"
    return f"{answer}: '{champion}' is better than {UNTOUCHED_MODEL}. {counted}"


@dataclass(frozen=True)
class WhyKept:
    """The reasons why the baseline stays."""

    gain: PairedGain | None
    """Of the challenger that came closest."""
    guards_failed: Sequence[str]
    """Titles of the guard metrics in which it got worse."""
    too_small: bool = False
    """Whether it is better, by less than is worth having."""
    objection: str = ""
    """What speaks against a gain that was seen: on shuffled links, on the holdout, or a check that failed."""


def kept_words(why: WhyKept, counted: str, *, synthetic: bool) -> str:
    """Return the sentences where the baseline stays: worse, level, or too few links to tell."""
    where = "On the built-in synthetic sample, keep" if synthetic else "Keep"
    end, evidence = _why_kept(why)
    return " ".join(part for part in (f"{where} {UNTOUCHED_MODEL}: {end}.", evidence, counted) if part)


def _why_kept(why: WhyKept) -> tuple[str, str]:
    """Return why, as the end of the first sentence, and the numbers behind it in a sentence of their own."""
    gain, failed = why.gain, why.guards_failed
    if gain is None or gain.gain.value is None:
        return "nothing else could be compared with it", ""
    name, shown = gain.challenger, gain_words(gain)
    if why.objection:
        evidence = why.objection[:1].upper() + why.objection[1:].removesuffix(".")
        return f"what looks like a gain of '{name}' is no proof", f"{evidence}."
    if gain.is_gain and (failed or why.too_small):
        return (
            (
                f"'{name}' is better in one way and worse in another",
                f"Better: {shown}; worse: {', '.join(failed)}.",
            )
            if failed
            else (f"'{name}' is better by less than is worth a change", f"'{name}' gained {shown}.")
        )
    if gain.is_loss:
        return "everything else is worse", f"Nearest came '{name}' ({shown})."
    power = Power.of(gain)
    more = power.n_more_kin_groups
    if more is not None and is_within_reach(more, power.n_kin_groups):
        return (
            f"'{name}' looks better, but {number_of(power.n_kin_groups, 'group')} of duplicates are too few "
            "to rule out chance",
            f"'{name}' gained {shown}; about {number_of(more, 'more group')} of duplicates would be enough.",
        )
    would = power.smallest_provable_gain
    return "nothing else is measurably better", f"Nearest came '{name}' ({shown})." + (
        f" A gain of {would:.3f} would have been seen." if would is not None else ""
    )


def cheaper_words(gain: PairedGain, cheap: int, dear: int) -> str:
    """Return what to know of a ranking of fewer encoder passes that could be as good as the champion."""
    return (
        f"'{gain.baseline}' is cheaper for a new ticket ({number_of(cheap, 'encoder pass')}, not {dear}) and "
        f"could be as good: over it, '{gain.challenger}' has {gain_words(gain)} on "
        f"{number_of(gain.n_queries, 'ticket')} with known kin."
    )


def dearer_words(reason: str, cheaper: str) -> str:
    """Return the sentences of a verdict whose first one names what is cheaper and could be as good, too."""
    answer, grounds = first_sentence(reason)
    return f"{answer[:-1]}; '{cheaper}' costs less and could be as good. {grounds}"


def first_sentence(reason: str) -> tuple[str, str]:
    """Return the answer of a verdict, which is its first sentence, and the grounds, which are the others."""
    answer, stop, grounds = reason.partition(". ")
    return answer + stop.strip(), grounds


def gain_words(gain: PairedGain) -> str:
    """Return the metric and the gain with its interval."""
    return (
        f"{METRICS[gain.metric].title} {gain.gain.value:+.3f} [{gain.gain.low:+.3f}, {gain.gain.high:+.3f}]"
    )


def in_first_ten(scores: RetrievalScores) -> str:
    """Return the percentage of the queries that find kin in the first ten."""
    return f"{100 * IN_FIRST_TEN.per_query(scores.ranks).mean():.0f}"
