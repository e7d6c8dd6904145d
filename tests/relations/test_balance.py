"""Rare kinds made up for while a classifier is fitted, by weights or by copies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from ticketkin.relations.balance import Balance, oversampled, sample_weights
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.fitting import MODELS, fit_classifier
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.settings import Classifier

NONE, CAUSAL = KINDS.index("none"), KINDS.index("causal")


@given(kinds=st.lists(st.integers(0, 3), min_size=1, max_size=60), seed=st.integers(0, 5))
@settings(max_examples=60)
def test_every_kind_stands_as_often_and_its_rows_about_equally(kinds: list[int], seed: int) -> None:
    array = np.array(kinds)
    rows = oversampled(array, seed)
    most = np.bincount(array).max()
    assert all((array[rows] == kind).sum() == most for kind in np.unique(array))
    for kind in np.unique(array):
        times = np.bincount(rows, minlength=len(array))[array == kind]
        assert times.min() >= 1 and times.max() - times.min() <= 1


@given(kinds=st.lists(st.integers(0, 3), min_size=1, max_size=40))
@settings(max_examples=40)
def test_weights_are_those_of_scikit_learn(kinds: list[int]) -> None:
    array = np.array(kinds)
    np.testing.assert_allclose(sample_weights(array, "weights"), compute_sample_weight("balanced", array))
    assert (sample_weights(array, "none") == 1).all()


def _overlapping(n_none: int = 190, n_causal: int = 24) -> tuple[PairFeatures, np.ndarray, np.ndarray]:
    """A feature of every group that tells a rare kind apart in part, or is noise; a block for each pair."""
    draw = np.random.default_rng(0)
    kinds = np.repeat([NONE, CAUSAL], [n_none, n_causal])
    names = {
        "earlier_0": "embedding",
        "difference_0": "embedding",
        "product_0": "embedding",
        "cosine": "similarity",
    }
    values = draw.normal(0, 1, (len(kinds), len(names)))
    values[:, 1:] += 0.9 * (kinds == CAUSAL)[:, None]
    features = PairFeatures(values.astype(np.float32), list(names), list(names.values()))
    return features, kinds, np.arange(len(kinds))


@pytest.mark.parametrize("name", [name for name in MODELS if name != "majority"])
def test_a_rare_kind_is_found_more_often_where_it_is_made_up_for(name: Classifier) -> None:
    features, kinds, blocks = _overlapping()

    def probability_with(balance: Balance) -> float:
        fitted = fit_classifier(name, features, kinds, blocks, 0, balance)
        return float(fitted.probabilities(features)[kinds == CAUSAL, CAUSAL].mean())

    nothing = probability_with("none")
    assert probability_with("oversample") > nothing
    assert probability_with("weights") > nothing


def test_folds_judge_no_copy_of_what_they_were_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from ticketkin.relations import assessment, fitting
    from ticketkin.relations.settings import RelationSettings

    assert RelationSettings().balance == "weights"
    seen: list[int] = []
    plain = fitting.oversampled
    monkeypatch.setattr(
        fitting, "oversampled", lambda kinds, seed: seen.append(len(kinds)) or plain(kinds, seed)
    )
    features, kinds, blocks = _overlapping()
    part = np.arange(0, len(kinds), 2)
    pairs = type("Pairs", (), {"kind": kinds, "block": blocks})()
    predict = assessment.feature_fit("logistic", features, pairs, "oversample")(part, 0)  # type: ignore[arg-type]
    assert seen == [len(part)] and len(predict(part)) == len(part)
