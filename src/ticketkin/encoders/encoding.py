"""Texts to unit-length embeddings: each text once, sorted by length, cached, never out of memory."""

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from ticketkin.core.config import EncoderSettings
from ticketkin.core.errors import JobError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.encoders.cache import EmbeddingCache
from ticketkin.encoders.loading import LoadedEncoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Texts encoded between two writes to the cache: what a kill can cost.
_SHARD_TEXTS = 512


def encode_texts(
    encoder: LoadedEncoder,
    texts: Sequence[str],
    cache: EmbeddingCache | None,
    settings: EncoderSettings,
    progress: Progress = SILENT,
) -> FloatArray:
    """Return embeddings, shape (len(texts), d), float32, unit length.

    Repeated texts are encoded once, and known ones come from the cache. Longest first, so that
    memory runs out at the start or not at all; then the batch size halves. Raises JobError where a
    single text does not fit in memory, or where the model gives values that are not finite.
    """
    unique = list(dict.fromkeys(texts))
    known = cache.lookup(encoder.fingerprint, unique, embedding_dimension(encoder)) if cache else {}
    n_new, started = 0, perf_counter()
    missing = sorted((text for text in unique if text not in known), key=len, reverse=True)
    batch_size = settings.batch_size
    with progress.task("encode", len(unique)) as task:
        task.advance(len(known))
        for start in range(0, len(missing), _SHARD_TEXTS):
            shard = missing[start : start + _SHARD_TEXTS]
            vectors = np.empty((len(shard), embedding_dimension(encoder)), dtype=np.float32)
            done = 0
            while done < len(shard):
                batch = shard[done : done + batch_size]
                try:
                    vectors[done : done + len(batch)] = _encode_batch(encoder, batch)
                except (MemoryError, RuntimeError) as error:
                    batch_size = halved(batch_size, error)
                    progress.say(f"  out of memory: batch size is now {batch_size}")
                    continue
                done += len(batch)
                n_new += len(batch)
                task.advance(len(batch))
                task.describe(f"{n_new / max(perf_counter() - started, 1e-9):,.0f} texts/s")
            known.update(zip(shard, vectors, strict=True))
            if cache:
                cache.store(encoder.fingerprint, shard, vectors)
    if not texts:
        return np.empty((0, embedding_dimension(encoder)), dtype=np.float32)
    return np.stack([known[text] for text in texts]).astype(np.float32)


def encode_with_weights(
    encoder: LoadedEncoder,
    model: "SentenceTransformer",
    name: str,
    texts: Sequence[str],
    settings: EncoderSettings,
    progress: Progress = SILENT,
) -> FloatArray:
    """Return the embeddings by `model`, other weights of `encoder`, cut at its limit; not cached."""
    model.max_seq_length = encoder.max_length_tokens
    return encode_texts(replace(encoder, model=model, name=name), texts, None, settings, progress)


def embedding_dimension(encoder: LoadedEncoder) -> int:
    """Return d."""
    return int(encoder.model.get_embedding_dimension() or 0)


def _encode_batch(encoder: LoadedEncoder, batch: Sequence[str]) -> FloatArray:
    vectors: FloatArray = encoder.model.encode(
        list(batch),
        batch_size=len(batch),
        normalize_embeddings=True,
        convert_to_numpy=True,
        show_progress_bar=False,
    )
    if not np.isfinite(vectors).all():
        raise JobError(
            f"{encoder.name} gives embeddings that are not finite numbers, so its weights are damaged; "
            "give another --base-model DIR, or tune again with a lower learning rate"
        )
    return vectors


def halved(batch_size: int, error: Exception, smallest: int = 1) -> int:
    """Return half of `batch_size` if `error` says that memory ran out; raises it otherwise.

    Raises JobError where `smallest` did not fit either.
    """
    message = str(error).lower()
    # The CPU allocator says "can't allocate memory" where CUDA and MPS say "out of memory".
    if not isinstance(error, MemoryError) and not any(
        words in message for words in ("out of memory", "can't allocate memory", "not enough memory")
    ):
        raise error
    if batch_size <= smallest:
        raise JobError(
            f"{'A single text does' if smallest == 1 else f'A batch of {smallest} does'} not fit in memory; "
            "lower --set encoder.max_length_tokens=128"
        ) from error
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return max(smallest, batch_size // 2)


def token_lengths(encoder: LoadedEncoder, texts: Sequence[str]) -> IntArray:
    """Return the length of each text in tokens, uncut, special tokens counted; shape (len(texts),)."""
    tokenizer = encoder.model.tokenizer
    lengths = np.zeros(len(texts), dtype=np.int64)
    for start in range(0, len(texts), 1_000):
        batch = list(texts[start : start + 1_000])
        if batch:
            ids = tokenizer(batch, truncation=False, add_special_tokens=True, verbose=False)["input_ids"]
            lengths[start : start + len(batch)] = [len(row) for row in ids]
    return lengths
