"""The candidate *full*: every weight of the base encoder tuned."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.config import EncoderSettings, FullSettings
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.training.lora import prepare_training, probes_of, training_record
from ticketkin.training.lora_data import LoraData
from ticketkin.training.lora_loop import LoraTraining, seeded


@dataclass(frozen=True)
class FullResult:
    """Where the tuned model lies, and what was done to get it."""

    tuned_folder: Path
    """Plain sentence-transformers folder at full strength."""
    record: dict[str, Any]
    """What training_metadata.json tells."""
    probe_texts: list[str]
    probe_embeddings: FloatArray
    """By the model in memory, (n_probes, d): a reloaded model must equal them."""


def train_full(
    encoder: LoadedEncoder,
    data: LoraData,
    settings: FullSettings,
    folder: Path,
    seed: int,
    progress: Progress = SILENT,
) -> FullResult:
    """Tune every weight on `data` and save the model as `folder/tuned`.

    Losses, phases, checkpoints and errors are those of `train_lora`.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Normalize

    prepared = prepare_training(encoder, data, settings, seed, "full")
    with seeded(seed):
        model: Any = load_float32(str(encoder.source), encoder.device)
        for name, weight in model.named_parameters():
            weight.requires_grad_("pooler" not in name)  # sentence encoders never read the pooler
        before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        model.max_seq_length = min(settings.max_length_tokens, encoder.max_length_tokens)
        training = LoraTraining(model, data, prepared.lengths, prepared.steps, settings, prepared.guide)
        training.run(folder / "checkpoint", prepared.identity, progress)
    model.max_seq_length = encoder.max_length_tokens
    if not any(isinstance(module, Normalize) for module in model):
        model.append(Normalize())
    with atomic_path(folder / "tuned") as temporary:
        model.save_pretrained(str(temporary), create_model_card=False)
    with torch.no_grad():
        changes = {
            name: float((weight - before[name]).norm() / before[name].norm().clamp(min=1e-12))
            for name, weight in model.named_parameters()
            if weight.requires_grad and weight.ndim == 2
        }
    probes = probes_of(data)
    in_memory = replace(encoder, model=model, fingerprint=f"{encoder.fingerprint}-{prepared.identity}")
    return FullResult(
        tuned_folder=folder / "tuned",
        record=training_record(encoder, data, settings, training, changes, "all weights") | {"seed": seed},
        probe_texts=probes,
        probe_embeddings=encode_texts(in_memory, probes, None, EncoderSettings()),
    )
