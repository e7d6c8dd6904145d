"""A cross-encoder of causes beside a model of kinds: what it reads takes part in the causal kind."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import expit, logit

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.tables import Float64Array
from ticketkin.encoders.cross_encoder import load_cross_encoder, pair_logits
from ticketkin.relations.classifier import KindModel
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pair_state import REMEDY
from ticketkin.relations.pair_tickets import PairTickets

CAUSE_ENCODER: Final = "cause_encoder"
_CAUSAL = KINDS.index("causal")
_CLIP = 1e-6


@dataclass(frozen=True)
class CauseCalibration:
    """The sigmoid that makes a probability of the cross-encoder's logit (Platt 1999)."""

    slope: float
    intercept: float

    def probability(self, logits: Float64Array) -> Float64Array:
        """Return the probability of a cause, of the shape of `logits`."""
        return np.asarray(expit(self.slope * logits + self.intercept), dtype=np.float64)


@dataclass(frozen=True)
class CauseReader:
    """A trained cross-encoder of causes and its calibration; the model loads at first use."""

    folder: Path
    device: str
    calibration: CauseCalibration

    @cached_property
    def _model(self) -> Any:
        model = load_cross_encoder(self.folder, self.device)
        if model.num_labels != 1:
            raise UnreadableFileError(
                f"The cross-encoder in {self.folder} gives {model.num_labels} values, one is needed. {REMEDY}"
            )
        return model

    def probability(self, one: list[str], other: list[str]) -> Float64Array:
        """Return the probability that one of the two tickets caused the other, shape (n_pairs,)."""
        return self.calibration.probability(both_orders(self._model, one, other).max(axis=1))


@dataclass(frozen=True)
class WithCauses:
    """A model of kinds whose causal kind a cross-encoder has a say in."""

    kinds: KindModel
    causes: CauseReader

    def probabilities(self, earlier: PairTickets, later: PairTickets) -> Float64Array:
        """Return the probability of each kind, (n_pairs, 4), of row-aligned pairs, by who was filed first."""
        cause = self.causes.probability(earlier.texts.tolist(), later.texts.tolist())
        return with_cause(self.kinds.probabilities(earlier, later), cause)


def both_orders(model: Any, one: list[str], other: list[str]) -> Float64Array:
    """Return the logits of (one, other) and of (other, one), shape (n_pairs, 2)."""
    return np.column_stack([pair_logits(model, one, other)[:, 0], pair_logits(model, other, one)[:, 0]])


def with_cause(kinds: Float64Array, cause: Float64Array) -> Float64Array:
    """Return the probabilities of kinds (n, 4) with the causal one pooled with `cause` (n,).

    Both count alike: the log-odds are averaged (logarithmic pool, Genest and Zidek 1986), and the other kinds
    share the rest as before. Nothing is fitted, so that it can be judged out of fold.
    """
    before = np.clip(kinds[:, _CAUSAL], _CLIP, 1 - _CLIP)
    pooled = expit((logit(before) + logit(np.clip(cause, _CLIP, 1 - _CLIP))) / 2)
    shared = kinds * ((1 - pooled) / (1 - before))[:, None]
    shared[:, _CAUSAL] = pooled
    return np.asarray(shared / shared.sum(axis=1, keepdims=True), dtype=np.float64)
