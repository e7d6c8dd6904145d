"""How each classifier of kinds is fitted: which features it reads, and what makes up for rare kinds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from ticketkin.core.arrays import AnyArray
from ticketkin.core.tables import IntArray
from ticketkin.ranking.trees import BoostedTrees, TreeSettings
from ticketkin.relations.balance import Balance, oversampled, sample_weights
from ticketkin.relations.block_folds import learnable_folds
from ticketkin.relations.classifier import RelationClassifier
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.kernel_machine import KernelMachine
from ticketkin.relations.predictors import (
    AffineMap,
    CalibratedMargins,
    Constant,
    Linear,
    Network,
    Predictor,
    Trees,
)
from ticketkin.relations.settings import Classifier

_PENALTIES = (0.003, 0.03, 0.3, 3.0)
_INNER_FOLDS = 3
_FEWEST_TO_FIT = _INNER_FOLDS
"""Pairs of a kind below which it can't be dealt to the inner folds, and is left out of the fitting."""
_TREES = TreeSettings(n_rounds=60, learning_rate=0.12, n_leaves=12, fewest_in_leaf=15, l2=5.0)
_MOST_IN_KERNEL = 12_000
"""Pairs a kernel machine is fitted on, whose time grows with their square."""
_COMPONENTS = 24
"""Principal components that stand for the embedding columns where a model can't use them all."""
_PAIRS_TO_STOP_BY = 10
"""Pairs for each kind from which on a tenth of them tells a network when to stop."""
_PASSES = 3_000
"""At most so many over the pairs; without early stopping a dozen pairs took 700, some hundred pairs 200."""
_COMPARISON = ("difference_", "product_")
_CONCATENATION = ("earlier_", "later_", *_COMPARISON)
"""How names of embedding columns begin."""

Reading = Literal["nothing", "comparison", "concatenation", "components"]
"""No feature; the embeddings' difference and product; both embeddings beside them; all features, the
embedding columns as components."""


@dataclass(frozen=True)
class _TrainingPairs:
    """What a classifier is fitted on, scaled."""

    values: AnyArray
    """Shape (n_pairs, n_values)."""
    kinds: IntArray
    blocks: IntArray
    seed: int
    balance: Balance
    tunes: bool = True
    """Whether a penalty is chosen, which takes many fits, or the middle one taken."""

    @property
    def weights(self) -> AnyArray:
        """Weight of each pair, shape (n_pairs,)."""
        return sample_weights(self.kinds, self.balance)

    def inner_folds(self) -> list[tuple[IntArray, IntArray]]:
        """Return places that are learned and places that judge; copies of a pair share its block.

        None where all pairs lie in one block.
        """
        return learnable_folds(self.kinds, self.blocks, _INNER_FOLDS, 0)


@dataclass(frozen=True)
class _Method:
    """How a classifier reads pairs, and how it is fitted on what it reads."""

    reads: Reading
    fit: Callable[[_TrainingPairs], Predictor]


def fit_classifier(
    name: Classifier,
    features: PairFeatures,
    kinds: IntArray,
    blocks: IntArray,
    seed: int,
    balance: Balance = "weights",
) -> RelationClassifier:
    """Return one fitted classifier, as `fit_classifiers`."""
    return next(fit_classifiers([name], features, kinds, blocks, seed, balance))


def fit_classifiers(
    names: Sequence[Classifier],
    features: PairFeatures,
    kinds: IntArray,
    blocks: IntArray,
    seed: int,
    balance: Balance = "weights",
    *,
    tunes: bool = True,
) -> Iterator[RelationClassifier]:
    """Yield classifiers fitted on the same pairs, in the order of `names`.

    Penalties are tuned on inner folds of `blocks`, unless `tunes` says otherwise; rare kinds are balanced by
    `balance` in all classifiers but the majority class. Only the given pairs are oversampled, so that no copy
    of a test pair is known. A kind of fewer than three pairs is left out where two others remain. A scaling
    is computed once for all that read it.
    """
    kept = _often_enough(kinds)
    features, kinds, blocks = features.rows(kept), kinds[kept], blocks[kept]
    plain = features, kinds, blocks
    if balance == "oversample":
        again = oversampled(kinds, seed)
        features, kinds, blocks = features.rows(again), kinds[again], blocks[again]
    scaled: dict[Reading, tuple[list[str], AffineMap, AnyArray]] = {}
    for name in names:
        method = CLASSIFIERS[name]
        if method.reads == "nothing":
            yield _majority(name, method, plain[0], plain[1], seed)
            continue
        if method.reads not in scaled:
            chosen = _read(features, method.reads)
            scaling = _scaling(chosen, method.reads)
            values = scaling.fit_transform(chosen.values)
            scaled[method.reads] = chosen.names, AffineMap.of(scaling.transform, len(chosen.names)), values
        columns, affine, values = scaled[method.reads]
        predictor = method.fit(_TrainingPairs(values, kinds, blocks, seed, balance, tunes))
        yield RelationClassifier(name, columns, np.unique(kinds), affine, predictor)


def _often_enough(kinds: IntArray) -> IntArray:
    """Return the places of pairs whose kinds can be fitted, ascending; all where fewer than two can."""
    counts = np.bincount(kinds)
    if (counts >= _FEWEST_TO_FIT).sum() < 2:
        return np.arange(len(kinds))
    return np.flatnonzero(counts[kinds] >= _FEWEST_TO_FIT)


def _majority(
    name: Classifier, method: _Method, features: PairFeatures, kinds: IntArray, seed: int
) -> RelationClassifier:
    """Return the model that knows only the shares of the kinds; weights would make the shares equal."""
    pairs = _TrainingPairs(features.values, kinds, kinds, seed, "none")
    nothing = AffineMap(np.zeros((len(features.names), 0)), np.zeros(0))
    return RelationClassifier(name, features.names, np.unique(kinds), nothing, method.fit(pairs))


def _read(features: PairFeatures, reads: Reading) -> PairFeatures:
    if reads == "components":
        return features
    return features.starting_with(*(_CONCATENATION if reads == "concatenation" else _COMPARISON))


def _scaling(features: PairFeatures, reads: Reading) -> Any:
    """Return a transformer of the features that a classifier reads to values of like size."""
    from sklearn.compose import ColumnTransformer
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if reads != "components":
        return StandardScaler()
    embedding = [place for place, group in enumerate(features.groups) if group == "embedding"]
    rest = [place for place, group in enumerate(features.groups) if group != "embedding"]
    parts: list[tuple[str, Any, list[int]]] = [("rest", "passthrough", rest)]
    for begins in _CONCATENATION:
        own = [place for place in embedding if features.names[place].startswith(begins)]
        if own:
            n_components = min(_COMPONENTS, len(own), len(features.values))
            # Exact: approximate ones of no variance, which the scaling makes large, hide the others.
            parts.append((begins, PCA(n_components, svd_solver="covariance_eigh"), own))
    return make_pipeline(ColumnTransformer(parts), StandardScaler())


def _prior(pairs: _TrainingPairs) -> Predictor:
    from sklearn.dummy import DummyClassifier

    return Constant.of(DummyClassifier(strategy="prior").fit(pairs.values, pairs.kinds))


def _untuned_logistic(pairs: _TrainingPairs) -> Predictor:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=200)
    return Linear.of(model.fit(pairs.values, pairs.kinds, sample_weight=pairs.weights))


def _logistic(pairs: _TrainingPairs) -> Predictor:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    # The components are computed once, without a label; only the penalty is chosen on inner folds.
    model = LogisticRegression(max_iter=400, class_weight="balanced" if pairs.balance == "weights" else None)
    folds = pairs.inner_folds() if pairs.tunes else []
    if not folds:
        middle = _PENALTIES[len(_PENALTIES) // 2]
        return Linear.of(model.set_params(C=middle).fit(pairs.values, pairs.kinds))
    search = GridSearchCV(model, {"C": list(_PENALTIES)}, scoring="f1_macro", cv=folds)
    return Linear.of(search.fit(pairs.values, pairs.kinds).best_estimator_)


def _svm(pairs: _TrainingPairs) -> Predictor:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import LinearSVC

    # Copies of a pair share its block, so that none is calibrated on what it was fitted on.
    # A kind that lies in one fold alone is missing from what the others learn, and such a fold can't be used.
    n_kinds = len(np.unique(pairs.kinds))
    apart = pairs.inner_folds() if pairs.balance == "oversample" else []
    whole = [fold for fold in apart if len(np.unique(pairs.kinds[fold[0]])) == n_kinds]
    folds = whole or _INNER_FOLDS
    machine = CalibratedClassifierCV(LinearSVC(C=0.03), cv=folds)
    # The sigmoids are weighted as the machines are: else they would undo what the weights did.
    return CalibratedMargins.of(machine.fit(pairs.values, pairs.kinds, sample_weight=pairs.weights))


def _kernel_svm(pairs: _TrainingPairs) -> Predictor:
    from sklearn.svm import SVC

    kept = _sampled(pairs.kinds, _MOST_IN_KERNEL, pairs.seed)
    values, kinds, variance = pairs.values[kept], pairs.kinds[kept], float(pairs.values[kept].var())
    machine = SVC(
        C=1.0,
        gamma=1 / (values.shape[1] * variance) if variance else 1.0,
        decision_function_shape="ovo",
        random_state=pairs.seed,
    )
    return KernelMachine.of(machine.fit(values, kinds, sample_weight=sample_weights(kinds, pairs.balance)))


def _sampled(kinds: IntArray, n: int, seed: int) -> IntArray:
    """Return all rows, or `n` of more with every kind's share kept, ascending."""
    from sklearn.model_selection import train_test_split

    if len(kinds) <= n:
        return np.arange(len(kinds))
    kept, _ = train_test_split(np.arange(len(kinds)), train_size=n, stratify=kinds, random_state=seed)
    return np.sort(np.asarray(kept, dtype=np.int64))


def _trees(pairs: _TrainingPairs) -> Predictor:
    labels = np.unique(pairs.kinds, return_inverse=True)[1]
    return Trees(BoostedTrees.fit(pairs.values, labels, _TREES, pairs.seed, pairs.weights))


def _mlp(pairs: _TrainingPairs) -> Predictor:
    from sklearn.neural_network import MLPClassifier

    # With copies, the pairs for early stopping would include copies of training pairs, so it is switched off.
    n_kinds = len(np.unique(pairs.kinds))
    stops_early = pairs.balance != "oversample" and len(pairs.kinds) >= _PAIRS_TO_STOP_BY * n_kinds
    network = MLPClassifier(
        (48,), alpha=1.0, max_iter=_PASSES, early_stopping=stops_early, random_state=pairs.seed
    )
    return Network.of(network.fit(pairs.values, pairs.kinds, sample_weight=pairs.weights))


CLASSIFIERS: Mapping[Classifier, _Method] = MappingProxyType({
    "majority": _Method("nothing", _prior),
    "embedding_logistic": _Method("comparison", _untuned_logistic),
    "concatenation": _Method("concatenation", _untuned_logistic),
    "logistic": _Method("components", _logistic),
    "svm": _Method("components", _svm),
    "kernel_svm": _Method("components", _kernel_svm),
    "trees": _Method("components", _trees),
    "mlp": _Method("components", _mlp),
})  # fmt: skip
"""Classifiers over features, each weighted or oversampled but the first; the cross-encoder reads texts."""
MODELS: tuple[Classifier, ...] = tuple(CLASSIFIERS)
