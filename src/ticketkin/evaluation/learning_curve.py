"""How the learned ranking improves with more links: fitted on parts of the kin groups, then on all.

Each part is drawn from the training kin groups and evaluated on kin groups outside of them. A larger part
contains the smaller parts of the same draw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import BoolArray, IntArray
from ticketkin.core.threads import at_once
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
class _Attempt:
    """One part of the links, and the queries that are ranked by what it teaches."""

    round: int
    share: int
    """Its place among the shares."""
    seen: BoolArray
    asked: IntArray
    n_kin_groups: int

    @property
    def fitted_on(self) -> tuple[bytes, bytes]:
        """What gives the same ranks again."""
        return self.seen.tobytes(), self.asked.tobytes()


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
        """Return the curve, deterministic by `seed`. Costs a fit for each part of each lesson.

        Where a split judges, all links together are the same part in every round, and are fitted on once.
        """
        attempts = [
            attempt
            for number, lessons in enumerate(self.rounds)
            for attempt in self._attempts(lessons, number, seed + number)
        ]
        once = {attempt.fitted_on: attempt for attempt in attempts}
        by_part = at_once(self._ranks, list(once.values()), progress, "learning curve")
        ranks = dict(zip(once, by_part, strict=True))
        tried = [
            self._joined([(one, ranks[one.fitted_on]) for one in attempts if one.round == number])
            for number in range(len(self.rounds))
        ]
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

    def _attempts(self, lessons: Sequence[Lesson], number: int, seed: int) -> list[_Attempt]:
        clusters, units = self.questions.clusters, self.questions.units
        return [
            _Attempt(number, share, part, asked, len(np.unique(clusters[part[units]])))
            for place, (seen, asked) in enumerate(lessons)
            for share, part in enumerate(self._parts(seen, seed * 1_009 + place))
        ]

    def _ranks(self, attempt: _Attempt) -> Ranks:
        option = self.option_for(attempt.n_kin_groups)
        return self.contender.ranks(attempt.seen, attempt.asked, [option])[0]

    def _joined(self, tried: Sequence[tuple[_Attempt, Ranks]]) -> tuple[list[Ranks], list[float]]:
        """Return of a round the ranks by share, empty where not asked, and the mean numbers of kin groups."""
        empty: IntArray = np.zeros(0, dtype=np.int64)
        joined: list[Ranks] = [[empty] * len(self.questions.queries) for _ in SHARES]
        sizes: list[list[int]] = [[] for _ in SHARES]
        for attempt, own in tried:
            sizes[attempt.share].append(attempt.n_kin_groups)
            for place, of_query in zip(attempt.asked, own, strict=True):
                joined[attempt.share][place] = of_query
        return joined, [float(np.mean(own)) for own in sizes]

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
