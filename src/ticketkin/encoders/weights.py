"""The weights in a model folder, found as a loader finds them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticketkin.core.errors import ModelUnavailableError
from ticketkin.encoders.settings_files import read_settings

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"


def inner_module(model: Any) -> Any:
    """Return the transformer of a SentenceTransformer, or its first module where there is none."""
    return model.transformers_model or model[0]


def weight_files(place: Path) -> list[Path]:
    """Return the files that a loader opens in one folder of a checked model: the whole, or its parts."""
    if (place / WEIGHTS).is_file():
        return [place / WEIGHTS]
    if (place / INDEX).is_file():
        parts = read_settings(place / INDEX)["weight_map"].values()
        return [place / part for part in sorted(set(parts))]
    return []


def saved_shapes(place: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of every saved weight by name. Raises ModelUnavailableError for a damaged file."""
    from safetensors import SafetensorError, safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for path in weight_files(place):
        try:
            with safe_open(path, framework="np") as tensors:
                for name in tensors.keys():  # noqa: SIM118 - it is no dict
                    shapes[name] = tuple(tensors.get_slice(name).get_shape())
        except (SafetensorError, OSError) as error:
            raise _damaged(path, error) from error
    return shapes


def iterate_weights(files: Sequence[Path]) -> "Iterator[tuple[str, Tensor]]":
    """Yield every weight of some files with its name. Raises ModelUnavailableError for a damaged file."""
    from safetensors import SafetensorError, safe_open

    for path in files:
        try:
            with safe_open(path, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118 - it is no dict
                    yield name, tensors.get_tensor(name)
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise _damaged(path, error) from error


def saved_weights(place: Path) -> "dict[str, Tensor]":
    """Return every saved weight by name. Raises ModelUnavailableError for a damaged file."""
    return dict(iterate_weights(weight_files(place)))


def _damaged(path: Path, error: Exception) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"The weights in {path} can't be loaded ({type(error).__name__}: {error}); save or download the "
        "model again"
    )
