"""Where a bundle's encoders are opened: the one place that chooses what runs them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ticketkin.core.config import EncoderSettings
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray


class ServingEncoder(Protocol):
    """Texts in, embeddings out."""

    def encode(self, texts: Sequence[str], progress: Progress = SILENT) -> FloatArray:
        """Return embeddings, shape (len(texts), d), float32, unit length."""
        ...


class TorchEncoder:
    """A sentence-transformers folder, executed by torch."""

    def __init__(self, folder: Path) -> None:
        from ticketkin.encoders.loading import load_folder

        self._settings = EncoderSettings()
        self._loaded = load_folder(folder, self._settings)

    def encode(self, texts: Sequence[str], progress: Progress = SILENT) -> FloatArray:
        """Return embeddings, shape (len(texts), d), float32, unit length."""
        from ticketkin.encoders.encoding import encode_texts

        return encode_texts(self._loaded, texts, None, self._settings, progress)


def open_encoder(folder: Path) -> ServingEncoder:
    """Return the encoder saved in `folder`. Raises as `load_folder`."""
    return TorchEncoder(folder)
