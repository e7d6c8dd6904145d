"""The candidate *lora*: low-rank adaptation of the base encoder (Hu et al. 2021, arXiv:2106.09685).

`train_lora` is the whole of it; data and plan, losses, loop, checkpoints and the handling of
adapters have a module each.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import atomic_path, hash_value
from ticketkin.core.config import EncoderSettings, LoraSettings, TuningSettings
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.encoders.adapter import (
    attach_adapter,
    embeddings_at_strength,
    relative_changes,
    save_merged,
    scaled_merge,
)
from ticketkin.encoders.encoding import embedding_dimension, encode_texts, token_lengths
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.training.lora_data import LoraData, Step, examples_seen, phase_counts, plan_steps
from ticketkin.training.lora_loop import LoraTraining, seeded
from ticketkin.training.losses import check_losses
from ticketkin.training.record import training_versions

__all__ = ["LoraData", "LoraResult", "embeddings_at_strength", "scaled_merge", "train_lora"]

_N_PROBES = 32
_METHOD = 2  # raise when a change of the method must not continue older checkpoints


@dataclass(frozen=True)
class LoraResult:
    """Where the trained adapter lies, and what was done to get it."""

    adapter_folder: Path
    merged_folder: Path
    """Plain sentence-transformers folder at full strength."""
    record: dict[str, Any]
    """What training_metadata.json tells: rates, losses, phases, parameters, changes, versions."""
    probe_texts: list[str]
    """Some of the training texts."""
    probe_embeddings: FloatArray
    """Their embeddings by the model in memory, (n_probes, d): a reloaded adapter must equal them."""


def train_lora(
    encoder: LoadedEncoder,
    data: LoraData,
    settings: LoraSettings,
    folder: Path,
    seed: int,
    progress: Progress = SILENT,
) -> LoraResult:
    """Train an adapter on `data` and save it as `folder/adapter` and merged as `folder/merged`.

    `encoder` itself stays as it is: a fresh copy is trained. The loss is InfoNCE over kin with
    in-batch and mined negatives (kin of the same group masked), plus CoSENT over labelled pairs.
    A killed training continues from `folder/checkpoint` and ends with the same adapter; the
    same training finished before is read from there. Deterministic by `seed`.

    Raises NotEnoughDataError for fewer than two positives, MissingExtraError without peft,
    JobError when memory or numbers fail beyond repair.
    """
    prepared = prepare_training(encoder, data, settings, seed, "lora")
    with seeded(seed):
        model = load_float32(str(encoder.source), encoder.device)
        attach_adapter(model, settings)
        model.max_seq_length = min(settings.max_length_tokens, encoder.max_length_tokens)
        training = LoraTraining(model, data, prepared.lengths, prepared.steps, settings, prepared.guide)
        training.run(folder / "checkpoint", prepared.identity, progress)
    model.max_seq_length = encoder.max_length_tokens
    with atomic_path(folder / "adapter") as temporary:
        model.save_pretrained(str(temporary), create_model_card=False)
    with atomic_path(folder / "merged") as temporary:
        save_merged(Path(encoder.source), model, temporary, encoder.max_length_tokens)
    probes = probes_of(data)
    in_memory = replace(encoder, model=model, fingerprint=f"{encoder.fingerprint}-{prepared.identity}")
    changes = relative_changes(training.model)
    return LoraResult(
        adapter_folder=folder / "adapter",
        merged_folder=folder / "merged",
        record=training_record(encoder, data, settings, training, changes, "LoRA on all linear layers")
        | {"seed": seed},
        probe_texts=probes,
        probe_embeddings=encode_texts(in_memory, probes, None, EncoderSettings()),
    )


@dataclass(frozen=True)
class PreparedTraining:
    """What is settled before the first step."""

    lengths: IntArray
    steps: list[Step]
    guide: FloatArray | None
    identity: str
    """Hash of all that shapes the training: only a checkpoint of the same may be continued."""


def prepare_training(
    encoder: LoadedEncoder, data: LoraData, settings: TuningSettings, seed: int, method: str
) -> PreparedTraining:
    """Check that the losses fit the data, and plan every step. Raises as `check_losses`."""
    check_losses(settings, len(data.left), data.negatives, data.labels, embedding_dimension(encoder))
    lengths = _training_lengths(encoder, data, settings)
    identity = hash_value({
        "method": f"{method} {_METHOD}",
        "settings": settings.model_dump(exclude={"checkpoint_steps"}),
        "seed": seed,
        "data": data.digest(),
        "base": encoder.fingerprint,
    })  # fmt: skip
    steps = plan_steps(data, lengths, settings, seed)
    return PreparedTraining(lengths, steps, _guide(encoder, data, settings), identity)


def _guide(encoder: LoadedEncoder, data: LoraData, settings: TuningSettings) -> FloatArray | None:
    """Return the untouched embeddings of the training texts at their rows, for a guided loss alone."""
    if settings.ranking_loss != "gist":
        return None
    rows = _rows_in_training(data)
    guide = np.zeros((len(data.texts), embedding_dimension(encoder)), dtype=np.float32)
    guide[rows] = encode_texts(encoder, [data.texts[row] for row in rows], None, EncoderSettings())
    return guide


def _rows_in_training(data: LoraData) -> IntArray:
    rows = [data.left, data.right, data.negatives.ravel(), data.labelled_left, data.labelled_right]
    found = np.unique(np.concatenate(rows))
    return found[found >= 0]


def _training_lengths(encoder: LoadedEncoder, data: LoraData, settings: TuningSettings) -> IntArray:
    """Return the tokens read of each text, shape (len(texts),); 0 for texts no pair names."""
    rows = _rows_in_training(data)
    lengths = np.zeros(len(data.texts), dtype=np.int64)
    limit = min(settings.max_length_tokens, encoder.max_length_tokens)
    lengths[rows] = np.minimum(token_lengths(encoder, [data.texts[row] for row in rows]), limit)
    return lengths


def probes_of(data: LoraData) -> list[str]:
    """Return some of the training texts, spread over all."""
    rows = [row for row in _rows_in_training(data) if data.texts[row].strip()]
    return [data.texts[row] for row in rows[:: max(1, len(rows) // _N_PROBES)][:_N_PROBES]]


def training_record(
    encoder: LoadedEncoder,
    data: LoraData,
    settings: TuningSettings,
    training: LoraTraining,
    changes: dict[str, float],
    method: str,
) -> dict[str, Any]:
    """Return what happened, as training_metadata.json tells it; `changes` are ||dW|| / ||W|| by module."""
    parameters = list(training.model.parameters())
    done: list[Step] = training.steps[: len(training.history.loss)]
    return {
        "method": method,
        "losses": {"ranking": settings.ranking_loss, "labelled": settings.labelled_loss},
        "settings": settings.model_dump(mode="json"),
        "phases": phase_counts(data, done),
        "positives_by_phase": [int((data.phase == phase).sum()) for phase in (1, 2, 3)],
        "examples": examples_seen(data, done, settings),
        "steps_planned": len(training.steps),
        "steps_done": len(done),
        "stopped_early": training.stopped_early,
        "history": vars(training.history),
        "parameters_trained": sum(p.numel() for p in parameters if p.requires_grad),
        "parameters_total": sum(p.numel() for p in parameters),
        "relative_change": changes,
        "batch_size": max(2, settings.batch_size // training.pieces),
        "device": encoder.device,
        "precision": "float32",
        "seconds": round(training.seconds_before, 3),
        "data_sha256": data.digest(),
        "versions": training_versions(),
    }
