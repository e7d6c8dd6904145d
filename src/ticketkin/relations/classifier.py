"""Classifiers of a pair's kind, kept as plain arrays, behind one face."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, get_args

import numpy as np

from ticketkin.core.arrays import AnyArray
from ticketkin.core.tables import IntArray
from ticketkin.ranking.trees import BoostedTrees, TreeSettings
from ticketkin.relations.balance import Balance, class_weight, oversampled, sample_weights
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pair_state import PairState, PairTickets
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
from ticketkin.relations.settings import RelationModel

MODELS: tuple[RelationModel, ...] = tuple(name for name in get_args(RelationModel) if name != "cross_encoder")
"""Classifiers over features; the cross-encoder reads texts."""
_BLOCK_PAIRS = 4_096
"""Pairs whose features are held in memory at once."""
_PENALTIES = (0.003, 0.03, 0.3, 3.0)
_INNER_FOLDS = 3
_TREES = TreeSettings(n_rounds=120, learning_rate=0.06, n_leaves=12, fewest_in_leaf=15, l2=5.0)
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
        by_kind = np.zeros((len(values), len(KINDS)))
        by_kind[:, self.classes] = self.predictor.probabilities(self.scaling.apply(values))
        return by_kind


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
    name: RelationModel,
    features: PairFeatures,
    kinds: IntArray,
    blocks: IntArray,
    seed: int,
    balance: Balance = "weights",
) -> RelationClassifier:
    """Fit a model; penalties are tuned on inner folds of `blocks`, rare kinds made up for by `balance`.

    'embedding_logistic' is the classic: logistic regression on the embeddings' difference and product alone,
    untuned and unweighted. Only what is given is oversampled, so that no copy of a pair that judges is known.
    """
    if balance == "oversample" and name != "majority":
        again = oversampled(kinds, seed)
        features, kinds, blocks = features.rows(again), kinds[again], blocks[again]
    chosen = features.starting_with("difference_", "product_") if name == "embedding_logistic" else features
    if name == "kernel_svm" and len(kinds) > _MOST_IN_KERNEL:
        kept = _sampled(kinds, _MOST_IN_KERNEL, seed)
        chosen, kinds, blocks = chosen.rows(kept), kinds[kept], blocks[kept]
    if name == "majority":
        return _majority(chosen, kinds)
    scaling: Any = _scaler() if name == "embedding_logistic" else _reduced(chosen)
    values = scaling.fit_transform(chosen.values)
    fit: dict[RelationModel, Callable[[], Predictor]] = {
        "embedding_logistic": lambda: _classic(values, kinds),
        "logistic": lambda: _logistic(values, kinds, blocks, balance),
        "svm": lambda: _svm(values, kinds, blocks, balance),
        "kernel_svm": lambda: _kernel_svm(values, kinds, seed, balance),
        "trees": lambda: _trees(values, kinds, seed, balance),
        "mlp": lambda: _mlp(values, kinds, seed, balance),
    }
    affine = AffineMap.of(scaling.transform, len(chosen.names))
    return RelationClassifier(name, chosen.names, np.unique(kinds), affine, fit[name]())


def _sampled(kinds: IntArray, n: int, seed: int) -> IntArray:
    """Return `n` rows with every kind's share kept, shape (n,), ascending."""
    from sklearn.model_selection import train_test_split

    kept, _ = train_test_split(np.arange(len(kinds)), train_size=n, stratify=kinds, random_state=seed)
    return np.sort(np.asarray(kept, dtype=np.int64))


def _majority(features: PairFeatures, kinds: IntArray) -> RelationClassifier:
    from sklearn.dummy import DummyClassifier

    model = DummyClassifier(strategy="prior").fit(features.values, kinds)
    nothing = AffineMap(np.zeros((len(features.names), 0)), np.zeros(0))
    return RelationClassifier("majority", features.names, np.unique(kinds), nothing, Constant.of(model))


def _scaler() -> Any:
    from sklearn.preprocessing import StandardScaler

    return StandardScaler()


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
            parts.append((name, PCA(min(_COMPONENTS, len(own), len(features.values)), random_state=0), own))
    return make_pipeline(ColumnTransformer(parts), StandardScaler())


def _inner_folds(kinds: IntArray, blocks: IntArray) -> list[tuple[IntArray, IntArray]]:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(_INNER_FOLDS, shuffle=True, random_state=0)
    return list(folds.split(np.zeros(len(kinds)), kinds, blocks))


def _classic(values: AnyArray, kinds: IntArray) -> Predictor:
    from sklearn.linear_model import LogisticRegression

    return Linear.of(LogisticRegression(C=1.0, max_iter=200).fit(values, kinds))


def _logistic(values: AnyArray, kinds: IntArray, blocks: IntArray, balance: Balance) -> Predictor:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    # The components are found once, without a label; only the penalty is chosen on inner folds.
    search = GridSearchCV(
        LogisticRegression(max_iter=400, class_weight=class_weight(balance)),
        {"C": list(_PENALTIES)},
        scoring="f1_macro",
        cv=_inner_folds(kinds, blocks),
    )
    return Linear.of(search.fit(values, kinds).best_estimator_)


def _svm(values: AnyArray, kinds: IntArray, blocks: IntArray, balance: Balance) -> Predictor:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import LinearSVC

    # Copies of a pair share its block, so that none is calibrated on what it was fitted on.
    folds = _inner_folds(kinds, blocks) if balance == "oversample" else _INNER_FOLDS
    machine = CalibratedClassifierCV(LinearSVC(C=0.03, class_weight=class_weight(balance)), cv=folds)
    return CalibratedMargins.of(machine.fit(values, kinds))


def _kernel_svm(values: AnyArray, kinds: IntArray, seed: int, balance: Balance) -> Predictor:
    from sklearn.svm import SVC

    variance = float(values.var())
    machine = SVC(
        C=1.0,
        gamma=1 / (values.shape[1] * variance) if variance else 1.0,
        class_weight=class_weight(balance),
        decision_function_shape="ovo",
        random_state=seed,
    )
    return KernelMachine.of(machine.fit(values, kinds))


def _trees(values: AnyArray, kinds: IntArray, seed: int, balance: Balance) -> Predictor:
    labels = np.unique(kinds, return_inverse=True)[1]
    return Trees(BoostedTrees.fit(values, labels, _TREES, seed, sample_weights(labels, balance)))


def _mlp(values: AnyArray, kinds: IntArray, seed: int, balance: Balance) -> Predictor:
    from sklearn.neural_network import MLPClassifier

    # Copies would stand among the pairs that tell when to stop; without them the loss on all does.
    stops_early = balance != "oversample"
    network = MLPClassifier((48,), alpha=1.0, max_iter=300, early_stopping=stops_early, random_state=seed)
    return Network.of(network.fit(values, kinds, sample_weight=sample_weights(kinds, balance)))
