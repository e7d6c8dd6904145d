"""How far the learned ranking moves away from the hybrid, which needs no label.

With ten links the ranking must be no worse than without links, and with a thousand as good as with free
weights. The pull towards the hybrid is chosen by the ranks of held-out kin. The default stays unless another
pull is clearly better, since with few kin groups the best of several is often the best by chance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from ticketkin.core.tables import BoolArray, Float64Array, FloatArray, IntArray
from ticketkin.core.threads import at_once
from ticketkin.evaluation.option_choice import choose_option
from ticketkin.evaluation.retrieval import kin_ranks
from ticketkin.ranking.candidate_lists import CandidateLists
from ticketkin.ranking.models import PulledFit
from ticketkin.ranking.pair_features import HYBRID_SOURCES
from ticketkin.ranking.scorer import FirstLevel
from ticketkin.ranking.trees import BoostedTrees, TreeSettings

_TREES = TreeSettings(n_rounds=150, learning_rate=0.06, n_leaves=15, fewest_in_leaf=20, l2=5.0)
# A list holds some hundred tickets that are no kin, most of them far from it: where pairs are many, one of
# four behind the nearest by the hybrid is read, which counts for four (benchmarks/read_pairs.py).
_NEAREST = 20
_ONE_IN = 4
_FEW_PAIRS = 50_000


@dataclass(frozen=True)
class Pull:
    """How strongly the weights are held at the hybrid."""

    strength: float
    """As `LogisticModel.fit_towards` takes it: 0 is the hybrid itself, a large one sets the weights free."""
    with_trees: bool = False
    """Whether boosted trees, to which the pull does not apply, count for half of the score."""

    @property
    def name(self) -> str:
        """Say in a word how far the ranking may move."""
        if not self.strength:
            return "hybrid"
        return f"{self.strength:g}{' with trees' if self.with_trees else ''}"


DEFAULT = Pull(0.2)
"""The best or beside the best from 10 to 320 kin groups on three trackers (docs/experiments.md)."""
FEW_LINKS = (DEFAULT, Pull(0.0), Pull(0.02))
MANY_LINKS = (Pull(0.5, with_trees=True), DEFAULT)
"""The first of each is what stays unless another is clearly better."""
_MANY_KIN_GROUPS = 300


def pulls_for(n_kin_groups: int) -> tuple[Pull, ...]:
    """Return the pulls to choose among: trees pay only where there are hundreds of kin groups."""
    return MANY_LINKS if n_kin_groups >= _MANY_KIN_GROUPS else FEW_LINKS


@dataclass(frozen=True)
class LevelFit:
    """The pairs that a first level is fitted on; what all pulls share is computed once."""

    features: FloatArray
    """Shape (n_pairs, n_features)."""
    labels: IntArray
    """0 or 1 of each pair."""
    weights: Float64Array
    """How much each pair counts, shape (n_pairs,)."""
    names: list[str]
    seed: int

    @classmethod
    def of(
        cls,
        features: FloatArray,
        labels: IntArray,
        query_of_pair: IntArray,
        names: list[str],
        seed: int,
    ) -> "LevelFit":
        """Return the fit on pairs, or on some of very many; `query_of_pair`, (n_pairs,), numbers queries."""
        hybrid = features[:, _summed(names)].sum(axis=1)
        weights = pair_weights(labels, hybrid, query_of_pair, seed)
        read = weights > 0
        return cls(features[read], labels[read], weights[read], names, seed)

    def level(self, pull: Pull) -> FirstLevel:
        """Return the weights under a pull."""
        learns = pull.with_trees and 0 < self.labels.sum() < len(self.labels)
        trees = (
            BoostedTrees.fit(self.features, self.labels, _TREES, self.seed, self.weights) if learns else None
        )
        return FirstLevel(self.names, self._logistic.model(pull.strength), trees)

    @cached_property
    def _logistic(self) -> PulledFit:
        return PulledFit(self.features, self.labels, _summed(self.names), self.weights)


def _summed(names: Sequence[str]) -> IntArray:
    """Return the columns whose sum is the score of the hybrid."""
    return np.array([names.index(f"{source}_z") for source in HYBRID_SOURCES])


def pair_weights(labels: IntArray, hybrid: FloatArray, query_of_pair: IntArray, seed: int) -> Float64Array:
    """Return how much each pair counts in a fit, shape (n_pairs,), 0 where it is not read.

    Few pairs are all read. Of many, all kin is, and of the others the nearest of each query by the score
    `hybrid` and a part of the rest.
    """
    if len(labels) <= _FEW_PAIRS:
        return np.ones(len(labels))
    order = np.lexsort((-hybrid, query_of_pair))
    sorted_queries = query_of_pair[order]
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.searchsorted(sorted_queries, sorted_queries)
    drawn = np.random.default_rng(seed).random(len(labels)) < 1 / _ONE_IN
    return np.where((labels > 0) | (place < _NEAREST), 1.0, np.where(drawn, float(_ONE_IN), 0.0))


def list_ranks(
    lists: CandidateLists, is_kin: BoolArray, scores: FloatArray | Float64Array, beyond: Sequence[IntArray]
) -> list[IntArray]:
    """Return the ascending ranks of each query's kin by the scores of its list.

    `beyond` holds for each query the ranks of the kin that is not in its list.
    """
    ranks = []
    for place, more in enumerate(beyond):
        own = slice(lists.start[place], lists.start[place + 1])
        inside = kin_ranks(scores[own][is_kin[own]], scores[own][~is_kin[own]])
        ranks.append(np.concatenate([inside, more]))
    return ranks


def choose_pull(
    lists: CandidateLists,
    groups: IntArray,
    names: list[str],
    pulls: Sequence[Pull],
    n_folds: int,
    seed: int,
    meanwhile: Callable[[], object] = lambda: None,
) -> Pull:
    """Return the pull that ranks kin best where the weights never saw its kin group.

    `groups` numbers the kin group of each ticket. Kin outside of a list has no rank here, whatever the pull.
    `meanwhile` is called beside the fits of the folds, whose number seldom fills all processors.
    """
    is_kin, clusters = lists.kin(groups), groups[lists.queries]
    known, place = np.unique(clusters, return_inverse=True)
    n_folds = min(n_folds, len(known))
    if n_folds < 2 or len(pulls) < 2:
        return pulls[0]
    fold = (np.random.default_rng(seed).permutation(len(known)) % n_folds)[place]
    of_pair, labels = fold[lists.query_of_pair], is_kin.astype(np.int64)
    beyond = [np.zeros(0, dtype=np.int64)] * len(lists.queries)
    reciprocal = np.zeros((len(pulls), len(lists.queries)))
    logits = np.zeros((len(pulls), len(labels)))

    def score(number: int) -> None:
        held = of_pair == number
        fit = LevelFit.of(lists.features[~held], labels[~held], lists.query_of_pair[~held], names, seed)
        for option, pull in enumerate(pulls):
            logits[option, held] = fit.level(pull).logits(lists.features[held])

    tasks: list[Callable[[], object]] = [meanwhile, *(partial(score, number) for number in range(n_folds))]
    at_once(lambda task: task(), tasks)
    for option, scores in enumerate(logits):
        ranks = list_ranks(lists, is_kin, scores, beyond)
        reciprocal[option] = [1 / rank[0] if len(rank) else 0.0 for rank in ranks]
    return pulls[choose_option(reciprocal, clusters)]
