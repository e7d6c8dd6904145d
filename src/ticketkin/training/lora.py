"""The candidate *lora*: low-rank adaptation of the base encoder (Hu et al. 2021, arXiv:2106.09685)."""

from pathlib import Path

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.progress import SILENT, Progress
from ticketkin.encoders.adapter import attach_adapter, relative_changes, save_merged
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.encoders.saving import base_of, save_adapter
from ticketkin.training.finished import CHECKPOINT, FinishedTraining
from ticketkin.training.loop import seeded
from ticketkin.training.preparation import (
    EncoderJudge,
    TunedEncoder,
    load_tuned,
    prepare_training,
    probes_of,
    training_record,
    tuned_encoder,
)
from ticketkin.training.settings import LoraSettings
from ticketkin.training.tuning_data import TuningData


def train_lora(
    encoder: LoadedEncoder,
    data: TuningData,
    settings: LoraSettings,
    folder: Path,
    seed: int,
    progress: Progress = SILENT,
    judge: EncoderJudge | None = None,
) -> TunedEncoder:
    """Train an adapter on `data` and save it as `folder/adapter` and merged as `folder/merged`.

    `encoder` itself stays as it is: a fresh copy is trained. By default the loss is InfoNCE over kin with
    in-batch and mined negatives (kin of the same group masked), plus CoSENT over labelled pairs.
    `judge` scores the model after each epoch, and the best one is kept. A killed training continues from
    `folder/checkpoint` and ends with the same adapter; the same training finished before is read from
    `folder`. Deterministic by `seed`.

    Raises NotEnoughDataError for fewer than two positives, MissingExtraError without peft,
    JobError when memory or numbers fail beyond repair.
    """
    prepared = prepare_training(encoder, data, settings, seed, "lora")
    finished = FinishedTraining(folder, prepared.identity, ("adapter", "merged"))
    record = finished.read()
    if record is not None:
        model = load_tuned(folder / "merged", encoder)
    else:
        with seeded(seed):
            model = load_float32(str(encoder.source), encoder.device)
            attach_adapter(model, settings)
            loop = prepared.run("LoRA", model, folder / CHECKPOINT, progress, judge)
        with atomic_path(folder / "adapter") as temporary:
            save_adapter(model, temporary, base_of(encoder))
        with atomic_path(folder / "merged") as temporary:
            save_merged(Path(encoder.source), model, temporary, encoder.max_length_tokens)
        changes = relative_changes(loop.model)
        record = training_record(encoder, data, settings, loop, changes, "LoRA on all linear layers", seed)
        finished.keep(record)
    return tuned_encoder(encoder, model, folder / "merged", record, probes_of(data), folder / "adapter")
