"""The verdict in sentences: what came out, on what, and what a reader should know before acting on it."""

from collections.abc import Sequence
from typing import Literal

from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.metrics import IN_FIRST_TEN, METRICS
from ticketkin.evaluation.power import Power
from ticketkin.evaluation.retrieval import RetrievalScores

Answer = Literal["yes", "no", "unproven"]
"""Whether anything is better than the untouched model; unproven where people linked none or too few."""
_MOST_TIMES_MORE = 10
"""Links to add, as a multiple of those at hand, above which a gain is called none rather than unproven."""


def unproven_words(champion: str, n_groups: int) -> str:
    """Return what to say where people linked no duplicates, or too few to prove anything: how to find out."""
    why = "Nobody has linked these tickets, so nothing can be proven yet."
    if n_groups:
        groups = "group" if n_groups == 1 else "groups"
        why = f"Only {n_groups:,} {groups} of duplicates can judge, too few to prove anything yet."
    return (
        f"{why} Until then rank with '{champion}', which learns from no links. To find out whether another "
        "ranking is better, judge some pairs of tickets, or give links with --links FILE."
    )


def better_words(champion: str, found: str, *, synthetic: bool) -> str:
    """Return the sentences where a challenger won; `found` says what it finds and how it was counted."""
    answer = "Yes, though on the built-in synthetic sample only" if synthetic else "Yes"
    return f"{answer}: '{champion}' is better than the untouched model. {found}"


def kept_words(
    gain: PairedGain | None, failed: Sequence[str], found: str, *, shuffled: str = "", synthetic: bool
) -> str:
    """Return the sentences where the baseline stays: worse, level, or too few links to tell.

    `gain` is that of the challenger that came closest, `failed` the guard metrics in which that one got
    worse, `shuffled` what a gain on shuffled links says against it.
    """
    where = "On the built-in synthetic sample: keep" if synthetic else "Keep"
    return f"{where} the untouched model. {_why_kept(gain, failed, shuffled)} {found}"


def _why_kept(gain: PairedGain | None, failed: Sequence[str], shuffled: str) -> str:
    if gain is None or gain.gain.value is None:
        return "Nothing else could be compared with it."
    name, shown = gain.challenger, gain_words(gain)
    if shuffled:
        return f"What looks like a gain of '{name}' is no proof: {shuffled}."
    if gain.is_gain and failed:
        return f"'{name}' is better in one way ({shown}) and worse in another ({', '.join(failed)})."
    if gain.is_loss:
        return f"Everything else was worse; nearest came '{name}' ({shown})."
    power = Power.of(gain)
    more = power.n_more_kin_groups
    if more and more <= _MOST_TIMES_MORE * power.n_kin_groups:
        return (
            f"'{name}' looks better ({shown}), but {power.n_kin_groups:,} groups of duplicates are too few "
            f"to rule out chance; about {more:,} more would be enough."
        )
    would = power.smallest_provable_gain
    return f"Nothing else is measurably better; nearest came '{name}' ({shown})." + (
        f" A gain of {would:.3f} would have been seen." if would is not None else ""
    )


def cheaper_words(gain: PairedGain, cheap: int, dear: int) -> str:
    """Return what to know of a ranking of fewer encoder passes that could be as good as the champion."""
    return (
        f"'{gain.baseline}' is cheaper for a new ticket ({cheap} instead of {dear} passes of an encoder) and "
        f"could be as good: over it, '{gain.challenger}' has {gain_words(gain)} on {gain.n_queries:,} "
        "evaluation tickets."
    )


def gain_words(gain: PairedGain) -> str:
    """Return the metric and the gain with its interval."""
    return (
        f"{METRICS[gain.metric].title} {gain.gain.value:+.3f} [{gain.gain.low:+.3f}, {gain.gain.high:+.3f}]"
    )


def in_first_ten(scores: RetrievalScores) -> str:
    """Return the percentage of the queries that find kin in the first ten."""
    return f"{100 * IN_FIRST_TEN.per_query(scores.ranks).mean():.0f}"
