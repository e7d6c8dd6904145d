"""The common preparation of every tuning before its first step, and its result after the last."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import hash_value
from ticketkin.core.progress import Progress
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.encoders.cutting import cut_texts
from ticketkin.encoders.encoding import (
    encode_texts,
    encode_with_weights,
)
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.encoders.token_limit import limit_tokens, token_limit
from ticketkin.training.device_use import recorded_use
from ticketkin.training.loop import EpochScores, Judge, TrainingLoop
from ticketkin.training.losses import check_losses
from ticketkin.training.objective import KinObjective
from ticketkin.training.plan import examples_seen, phase_records, plan_steps
from ticketkin.training.record import TrainingRecord, training_versions
from ticketkin.training.settings import TuningSettings
from ticketkin.training.tuning_data import Step, TuningData

_N_PROBES = 32
_METHOD = 4  # raise when a change of the method must not continue older checkpoints


@dataclass(frozen=True)
class TunedEncoder:
    """Where the trained weights lie, and what was done to get them."""

    folder: Path
    """Plain sentence-transformers folder at full strength."""
    record: TrainingRecord
    probe_texts: list[str]
    """Some of the training texts."""
    probe_embeddings: FloatArray
    """Their embeddings by the model in memory, (n_probes, d): a reloaded model must equal them."""
    adapter_folder: Path | None = None
    """The adapter alone, where only an adapter was trained."""


def tuned_encoder(
    encoder: LoadedEncoder,
    model: Any,
    folder: Path,
    record: TrainingRecord,
    probes: list[str],
    adapter_folder: Path | None = None,
) -> TunedEncoder:
    """Return what a training ends with: `model`, saved in `folder`, and what it makes of some texts."""
    embeddings = encode_with_weights(encoder, model, encoder.name, probes, EncoderSettings())
    return TunedEncoder(folder, record, probes, embeddings, adapter_folder)


def load_tuned(folder: Path, encoder: LoadedEncoder) -> Any:
    """Return the model of a finished training as it was in memory at its end: at the limit of serving."""
    model = load_float32(str(folder), encoder.device)
    limit_tokens(model, encoder.max_length_tokens)
    return model


EncoderJudge = Callable[[LoadedEncoder], EpochScores]
"""Scores an encoder on the evaluation links."""


def judge_of(judge: EncoderJudge | None, encoder: LoadedEncoder, model: Any) -> Judge | None:
    """Return a judge of `model`, which has other weights than `encoder`, at the token limit of serving."""
    if judge is None:
        return None

    def scored() -> EpochScores:
        while_training = token_limit(model)
        limit_tokens(model, encoder.max_length_tokens)
        try:
            return judge(replace(encoder, model=model))
        finally:
            limit_tokens(model, while_training)

    return scored


@dataclass(frozen=True)
class PreparedTraining:
    """What is settled before the first step."""

    encoder: LoadedEncoder
    data: TuningData
    settings: TuningSettings
    texts: list[str]
    """Of all tickets, as far as training reads them."""
    lengths: IntArray
    steps: list[Step]
    guide: FloatArray | None
    identity: str
    """Hash of all that shapes the training: only a checkpoint of the same may be continued."""

    def run(
        self, name: str, model: Any, folder: Path, progress: Progress, judge: EncoderJudge | None
    ) -> TrainingLoop:
        """Train those weights of `model` that ask for gradients; checkpoints lie in `folder`.

        It reads texts up to the limit of training meanwhile, and up to that of serving afterwards.
        """
        limit_tokens(model, min(self.settings.max_length_tokens, self.encoder.max_length_tokens))
        objective = KinObjective(model, self.data, self.texts, self.lengths, self.settings, self.guide)
        judge_model = judge_of(judge, self.encoder, model)
        loop = TrainingLoop(name, model, objective, self.steps, self.settings, judge_model)
        loop.run(folder, self.identity, progress)
        limit_tokens(model, self.encoder.max_length_tokens)
        return loop


def prepare_training(
    encoder: LoadedEncoder, data: TuningData, settings: TuningSettings, seed: int, method: str
) -> PreparedTraining:
    """Check that the losses fit the data, and plan every step. Raises as `check_losses`."""
    check_losses(settings, len(data.left), data.negatives, data.labels, encoder.dimension)
    texts, lengths = _texts_read(encoder, data, settings)
    identity = hash_value({
        "method": f"{method} {_METHOD}",
        "settings": settings.shaping(),
        "seed": seed,
        "data": data.digest(),
        "base": encoder.fingerprint,
    })  # fmt: skip
    steps = plan_steps(data, lengths, settings, seed)
    guide = _guide(encoder, data, settings)
    return PreparedTraining(encoder, data, settings, texts, lengths, steps, guide, identity)


def _guide(encoder: LoadedEncoder, data: TuningData, settings: TuningSettings) -> FloatArray | None:
    """Return the untouched embeddings of the training texts at their rows, for a guided loss alone."""
    if settings.ranking_loss != "gist":
        return None
    rows = _rows_in_training(data)
    guide = np.zeros((len(data.texts), encoder.dimension), dtype=np.float32)
    guide[rows] = encode_texts(encoder, [data.texts[row] for row in rows], None, EncoderSettings())
    return guide


def _rows_in_training(data: TuningData) -> IntArray:
    rows = [data.left, data.right, data.negatives.ravel(), data.labelled_left, data.labelled_right]
    used = np.unique(np.concatenate(rows))
    return used[used >= 0]


def _texts_read(
    encoder: LoadedEncoder, data: TuningData, settings: TuningSettings
) -> tuple[list[str], IntArray]:
    """Return the texts as far as training reads them, and the tokens it reads of each, shape (len(texts),).

    Texts that no pair names stay as they are, with 0 tokens.
    """
    rows = _rows_in_training(data)
    texts, lengths = list(data.texts), np.zeros(len(data.texts), dtype=np.int64)
    limit = min(settings.max_length_tokens, encoder.max_length_tokens)
    read, lengths[rows] = cut_texts(encoder.model, [texts[row] for row in rows], limit)
    for row, text in zip(rows, read, strict=True):
        texts[row] = text
    return texts, lengths


def probes_of(data: TuningData) -> list[str]:
    """Return some of the training texts, spread over all."""
    return probes_among([data.texts[row] for row in _rows_in_training(data) if data.texts[row].strip()])


def probes_among(texts: Sequence[str]) -> list[str]:
    """Return some of `texts`, spread over all."""
    return list(texts[:: max(1, len(texts) // _N_PROBES)][:_N_PROBES])


def training_record(
    encoder: LoadedEncoder,
    data: TuningData,
    settings: TuningSettings,
    loop: TrainingLoop,
    changes: dict[str, float],
    method: str,
    seed: int,
) -> TrainingRecord:
    """Return what happened; `changes` are ||dW|| / ||W|| by module."""
    parameters = list(loop.model.parameters())
    done: list[Step] = loop.steps[: len(loop.history.loss)]
    return TrainingRecord(
        method=method,
        losses={"ranking": settings.ranking_loss, "labelled": settings.labelled_loss},
        settings=settings.model_dump(mode="json"),
        phases=phase_records(data, done),
        positives_by_phase=[int((data.phase == phase).sum()) for phase in (1, 2, 3)],
        labelled_by_phase=[int((data.labelled_phase == phase).sum()) for phase in (1, 2, 3)],
        phases_are_given=data.phases_are_given,
        is_cumulative=data.is_cumulative(settings),
        examples=examples_seen(data, done, settings),
        steps_planned=len(loop.steps),
        steps_done=len(done),
        stopped_early=loop.stopped_early,
        evaluations=loop.evaluations,
        best_step=loop.best_step,
        history=loop.history,
        parameters_trained=sum(p.numel() for p in parameters if p.requires_grad),
        parameters_total=sum(p.numel() for p in parameters),
        relative_change=changes,
        batch_size=max(2, settings.batch_size // loop.pieces),
        device=encoder.device,
        **recorded_use([loop.meter]),
        precision=loop.precision.name,
        seed=seed,
        seconds=round(loop.seconds_before, 3),
        data_sha256=data.digest(),
        versions=training_versions(),
    )
