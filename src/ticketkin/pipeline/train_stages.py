"""Stages that tune: adapted, the linear head, LoRA and full; the last three swept over their strength."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import atomic_path, read_json, write_json
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import FloatArray, SplitName
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.interpolation import prove_tuned, save_interpolated
from ticketkin.encoders.loading import LoadedEncoder, load_encoder, load_float32, load_folder
from ticketkin.encoders.serving import serving_record, write_serving
from ticketkin.pipeline import run_data as artifact
from ticketkin.pipeline.run_data import RunData, save_embeddings
from ticketkin.pipeline.runtimes import encoder_of_run
from ticketkin.pipeline.stage import RunContext
from ticketkin.pipeline.sweeping import RivalSample, epoch_judge, sweep, sweep_on_sample
from ticketkin.pipeline.tuning_methods import Full, Lora, TuningMethod
from ticketkin.training.adapted import train_adapted
from ticketkin.training.augmentation import augment
from ticketkin.training.head import cross_fit_heads, save_head_model, train_head
from ticketkin.training.positives import PositivePairs, positive_pairs
from ticketkin.training.tuning_data import TuningData

METADATA = "training_metadata.json"


@dataclass(frozen=True)
class Start:
    """The encoder that tuning begins with: the untouched one, or the adapted one where it is asked for."""

    encoder: LoadedEncoder
    embeddings: FloatArray
    """Of all tickets, shape (n_tickets, d)."""


def start_of(data: RunData) -> Start:
    """Return the encoder that the run's tuned candidates begin with."""
    settings = data.job.settings
    if "adapted" in settings.candidates:
        place, embeddings = artifact.TUNED["adapted"]
        return Start(load_folder(data.folder / place, settings.encoder), data.embeddings(embeddings))
    return Start(load_encoder(settings.encoder), data.embeddings(artifact.BASE_EMBEDDINGS))


def training_positives(data: RunData) -> PositivePairs:
    """Return the training kin with their mined negatives. Raises NotEnoughDataError where there are none."""
    positives = positive_pairs(data.pairs, data.tickets, data.groups)
    if len(positives.left) == 0:
        raise NotEnoughDataError(
            "No training pair is kin, so there is nothing to tune on; give more links with --links FILE, "
            "or run the untouched candidates alone: --candidates lexical,base"
        )
    return positives


def run_adapted(context: RunContext) -> None:
    """Train the untouched encoder on all texts without labels; prove the saved model."""
    data = RunData(context.folder, context.job)
    settings = context.job.settings
    encoder = load_encoder(settings.encoder)
    texts = data.texts
    if settings.adapted.texts == "train":
        texts = [texts[row] for row in data.splits.rows(data.tickets, SplitName.TRAIN)]
    result = train_adapted(
        encoder,
        texts,
        settings.adapted,
        context.folder / artifact.ADAPTED,
        settings.seed,
        context.progress,
        epoch_judge(RivalSample.of(data, data.embeddings(artifact.BASE_EMBEDDINGS)), settings.encoder),
    )
    proof = prove_tuned(encoder.source, result.folder, result.probe_texts, result.probe_embeddings)

    def save(folder: Path) -> None:
        save_interpolated(encoder.source, result.folder, 1.0, folder)

    _keep_tuned(context, data, "adapted", encoder, save, {"proof": proof, **result.record})


def run_head(context: RunContext) -> None:
    """Tune a linear head, choose its strength, save it as a plain sentence-transformers folder."""
    data = RunData(context.folder, context.job)
    settings = context.job.settings
    start = start_of(data)
    positives = training_positives(data)
    head = train_head(start.embeddings, positives, settings.head, settings.seed, context.progress)
    found = sweep(context, data, "head", lambda strength: head.apply(start.embeddings, strength))
    out_of_fold = cross_fit_heads(
        start.embeddings, positives, settings.head, settings.fusion.folds, settings.seed, data.groups.group
    )
    with atomic_path(context.folder / artifact.HEAD) as folder:
        save_head_model(start.encoder, head, found.chosen, folder, settings.tickets.template)
        record = {"strength": found.to_json(), **head.record}
        write_json(folder / METADATA, _about("head", start.encoder, context, record))
    save_embeddings(context.folder / artifact.HEAD_EMBEDDINGS, head.apply(start.embeddings, found.chosen))
    save_embeddings(context.folder / artifact.HEAD_OUT_OF_FOLD, out_of_fold)


def tuning_data_of(data: RunData) -> TuningData:
    """Return texts, kin and labelled pairs of the training split."""
    positives = training_positives(data)
    train = data.pairs.of(SplitName.TRAIN)
    left, right = train.rows(data.tickets)
    return TuningData(
        texts=data.texts,
        left=positives.left,
        right=positives.right,
        phase=positives.phase,
        group=positives.group,
        negatives=positives.negatives,
        group_of_row=data.groups.group,
        labelled_left=left,
        labelled_right=right,
        labels=train.frame["label"].to_numpy().astype(np.int64),
    )


def run_lora(context: RunContext) -> None:
    """Tune with LoRA, prove the adapter active in a fresh process, choose its strength, merge."""
    _tune(context, Lora(context.job.settings))


def run_full(context: RunContext) -> None:
    """Tune every weight, prove the saved model in a fresh process, choose its strength."""
    _tune(context, Full(context.job.settings))


def _tune(context: RunContext, method: TuningMethod) -> None:
    data = RunData(context.folder, context.job)
    start = start_of(data)
    sample = RivalSample.of(data, start.embeddings)
    judge = epoch_judge(sample, context.job.settings.encoder)
    place = context.folder / "candidates" / method.name
    settings = context.job.settings
    augmented = augment(
        tuning_data_of(data),
        settings.augment,
        settings.seed,
        offline=settings.encoder.offline,
        progress=context.progress,
    )
    if augmented.added:
        shown = ", ".join(f"{n:,} by {name}" for name, n in augmented.added.items())
        context.progress.say(f"  altered positives added to training: {shown}")
    tuned = method.train(start.encoder, augmented.data, place, context.progress, judge)
    proof = method.prove(start.encoder, tuned)
    context.progress.say(
        f"  {method.name} proven active after reload: embeddings differ from those before by up to "
        f"{proof['difference_from_base']:.3f}"
    )

    def embed(strength: float, texts: list[str]) -> FloatArray:
        return method.embed(start.encoder, tuned, strength, texts, context.progress)

    def save(folder: Path) -> None:
        method.save(start.encoder, tuned, found.chosen, folder)

    found = sweep_on_sample(context, sample, method.name, embed)
    record = {
        "strength": found.to_json(), "proof": proof, "augmented": augmented.added, **tuned.record
    }  # fmt: skip
    _keep_tuned(context, data, method.name, start.encoder, save, record)


def _keep_tuned(
    context: RunContext,
    data: RunData,
    name: str,
    start: LoadedEncoder,
    save: Callable[[Path], None],
    record: dict[str, Any],
) -> None:
    """Write the model as `save` does, encode every ticket with it, and write the record last."""
    settings = context.job.settings
    place, embeddings_name = artifact.TUNED[name]
    with atomic_path(context.folder / place) as folder:
        save(folder)
        write_serving(folder, load_float32(str(folder), "cpu"), settings.tickets.template)
    final = load_folder(context.folder / place, settings.encoder)
    cache = EmbeddingCache(default_cache_folder(), context.progress)
    model, choice = encoder_of_run(final, data, settings.encoder, context.progress)
    embeddings = encode_texts(model, data.texts, cache, settings.encoder, context.progress)
    save_embeddings(context.folder / embeddings_name, embeddings)
    about = _about(name, start, context, {**record, "runtime": choice.to_json()})
    write_json(context.folder / "candidates" / name / METADATA, about)


def _about(name: str, start: LoadedEncoder, context: RunContext, record: dict[str, Any]) -> dict[str, Any]:
    """Return training_metadata.json: what was tuned from what, and what happened."""
    return {
        "candidate": name,
        "base_model": start.name,
        "base_fingerprint": start.fingerprint,
        "template": context.job.settings.tickets.template,
        "encoder": serving_record(start.model),
        **record,
    }


def read_metadata(folder: Path) -> dict[str, Any] | None:
    """Return the training record of a candidate, or None where it was not trained."""
    path = folder / METADATA
    return read_json(path) if path.exists() else None
