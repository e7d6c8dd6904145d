"""Embeddings from a process that never saw the models: what a user of the saved files will get.

Inside one process a base and a model made from it may share modules, and whatever was patched in
memory looks saved. Only a fresh process tells what the files hold.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ticketkin.core.artifacts import read_json, write_json
from ticketkin.core.errors import JobError
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.adapter import load_with_adapter
from ticketkin.encoders.loading import load_float32
from ticketkin.encoders.safety import check_adapter_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_LIMIT_SECONDS = 1_800
_TEXTS_A_BATCH = 16


@dataclass(frozen=True)
class SavedModel:
    """A model on disk: a folder, or a base with an adapter at a strength."""

    folder: str
    adapter: str | None = None
    strength: float = 1.0

    def load(self) -> "SentenceTransformer":
        """Return the model, on the CPU in float32. Raises as `load_float32` and `load_with_adapter`."""
        if self.adapter is not None:
            return load_with_adapter(self.folder, Path(self.adapter), "cpu", self.strength)
        if (Path(self.folder) / "adapter_config.json").exists():
            check_adapter_folder(Path(self.folder))
        return load_float32(self.folder, "cpu")


def embed_here(models: Sequence[SavedModel], texts: Sequence[str]) -> list[FloatArray]:
    """Return unit-length embeddings (n_texts, d) of each model, each loaded anew.

    Texts are cut at the shortest limit of all models: another cut is no difference of weights.
    """
    loaded = [model.load() for model in models]
    limit = min(model.get_max_seq_length() or 512 for model in loaded)
    for model in loaded:
        model.max_seq_length = limit
    return [embed_with(model, texts) for model in loaded]


def embed_with(model: Any, texts: Sequence[str]) -> FloatArray:
    """Return unit-length embeddings (n_texts, d) float32 by a model in memory."""
    return np.asarray(
        model.encode(
            list(texts), batch_size=_TEXTS_A_BATCH, normalize_embeddings=True, show_progress_bar=False
        ),
        dtype=np.float32,
    )


def embed_freshly(models: Sequence[SavedModel], texts: Sequence[str]) -> list[FloatArray]:
    """Return what `embed_here` gives in a fresh process.

    Raises JobError with the last line of its complaint if a model can't be loaded there.
    """
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "request.json", Path(folder) / "embeddings.npz"
        write_json(question, {"models": [asdict(model) for model in models], "texts": list(texts)})
        # -P keeps files of the working directory from shadowing modules; all input is made here.
        command = [sys.executable, "-P", "-m", "ticketkin.encoders.fresh_process", str(question), str(answer)]
        with _alive() as lifeline:
            done = subprocess.run(  # noqa: S603
                command, stdin=lifeline, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
            )
        if done.returncode != 0 or not answer.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise JobError(last)
        with np.load(answer, allow_pickle=False) as saved:
            return [saved[f"arr_{place}"] for place in range(len(models))]


@contextmanager
def _alive() -> Iterator[int]:
    """Yield the reading end of a pipe that closes when this process ends, however it ends."""
    reading, writing = os.pipe()  # children inherit neither; the one below gets the reading end as its input
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def _end_with_parent() -> None:
    """End this process when its parent has gone: nobody would read what it finds."""
    os.read(0, 1)  # not sys.stdin, whose lock a thread would hold while Python shuts down
    os._exit(1)


def largest_difference(one: FloatArray, other: FloatArray) -> float:
    """Return the largest absolute difference over all values; infinite for other shapes or a NaN."""
    if one.shape != other.shape:
        return float("inf")
    difference = float(np.abs(one - other).max())
    return difference if np.isfinite(difference) else float("inf")


def main(arguments: Sequence[str]) -> None:
    """Read a request (JSON file), write the embeddings (npz file)."""
    question, answer = map(Path, arguments)
    request = read_json(question)
    found = embed_here([SavedModel(**model) for model in request["models"]], request["texts"])
    np.savez(answer, *found)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main(sys.argv[1:])
