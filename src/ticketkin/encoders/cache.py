"""Embeddings once per (model fingerprint, text hash), on disk, safe against a kill.

One folder a model; in it shards of keys and vectors, each written whole or not at all. The cache
saves time and decides nothing: a shard that can't be read is removed and its texts are encoded
again, and where nothing can be written the work goes on without.
"""

import hashlib
import os
import uuid
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.errors import ConfigurationError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray
from ticketkin.core.user_folders import user_folder

_KEY_BYTES = 16


def default_cache_folder() -> Path:
    """Return $TICKETKIN_CACHE, or ticketkin/embeddings under the user's cache folder.

    Raises ConfigurationError where the user has no home and names no folder.
    """
    named = os.environ.get("TICKETKIN_CACHE")
    if named:
        return Path(named)
    parent = user_folder("XDG_CACHE_HOME", ".cache")
    if parent is None:
        raise ConfigurationError(
            "This user has no home folder to keep embeddings in; name a folder in the environment variable "
            "TICKETKIN_CACHE"
        )
    return parent / "ticketkin" / "embeddings"


def text_key(text: str) -> bytes:
    """Return the 16-byte key of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()


class EmbeddingCache:
    """Vectors of texts by model; says once what is wrong with the folder, and goes on."""

    def __init__(self, folder: Path, progress: Progress = SILENT) -> None:
        self.folder = folder
        self._progress = progress
        self._is_writable = True

    def _shards_of(self, fingerprint: str) -> Path:
        """Hashed whole: an adapter's fingerprint begins with its base's, and must not find its vectors."""
        return self.folder / hashlib.sha256(fingerprint.encode()).hexdigest()[:32]

    def lookup(self, fingerprint: str, texts: Sequence[str], dimension: int) -> dict[str, FloatArray]:
        """Return the cached vectors, of `dimension` values, of those `texts` that have one."""
        wanted = {text_key(text): text for text in texts}
        cached: dict[str, FloatArray] = {}
        n_damaged = 0
        for shard in self._listed(fingerprint):
            read = _read_shard(shard, dimension)
            if read is None:
                n_damaged += 1
                with suppress(OSError):  # else every stage would report it again
                    shard.unlink()
                continue
            for row, key in enumerate(read[0]):
                text = wanted.get(key.tobytes())
                if text is not None:
                    cached[text] = read[1][row]
        if n_damaged:
            self._progress.say(
                f"  {n_damaged:,} damaged file{'s' * (n_damaged > 1)} removed from the cache {self.folder}; "
                "their texts are encoded anew"
            )
        return cached

    def _listed(self, fingerprint: str) -> list[Path]:
        try:
            shards = sorted(self._shards_of(fingerprint).glob("*.npz"))
            return [shard for shard in shards if shard.is_file()]  # a pipe would be waited for
        except OSError as error:
            self._go_without(error)
            return []

    def store(self, fingerprint: str, texts: Sequence[str], vectors: FloatArray) -> None:
        """Add the vectors of `texts`, shape (len(texts), d), as one shard; nothing where that can't be."""
        if not texts or not self._is_writable:
            return
        keys = np.frombuffer(b"".join(map(text_key, texts)), dtype=np.uint8).reshape(-1, _KEY_BYTES)
        shard = self._shards_of(fingerprint) / f"{uuid.uuid4().hex}.npz"
        try:
            with atomic_path(shard) as temporary, temporary.open("wb") as stream:
                np.savez(stream, keys=keys, vectors=vectors)
        except OSError as error:
            self._go_without(error)

    def forget(self, fingerprint: str) -> None:
        """Remove all vectors of a model."""
        for shard in self._listed(fingerprint):
            with suppress(OSError):
                shard.unlink()

    def _go_without(self, error: OSError) -> None:
        if not self._is_writable:
            return
        self._is_writable = False
        self._progress.say(
            f"  the cache {self.folder} can't be used ({error.strerror or error}): going on without it; name "
            "another in TICKETKIN_CACHE"
        )


def _read_shard(path: Path, dimension: int) -> tuple[npt.NDArray[np.uint8], FloatArray] | None:
    """Return keys (n, 16) and vectors (n, dimension), or None for a file that is no sound shard.

    A damaged shard (its checksums are the zip's) costs one more encoding, never a wrong vector.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # as written: not packed, so never larger than the file
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                return None
        with np.load(path, allow_pickle=False) as content:
            keys, vectors = content["keys"], content["vectors"]
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return None
    is_sound = (
        keys.dtype == np.uint8
        and vectors.dtype == np.float32
        and keys.shape == (len(vectors), _KEY_BYTES)
        and vectors.shape == (len(keys), dimension)
        and bool(np.isfinite(vectors).all())
    )
    return (keys, vectors) if is_sound else None
