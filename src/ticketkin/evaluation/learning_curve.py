"""How the learned ranking improves with more links: fitted on parts of the kin groups, then on all.

Each part is drawn from the training kin groups and evaluated on kin groups outside of them. A larger part
contains the smaller parts of the same draw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.tables import BoolArray, IntArray
from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.cross_fitting import Contender, Questions, Ranks
from ticketkin.evaluation.gains import paired_gain
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.retrieval import RetrievalScores

SHARES = (0.125, 0.25, 0.5, 1.0)
"""Of the kin groups that may be learned from; each is twice the one before."""
HALF = "half of the links"
"""Name of the baseline in the gain of the last doubling."""

Lesson = tuple[BoolArray, IntArray]
"""Which units are training data, shape (n_units,), and the places of the evaluated queries."""


@dataclass(frozen=True)
class LearningPoint:
    """What the learned ranking gains when it has learned from so many kin groups."""

    share: float
    n_kin_groups: int
    """Learned from, on average over the draws."""
    gains: list[PairedGain]
    """In the primary metric, one over each ranking it is compared with."""


@dataclass(frozen=True)
class LearningCurve:
    """The points by rising number of kin groups, and what the last doubling brought."""

    points: list[LearningPoint]
    last_doubling: PairedGain
    """Of all kin groups over half of them, on the same queries."""


@dataclass(frozen=True)
class LearningTrial:
    """The inputs of a learning curve."""

    questions: Questions
    contender: Contender
    option_for: Callable[[int], int]
    """Place of the option to take with so many kin groups: it is not chosen anew for each part."""
    rounds: Sequence[Sequence[Lesson]]
    """Each round asks the same queries; another round draws other parts."""
    compared: Mapping[str, Ranks]
    """Ranks of each query by rankings that learn nothing from links, by name."""

    @property
    def asked(self) -> IntArray:
        """Places of the queries that are asked, ascending."""
        return np.sort(np.concatenate([places for _, places in self.rounds[0]]))

    def curve(self, n_bootstrap: int, seed: int, progress: Progress = SILENT) -> LearningCurve:
        """Return the curve, deterministic by `seed`. Costs a fit for each part of each lesson."""
        rounds = list(track(enumerate(self.rounds), progress, "learning curve", len(self.rounds)))
        tried = [self._once(lessons, seed + number) for number, lessons in rounds]
        compared = {name: self._scores([ranks] * len(tried)) for name, ranks in self.compared.items()}
        learned = [self._scores([ranks[share] for ranks, _ in tried]) for share in range(len(SHARES))]

        def gain(name: str, challenger: RetrievalScores, baseline: RetrievalScores) -> PairedGain:
            own = {self.contender.name: challenger, name: baseline}
            primary = METRICS.primary.name
            return paired_gain(own, self.contender.name, name, primary, n_bootstrap, seed)

        points = [
            LearningPoint(
                share,
                round(float(np.mean([sizes[place] for _, sizes in tried]))),
                [gain(name, learned[place], scores) for name, scores in compared.items()],
            )
            for place, share in enumerate(SHARES)
        ]
        return LearningCurve(points, gain(HALF, learned[-1], learned[-2]))

    def _scores(self, repeats: Sequence[Ranks]) -> RetrievalScores:
        asked = self.asked
        return RetrievalScores.over_repeats(
            self.questions.queries[asked],
            self.questions.clusters[asked],
            [[ranks[place] for place in asked] for ranks in repeats],
            self.questions.n_candidates,
        )

    def _once(self, lessons: Sequence[Lesson], seed: int) -> tuple[list[Ranks], list[float]]:
        """Return the ranks by share, of each query or empty, and how many kin groups were learned from."""
        empty: IntArray = np.zeros(0, dtype=np.int64)
        ranks: list[Ranks] = [[empty] * len(self.questions.queries) for _ in SHARES]
        sizes = np.zeros((len(lessons), len(SHARES)))
        for number, (seen, asked) in enumerate(lessons):
            for share, part in enumerate(self._parts(seen, seed * 1_009 + number)):
                sizes[number, share] = len(np.unique(self.questions.clusters[part[self.questions.units]]))
                option = self.option_for(int(sizes[number, share]))
                own = self.contender.ranks(part, asked, [option])[0]
                for place, of_query in zip(asked, own, strict=True):
                    ranks[share][place] = of_query
        return ranks, sizes.mean(axis=0).tolist()

    def _parts(self, seen: BoolArray, seed: int) -> list[BoolArray]:
        """Return by share which units may be learned from: those without kin, and a part of those with."""
        with_kin = np.unique(self.questions.units)
        order = np.random.default_rng(seed).permutation(with_kin[seen[with_kin]])
        without = seen.copy()
        without[with_kin] = False
        parts = []
        for share in SHARES:
            part = without.copy()
            part[order[: max(1, round(share * len(order)))]] = True
            parts.append(part)
        return parts
