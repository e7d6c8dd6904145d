"""Where a bundle's encoders are opened: the one place that chooses what runs them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.settings import Runtime


class ServingEncoder(Protocol):
    """Texts in, embeddings out."""

    @property
    def leaves_cores(self) -> bool:
        """Whether one text is encoded in one thread, so that other work gains by going on beside it."""
        ...

    def encode(self, texts: Sequence[str], progress: Progress = SILENT) -> FloatArray:
        """Return embeddings, shape (len(texts), d), float32, unit length."""
        ...


def open_encoder(folder: Path, runtime: Runtime) -> ServingEncoder:
    """Return the encoder saved in `folder` as `runtime` executes it. Raises as `load_runtime`."""
    from ticketkin.encoders.runtime.serving import load_runtime

    return load_runtime(folder, runtime)
