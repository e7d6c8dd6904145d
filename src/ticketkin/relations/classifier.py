"""Classifiers of a pair's kind, all from scikit-learn, behind one face."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ticketkin.core.tables import IntArray
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.pairs import KINDS

Float64Array = npt.NDArray[np.float64]
ModelName = Literal["majority", "embedding_logistic", "logistic", "svm", "trees", "mlp"]
MODELS: tuple[ModelName, ...] = ("majority", "embedding_logistic", "logistic", "svm", "trees", "mlp")
_PENALTIES = (0.003, 0.03, 0.3, 3.0)
_INNER_FOLDS = 3
_COMPONENTS = 24
"""Principal components that stand for the embedding columns where a model can't use them all."""


@dataclass(frozen=True)
class RelationClassifier:
    """A fitted model; probabilities always have a column for each of `KINDS`."""

    name: ModelName
    model: Any
    """A scikit-learn pipeline."""
    columns: list[str]
    """Features it reads, in order."""

    def probabilities(self, features: PairFeatures) -> Float64Array:
        """Return the probability of each kind, shape (n_pairs, 4); a kind never seen has 0.

        Raises ValueError where the features are not those the model was fitted on.
        """
        place = {name: column for column, name in enumerate(features.names)}
        absent = [name for name in self.columns if name not in place]
        if absent:
            raise ValueError(f"the classifier needs features that are not there: {', '.join(absent[:5])}")
        values = features.values[:, [place[name] for name in self.columns]]
        found = np.zeros((len(values), len(KINDS)))
        found[:, self.model.classes_.astype(int)] = self.model.predict_proba(values)
        return found


def fit_classifier(
    name: ModelName, features: PairFeatures, kinds: IntArray, blocks: IntArray, seed: int
) -> RelationClassifier:
    """Fit a model; penalties are tuned on inner folds of `blocks`, classes weighted by their rarity.

    'embedding_logistic' is the classic: logistic regression on the embeddings' difference and product alone,
    untuned and unweighted.
    """
    chosen = features.starting_with("difference_", "product_") if name == "embedding_logistic" else features
    build: dict[ModelName, Callable[[], Any]] = {
        "majority": _majority,
        "embedding_logistic": _classic,
        "logistic": lambda: _logistic(kinds, blocks, chosen),
        "svm": lambda: _svm(kinds, blocks, chosen),
        "trees": lambda: _trees(chosen, seed),
        "mlp": lambda: _mlp(chosen, seed),
    }
    model = build[name]()
    model.fit(chosen.values, kinds)
    return RelationClassifier(name, model, chosen.names)


def _majority() -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


def _reduced(features: PairFeatures) -> Any:
    """Return a transformer: embedding columns to a few components, the rest as they are, all scaled."""
    from sklearn.compose import ColumnTransformer
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    embedding = [place for place, group in enumerate(features.groups) if group == "embedding"]
    rest = [place for place, group in enumerate(features.groups) if group != "embedding"]
    parts: list[tuple[str, Any, list[int]]] = [("rest", "passthrough", rest)]
    for name in ("earlier", "later", "difference", "product"):
        own = [place for place in embedding if features.names[place].startswith(f"{name}_")]
        if own:
            parts.append((name, PCA(min(_COMPONENTS, len(own)), random_state=0), own))
    return make_pipeline(ColumnTransformer(parts), StandardScaler())


def _inner_folds(kinds: IntArray, blocks: IntArray) -> list[tuple[IntArray, IntArray]]:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(_INNER_FOLDS, shuffle=True, random_state=0)
    return list(folds.split(np.zeros(len(kinds)), kinds, blocks))


def _classic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=200))


def _logistic(kinds: IntArray, blocks: IntArray, features: PairFeatures) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(_reduced(features), LogisticRegression(max_iter=400, class_weight="balanced"))
    grid = {"logisticregression__C": list(_PENALTIES)}
    return GridSearchCV(pipeline, grid, scoring="f1_macro", cv=_inner_folds(kinds, blocks))


def _svm(kinds: IntArray, blocks: IntArray, features: PairFeatures) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    machine = CalibratedClassifierCV(LinearSVC(C=0.03, class_weight="balanced"), cv=_INNER_FOLDS)
    return make_pipeline(_reduced(features), machine)


def _trees(features: PairFeatures, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline

    trees = HistGradientBoostingClassifier(
        max_iter=120,
        learning_rate=0.06,
        max_leaf_nodes=12,
        min_samples_leaf=15,
        l2_regularization=5.0,
        class_weight="balanced",
        random_state=seed,
    )
    return make_pipeline(_reduced(features), trees)


def _mlp(features: PairFeatures, seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    network = MLPClassifier((48,), alpha=1.0, max_iter=300, early_stopping=True, random_state=seed)
    return make_pipeline(_reduced(features), network)
