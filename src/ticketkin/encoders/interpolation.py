"""Models between an untouched encoder and a fully tuned one: W + strength x (W' - W)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ticketkin.core.errors import InactiveAdapterError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.activity import DIFFERENT, SAME
from ticketkin.encoders.device import pick_device
from ticketkin.encoders.encoding import encode_with_weights
from ticketkin.encoders.fresh_process import SavedModel, embed_freshly
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.encoders.probes import largest_difference
from ticketkin.encoders.saving import base_in, save_encoder
from ticketkin.encoders.settings import EncoderSettings


def interpolated(base: str, tuned: Path, strength: float, device: str = "cpu") -> Any:
    """Return the model at `strength`, in evaluation mode; both folders must hold the same layers."""
    import torch

    model: Any = load_float32(str(tuned), device)
    untouched = dict(load_float32(base, device).named_parameters())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(torch.lerp(untouched[name], weight, strength))
    return model


def save_interpolated(
    base: str, tuned: Path, strength: float, folder: Path, template: str | None = None
) -> None:
    """Write the model at `strength` as a plain sentence-transformers folder."""
    untouched = base_in(base, load_float32(base, "cpu"))
    save_encoder(interpolated(base, tuned, strength), folder, untouched, template)


def interpolated_embeddings(
    encoder: LoadedEncoder,
    tuned: Path,
    strength: float,
    texts: list[str],
    settings: EncoderSettings,
    progress: Progress = SILENT,
) -> FloatArray:
    """Return the embeddings at `strength` without saving it, shape (len(texts), d), unit length."""
    model = interpolated(encoder.source, tuned, strength, pick_device(settings))
    name = f"{encoder.name} + {strength:g} x change"
    return encode_with_weights(encoder, model, name, texts, settings, progress)


@dataclass(frozen=True)
class ReloadProof:
    """A saved model in a fresh process; differences are maxima over all values of all probes."""

    difference_from_base: float
    """Must exceed `DIFFERENT`."""
    difference_from_memory: float
    """From the model as it was in memory after training: at most `SAME`."""


def prove_tuned(base: str, tuned: Path, probe_texts: list[str], expected: FloatArray) -> ReloadProof:
    """Return how a saved model differs from its base and from memory, measured in a fresh process.

    `expected` (n_probes, d) are the embeddings by the model in memory. Raises InactiveAdapterError if the
    saved model equals the base, or is not the one in memory.
    """
    of_base, of_tuned = embed_freshly([SavedModel(base), SavedModel(str(tuned))], probe_texts)
    moved, differing = largest_difference(of_tuned, of_base), largest_difference(of_tuned, expected)
    if moved <= DIFFERENT or differing > SAME:
        raise InactiveAdapterError(
            f"The tuned model in {tuned} is not what was trained: after reload in a fresh process it differs "
            f"from the untouched base by {moved:.2g} and from memory by {differing:.2g}. Remove the folder "
            "and train again"
        )
    return ReloadProof(moved, differing)
