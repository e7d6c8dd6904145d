"""Nested cross-fitting: every link is used to evaluate, but never what was fitted or chosen on that link.

Where links are few, one split leaves only a handful of them for evaluation. Here every ticket with kin is
ranked by weights that never saw its kin group nor a ticket of its template, and every choice (of a
candidate's option and of the champion) is made by inner folds of the links that the weights may see (Varma
and Simon 2006; Stone 1974). So the measured gain is that of the whole procedure, its choices included. The
final model is the result of the same procedure on all links.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np

from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import BoolArray, Float64Array, IntArray
from ticketkin.core.threads import MOST_AT_ONCE, at_once
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.option_choice import choose_option
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.tickets.folds import deal_folds, held_out_folds

# Inner folds, which make the choices: fewer than the outer folds, since they take most of the time.
_INNER_FOLDS = 3
_FEWEST_DRAWS, _MOST_DRAWS = 3, 10
_JUDGED_GROUPS = 600
"""Kin groups that are judged in all draws together, where the number of draws is not given."""
Ranks = list[IntArray]
"""Of each query the ascending ranks of its kin."""


class Contender(Protocol):
    """A candidate that is fitted on links."""

    @property
    def name(self) -> str:
        """As the registry calls it."""
        ...

    @property
    def options(self) -> Sequence[str]:
        """What there is to choose among; the first stays unless another is clearly better."""
        ...

    @property
    def takes_machine(self) -> bool:
        """Whether a fit uses all cores and much memory, so that no other may go on beside it."""
        ...

    def ranks(self, seen: BoolArray, asked: IntArray, options: Sequence[int]) -> list[Ranks]:
        """Return the ranks of the queries at the places `asked`, for each of `options`.

        `seen` tells for each unit whether its tickets may be used in fitting, shape (n_units,).
        """
        ...


@dataclass(frozen=True)
class Questions:
    """The queries (tickets with kin), and the units that folds must not split."""

    queries: IntArray
    """Ticket rows, shape (n_queries,)."""
    clusters: IntArray
    """Kin group of each query."""
    units: IntArray
    """Unit of each query: kin groups joined by templates."""
    n_units: int
    """Of all tickets."""
    n_candidates: int
    """Tickets a query can meet at most."""


@dataclass(frozen=True)
class Choice:
    """What was chosen by folds inside of some units."""

    champion: str
    options: dict[str, str]
    """By candidate that is fitted."""


@dataclass(frozen=True)
class _Part:
    """A fold of one draw."""

    seen: BoolArray
    """Which units may be fitted on, shape (n_units,)."""
    asked: IntArray
    """Places of the queries."""
    seed: int


@dataclass(frozen=True)
class _Fitted:
    """What was chosen in a fold, and by contender the ranks of the queries that it asks."""

    choice: Choice
    ranks: dict[str, Ranks]


@dataclass(frozen=True)
class _Race:
    questions: Questions
    label_free: Mapping[str, Ranks]
    """By candidate."""
    contenders: Sequence[Contender]
    """The last one is the champion unless another candidate is clearly better. Without contenders, it is the
    last of `label_free`.
    """
    n_folds: int

    def choose(self, seen: BoolArray, seed: int) -> tuple[Choice, dict[str, int]]:
        """Choose options and champion by folds of the units in `seen`; also returns the options' places."""
        places = np.flatnonzero(seen[self.questions.units])
        clusters = self.questions.clusters[places]
        folds = deal_folds(self.questions.units[places], self.questions.n_units, _INNER_FOLDS, seed)
        own = {
            name: _reciprocal([ranks[place] for place in places]) for name, ranks in self.label_free.items()
        }
        options: dict[str, int] = {}
        for contender in self.contenders:
            reciprocal = np.zeros((len(contender.options), len(self.questions.queries)))
            every = range(len(contender.options))
            for may_see, held in held_out_folds(folds):
                asked = places[held[self.questions.units[places]]]
                for option, ranks in enumerate(contender.ranks(may_see & seen, asked, every)):
                    reciprocal[option, asked] = _reciprocal(ranks)
            options[contender.name] = choose_option(reciprocal[:, places], clusters)
            own[contender.name] = reciprocal[options[contender.name], places]
        names = {one.name: one.options[options[one.name]] for one in self.contenders}
        preferred = list(own)[::-1]
        best = choose_option(np.stack([own[name] for name in preferred]), clusters)
        return Choice(preferred[best], names), options

    def parts(self, seed: int) -> tuple[IntArray, list[_Part]]:
        """Return the fold of each unit, and what there is to fit and to ask in each fold."""
        folds = deal_folds(self.questions.units, self.questions.n_units, self.n_folds, seed)
        held_out = enumerate(held_out_folds(folds))
        return folds, [
            _Part(seen, np.flatnonzero(held[self.questions.units]), seed * 1_009 + number + 1)
            for number, (seen, held) in held_out
        ]

    def fitted(self, part: _Part) -> _Fitted:
        """Choose by what a part may see, and rank what it asks by each contender."""
        choice, options = self.choose(part.seen, part.seed)
        ranks = {
            one.name: one.ranks(part.seen, part.asked, [options[one.name]])[0] for one in self.contenders
        }
        return _Fitted(choice, ranks)

    def compute(self, parts: Sequence[_Part], progress: Progress) -> list[_Fitted]:
        """Return what each part gives."""
        return at_once(self.fitted, parts, progress, "cross-fitting", fits_at_once(self.contenders))

    def joined(self, parts: Sequence[_Part], fitted: Sequence[_Fitted]) -> tuple[dict[str, Ranks], Ranks]:
        """Return the ranks of every query, once, by each contender and by the whole procedure."""
        empty: IntArray = np.zeros(0, dtype=np.int64)
        own = {one.name: [empty] * len(self.questions.queries) for one in self.contenders}
        whole = [empty] * len(self.questions.queries)
        for part, one in zip(parts, fitted, strict=True):
            for name, ranks in one.ranks.items():
                for place, of_query in zip(part.asked, ranks, strict=True):
                    own[name][place] = of_query
            champion = one.choice.champion
            for place in part.asked:
                whole[place] = (own.get(champion) or self.label_free[champion])[place]
        return own, whole


@dataclass(frozen=True)
class CrossFitted:
    """Every candidate, and the procedure that chooses among them, on all links."""

    scores: dict[str, RetrievalScores]
    procedure: RetrievalScores
    choices: list[Choice]
    """Of each fold of each repeat."""
    final: Choice
    """Of all links: what is kept."""
    folds: IntArray
    """Fold of each unit in the first repeat, -1 for a unit without kin; shape (n_units,)."""
    n_folds: int
    n_repeats: int


def cross_fit(
    questions: Questions,
    label_free: Mapping[str, Ranks],
    contenders: Sequence[Contender],
    n_folds: int,
    n_repeats: int,
    seed: int,
    progress: Progress = SILENT,
) -> CrossFitted:
    """Return the ranks of all candidates and of the procedure, `n_repeats` times with other folds.

    `label_free` holds candidates that no label shaped. The last of all stays the champion unless another one
    is clearly better, as an option does: a ranking that starts at the hybrid is the safe one. Deterministic
    by `seed`.
    """
    race = _Race(questions, label_free, contenders, n_folds)
    draws = [race.parts(seed + repeat) for repeat in range(n_repeats)]
    fitted = race.compute([part for _, parts in draws for part in parts], progress)
    remaining = iter(fitted)
    rounds = [race.joined(parts, list(islice(remaining, len(parts)))) for _, parts in draws]
    final, _ = race.choose(np.ones(questions.n_units, dtype=np.bool_), seed)

    def scores(repeats: Sequence[Ranks]) -> RetrievalScores:
        return RetrievalScores.over_repeats(
            questions.queries, questions.clusters, repeats, questions.n_candidates
        )

    learned = {one.name: scores([own[one.name] for own, _ in rounds]) for one in contenders}
    folds = draws[0][0]
    return CrossFitted(
        scores={name: scores([ranks] * n_repeats) for name, ranks in label_free.items()} | learned,
        procedure=scores([whole for _, whole in rounds]),
        choices=[one.choice for one in fitted],
        final=final,
        folds=folds,
        n_folds=int(folds.max()) + 1,
        n_repeats=n_repeats,
    )


def fits_at_once(contenders: Sequence[Contender]) -> int:
    """Return how many fits may go on at once: one if a contender takes the whole machine."""
    return 1 if any(one.takes_machine for one in contenders) else MOST_AT_ONCE


def n_draws(asked: int | None, n_kin_groups: int) -> int:
    """Return how often the folds are drawn: `asked` times if given, else more often where kin groups are few.

    With few kin groups the verdict of three draws depends on luck (docs/experiments.md); with many, three are
    enough.
    """
    return asked or max(_FEWEST_DRAWS, min(_MOST_DRAWS, _JUDGED_GROUPS // max(1, n_kin_groups)))


def n_fits(n_folds: int, n_repeats: int) -> int:
    """Return how many parts of the links `cross_fit` fits each candidate on."""
    return n_repeats * n_folds * (1 + _INNER_FOLDS) + _INNER_FOLDS


def chosen_on_all(questions: Questions, contender: Contender, seed: int) -> int:
    """Return the place of the option that is chosen by folds of all links: that of the final fit."""
    every = np.ones(questions.n_units, dtype=np.bool_)
    return _Race(questions, {}, [contender], _INNER_FOLDS).choose(every, seed)[1][contender.name]


def procedure_once(
    questions: Questions,
    label_free: Mapping[str, Ranks],
    contenders: Sequence[Contender],
    n_folds: int,
    seed: int,
) -> RetrievalScores:
    """Return the ranks of one run of the whole procedure, which is enough for a shuffled set of links."""
    race = _Race(questions, label_free, contenders, n_folds)
    _, parts = race.parts(seed)
    _, whole = race.joined(parts, [race.fitted(part) for part in parts])
    return RetrievalScores(questions.queries, questions.clusters, whole, questions.n_candidates)


def _reciprocal(ranks: Ranks) -> Float64Array:
    return METRICS.primary.per_query(ranks)
