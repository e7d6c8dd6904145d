"""The candidate *adapted*: the base encoder trained on all tickets' texts, without a label."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import atomic_path, hash_value
from ticketkin.core.errors import ConfigurationError, NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.encoders.saving import base_of
from ticketkin.encoders.token_limit import limit_tokens
from ticketkin.training.device_use import recorded_use
from ticketkin.training.finished import CHECKPOINT, FinishedTraining
from ticketkin.training.loop import TrainingLoop, seeded
from ticketkin.training.plan import passes_over
from ticketkin.training.preparation import (
    EncoderJudge,
    TunedEncoder,
    judge_of,
    load_tuned,
    probes_among,
    tuned_encoder,
)
from ticketkin.training.record import History, PhaseRecord, TrainingRecord, training_versions
from ticketkin.training.settings import AdaptedSettings
from ticketkin.training.unlabelled import objective_named
from ticketkin.training.weights import WeightChanges, save_unit_length, train_all_weights

_METHOD = 1  # raise when a change of the method must not continue older checkpoints
_FEWEST_TEXTS = 10


def train_adapted(
    encoder: LoadedEncoder,
    texts: Sequence[str],
    settings: AdaptedSettings,
    folder: Path,
    seed: int,
    progress: Progress = SILENT,
    judge: EncoderJudge | None = None,
) -> TunedEncoder:
    """Train every weight on `texts`, one objective after the other; save the model as `folder/tuned`.

    No label is read, so texts of held-out tickets may be among them. Deterministic by `seed`; a killed
    training continues from `folder`. Raises NotEnoughDataError for fewer than ten different texts,
    ConfigurationError where the architecture does not allow an objective, JobError as the loop.
    """
    different = sorted({text for text in texts if text.strip()})
    if len(different) < _FEWEST_TEXTS:
        raise NotEnoughDataError(
            f"Adapting needs at least {_FEWEST_TEXTS} different texts, there are {len(different)}; leave "
            "adapted out of --candidates"
        )
    finished = FinishedTraining(folder, _identity(encoder, different, settings, seed), ("tuned",))
    record = finished.read()
    if record is not None:
        model = load_tuned(folder / "tuned", encoder)
    else:
        model, record = _trained(encoder, different, settings, finished, seed, progress, judge)
        finished.keep(record)
    return tuned_encoder(encoder, model, folder / "tuned", record, probes_among(different))


def _trained(
    encoder: LoadedEncoder,
    texts: list[str],
    settings: AdaptedSettings,
    to_finish: FinishedTraining,
    seed: int,
    progress: Progress,
    judge: EncoderJudge | None,
) -> tuple[Any, TrainingRecord]:
    """Return the model trained by each objective in turn, which is saved, and what happened."""
    limit = min(settings.max_length_tokens, encoder.max_length_tokens)
    lengths = np.minimum(encoder.token_lengths(texts), limit)
    with seeded(seed):
        model: Any = load_float32(str(encoder.source), encoder.device)
        if model.transformers_model is None:
            raise ConfigurationError(
                "The candidate adapted trains a transformer, and this base model is none (static "
                "embeddings); leave adapted out of --candidates"
            )
        train_all_weights(model)
        changes = WeightChanges(model)
        limit_tokens(model, limit)
        loops = []
        for number, name in enumerate(settings.objectives):
            loop = TrainingLoop(
                f"Adapted ({name})",
                model,
                objective_named(name, model, texts, settings),
                passes_over(lengths, settings.epochs, settings.batch_size, seed + number),
                settings,
                judge_of(judge, encoder, model),
            )
            place = to_finish.folder / f"{CHECKPOINT}-{number + 1}-{name}"
            loop.run(place, f"{to_finish.identity}-{number}", progress)
            loops.append(loop)
    limit_tokens(model, encoder.max_length_tokens)
    with atomic_path(to_finish.folder / "tuned") as temporary:
        save_unit_length(model, temporary, base_of(encoder))
    record = _record(encoder, settings, loops, changes.relative(), len(texts))
    return model, record.model_copy(update={"seed": seed, "data_sha256": to_finish.identity})


def _identity(encoder: LoadedEncoder, texts: Sequence[str], settings: AdaptedSettings, seed: int) -> str:
    """Return the hash of all that a training depends on: a checkpoint of another one is not continued."""
    return hash_value({
        "method": _METHOD,
        "settings": settings.shaping(),
        "seed": seed,
        "texts": hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest(),
        "base": encoder.fingerprint,
    })  # fmt: skip


def _record(
    encoder: LoadedEncoder,
    settings: AdaptedSettings,
    loops: list[TrainingLoop],
    changes: dict[str, float],
    n_texts: int,
) -> TrainingRecord:
    """Return what happened; each objective counts as a phase, in order."""
    done = [loop.steps[: len(loop.history.loss)] for loop in loops]
    parameters = list(loops[0].model.parameters())
    stopped = [loop.stopped_early for loop in loops if loop.stopped_early]
    return TrainingRecord(
        method=f"all weights, without labels: {', '.join(settings.objectives)}",
        objectives=list(settings.objectives),
        settings=settings.model_dump(mode="json"),
        phases=[
            PhaseRecord(
                phase=number,
                objective=name,
                texts=n_texts,
                steps=len(steps),
                examples=sum(step.n_examples for step in steps),
            )
            for number, (name, steps) in enumerate(zip(settings.objectives, done, strict=True), start=1)
        ],
        examples={
            name: {"texts": sum(step.n_examples for step in steps)}
            for name, steps in zip(settings.objectives, done, strict=True)
        },
        steps_planned=sum(len(loop.steps) for loop in loops),
        steps_done=sum(map(len, done)),
        stopped_early=stopped[-1] if stopped else None,
        evaluations=[evaluation for loop in loops for evaluation in loop.evaluations],
        history=History(
            loss=[value for loop in loops for value in loop.history.loss],
            learning_rate=[value for loop in loops for value in loop.history.learning_rate],
            gradient_norm=[value for loop in loops for value in loop.history.gradient_norm],
            phase=[number for number, steps in enumerate(done, start=1) for _ in steps],
        ),
        parameters_trained=sum(p.numel() for p in parameters if p.requires_grad),
        parameters_total=sum(p.numel() for p in parameters),
        relative_change=changes,
        batch_size=max(2, settings.batch_size // max(loop.pieces for loop in loops)),
        device=encoder.device,
        **recorded_use([loop.meter for loop in loops]),
        precision=loops[0].precision.name,
        seconds=round(sum(loop.seconds_before for loop in loops), 3),
        versions=training_versions(),
    )
