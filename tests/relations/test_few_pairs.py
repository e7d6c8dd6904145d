"""Classifiers fitted on very few pairs, as a desk that has just begun to link has them."""

from typing import get_args

import numpy as np
import pytest

from relations_material import typed_pairs
from ticketkin.relations.balance import Balance
from ticketkin.relations.fitting import MODELS, fit_classifier
from ticketkin.relations.settings import Classifier


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("balance", get_args(Balance))
@pytest.mark.parametrize("name", MODELS)
def test_few_pairs_fit_every_classifier_without_a_warning(name: Classifier, balance: Balance) -> None:
    pairs, features = typed_pairs(n_events=6)
    fitted = fit_classifier(name, features, pairs.kind, pairs.block, 0, balance)
    probabilities = fitted.probabilities(features)
    assert np.isfinite(probabilities).all()
    right = (probabilities.argmax(axis=1) == pairs.kind).mean()
    # One of a few pairs falls on either side of a border with the last digits of another processor.
    assert right > 0.75 or name == "majority"
