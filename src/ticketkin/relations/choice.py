"""The choice among classifiers of kinds, made on folds within the pairs that are learned from."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import Float64Array, IntArray
from ticketkin.core.threads import at_once
from ticketkin.core.wording import number_of
from ticketkin.relations.balance import Balance
from ticketkin.relations.block_folds import learnable_folds
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.fitting import fit_classifier, fit_classifiers
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pairs import RelationPairs
from ticketkin.relations.record import ClassifierChoice, ClassifierScore
from ticketkin.relations.settings import Classifier

_INNER_FOLDS = 3
_MOST_PAIRS = 600
"""Pairs that choose: every classifier is fitted on them three times, anew in each fold that assesses it."""


@dataclass
class ChosenAnew:
    """Chooses the best classifier on folds of the given pairs and fits it: the whole procedure."""

    names: Sequence[Classifier]
    features: PairFeatures
    pairs: RelationPairs
    balance: Balance
    chosen: list[Classifier] = field(default_factory=list)
    """What was chosen in each call, in no order: several may go on at once."""

    def __call__(self, places: IntArray, seed: int) -> Callable[[IntArray], Float64Array]:
        """Choose and fit on some pairs, and return what gives other pairs' probabilities."""
        choice = self.choose(places, seed)
        self.chosen.append(choice.chosen)
        features, kinds, blocks = (
            self.features.rows(places),
            self.pairs.kind[places],
            self.pairs.block[places],
        )
        fitted = fit_classifier(choice.chosen, features, kinds, blocks, seed, self.balance)
        return lambda others: fitted.probabilities(self.features.rows(others))

    def choose(self, places: IntArray, seed: int) -> ClassifierChoice:
        """Return which classifier tells the kinds of some pairs apart best on folds that share no ticket.

        The best is that of the highest macro F1 over the predictions of all folds, each with its middle
        penalty: tuning it there would take most of the time of a run's kinds. Of more than 600 pairs so many
        are drawn, frequent kinds thinned first. Raises NotEnoughDataError where the pairs lie in one
        block or are of one kind.
        """
        drawn = places[_thinned(self.pairs.kind[places], _MOST_PAIRS, seed)]
        folds = self._folds(drawn, seed)
        kinds = self.pairs.kind[drawn]
        predicted = {name: np.full(len(drawn), -1, dtype=np.int64) for name in self.names}

        def judge(fold: tuple[IntArray, IntArray]) -> None:
            learned, judged = drawn[fold[0]], drawn[fold[1]]
            models = fit_classifiers(
                self.names, self.features.rows(learned), self.pairs.kind[learned], self.pairs.block[learned],
                seed, self.balance, tunes=False,
            )  # fmt: skip
            asked = self.features.rows(judged)
            for model in models:
                predicted[model.name][fold[1]] = model.probabilities(asked).argmax(axis=1)

        at_once(judge, folds)
        judged_by = [judged for _, judged in folds]
        scores = {name: _score(kinds, values, judged_by) for name, values in predicted.items()}
        best = max(self.names, key=lambda name: scores[name].macro_f1)
        return ClassifierChoice(chosen=best, n_pairs=len(drawn), n_folds=len(folds), scores=scores)

    def _folds(self, drawn: IntArray, seed: int) -> list[tuple[IntArray, IntArray]]:
        """Return places in `drawn` to fit on and to judge by."""
        kinds, blocks = self.pairs.kind[drawn], self.pairs.block[drawn]
        folds = learnable_folds(kinds, blocks, _INNER_FOLDS, seed)
        if not folds:
            n_pairs = number_of(len(drawn), "pair")
            raise NotEnoughDataError(
                f"{n_pairs} to choose a classifier by can't be dealt to folds that share "
                "no ticket and hold two kinds each; add typed links, or name one: "
                "--set relations.model=logistic"
            )
        return folds

    def in_folds(self) -> dict[Classifier, int]:
        """Return how often each classifier was chosen, the most frequent first."""
        times = Counter(self.chosen)
        return {name: times[name] for name in sorted(times, key=lambda name: (-times[name], name))}


def _thinned(kinds: IntArray, most: int, seed: int) -> IntArray:
    """Return at most about `most` rows, ascending: kinds rarer than an even share keep all their pairs."""
    left, rows = most, []
    by_rarity = sorted(np.unique(kinds), key=lambda kind: int((kinds == kind).sum()))
    generator = np.random.default_rng(seed)
    for place, kind in enumerate(by_rarity):
        own = np.flatnonzero(kinds == kind)
        kept = min(len(own), left // (len(by_rarity) - place))
        rows.append(generator.choice(own, kept, replace=False))
        left -= kept
    return np.sort(np.concatenate(rows)).astype(np.int64)


def _score(kinds: IntArray, predicted: IntArray, folds: Sequence[IntArray]) -> ClassifierScore:
    """Return the F1 of predictions of all folds together, and the standard deviation over the folds."""
    judged = np.concatenate(folds)
    by_kind = _f1(kinds[judged], predicted[judged])
    by_fold = [np.mean(list(_f1(kinds[fold], predicted[fold]).values())) for fold in folds]
    return ClassifierScore(
        macro_f1=float(np.mean(list(by_kind.values()))), spread=float(np.std(by_fold)), f1=by_kind
    )


def _f1(kinds: IntArray, predicted: IntArray) -> dict[str, float]:
    """Return the F1 of each kind that there is."""
    from sklearn.metrics import f1_score

    present = np.unique(kinds)
    values = f1_score(kinds, predicted, labels=present, average=None, zero_division=0)
    return {KINDS[code]: float(value) for code, value in zip(present.tolist(), values, strict=True)}
