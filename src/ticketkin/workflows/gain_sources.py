"""What the gain of a run's learned ranking rests on, over the candidate lists of its learning curve."""

import numpy as np

from ticketkin.core.tables import BoolArray, IntArray, Visibility
from ticketkin.core.threads import at_once
from ticketkin.evaluation.cross_fitting import Ranks
from ticketkin.evaluation.diagnostics.gain_sources import GainSources
from ticketkin.evaluation.metrics import METRICS
from ticketkin.ranking.ablation import Ablation
from ticketkin.ranking.pair_features import Part
from ticketkin.ranking.shrinkage import DEFAULT
from ticketkin.workflows.learning import FusionTrial

# This many queries are enough to distinguish a third from a half; without text each is ranked against all
# tickets.
_MOST_ASKED = 300
_MOST_LEARNED_FROM = 600


def sources_of(trial: FusionTrial, visibility: Visibility, baseline: str, seed: int) -> GainSources | None:
    """Return what the learned ranking's gain over the baseline rests on.

    None where it compares texts alone, as tickets have neither fields nor times, or nothing could be asked.
    Weights are fitted on at most 600 tickets with kin and asked about at most 300 that they never saw.
    """
    if not trial.corpus.state.agreement_fields and visibility.order is None:
        return None
    ablation = Ablation(trial.contender, trial.corpus.state, trial.corpus.columns, visibility)
    questions, draw = trial.learning.questions, np.random.default_rng(seed)
    lessons = [(_fewer(seen, questions.units, draw), asked) for seen, asked in trial.learning.rounds[0]]
    share = min(1.0, _MOST_ASKED / max(1, sum(len(asked) for _, asked in lessons)))
    lessons = [
        (seen, np.sort(draw.permutation(asked)[: max(1, round(share * len(asked)))]))
        for seen, asked in lessons
        if len(asked)
    ]
    if not lessons:
        return None

    def mean(without: tuple[Part, ...]) -> float:
        ranks: Ranks = []
        for seen, asked in lessons:
            ranks += ablation.ranks(without, seen, asked, DEFAULT)
        return _mean(ranks)

    of_baseline = trial.learning.compared[baseline]
    parts: list[tuple[Part, ...]] = [(), ("fields",), ("filing times",), ("text",)]
    whole, without_fields, without_times, without_text = at_once(mean, parts)
    return GainSources(
        n_queries=sum(len(asked) for _, asked in lessons),
        baseline=_mean([of_baseline[place] for _, asked in lessons for place in asked]),
        whole=whole,
        without_fields=without_fields,
        without_times=without_times,
        without_text=without_text,
        fields=tuple(trial.corpus.state.agreement_fields),
    )


def _mean(ranks: Ranks) -> float:
    return float(METRICS.of_retrieval(METRICS.primary.name).per_query(ranks).mean())


def _fewer(seen: BoolArray, units: IntArray, draw: np.random.Generator) -> BoolArray:
    """Return `seen` with only as many units as fit into the limit of queries to learn from."""
    own, sizes = np.unique(units[seen[units]], return_counts=True)
    order = draw.permutation(len(own))
    fewer = seen.copy()
    fewer[own[order[np.cumsum(sizes[order]) > _MOST_LEARNED_FROM]]] = False
    return fewer
