"""The candidate *full*: every weight of the base encoder tuned."""

from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.progress import SILENT, Progress
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.encoders.saving import base_of
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
from ticketkin.training.settings import FullSettings
from ticketkin.training.tuning_data import TuningData
from ticketkin.training.weights import WeightChanges, save_unit_length, train_all_weights


def train_full(
    encoder: LoadedEncoder,
    data: TuningData,
    settings: FullSettings,
    folder: Path,
    seed: int,
    progress: Progress = SILENT,
    judge: EncoderJudge | None = None,
) -> TunedEncoder:
    """Tune every weight on `data` and save the model as `folder/tuned`.

    Losses, phases, judge, checkpoints and errors are those of `train_lora`.
    """
    prepared = prepare_training(encoder, data, settings, seed, "full")
    finished = FinishedTraining(folder, prepared.identity, ("tuned",))
    record = finished.read()
    if record is not None:
        model: Any = load_tuned(folder / "tuned", encoder)
    else:
        with seeded(seed):
            model = load_float32(str(encoder.source), encoder.device)
            train_all_weights(model)
            changes = WeightChanges(model)
            loop = prepared.run("Full", model, folder / CHECKPOINT, progress, judge)
        with atomic_path(folder / "tuned") as temporary:
            save_unit_length(model, temporary, base_of(encoder))
        record = training_record(encoder, data, settings, loop, changes.relative(), "all weights", seed)
        finished.keep(record)
    return tuned_encoder(encoder, model, folder / "tuned", record, probes_of(data))
