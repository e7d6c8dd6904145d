"""The classifier of kinds is chosen on folds within the pairs that are learned from."""

from typing import get_args

import numpy as np
import pytest

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import IntArray
from ticketkin.relations.assessment import Procedure, assess
from ticketkin.relations.balance import Balance
from ticketkin.relations.choice import ChosenAnew
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.fitting import CLASSIFIERS, fit_classifier
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pairs import RelationPairs
from ticketkin.relations.settings import Classifier

DUPLICATE, CAUSAL, NONE = (KINDS.index(name) for name in ("duplicate", "causal", "none"))


def _pairs(kinds: IntArray, block: IntArray | None = None) -> RelationPairs:
    """Pairs of tickets of their own, 12 blocks."""
    rows = np.arange(len(kinds))
    return RelationPairs(
        left=2 * rows, right=2 * rows + 1, kind=kinds, forward=np.ones(len(kinds), dtype=np.bool_),
        block=rows % 12 if block is None else block, mixture={}, contradictions=[],
    )  # fmt: skip


def _ring(n: int, seed: int = 0) -> tuple[PairFeatures, RelationPairs]:
    """Duplicates lie within a ring of strangers: no straight line tells them apart, a kernel does."""
    draw = np.random.default_rng(seed)
    kinds = draw.permutation(np.repeat([DUPLICATE, NONE], n // 2))
    angle, radius = draw.uniform(0, 2 * np.pi, n), np.where(kinds == DUPLICATE, 0.5, 2.0)
    values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    values += draw.normal(0, 0.2, values.shape)
    return PairFeatures(values.astype(np.float32), ["cosine", "words"], ["similarity"] * 2), _pairs(kinds)


def test_the_classifier_that_fits_the_pairs_is_chosen_and_kept_apart_from_what_judges_it() -> None:
    features, pairs = _ring(96)
    anew = ChosenAnew(("logistic", "kernel_svm"), features, pairs, "weights")
    choice = anew.choose(np.arange(len(pairs)), 0)
    assert choice.chosen == "kernel_svm" and choice.n_folds == 3 and choice.n_pairs == 96
    assert choice.scores["kernel_svm"].macro_f1 > 0.95 > choice.scores["logistic"].macro_f1
    assert set(choice.scores["logistic"].f1) == {"duplicate", "none"}
    assert not anew.chosen  # a choice alone is no fold of an assessment
    assessment = assess(Procedure("auto", anew), pairs, n_folds=2, n_repeats=1)
    assert anew.in_folds() == {"kernel_svm": 2}
    assert (assessment.probabilities[0].argmax(axis=1) == pairs.kind).mean() > 0.95


def test_a_fold_that_judges_has_no_say_in_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    from ticketkin.relations import choice as module

    features, pairs = _ring(60)
    seen: list[set[int]] = []
    plain = module.ChosenAnew.choose

    def noted(self: ChosenAnew, places: IntArray, seed: int) -> module.ClassifierChoice:
        seen.append(set(pairs.block[places].tolist()))
        return plain(self, places, seed)

    monkeypatch.setattr(module.ChosenAnew, "choose", noted)
    predicted: list[set[int]] = []
    anew = ChosenAnew(("logistic", "kernel_svm"), features, pairs, "weights")

    def fit(places: IntArray, seed: int):  # type: ignore[no-untyped-def]
        predict = anew(places, seed)

        def noting(others: IntArray):  # type: ignore[no-untyped-def]
            predicted.append(set(pairs.block[others].tolist()))
            return predict(others)

        return noting

    assess(Procedure("auto", fit, n_at_once=1), pairs, n_folds=2, n_repeats=1)
    assert len(seen) == len(predicted) == 2
    assert all(not chosen & judged for chosen, judged in zip(seen, predicted, strict=True))


def test_of_equally_good_ones_the_first_named_is_chosen() -> None:
    kinds = np.array([DUPLICATE] * 20 + [NONE] * 40)
    blind = PairFeatures(np.zeros((60, 2), dtype=np.float32), ["cosine", "words"], ["similarity"] * 2)
    names: tuple[Classifier, ...]
    for names in (("kernel_svm", "majority"), ("majority", "kernel_svm")):
        choice = ChosenAnew(names, blind, _pairs(kinds), "none").choose(np.arange(60), 0)
        assert choice.scores["majority"] == choice.scores["kernel_svm"] and choice.chosen == names[0]


def test_frequent_kinds_are_thinned_and_rare_ones_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from ticketkin.relations import choice as module

    monkeypatch.setattr(module, "_MOST_PAIRS", 60)
    draw = np.random.default_rng(0)
    kinds = draw.permutation(np.repeat([DUPLICATE, CAUSAL, NONE], [60, 6, 240]))
    values = (draw.normal(0, 1, (len(kinds), 2)) + kinds[:, None]).astype(np.float32)
    features = PairFeatures(values, ["cosine", "words"], ["similarity"] * 2)
    kept = module._thinned(kinds, 60, 0)
    assert np.bincount(kinds[kept]).tolist() == [27, 0, 6, 27]
    choice = ChosenAnew(("trees", "logistic"), features, _pairs(kinds), "weights").choose(np.arange(306), 0)
    assert choice.n_pairs == 60 and set(choice.scores["trees"].f1) == {"duplicate", "causal", "none"}


@pytest.mark.parametrize("name", ["logistic", "svm", "kernel_svm", "trees", "mlp"])
def test_no_classifier_stops_at_a_kind_of_one_or_two_pairs(name: Classifier) -> None:
    features, pairs = _ring(60)
    kinds = pairs.kind.copy()
    kinds[:2] = CAUSAL
    rare = _pairs(kinds)
    choice = ChosenAnew((name,), features, rare, "weights").choose(np.arange(60), 0)
    assert choice.scores[name].f1["causal"] == 0


def test_what_cannot_be_dealt_to_folds_is_named() -> None:
    features, pairs = _ring(40)
    lumped = _pairs(pairs.kind, np.zeros(40, dtype=np.int64))
    with pytest.raises(NotEnoughDataError, match=r"folds that share no ticket .*relations\.model=logistic"):
        ChosenAnew(("logistic", "trees"), features, lumped, "weights").choose(np.arange(40), 0)


@pytest.mark.parametrize("n_blocks", [1, 2])
@pytest.mark.parametrize("balance", get_args(Balance))
@pytest.mark.parametrize(
    "name", [name for name, method in CLASSIFIERS.items() if method.reads == "components"]
)
def test_every_classifier_is_fitted_where_pairs_lie_in_fewer_blocks_than_folds(
    name: Classifier, balance: Balance, n_blocks: int
) -> None:
    features, pairs = _ring(60)
    model = fit_classifier(name, features, pairs.kind, np.arange(60) % n_blocks, 0, balance)
    assert model.probabilities(features).shape == (60, len(KINDS))
