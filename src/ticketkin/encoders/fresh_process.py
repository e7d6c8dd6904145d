"""Embeddings from a process that never saw the models: what a user of the saved files will get.

Inside one process a base and a model made from it may share modules, and whatever was patched in
memory looks saved. Only a fresh process tells what the files hold.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ticketkin.core.artifacts import read_json, write_json
from ticketkin.core.child_process import end_with_parent
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.adapter import load_with_adapter
from ticketkin.encoders.copied_process import SERVE, CopiedProcess, serve
from ticketkin.encoders.loading import load_float32
from ticketkin.encoders.probes import embed_with
from ticketkin.encoders.safety import check_adapter_folder
from ticketkin.encoders.token_limit import limit_tokens, token_limit

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PROCESS = CopiedProcess("ticketkin.encoders.fresh_process")


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
    limit = min(token_limit(model) for model in loaded)
    for model in loaded:
        limit_tokens(model, limit)
    return [embed_with(model, texts) for model in loaded]


def embed_freshly(models: Sequence[SavedModel], texts: Sequence[str]) -> list[FloatArray]:
    """Return what `embed_here` gives in a fresh process.

    Raises JobError with the last line of its complaint if a model can't be loaded there.
    """
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "request.json", Path(folder) / "embeddings.npz"
        write_json(question, {"models": [asdict(model) for model in models], "texts": list(texts)})
        _PROCESS.run(question, answer)
        with np.load(answer, allow_pickle=False) as saved:
            return [saved[f"arr_{place}"] for place in range(len(models))]


def main(arguments: Sequence[str]) -> None:
    """Read a request (JSON file), write the embeddings (npz file)."""
    question, answer = map(Path, arguments)
    request = read_json(question)
    embeddings = embed_here([SavedModel(**model) for model in request["models"]], request["texts"])
    np.savez(answer, *embeddings)


if __name__ == "__main__":
    if sys.argv[1:] == [SERVE]:
        import sentence_transformers  # noqa: F401 - the seconds that a copy saves

        serve(main)
    else:
        end_with_parent()
        main(sys.argv[1:])
