"""The training objective: the loss of a step and its gradients."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.training.losses import Batch, batch_loss
from ticketkin.training.precision import Precision
from ticketkin.training.settings import TuningSettings
from ticketkin.training.tuning_data import Step, TuningData

if TYPE_CHECKING:
    from torch import Tensor

_TEXTS_A_FORWARD_ON_CPU = 16  # batches of 8-16 texts of like length are the fastest there
_TEXTS_A_FORWARD_CACHED = 64


class Objective(ABC):
    """The loss of a step, and how its gradients are computed."""

    @abstractmethod
    def loss(self, step: Step) -> "Tensor":
        """Return the loss of a step, a scalar with gradients."""

    def backward(self, step: Step, share: float, precision: Precision) -> float:
        """Add the gradients of `share` times the step's loss to the weights; return the loss."""
        with precision.autocast():
            loss = self.loss(step)
        precision.scaler.scale(loss * share).backward()  # type: ignore[no-untyped-call]
        return float(loss.item())

    def own_weights(self) -> dict[str, "Tensor"]:
        """Return weights that learn beside the encoder's and are dropped after training."""
        return {}

    def shrink(self) -> bool:
        """Use less memory for a step; False if the step must be cut instead."""
        return False


def embed_rows(model: Any, texts: list[str], device: Any) -> "Tensor":
    """Return unit-length embeddings of `texts` with gradients, prompt included, shape (len(texts), d)."""
    from torch.nn.functional import normalize

    prompt = model.prompts.get(model.default_prompt_name) or ""
    features = {
        name: value.to(device) if hasattr(value, "to") else value
        for name, value in model.preprocess([prompt + text for text in texts]).items()
    }
    return normalize(model(features)["sentence_embedding"].float(), dim=1)


class KinObjective(Objective):
    """The losses over kin; with `cached`, gradients by way of cached embeddings.

    Caching (GradCache, Gao et al. 2021, arXiv:2101.06983) embeds the whole batch without gradients, takes
    the loss's gradients on the embeddings, and embeds again in small parts to carry them to the weights: the
    memory of a small batch with the in-batch negatives of a large one, for one more forward pass.
    """

    def __init__(
        self,
        model: Any,
        data: TuningData,
        texts: Sequence[str],
        lengths: IntArray,
        settings: TuningSettings,
        guide: FloatArray | None = None,
    ) -> None:
        self.model, self.data, self.settings = model, data, settings
        self.texts, self.lengths = texts, lengths
        """What training reads of each ticket's text, and how many tokens."""
        self.guide = guide
        """Untouched embeddings of all texts, unit length, for a guided loss."""
        self.device = model.device
        self.texts_a_forward = (
            _TEXTS_A_FORWARD_ON_CPU if self.device.type == "cpu" else _TEXTS_A_FORWARD_CACHED
        )

    def backward(self, step: Step, share: float, precision: Precision) -> float:
        """Add the gradients of `share` times the step's loss to the weights; return the loss."""
        if self.settings.cached:
            return self._cached_backward(step, share, precision)
        return super().backward(step, share, precision)

    def shrink(self) -> bool:
        """Halve the texts a forward pass holds, with cached gradients; else the step must be cut."""
        if not self.settings.cached or self.texts_a_forward == 1:
            return False
        self.texts_a_forward = max(1, self.texts_a_forward // 2)
        return True

    def loss(self, step: Step) -> "Tensor":
        """Return the loss of one batch, the mean over the Matryoshka dimensions if there are any."""
        rows, places, batch = self._batch(step)
        return self._loss_of(self.embed(rows)[places], batch)

    def embed(self, rows: IntArray) -> "Tensor":
        """Return unit-length embeddings of text rows with gradients, shape (len(rows), d)."""
        import torch

        order = np.argsort(self.lengths[rows], kind="stable")
        size = self.texts_a_forward if self.device.type == "cpu" else max(1, len(rows))
        parts = [self._embed(rows[order[start : start + size]]) for start in range(0, len(rows), size)]
        return torch.cat(parts)[self._back(order)]

    def _embed(self, rows: IntArray) -> "Tensor":
        return embed_rows(self.model, [self.texts[row] for row in rows], self.device)

    def _back(self, order: IntArray) -> "Tensor":
        import torch

        return torch.from_numpy(np.argsort(order, kind="stable")).to(self.device)

    def _batch(self, step: Step) -> tuple[IntArray, "Tensor", Batch]:
        """Return the texts to embed, their places in the batch, and what the places stand for."""
        import torch

        data = self.data
        left, right = data.left[step.positives], data.right[step.positives]
        has_negative = step.negatives >= 0
        negatives = step.negatives[has_negative]
        pair_left, pair_right = data.labelled_left[step.labelled], data.labelled_right[step.labelled]
        parts = [left, right, negatives, pair_left, pair_right]
        unique, inverse = np.unique(np.concatenate(parts), return_inverse=True)
        places = torch.from_numpy(inverse).to(self.device)
        groups = data.group_of_row
        candidates = np.concatenate([right, negatives])
        masked = groups[left][:, None] == groups[candidates][None, :]
        masked[np.arange(len(left)), np.arange(len(left))] = False
        labels = np.concatenate([np.ones(len(left)), np.zeros(len(negatives)), data.labels[step.labelled]])
        guide = None if self.guide is None else torch.from_numpy(self.guide[unique]).to(self.device)[places]
        batch = Batch(
            sizes=[len(part) for part in parts],
            masked=torch.from_numpy(masked).to(self.device),
            with_negative=torch.from_numpy(has_negative).to(self.device),
            labels=torch.from_numpy(labels).to(self.device),
            guide=guide,
        )
        return unique, places, batch

    def _loss_of(self, embedded: "Tensor", batch: Batch) -> "Tensor":
        import torch

        sizes = (embedded.shape[1], *self.settings.matryoshka_dimensions)
        parts = [batch_loss(embedded[:, :size], batch, self.settings, self.model) for size in sizes]
        return torch.stack(parts).mean()

    def _cached_backward(self, step: Step, share: float, precision: Precision) -> float:
        import torch
        from sentence_transformers.base.losses.gradcache import RandContext

        rows, places, batch = self._batch(step)
        order = np.argsort(self.lengths[rows], kind="stable")
        chunks = [
            rows[order[start : start + self.texts_a_forward]]
            for start in range(0, len(rows), self.texts_a_forward)
        ]
        weight = next(weight for weight in self.model.parameters() if weight.requires_grad)
        draws, parts = [], []
        with torch.no_grad(), precision.autocast():
            for chunk in chunks:
                draws.append(RandContext(weight))
                parts.append(self._embed(chunk))
        embedded = torch.cat(parts).requires_grad_()
        with precision.autocast():
            loss = self._loss_of(embedded[self._back(order)][places], batch)
        precision.scaler.scale(loss * share).backward()  # type: ignore[no-untyped-call]
        assert embedded.grad is not None  # noqa: S101 - the loss reads every embedding
        gradients = torch.split(embedded.grad, [len(chunk) for chunk in chunks])
        for chunk, draw, gradient in zip(chunks, draws, gradients, strict=True):
            # The same dropout as the first time, or the gradients would belong to other embeddings.
            with draw, precision.autocast():
                again = self._embed(chunk)
            torch.autograd.backward(again, gradient)
        return float(loss.item())
