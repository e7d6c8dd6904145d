"""Stages that tune: the linear head and LoRA, each swept over its strength."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import atomic_path, read_json, write_json
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import FloatArray, IntArray, SplitName, Visibility
from ticketkin.encoders.activity import prove_adapter_active
from ticketkin.encoders.adapter import embeddings_at_strength, scaled_merge
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.interpolation import interpolated_embeddings, prove_tuned, save_interpolated
from ticketkin.encoders.loading import LoadedEncoder, load_encoder, load_float32, load_folder
from ticketkin.encoders.serving import serving_record, write_serving
from ticketkin.pipeline import run_data as artifact
from ticketkin.pipeline.run_data import RunData, save_embeddings
from ticketkin.pipeline.stage import RunContext
from ticketkin.training.full import train_full
from ticketkin.training.head import cross_fit_heads, save_head_model, train_head
from ticketkin.training.lora import train_lora
from ticketkin.training.lora_data import LoraData
from ticketkin.training.positives import PositivePairs, positive_pairs
from ticketkin.training.strength import StrengthSweep, sweep_strengths

METADATA = "training_metadata.json"
_N_RIVALS = 5
_BLOCK_QUERIES = 512


def _training_positives(data: RunData) -> PositivePairs:
    positives = positive_pairs(data.pairs, data.tickets, data.groups)
    if len(positives.left) == 0:
        raise NotEnoughDataError(
            "No training pair is kin, so there is nothing to tune on; give more links with --links FILE, "
            "or run the untouched candidates alone: --candidates lexical,base"
        )
    return positives


def _sweep(
    context: RunContext, data: RunData, name: str, embed: Callable[[float], FloatArray]
) -> StrengthSweep:
    """Choose the strength by MRR of the evaluation queries."""
    sweep = sweep_strengths(
        embed,
        data.queries(SplitName.EVALUATION),
        data.groups.group,
        data.visibility,
        context.job.settings.strength,
    )
    shown = ", ".join(f"{s:g}: {m:.3f}" for s, m in zip(sweep.strengths, sweep.mrr, strict=True))
    context.progress.say(f"  strength of {name} -> MRR on evaluation links: {shown}; chosen {sweep.chosen:g}")
    return sweep


def run_head(context: RunContext) -> None:
    """Tune a linear head, choose its strength, save it as a plain sentence-transformers folder."""
    data = RunData(context.folder, context.job)
    settings = context.job.settings
    base = data.embeddings(artifact.BASE_EMBEDDINGS)
    positives = _training_positives(data)
    head = train_head(base, positives, settings.head, settings.seed, context.progress)
    sweep = _sweep(context, data, "head", lambda strength: head.apply(base, strength))
    out_of_fold = cross_fit_heads(
        base, positives, settings.head, settings.fusion.folds, settings.seed, data.groups.group
    )
    encoder = load_encoder(settings.encoder)
    with atomic_path(context.folder / artifact.HEAD) as folder:
        save_head_model(encoder, head, sweep.chosen, folder, settings.tickets.template)
        write_json(
            folder / METADATA,
            {
                "candidate": "head",
                "base_model": encoder.name,
                "base_fingerprint": encoder.fingerprint,
                "template": settings.tickets.template,
                "encoder": serving_record(encoder.model),
                "strength": sweep.to_json(),
                **head.record,
            },
        )
    save_embeddings(context.folder / artifact.HEAD_EMBEDDINGS, head.apply(base, sweep.chosen))
    save_embeddings(context.folder / artifact.HEAD_OUT_OF_FOLD, out_of_fold)


def _lora_data(data: RunData, positives: PositivePairs) -> LoraData:
    train = data.pairs.of(SplitName.TRAIN)
    left, right = train.rows(data.tickets)
    return LoraData(
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
    data = RunData(context.folder, context.job)
    settings = context.job.settings
    encoder = load_encoder(settings.encoder)
    positives = _training_positives(data)
    result = train_lora(
        encoder,
        _lora_data(data, positives),
        settings.lora,
        context.folder / artifact.LORA,
        settings.seed,
        context.progress,
    )
    proof = prove_adapter_active(
        encoder, result.adapter_folder, result.merged_folder, result.probe_texts, result.probe_embeddings
    )
    context.progress.say(
        f"  adapter proven active after reload: embeddings differ from the untouched model by up to "
        f"{proof.difference_from_base:.3f}"
    )

    def embed(strength: float, texts: list[str]) -> FloatArray:
        return embeddings_at_strength(
            encoder, result.adapter_folder, strength, texts, settings.encoder, context.progress
        )

    def save(strength: float, folder: Path) -> None:
        scaled_merge(encoder.source, result.adapter_folder, strength, folder, encoder.max_length_tokens)

    sweep = _sweep_slow(context, data, "lora", embed)
    _keep_tuned(context, data, "lora", encoder, sweep, save, {"proof": proof.to_json(), **result.record})


def run_full(context: RunContext) -> None:
    """Tune every weight, prove the saved model in a fresh process, choose its strength."""
    data = RunData(context.folder, context.job)
    settings = context.job.settings
    encoder = load_encoder(settings.encoder)
    positives = _training_positives(data)
    result = train_full(
        encoder,
        _lora_data(data, positives),
        settings.full,
        context.folder / artifact.FULL,
        settings.seed,
        context.progress,
    )
    proof = prove_tuned(encoder.source, result.tuned_folder, result.probe_texts, result.probe_embeddings)
    context.progress.say(
        f"  tuned model proven after reload: embeddings differ from the untouched model by up to "
        f"{proof['difference_from_base']:.3f}"
    )

    def embed(strength: float, texts: list[str]) -> FloatArray:
        return interpolated_embeddings(
            encoder, result.tuned_folder, strength, texts, settings.encoder, context.progress
        )

    def save(strength: float, folder: Path) -> None:
        save_interpolated(encoder.source, result.tuned_folder, strength, folder)

    sweep = _sweep_slow(context, data, "full", embed)
    _keep_tuned(context, data, "full", encoder, sweep, save, {"proof": proof, **result.record})


def _keep_tuned(
    context: RunContext,
    data: RunData,
    name: str,
    encoder: LoadedEncoder,
    sweep: StrengthSweep,
    save: Callable[[float, Path], None],
    record: dict[str, Any],
) -> None:
    """Write the model at the chosen strength, encode every ticket with it, and write the record last."""
    settings = context.job.settings
    place, embeddings_name = artifact.TUNED[name]
    with atomic_path(context.folder / place) as folder:
        save(sweep.chosen, folder)
        write_serving(folder, load_float32(str(folder), "cpu"), settings.tickets.template)
    final = load_folder(context.folder / place, settings.encoder)
    cache = EmbeddingCache(default_cache_folder())
    embeddings = encode_texts(final, data.texts, cache, settings.encoder, context.progress)
    save_embeddings(context.folder / embeddings_name, embeddings)
    write_json(
        context.folder / "candidates" / name / METADATA,
        {
            "candidate": name,
            "base_model": encoder.name,
            "base_fingerprint": encoder.fingerprint,
            "template": settings.tickets.template,
            "encoder": serving_record(encoder.model),
            "strength": sweep.to_json(),
            **record,
        },
    )


def _sweep_slow(
    context: RunContext, data: RunData, name: str, embed: Callable[[float, list[str]], FloatArray]
) -> StrengthSweep:
    """Sweep over the evaluation tickets and their rivals: five encodings of the whole file cost minutes.

    The evaluation tickets alone would make every ranking look easy, and the strongest change best.
    """
    base = data.embeddings(artifact.BASE_EMBEDDINGS)
    queries = data.queries(SplitName.EVALUATION)
    rows = np.union1d(
        data.splits.rows(data.tickets, SplitName.EVALUATION), _nearest_visible(base, queries, data.visibility)
    )
    texts = [data.texts[row] for row in rows]
    n_tickets, dimension = base.shape

    def at_strength(strength: float) -> FloatArray:
        # At strength 0 the model is the untouched one, whose embeddings are there already.
        found = base[rows] if strength == 0 else embed(strength, texts)
        return _at_rows(found, rows, n_tickets, dimension)

    return _sweep(context, data, name, at_strength)


def _nearest_visible(embeddings: FloatArray, queries: IntArray, visibility: Visibility) -> IntArray:
    """Return the rows that stand among the first rivals of any query, ascending."""
    found = []
    for start in range(0, len(queries), _BLOCK_QUERIES):
        block = queries[start : start + _BLOCK_QUERIES]
        similarities = np.where(visibility.mask(block), embeddings[block] @ embeddings.T, -np.inf)
        k = min(_N_RIVALS, similarities.shape[1])
        found.append(np.argpartition(-similarities, k - 1, axis=1)[:, :k].ravel())
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def _at_rows(embeddings: FloatArray, rows: IntArray, n_tickets: int, dimension: int) -> FloatArray:
    """Place embeddings at their ticket rows; the other rows are zero, similar to nothing."""
    placed = np.zeros((n_tickets, dimension), dtype=np.float32)
    placed[rows] = embeddings
    return placed


def read_metadata(folder: Path) -> dict[str, Any] | None:
    """Return the training record of a candidate, or None where it was not trained."""
    path = folder / METADATA
    return read_json(path) if path.exists() else None
