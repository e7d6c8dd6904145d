"""Texts to unit-length embeddings: each text once, sorted by tokens, cached, never out of memory."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ticketkin.core.errors import JobError
from ticketkin.core.progress import SILENT, Progress, Task
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.encoders.cache import EmbeddingCache
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.encoders.token_limit import limit_tokens

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Texts encoded between two writes to the cache: what a kill can cost.
_SHARD_TEXTS = 512
_N_RECHECKED = 4
_SAME_VECTOR = 0.99
"""Cosine of one text's embeddings by one model on two machines, at least; unlike texts lie far below."""


class TextModel(Protocol):
    """What embeds texts: a model in torch, or one exported to another runtime."""

    @property
    def name(self) -> str:
        """Return the name by which messages call it."""

    @property
    def fingerprint(self) -> str:
        """Return a hash of all that shapes the embeddings: equal means equal embeddings."""

    @property
    def dimension(self) -> int:
        """Return d, the length of an embedding."""

    def prepare(self, texts: Sequence[str]) -> tuple[Sequence[Any], IntArray]:
        """Return the texts as `embed` takes them, and how many tokens of each are read, shape (n,)."""

    def embed(self, batch: Sequence[Any]) -> FloatArray:
        """Return the embeddings of some prepared texts, shape (len(batch), d), float32, unit length."""


def encode_texts(
    encoder: TextModel,
    texts: Sequence[str],
    cache: EmbeddingCache | None,
    settings: EncoderSettings,
    progress: Progress = SILENT,
) -> FloatArray:
    """Return embeddings, shape (len(texts), d), float32, unit length.

    Repeated texts are encoded once, and known ones come from the cache. Sorted by tokens, so that a batch
    holds little padding, and longest first, so that memory runs out at the start or not at all; then the
    batch size halves. Raises JobError where a single text does not fit in memory, or where the model gives
    values that are not finite.
    """
    unique = list(dict.fromkeys(texts))
    known = _cached(encoder, unique, cache, progress) if cache else {}
    missing = [text for text in unique if text not in known]
    items, lengths = encoder.prepare(missing)
    order = np.argsort(-lengths, kind="stable").tolist()
    with progress.task("encode", len(unique)) as task:
        task.advance(len(known))
        batches = _Batches(encoder, settings.batch_size, progress, task)
        for start in range(0, len(order), _SHARD_TEXTS):
            rows = order[start : start + _SHARD_TEXTS]
            vectors = batches.embed([items[row] for row in rows])
            shard = [missing[row] for row in rows]
            known.update(zip(shard, vectors, strict=True))
            if cache:
                cache.store(encoder.fingerprint, shard, vectors)
    if not texts:
        return np.empty((0, encoder.dimension), dtype=np.float32)
    return np.stack([known[text] for text in texts]).astype(np.float32)


def _cached(
    encoder: TextModel, unique: Sequence[str], cache: EmbeddingCache, progress: Progress
) -> dict[str, FloatArray]:
    """Return the cached vectors of texts; none where some of them, encoded anew, come out otherwise.

    A shard is whole or not (its checksums say so), but only the model can tell whose vectors it holds.
    """
    known = cache.lookup(encoder.fingerprint, unique, encoder.dimension)
    if not known:
        return known
    texts = list(known)
    drawn = np.random.default_rng().choice(len(texts), min(_N_RECHECKED, len(texts)), replace=False)
    sample = [texts[place] for place in drawn.tolist()]
    items, _ = encoder.prepare(sample)
    cosines = (encoder.embed(items) * np.stack([known[text] for text in sample])).sum(axis=1)
    if float(cosines.min()) >= _SAME_VECTOR:
        return known
    progress.say(
        f"  the cached embeddings of {encoder.name} are not those it gives (cosine {cosines.min():.3f}); "
        "they are removed, and all texts are encoded anew"
    )
    cache.forget(encoder.fingerprint)
    return {}


class _Batches:
    """Embeds texts in batches that halve where memory runs out, and stay so."""

    def __init__(self, encoder: TextModel, batch_size: int, progress: Progress, task: Task) -> None:
        self._encoder, self._batch_size = encoder, batch_size
        self._progress, self._task = progress, task

    def embed(self, items: Sequence[Any]) -> FloatArray:
        """Return the embeddings of prepared texts, shape (len(items), d)."""
        vectors = np.empty((len(items), self._encoder.dimension), dtype=np.float32)
        done = 0
        while done < len(items):
            batch = items[done : done + self._batch_size]
            try:
                vectors[done : done + len(batch)] = self._encoder.embed(batch)
            except (MemoryError, RuntimeError) as error:
                self._batch_size = halved(self._batch_size, error)
                self._progress.say(f"  out of memory: batch size is now {self._batch_size}")
                continue
            done += len(batch)
            self._task.advance(len(batch))
        if not np.isfinite(vectors).all():
            raise JobError(
                f"{self._encoder.name} gives embeddings that are not finite numbers, so its weights are "
                "damaged; give another --base-model DIR, or tune again with a lower learning rate"
            )
        return vectors


def encode_with_weights(
    encoder: LoadedEncoder,
    model: "SentenceTransformer",
    name: str,
    texts: Sequence[str],
    settings: EncoderSettings,
    progress: Progress = SILENT,
) -> FloatArray:
    """Return the embeddings by `model`, other weights of `encoder`, cut at its limit; not cached."""
    limit_tokens(model, encoder.max_length_tokens)
    return encode_texts(replace(encoder, model=model, name=name), texts, None, settings, progress)


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
    _empty_device_cache()
    return max(smallest, batch_size // 2)


def _empty_device_cache() -> None:
    torch = sys.modules.get("torch")  # a process that never imported it holds nothing of it
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
