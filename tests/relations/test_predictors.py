"""What is read off a fitted classifier gives the probabilities that scikit-learn gives."""

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, LinearSVC

from ticketkin.relations.kernel_machine import KernelMachine
from ticketkin.relations.predictors import CalibratedMargins, Constant, Linear, Network

FITTED = [
    (Constant, DummyClassifier(strategy="prior")),
    (Linear, LogisticRegression()),
    (CalibratedMargins, CalibratedClassifierCV(LinearSVC(), cv=3)),
    (Network, MLPClassifier((8,), max_iter=200, random_state=0)),
]


def _material(n_classes: int) -> tuple[Any, Any, Any]:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 6))
    scores = x[:, :n_classes] + 0.5 * x[:, [5]] ** 2 * np.arange(n_classes)
    return x, scores.argmax(axis=1), generator.normal(size=(100, 6))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize(("predictor", "model"), FITTED, ids=[p.family for p, _ in FITTED])
def test_probabilities_are_scikit_learns(predictor: Any, model: Any, n_classes: int) -> None:
    x, y, fresh = _material(n_classes)
    fitted = model.fit(x, y)
    np.testing.assert_allclose(
        predictor.of(fitted).probabilities(fresh), fitted.predict_proba(fresh), atol=1e-6
    )


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_duels_are_those_of_the_kernel_machine(n_classes: int) -> None:
    x, y, fresh = _material(n_classes)
    model = SVC(gamma=0.3, decision_function_shape="ovo").fit(x, y)
    decided = np.tanh(model.decision_function(fresh)).reshape(len(fresh), -1)
    if n_classes == 2:
        decided = -decided
    points = np.zeros((len(fresh), n_classes))
    column = 0
    for one in range(n_classes):
        for other in range(one + 1, n_classes):
            points[:, one] += decided[:, column]
            points[:, other] -= decided[:, column]
            column += 1
    probabilities = KernelMachine.of(model).probabilities(fresh)
    np.testing.assert_allclose(probabilities, softmax(points, axis=1), atol=1e-9)
