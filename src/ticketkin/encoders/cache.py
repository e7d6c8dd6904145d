"""Embeddings once per (model fingerprint, text hash), on disk, safe against a kill.

One folder a model; in it shards of keys and vectors, each written whole or not at all. A shard
that can't be read is left aside and its texts are encoded again.
"""

import hashlib
import os
import uuid
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.tables import FloatArray

_KEY_BYTES = 16


def default_cache_folder() -> Path:
    """Return $TICKETKIN_CACHE, or ticketkin/embeddings under the user's cache folder."""
    named = os.environ.get("TICKETKIN_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ticketkin" / "embeddings"


def text_key(text: str) -> bytes:
    """Return the 16-byte key of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()


class EmbeddingCache:
    """Vectors of texts by model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _shards_of(self, fingerprint: str) -> Path:
        """Hashed whole: an adapter's fingerprint begins with its base's, and must not find its vectors."""
        return self.folder / hashlib.sha256(fingerprint.encode()).hexdigest()[:32]

    def lookup(self, fingerprint: str, texts: Sequence[str]) -> dict[str, FloatArray]:
        """Return the cached vectors of those `texts` that have one."""
        wanted = {text_key(text): text for text in texts}
        found: dict[str, FloatArray] = {}
        for shard in sorted(self._shards_of(fingerprint).glob("*.npz")):
            keys, vectors = _read_shard(shard)
            for row, key in enumerate(keys):
                text = wanted.get(key.tobytes())
                if text is not None:
                    found[text] = vectors[row]
        return found

    def store(self, fingerprint: str, texts: Sequence[str], vectors: FloatArray) -> None:
        """Add the vectors of `texts`, shape (len(texts), d), as one shard."""
        if not texts:
            return
        keys = np.frombuffer(b"".join(map(text_key, texts)), dtype=np.uint8).reshape(-1, _KEY_BYTES)
        shard = self._shards_of(fingerprint) / f"{uuid.uuid4().hex}.npz"
        with atomic_path(shard) as temporary, temporary.open("wb") as stream:
            np.savez(stream, keys=keys, vectors=vectors)


def _read_shard(path: Path) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    try:
        with np.load(path, allow_pickle=False) as content:
            keys, vectors = content["keys"], content["vectors"]
        if keys.shape != (len(vectors), _KEY_BYTES):
            raise ValueError("keys and vectors differ in number")
        return keys, vectors
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        # A damaged shard (its checksums are the zip's) costs one more encoding, never a wrong vector.
        return np.empty((0, _KEY_BYTES), dtype=np.uint8), np.empty((0, 0), dtype=np.float32)
