"""Settings files of a model: each name of a class and each path in them is checked before any is used."""

import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ticketkin.core.errors import InputError, UnreadableFileError, UnsafeArtifactError
from ticketkin.encoders.model_code import CODE_MAP, check_model_code
from ticketkin.encoders.trusted import (
    ACTIVATIONS,
    ATTENTION,
    DTYPES,
    LOADER_KEYS,
    METHODS,
    MODEL_TYPES,
    MODULES,
    PARENT_LIBRARY,
    TASKS,
    TOKENIZER,
    TRANSFORMER_KEYS,
)

# Vocabularies and records: read as data, never for the name of a class.
_DATA = ("tokenizer.json", "vocab.json", "added_tokens.json", "data_config.json", "ticketkin.json",
         "fingerprint.json")  # fmt: skip
_RECORDS = ("training_metadata.json", "learned_tickets.json", "trainer_state.json", "*.index.json")
_TRANSFORMER_SETTINGS = "sentence_*_config.json"
_LARGEST_BYTES = 16 << 20
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
# Texts and labels of a user's own.
_FREE = {"id2label", "label2id", "prompts", "added_tokens_decoder", "chat_template", "default_prompt_name"}
# Code or weights from elsewhere; nothing of the kind is loaded.
_REFUSED = {
    CODE_MAP, "custom_pipelines", "custom_generate", "quantization_config", "transformers_weights",
    "gguf_file", "backbone", "use_timm_backbone", "megatron_config", "loftq_config", "processor_class",
    "image_processor_type", "feature_extractor_type", "video_processor_type", "trust_remote_code",
    "use_kernels", "vocoder", "question_encoder", "generator",
}  # fmt: skip
_LARGEST_NUMBER = 100_000_000
_MOST_LAYERS = 1_000
_MOST_LABELS = 100_000
_LARGEST_MATRIX = 1 << 33
_SAVE_AGAIN = "Save or download the model again"


def read_settings(path: Path) -> Any:
    """Return the content of a settings file. Raises UnreadableFileError where it is damaged or too large."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ValueError(f"it is larger than {_LARGEST_BYTES >> 20} MiB")
        return json.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise UnreadableFileError(f"{path} is damaged (it is nested too deeply). {_SAVE_AGAIN}") from error
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{path} is damaged ({error}). {_SAVE_AGAIN}") from error


def check_settings(place: Path, root: Path) -> None:
    """Check the settings files in one folder of the model `root`.

    Raises UnsafeArtifactError for one that names a class that is not trusted, code that was not allowed, or a
    file of this machine, InputError for sizes no model has, UnreadableFileError as `read_settings`.
    """
    if not place.is_dir():
        return
    for path in sorted(place.glob("*.json")):
        if path.name in _DATA or any(path.match(pattern) for pattern in _RECORDS):
            continue
        content = read_settings(path)
        if path.name != "modules.json" and not isinstance(content, dict):
            raise UnreadableFileError(f"{path} is damaged (it is no object). {_SAVE_AGAIN}")
        if path.name == "config.json" and check_model_code(path, content) is not None:
            # Of which type it is, is said by the code.
            content = {key: value for key, value in content.items() if key not in (CODE_MAP, "model_type")}
        for key, value in _entries(content):
            _check_entry(path, key, value, root)
        if path.match(_TRANSFORMER_SETTINGS):
            _check_transformer_settings(path, content)
        if path.name == "config.json":
            _check_sizes(path, content)


def _entries(content: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, and every value of a list with the key of the list, at any depth."""
    waiting: list[tuple[str, Any]] = [("", content)]
    while waiting:
        key, value = waiting.pop()
        yield key, value
        if key in _FREE:
            continue
        if isinstance(value, dict):
            waiting += [(str(name), inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(key, inner) for inner in value]


def _check_entry(path: Path, key: str, value: Any, root: Path) -> None:
    if key in _FREE:
        return
    if key in _REFUSED and value not in (None, False, "", [], {}):
        raise _refuse(path, f"sets {key}, which stands for code or files from elsewhere")
    if "attn_implementation" in key and (not isinstance(value, str | None) or value not in ATTENTION):
        raise _refuse(path, f"asks for the attention {value!r}; without code from elsewhere work eager, sdpa")
    if not isinstance(value, str):
        return
    if key == "tokenizer_class" and not TOKENIZER.fullmatch(value):
        raise _refuse(path, f"asks for the tokenizer {value!r}, which is none of transformers'")
    if key == "model_type" and path.name == "config.json" and value not in MODEL_TYPES:
        raise _refuse(
            path, f"is a model of the type {value!r}; text encoders of transformers are loaded alone"
        )
    if key == "parent_library" and PARENT_LIBRARY.fullmatch(value):
        return
    if _DOTTED.fullmatch(value) and _names_code(value):
        raise _refuse(path, f"asks for {value!r} as {key or 'a value'}, which is no class that is loaded")
    if key.endswith(("_file", "_path")) and _lies_elsewhere(value, root):
        raise _refuse(path, f"reads {value!r} as {key}, a file outside the model")


def _refuse(path: Path, what: str) -> UnsafeArtifactError:
    return UnsafeArtifactError(
        f"{path} {what}; nothing but weights, words and known classes is taken from a model. Choose another "
        "model, or remove the entry if you know what it is for"
    )


def _names_code(value: str) -> bool:
    if value in MODULES or value in ACTIVATIONS or value in DTYPES or value == "megatron.core":
        return False
    return _importable(value.split(".", 1)[0])


def is_importable(package: str) -> bool:
    """Return whether a package is installed, without importing it."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None  # a mere folder of this name is none


_importable = cache(is_importable)  # settings name a few packages, many times


def _lies_elsewhere(value: str, root: Path) -> bool:
    """Return True for a path to what this machine has outside the model; names of the hub are none."""
    path = Path(value)
    if not path.is_absolute() and ".." not in path.parts:
        return False
    try:
        return (root / path).is_file() and not (root / path).resolve().is_relative_to(root.resolve())
    except OSError:  # too long for a path
        return False


def _check_transformer_settings(path: Path, content: dict[str, Any]) -> None:
    for key, value in content.items():
        if key not in TRANSFORMER_KEYS:
            raise _refuse(path, f"sets {key}, which is no setting of an encoder")
        if key == "transformer_task" and (not isinstance(value, str) or value not in TASKS):
            raise _refuse(path, f"asks for the task {value!r}; known are {', '.join(sorted(TASKS))}")
        if key.endswith(("_args", "_kwargs")):
            _check_loader_arguments(path, key, value)
        if key == "modality_config":
            _check_methods(path, value)


def _check_loader_arguments(path: Path, key: str, value: Any) -> None:
    """Allow plain values under known names; processing arguments lie one level deeper."""
    nested = list(value.values()) if key == "processing_kwargs" and isinstance(value, dict) else [value]
    for arguments in nested:
        if not isinstance(arguments, dict | None):
            raise UnreadableFileError(f"{path} is damaged ({key} is no object). {_SAVE_AGAIN}")
        for name, argument in (arguments or {}).items():
            if name == "trust_remote_code" and argument is False:
                continue
            if name not in LOADER_KEYS or isinstance(argument, dict | list):
                raise _refuse(path, f"sets {name} in {key}, which is no setting of an encoder")


def _check_methods(path: Path, modalities: Any) -> None:
    if not isinstance(modalities, dict) or not all(isinstance(one, dict) for one in modalities.values()):
        raise UnreadableFileError(f"{path} is damaged (modality_config is no object). {_SAVE_AGAIN}")
    for one in modalities.values():
        if one.get("method") not in METHODS:
            raise _refuse(path, f"calls the method {one.get('method')!r} of the model")


def _check_sizes(path: Path, content: dict[str, Any]) -> None:
    """Refuse sizes that no model has: they are reserved in memory before the weights are looked at."""
    numbers = {
        key: value
        for key, value in _entries(content)
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    for key, value in numbers.items():
        limit = _MOST_LAYERS if key.endswith("layers") else _LARGEST_NUMBER
        limit = _MOST_LABELS if "labels" in key else limit
        if value > limit:
            raise InputError(f"{path} sets {key} to {value:,}; the most that is loaded is {limit:,}")
    width = max((numbers.get(key, 1) for key in ("hidden_size", "d_model", "dim", "in_features")), default=1)
    length = max(
        numbers.get(key, 1)
        for key in ("vocab_size", "intermediate_size", "d_ff", "out_features", "max_position_embeddings")
    )
    if width * length > _LARGEST_MATRIX:
        raise InputError(
            f"{path} describes a weight of {width:,} by {length:,} elements; the most that is "
            f"loaded is {_LARGEST_MATRIX:,}"
        )
