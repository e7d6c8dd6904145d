"""What a model needs beside its weights to embed a ticket as it was trained: `ticketkin.json`."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ticketkin.core.artifacts import write_json
from ticketkin.core.records import read_record
from ticketkin.encoders.token_limit import token_limit

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SERVING = "ticketkin.json"


@dataclass(frozen=True)
class TextEncoding:
    """How a model turns a text into an embedding, as far as its weights do not say it; None is not known."""

    max_length_tokens: int | None = None
    dimension: int | None = None
    unit_length: bool | None = None
    prompts: dict[str, str] | None = None
    default_prompt: str | None = None


@dataclass(frozen=True)
class TrainedEncoding(TextEncoding):
    """The same as it was in training, with the template that composed the texts: ticketkin.json."""

    template: str = field(kw_only=True)


def text_encoding(model: "SentenceTransformer") -> TextEncoding:
    """Return how `model` turns a text into an embedding."""
    return TextEncoding(
        max_length_tokens=token_limit(model),
        dimension=int(model.get_embedding_dimension() or 0),
        unit_length=any(type(module).__name__ == "Normalize" for module in model),
        prompts={name: prompt for name, prompt in model.prompts.items() if prompt},
        default_prompt=model.default_prompt_name,
    )


def write_serving(folder: Path, model: "SentenceTransformer", template: str) -> None:
    """Write `ticketkin.json` into a model folder: serving must compose and cut exactly as training did."""
    write_json(folder / SERVING, {"template": template, **asdict(text_encoding(model))})


def read_serving(folder: Path) -> TrainedEncoding | None:
    """Return the content of `ticketkin.json`, None where there is none.

    Raises UnreadableFileError where it is damaged or names no template.
    """
    path = folder / SERVING
    if not path.exists():
        return None
    return read_record(path, TrainedEncoding, "Restore it from the run that made the model, or train again")
