"""What a model needs beside its weights to embed a ticket as it was trained: `ticketkin.json`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.records import read_record

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
    """Return the content of `ticketkin.json`, None where there is none.

    Raises UnreadableFileError where it is damaged or names no template.
    """
    path = folder / SERVING
    if not path.exists():
        return None
    remedy = "Restore it from the run that made the model, or train again"
    record: dict[str, Any] = read_record(path, dict, remedy)
    if not isinstance(record.get("template"), str):
        raise UnreadableFileError(f"{path} is damaged (it names no template). {remedy}")
    return record
