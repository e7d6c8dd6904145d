"""A fitted classifier of a pair's kind, kept as plain arrays, and what it is served with."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ticketkin.core.tables import Float64Array, IntArray
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.pair_tickets import PairTickets
from ticketkin.relations.predictors import AffineMap, Predictor
from ticketkin.relations.settings import Classifier

_BLOCK_PAIRS = 4_096
"""Pairs whose features are held in memory at once."""


@dataclass(frozen=True)
class RelationClassifier:
    """A fitted model; probabilities always have a column for each of `KINDS`."""

    name: Classifier
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
    """Any model that predicts the kind of kin of two tickets."""

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
