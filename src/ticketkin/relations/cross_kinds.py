"""A cross-encoder that tells kinds apart: it reads both texts of a pair at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import softmax

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.tables import Float64Array
from ticketkin.core.wording import number_of
from ticketkin.encoders.cross_encoder import load_cross_encoder, pair_logits
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pair_state import REMEDY
from ticketkin.relations.pair_tickets import PairTickets

CROSS_ENCODER: Final = "cross_encoder"
_CAUSAL = KINDS.index("causal")


@dataclass(frozen=True)
class CrossKindModel:
    """A cross-encoder of kinds."""

    model: Any

    def probabilities(self, earlier: PairTickets, later: PairTickets) -> Float64Array:
        """Return the probability of each kind, (n_pairs, 4), of row-aligned pairs, by who was filed first."""
        return self.of_texts(earlier.texts.tolist(), later.texts.tolist())

    def of_texts(self, one: list[str], other: list[str]) -> Float64Array:
        """Return the probability of each kind, (n_pairs, 4), of the texts of pairs.

        Both orders are read. Kinds without a direction get the mean of both, a cause the higher of the two.
        """
        forward = softmax(pair_logits(self.model, one, other), axis=1)
        backward = softmax(pair_logits(self.model, other, one), axis=1)
        both = (forward + backward) / 2
        both[:, _CAUSAL] = np.maximum(forward[:, _CAUSAL], backward[:, _CAUSAL])
        return np.asarray(both / both.sum(axis=1, keepdims=True), dtype=np.float64)


def load_cross_kind_model(folder: Path, device: str) -> CrossKindModel:
    """Return the cross-encoder that is kept in `folder`.

    Raises as `load_cross_encoder`, and UnreadableFileError where it tells other kinds apart.
    """
    model = load_cross_encoder(folder / CROSS_ENCODER, device)
    if model.num_labels != len(KINDS):
        raise UnreadableFileError(
            f"The cross-encoder in {folder / CROSS_ENCODER} tells {model.num_labels} classes apart, not the "
            f"{number_of(len(KINDS), 'kind')}. {REMEDY}"
        )
    return CrossKindModel(model)
