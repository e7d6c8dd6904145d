"""Training all weights of an encoder: which learn, how far they went, saving them."""

from pathlib import Path
from typing import Any

from ticketkin.encoders.fingerprint import BaseFingerprint
from ticketkin.encoders.saving import save_encoder


def train_all_weights(model: Any) -> None:
    """Let every weight learn but the pooler's, which sentence encoders never read."""
    for name, weight in model.named_parameters():
        weight.requires_grad_("pooler" not in name)


class WeightChanges:
    """The weights as they were when this was made, to tell how far they have gone since."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._before = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    def relative(self) -> dict[str, float]:
        """Return ||W - W before|| / ||W before|| of every trained matrix by name."""
        import torch

        with torch.no_grad():
            return {
                name: float((weight - self._before[name]).norm() / self._before[name].norm().clamp(min=1e-12))
                for name, weight in self._model.named_parameters()
                if weight.requires_grad and weight.ndim == 2
            }


def save_unit_length(model: Any, folder: Path, base: BaseFingerprint) -> None:
    """Save a plain sentence-transformers folder whose embeddings have unit length."""
    from sentence_transformers.sentence_transformer.modules import Normalize

    if not any(isinstance(module, Normalize) for module in model):
        model.append(Normalize())
    save_encoder(model, folder, base)
