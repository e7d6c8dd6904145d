"""What shapes the embeddings of a model folder, as one hash: equal means equal embeddings."""

from pathlib import Path

from ticketkin.core.artifacts import hash_path, hash_value
from ticketkin.encoders.model_code import code_of

_SHAPE_NOTHING = frozenset({
    "ticketkin.json", "fingerprint.json", "training_metadata.json", "data_config.json", "learned_tickets.json"
})  # fmt: skip


def model_fingerprint(folder: Path, max_length_tokens: int, prompt: str) -> str:
    """Return the hash of all that shapes the embeddings of the model in `folder`."""
    shaping = {"folder": hash_model(folder), "max_length_tokens": max_length_tokens}
    code = code_of(folder)
    return hash_value(
        shaping | ({"prompt": prompt} if prompt else {}) | ({"code": str(code)} if code else {})
    )


def hash_model(folder: Path) -> dict[str, str]:
    """Hash what shapes the embeddings; model cards and metadata do not."""
    return {
        path.relative_to(folder).as_posix(): hash_path(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.suffix in {".safetensors", ".json", ".txt", ".model"}
        and path.name not in _SHAPE_NOTHING
    }
