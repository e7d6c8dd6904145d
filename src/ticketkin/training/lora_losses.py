"""The two losses of LoRA training: one ranks kin first, one keeps kin and not-kin apart."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_SCALE = 20.0  # inverse temperature; the usual value for cosines


def ranking_loss(left: "Tensor", right: "Tensor", negatives: "Tensor", masked: "Tensor") -> "Tensor":
    """Return the symmetric InfoNCE loss of a batch, a scalar.

    `left` and `right` (b, d) are unit-length embeddings of kin, row by row; `negatives` (k, d)
    further candidates for every left row. `masked` (b, b + k) bool marks candidates that are kin
    of the row without being its partner: they are no negatives and leave the sum. A row with no
    rival left contributes nothing.

    Source: multiple negatives ranking (Henderson et al. 2017, arXiv:1705.00652); both
    directions as in CLIP (Radford et al. 2021).
    """
    import torch
    from torch.nn.functional import cross_entropy

    n = len(left)
    partner = torch.arange(n, device=left.device)
    forward = (_SCALE * left @ torch.cat([right, negatives]).T).masked_fill(masked, float("-inf"))
    backward = (_SCALE * right @ left.T).masked_fill(masked[:, :n].T, float("-inf"))
    return (cross_entropy(forward, partner) + cross_entropy(backward, partner)) / 2


def contrastive_loss(similarities: "Tensor", labels: "Tensor") -> "Tensor":
    """Return the CoSENT loss over labelled pairs, a scalar; 0 if one label is absent.

    `similarities` (m,) are cosines, `labels` (m,) 1 kin or 0 not kin. Every not-kin pair that is
    as similar as a kin pair costs, across the whole batch: this orders pairs by one common
    scale, which a threshold needs and a ranking loss does not give.

    Source: CoSENT (Su 2022, https://kexue.fm/archives/8847), as in sentence-transformers.
    """
    import torch

    difference = _SCALE * (similarities[None, :] - similarities[:, None])
    wrong_order = (labels[:, None] == 1) & (labels[None, :] == 0)
    terms = difference[wrong_order]
    return torch.logsumexp(torch.cat([terms, terms.new_zeros(1)]), dim=0)
