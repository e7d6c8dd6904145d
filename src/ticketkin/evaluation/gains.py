"""Paired gains of candidates over one another: what a verdict is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ticketkin.evaluation.bootstrap import PairedGain, Resamples, percentile_interval
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.multiplicity import holm
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.sign_flips import sign_flip_p_value

PRIMARY = METRICS.primary.name
Gains = Mapping[str, PairedGain]
"""By metric, those of one challenger."""


def paired_gain(
    scores: Mapping[str, RetrievalScores],
    challenger: str,
    baseline: str,
    metric: str,
    n_bootstrap: int,
    seed: int,
) -> PairedGain:
    """Return the mean gain of `challenger` over `baseline` on the same queries, with its interval.

    A gain above zero is better, also for a metric whose lower values are.
    """
    ours, theirs = scores[challenger], scores[baseline]
    if not np.array_equal(ours.queries, theirs.queries):
        raise ValueError(f"{challenger} and {baseline} were evaluated on different queries")
    definition = METRICS.of_retrieval(metric)
    difference = definition.improvement(ours.per_query(metric) - theirs.per_query(metric))
    resamples = Resamples.draw(ours.clusters, n_bootstrap, seed)
    gain = percentile_interval(float(difference.mean()), resamples.means(difference))
    p_value = sign_flip_p_value(difference, ours.clusters, seed)
    return PairedGain(challenger, baseline, metric, gain, ours.n_queries, resamples.n_clusters, p_value)


def decisive_gains(
    scores: Mapping[str, RetrievalScores], challenger: str, baseline: str, n_bootstrap: int, seed: int
) -> dict[str, PairedGain]:
    """Return the paired gains in the primary metric and the guards, by metric."""
    return {
        metric.name: paired_gain(scores, challenger, baseline, metric.name, n_bootstrap, seed)
        for metric in (METRICS.primary, *METRICS.guards)
    }


def all_gains(
    scores: Mapping[str, RetrievalScores],
    baseline: str,
    challengers: Sequence[str],
    n_bootstrap: int,
    seed: int,
) -> dict[str, Gains]:
    """Return the decisive gains of each challenger over the baseline."""
    return {name: decisive_gains(scores, name, baseline, n_bootstrap, seed) for name in challengers}


def corrected(gains_of: Mapping[str, Gains]) -> dict[str, Gains]:
    """Return the gains of challengers that are tried at once: p of the primary metric corrected by Holm."""
    p_values = holm({name: gains[PRIMARY].p_value for name, gains in gains_of.items()})
    return {
        name: {**gains, PRIMARY: replace(gains[PRIMARY], p_value=p_values[name])}
        for name, gains in gains_of.items()
    }


def comparisons_of(
    scores: Mapping[str, RetrievalScores], gains_of: Mapping[str, Gains], n_bootstrap: int, seed: int
) -> list[PairedGain]:
    """Return the gains of each candidate over the untouched encoder, then over lexical search."""
    over_baseline = [gain for gains in gains_of.values() for gain in gains.values()]
    if "lexical" not in scores:
        return over_baseline
    others = [name for name in scores if name != "lexical"]
    over_words = [paired_gain(scores, name, "lexical", PRIMARY, n_bootstrap, seed) for name in others]
    return over_baseline + over_words


def cheaper_choice(
    scores: Mapping[str, RetrievalScores],
    champion: str,
    forward_passes: Mapping[str, int],
    n_bootstrap: int,
    seed: int,
) -> PairedGain | None:
    """Return the champion's gain over the cheapest candidate that could be as good, None where none could.

    Cheaper is what needs fewer passes of an encoder for a new ticket; it could be as good where the interval
    of the gain reaches down to zero. Of equally cheap ones, the best is returned.
    """
    gains = [
        paired_gain(scores, champion, name, PRIMARY, n_bootstrap, seed)
        for name in scores
        if forward_passes[name] < forward_passes[champion]
    ]
    close = [gain for gain in gains if not gain.is_above_zero]
    return min(close, key=lambda gain: (forward_passes[gain.baseline], gain.gain.value or 0.0), default=None)
