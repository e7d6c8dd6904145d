"""What a model needs beside its weights to embed a ticket as it was trained: `ticketkin.json`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticketkin.core.artifacts import read_json, write_json

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SERVING = "ticketkin.json"


def serving_record(model: "SentenceTransformer") -> dict[str, Any]:
    """Return how `model` turns a text into an embedding, as far as its weights do not say it."""
    return {
        "max_length_tokens": int(model.get_max_seq_length() or 512),
        "dimension": int(model.get_embedding_dimension() or 0),
        "unit_length": any(type(module).__name__ == "Normalize" for module in model),
        "prompts": {name: prompt for name, prompt in model.prompts.items() if prompt},
        "default_prompt": model.default_prompt_name,
    }


def write_serving(folder: Path, model: "SentenceTransformer", template: str) -> None:
    """Write `ticketkin.json` into a model folder: serving must compose and cut exactly as training did."""
    write_json(folder / SERVING, {"template": template, **serving_record(model)})


def read_serving(folder: Path) -> Mapping[str, Any] | None:
    """Return the content of `ticketkin.json`, None where there is none."""
    path = folder / SERVING
    record: dict[str, Any] | None = read_json(path) if path.exists() else None
    return record
