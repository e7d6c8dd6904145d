"""Classifiers of a pair's kind, fitted by scikit-learn, kept as plain arrays, behind one face."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, get_args

import numpy as np

from ticketkin.core.config import RelationModel
from ticketkin.core.tables import IntArray
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.pair_state import PairState, PairTickets
from ticketkin.relations.pairs import KINDS
from ticketkin.relations.predictors import (
    AffineMap,
    CalibratedMargins,
    Constant,
    Float64Array,
    KernelMachine,
    Linear,
    Network,
    Predictor,
    Trees,
)

MODELS: tuple[RelationModel, ...] = tuple(name for name in get_args(RelationModel) if name != "cross_encoder")
"""Classifiers over features; the cross-encoder reads texts."""
_BLOCK_PAIRS = 4_096
"""Pairs whose features are held in memory at once."""
_PENALTIES = (0.003, 0.03, 0.3, 3.0)
_INNER_FOLDS = 3
_MOST_IN_KERNEL = 12_000
"""Pairs a kernel machine is fitted on, whose time grows with their square."""
_COMPONENTS = 24
"""Principal components that stand for the embedding columns where a model can't use them all."""


@dataclass(frozen=True)
class RelationClassifier:
    """A fitted model; probabilities always have a column for each of `KINDS`."""

    name: RelationModel
    columns: list[str]
    """Features it reads, in order."""
    classes: IntArray
    """Places in `KINDS` of the kinds it was fitted on, ascending."""
    scaling: AffineMap
    predictor: Predictor

    def probabilities(self, features: PairFeatures) -> Float64Array:
        """Return the probability of each kind, shape (n_pairs, 4); a kind never seen has 0.

        Raises ValueError where the features are not those it was fitted on.
        """
        values = features.values if features.names == self.columns else features.columns(self.columns)
        found = np.zeros((len(values), len(KINDS)))
        found[:, self.classes] = self.predictor.probabilities(self.scaling.apply(values))
        return found


class KindModel(Protocol):
    """Whatever tells which kind of kin two tickets are."""

    def probabilities(self, earlier: PairTickets, later: PairTickets) -> Float64Array:
        """Return the probability of each kind, (n_pairs, 4), of row-aligned pairs, by who was filed first."""
        ...


@dataclass(frozen=True)
class FeatureKindModel:
    """A classifier and the state its features are computed with."""

    state: PairState
    classifier: RelationClassifier

    def probabilities(self, earlier: PairTickets, later: PairTickets) -> Float64Array:
        """Return the probability of each kind, (n_pairs, 4), of row-aligned pairs, by who was filed first."""
        parts = [np.zeros((0, len(KINDS)))]
        for start in range(0, len(earlier), _BLOCK_PAIRS):
            rows = np.arange(start, min(start + _BLOCK_PAIRS, len(earlier)))
            features = self.state.features(earlier.take(rows), later.take(rows))
            parts.append(self.classifier.probabilities(features))
        return np.concatenate(parts)


def fit_classifier(
    name: RelationModel, features: PairFeatures, kinds: IntArray, blocks: IntArray, seed: int
) -> RelationClassifier:
    """Fit a model; penalties are tuned on inner folds of `blocks`, classes weighted by their rarity.

    'embedding_logistic' is the classic: logistic regression on the embeddings' difference and product alone,
    untuned and unweighted.
    """
    chosen = features.starting_with("difference_", "product_") if name == "embedding_logistic" else features
    build: dict[RelationModel, Callable[[], Any]] = {
        "majority": _majority,
        "embedding_logistic": _classic,
        "logistic": lambda: _logistic(kinds, blocks, chosen),
        "svm": lambda: _svm(chosen),
        "kernel_svm": lambda: _kernel_svm(chosen, seed),
        "trees": lambda: _trees(chosen, seed),
        "mlp": lambda: _mlp(chosen, seed),
    }
    model = build[name]()
    if name == "kernel_svm" and len(kinds) > _MOST_IN_KERNEL:
        kept = _sampled(kinds, _MOST_IN_KERNEL, seed)
        chosen, kinds = chosen.rows(kept), kinds[kept]
    model.fit(chosen.values, kinds)
    return _read_off(name, model, chosen.names)


_PREDICTOR_OF: dict[RelationModel, Callable[[Any], Predictor]] = {
    "majority": Constant.of,
    "embedding_logistic": Linear.of,
    "logistic": lambda search: Linear.of(search.best_estimator_),
    "svm": CalibratedMargins.of,
    "kernel_svm": KernelMachine.of,
    "trees": Trees.of,
    "mlp": Network.of,
}


def _read_off(name: RelationModel, model: Any, columns: list[str]) -> RelationClassifier:
    """Return what a fitted pipeline computes, as arrays; what is served is what can be saved."""
    n_features = len(columns)
    classes = np.asarray(model.classes_, dtype=np.int64)
    if name == "majority":
        scaling = AffineMap(np.zeros((n_features, 0)), np.zeros(0))
        return RelationClassifier(name, columns, classes, scaling, Constant.of(model))
    scaling = AffineMap.of(model[:-1].transform, n_features)
    return RelationClassifier(name, columns, classes, scaling, _PREDICTOR_OF[name](model[-1]))


def _sampled(kinds: IntArray, n: int, seed: int) -> IntArray:
    """Return `n` rows with every kind's share kept, shape (n,), ascending."""
    from sklearn.model_selection import train_test_split

    kept, _ = train_test_split(np.arange(len(kinds)), train_size=n, stratify=kinds, random_state=seed)
    return np.sort(np.asarray(kept, dtype=np.int64))


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

    # The components are found once, without a label; only the penalty is chosen on inner folds.
    search = GridSearchCV(
        LogisticRegression(max_iter=400, class_weight="balanced"),
        {"C": list(_PENALTIES)},
        scoring="f1_macro",
        cv=_inner_folds(kinds, blocks),
    )
    return make_pipeline(_reduced(features), search)


def _svm(features: PairFeatures) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    machine = CalibratedClassifierCV(LinearSVC(C=0.03, class_weight="balanced"), cv=_INNER_FOLDS)
    return make_pipeline(_reduced(features), machine)


def _kernel_svm(features: PairFeatures, seed: int) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    machine = SVC(C=1.0, class_weight="balanced", decision_function_shape="ovo", random_state=seed)
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
