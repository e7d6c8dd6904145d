"""The losses by name: those that rank kin first, and those that read labels.

Ranking losses take positives and hard negatives and ignore labels: they would treat a labelled negative as
kin. They are implemented here, since tickets of one kin group must not be negatives of each other in a batch.
Losses over labelled pairs are those of sentence-transformers, given embeddings instead of texts.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ticketkin.core.errors import ConfigurationError, NotEnoughDataError
from ticketkin.core.tables import IntArray
from ticketkin.training.settings import TuningSettings

if TYPE_CHECKING:
    from torch import Tensor

_SCALE = 20.0  # inverse temperature; the usual value for cosines
_TRIPLET_MARGIN = 0.2
_LABELLED = {
    "cosent": "CoSENTLoss",
    "cosine": "CosineSimilarityLoss",
    "angle": "AnglELoss",
    "online_contrastive": "OnlineContrastiveLoss",
}


def check_losses(
    settings: TuningSettings, n_positives: int, negatives: IntArray, labels: IntArray, dimension: int
) -> None:
    """Raise if the losses asked for can't use the data there is.

    `negatives` (n_positives, h), padded -1, are the mined ones; `labels` those of the labelled pairs. Raises
    NotEnoughDataError for too few positives, a triplet loss without negatives, or labels of one kind where a
    loss needs both; ConfigurationError where no loss is asked for, or for Matryoshka dimensions that the
    model does not have.
    """
    if settings.ranking_loss == "none" and settings.labelled_loss == "none":
        raise ConfigurationError(
            "ranking_loss and labelled_loss are both 'none', so there is nothing to learn from; choose one "
            "of symmetric, mnrl, gist, triplet or of cosent, cosine, angle, online_contrastive"
        )
    if settings.ranking_loss != "none" and n_positives < 2:
        raise NotEnoughDataError(
            f"The ranking loss {settings.ranking_loss!r} needs at least 2 pairs of kin to train on, there "
            f"are {n_positives}; give more links with --links FILE, or leave it out of --candidates"
        )
    if settings.ranking_loss == "triplet" and not (negatives >= 0).any():
        raise NotEnoughDataError(
            "The triplet loss needs hard negatives and none were mined; use --set lora.ranking_loss=symmetric"
        )
    if settings.labelled_loss != "none" and len(np.unique(labels)) < 2 and settings.ranking_loss == "none":
        raise NotEnoughDataError(
            f"The loss {settings.labelled_loss!r} needs labelled pairs of kin and of strangers, there are "
            f"{int((labels == 1).sum())} and {int((labels == 0).sum())}"
        )
    too_large = [size for size in settings.matryoshka_dimensions if size > dimension]
    if too_large:
        fitting = [size for size in settings.matryoshka_dimensions if size <= dimension] or [dimension]
        raise ConfigurationError(
            f"matryoshka_dimensions {too_large} are above the model's {dimension}; those that fit: {fitting}"
        )


def labelled_loss(name: str, model: Any, left: "Tensor", right: "Tensor", labels: "Tensor") -> "Tensor":
    """Return the loss `name` over labelled pairs, a scalar; 0 where there is none.

    `left`, `right` (m, d) are unit-length embeddings, `labels` (m,) 1 kin or 0 not kin. Sources: CoSENT
    (Su 2022), cosine regression (Reimers and Gurevych 2019), AnglE (Li and Li 2023), online contrastive
    (sentence-transformers); the code is sentence-transformers'.
    """
    from sentence_transformers.sentence_transformer import losses

    if not len(labels):
        return left.sum() * 0.0
    loss: Any = getattr(losses, _LABELLED[name])(model)
    value: Tensor = loss.compute_loss_from_embeddings([left, right], labels.to(left.dtype))
    return value


def triplet_loss(left: "Tensor", right: "Tensor", negatives: "Tensor") -> "Tensor":
    """Return the mean hinge of cosines, a scalar: kin nearer than the negative by a margin of .2.

    All of shape (b, d), unit length, row by row (Schroff et al. 2015).
    """
    if not len(left):
        return left.sum() * 0.0
    gap = (left * negatives).sum(1) - (left * right).sum(1) + _TRIPLET_MARGIN
    return gap.clamp(min=0).mean()


def guided_mask(left: "Tensor", right: "Tensor", negatives: "Tensor", masked: "Tensor") -> "Tensor":
    """Return `masked` with candidates that a guide finds nearer than the partner, likely unmarked kin.

    `left`, `right` (b, d) and `negatives` (k, d) are the guide's embeddings, `masked` (b, b + k). Source:
    GISTEmbed (Solatorio 2024, arXiv:2402.16829).
    """
    import torch

    similarities = left @ torch.cat([right, negatives]).T
    nearer = similarities > (left * right).sum(1, keepdim=True)
    rows = torch.arange(len(left), device=left.device)
    nearer[rows, rows] = False
    return masked | nearer


def ranking_loss(
    left: "Tensor", right: "Tensor", negatives: "Tensor", masked: "Tensor", *, symmetric: bool = True
) -> "Tensor":
    """Return the InfoNCE loss of a batch, a scalar; `symmetric` lets both sides of a pair ask.

    `left` and `right` (b, d) are unit-length embeddings of kin, row by row; `negatives` (k, d) further
    candidates for every left row. `masked` (b, b + k) bool marks candidates that are kin of the row without
    being its partner: they are no negatives and are left out of the sum. A row without any negative
    contributes nothing.

    Source: multiple negatives ranking (Henderson et al. 2017, arXiv:1705.00652); both
    directions as in CLIP (Radford et al. 2021).
    """
    import torch
    from torch.nn.functional import cross_entropy

    n = len(left)
    partner = torch.arange(n, device=left.device)
    forward = (_SCALE * left @ torch.cat([right, negatives]).T).masked_fill(masked, float("-inf"))
    if not symmetric:
        return cross_entropy(forward, partner)
    backward = (_SCALE * right @ left.T).masked_fill(masked[:, :n].T, float("-inf"))
    return (cross_entropy(forward, partner) + cross_entropy(backward, partner)) / 2


@dataclass(frozen=True)
class Batch:
    """What a batch's embeddings stand for; stacked: left, right, negatives, pair left, pair right."""

    sizes: list[int]
    """Rows of each of the five parts."""
    masked: "Tensor"
    """Candidates that are kin of a row without being its partner, (b, b + k) bool."""
    with_negative: "Tensor"
    """Which positives have a hard negative, (b,) bool."""
    labels: "Tensor"
    """1 or 0 for positives, their negatives and labelled pairs, (b + k + m,)."""
    guide: "Tensor | None" = None
    """The untouched model's embeddings of the same rows."""


def batch_loss(embedded: "Tensor", batch: Batch, settings: TuningSettings, model: Any) -> "Tensor":
    """Return the loss of a batch, a scalar: the ranking loss, plus the weighted one on labelled pairs.

    `embedded` (rows, d) is brought to unit length, as a cut to fewer dimensions needs it.
    """
    import torch
    from torch.nn.functional import normalize

    left, right, negatives, pair_left, pair_right = torch.split(normalize(embedded, dim=1), batch.sizes)
    value = embedded.sum() * 0.0
    own = left[batch.with_negative]
    if settings.ranking_loss == "triplet":
        value = value + triplet_loss(own, right[batch.with_negative], negatives)
    elif settings.ranking_loss != "none":
        masked = batch.masked
        if settings.ranking_loss == "gist" and batch.guide is not None:
            guide = torch.split(batch.guide, batch.sizes)
            masked = guided_mask(guide[0], guide[1], guide[2], masked)
        value = value + ranking_loss(
            left, right, negatives, masked, symmetric=settings.ranking_loss != "mnrl"
        )
    if settings.labelled_loss == "none":
        return value
    ones = torch.cat([left, own, pair_left]), torch.cat([right, negatives, pair_right])
    weight = 1.0 if settings.ranking_loss == "none" else settings.contrastive_weight
    return value + weight * labelled_loss(settings.labelled_loss, model, *ones, batch.labels)
