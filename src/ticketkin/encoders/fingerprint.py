"""What a model folder held when it was saved: `fingerprint.json`, written last into every folder of a model.

Digests name what was changed: every weight by its name, the vocabulary, the values of the settings files.
Embeddings of made-up tickets tell what no digest can: whether the folder still does what it did. This is no
protection against intent: whoever changes a model can also rewrite the file.
"""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ticketkin.core.artifacts import hash_path, write_json
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.adapter_files import TENSORS
from ticketkin.encoders.safety import module_folders
from ticketkin.encoders.weights import iterate_weights, weight_files

if TYPE_CHECKING:
    from torch import Tensor

FINGERPRINT = "fingerprint.json"
N_BASE_PROBES = 8
"""Embeddings kept of the base: enough to recognise it."""
SAME_MODEL = 1e-4
"""Largest difference of a value between two processors or releases of a library."""
Form = Literal["encoder", "adapter", "cross-encoder", "adapter of a cross-encoder"]
Plain = str | int | float | bool | None

_FORMAT = 1
_N_BLOCKS = 64
_TOKENIZER = "tokenizer.json"
_TOKENIZER_FILES = ("vocab.txt", "vocab.json", "merges.txt", "*.model")
_NO_SETTINGS = (_TOKENIZER, "vocab.json", FINGERPRINT, "*.index.json", "training_metadata.json",
                "trainer_state.json", "data_config.json", "learned_tickets.json")  # fmt: skip
# Keys about the origin of a model: another value there means another history, not another model.
_OF_NO_MATTER = frozenset({
    "_name_or_path", "name_or_path", "base_model_name_or_path", "transformers_version", "peft_version",
    "sentence_transformers", "pytorch", "transformers", "auto_mapping", "revision", "dtype", "torch_dtype",
})  # fmt: skip
_SAVE_AGAIN = "Restore the folder from the run that made it, or save the model again"
_PACKAGES = ("sentence-transformers", "tokenizers", "torch", "transformers")


@dataclass(frozen=True)
class WeightDigest:
    """One weight as it lay in the file."""

    dtype: str
    shape: tuple[int, ...]
    sha256: str
    magnitude: str
    """sha256 of the absolute values: equal while `sha256` is not means that signs were changed."""
    blocks: tuple[str, ...] = ()
    """sha256 of each block of rows, for the largest matrix: which words were overwritten."""
    rows: str = ""
    """sha256 of its rows whatever their order."""


@dataclass(frozen=True)
class TokenizerDigest:
    """The words of a tokenizer."""

    n_words: int
    in_order: str
    any_order: str
    files: dict[str, str]
    """sha256 by name of the other files that hold words or merges."""


@dataclass(frozen=True)
class Outputs:
    """What a model makes of the probes: embeddings, or the logits of a cross-encoder."""

    shape: tuple[int, int]
    float32: str
    """The values, little-endian and row by row, in base64."""

    @classmethod
    def of(cls, values: FloatArray) -> "Outputs":
        """Keep values, shape (n_probes, d)."""
        data = np.ascontiguousarray(values, dtype="<f4").tobytes()
        return cls((values.shape[0], values.shape[1]), base64.b64encode(data).decode("ascii"))

    def values(self) -> FloatArray:
        """Return the values, float32. Raises ValueError where they are not what `shape` says."""
        data = base64.b64decode(self.float32, validate=True)
        return np.frombuffer(data, dtype="<f4").reshape(self.shape).astype(np.float32)


@dataclass(frozen=True)
class BaseFingerprint:
    """What a model was made from."""

    name: str
    fingerprint: str
    """Hash of its files that shape embeddings."""
    outputs: Outputs
    """Embeddings of the first `N_BASE_PROBES` probes."""


@dataclass(frozen=True)
class Fingerprint:
    """What a model folder held when it was saved."""

    format: int
    form: Form
    weights: dict[str, WeightDigest]
    """By file of the module and name of the weight."""
    settings: dict[str, dict[str, Plain]]
    """By file, the values in it by their path."""
    tokenizer: TokenizerDigest | None
    outputs: Outputs | None
    """None for an adapter of a cross-encoder, which is no model on its own."""
    base: BaseFingerprint | None
    """None for a model that was not tuned from another."""
    versions: dict[str, str]


def write_fingerprint(
    folder: Path, form: Form, outputs: FloatArray | None, base: BaseFingerprint | None
) -> None:
    """Write `fingerprint.json`; all other files of the model lie in `folder` already.

    `outputs` are those of the model in memory on the probes, so that a folder that was saved wrongly shows.
    """
    write_json(
        folder / FINGERPRINT,
        Fingerprint(
            format=_FORMAT,
            form=form,
            weights=digest_weights(folder),
            settings=plain_settings(folder),
            tokenizer=digest_tokenizer(folder),
            outputs=None if outputs is None else Outputs.of(outputs),
            base=base,
            versions={name: version(name) for name in _PACKAGES},
        ),
    )


def read_fingerprint(folder: Path) -> Fingerprint | None:
    """Return the fingerprint of a model folder, None where there is none.

    Raises UnreadableFileError where it is damaged or of a newer release.
    """
    path = folder / FINGERPRINT
    if not path.exists():
        return None
    saved = read_record(path, Fingerprint, _SAVE_AGAIN)
    if saved.format > _FORMAT:
        raise UnreadableFileError(
            f"{path} is of the format {saved.format}, this release reads up to {_FORMAT}; use the release "
            "that saved the model"
        )
    try:
        for outputs in (saved.outputs, saved.base and saved.base.outputs):
            if outputs:
                outputs.values()
    except (ValueError, binascii.Error) as error:
        raise UnreadableFileError(f"{path} is damaged ({error}). {_SAVE_AGAIN}") from error
    return saved


def says_it_is_untouched(folder: Path) -> bool:
    """Return whether a model folder was saved as what it began with: not tuned, or tuned at strength 0.

    Raises as `read_fingerprint`.
    """
    saved = read_fingerprint(folder)
    if saved is None or saved.outputs is None:
        return False
    return saved.base is None or bool(
        np.allclose(saved.outputs.values()[:N_BASE_PROBES], saved.base.outputs.values(), atol=SAME_MODEL)
    )


def digest_weights(folder: Path) -> dict[str, WeightDigest]:
    """Return the digest of every weight of a checked model folder. Raises as `iterate_weights`."""
    digests: dict[str, WeightDigest] = {}
    for place in module_folders(folder):
        files = [*weight_files(place), *(file for file in [place / TENSORS] if file.is_file())]
        prefix = "" if place == folder else f"{place.relative_to(folder).as_posix()}/"
        digests |= {f"{prefix}{name}": _digest(tensor) for name, tensor in iterate_weights(files)}
    return digests


def _digest(tensor: "Tensor") -> WeightDigest:
    shape = tuple(tensor.shape)
    is_number = tensor.is_floating_point()
    is_table = tensor.ndim == 2 and shape[0] > shape[1] and shape[0] >= _N_BLOCKS
    rows = _bytes_of(tensor).reshape(shape[0], -1) if is_table else None
    checksums = b"" if rows is None else np.sort(np.array([zlib.crc32(row) for row in rows])).tobytes()
    return WeightDigest(
        dtype=str(tensor.dtype).removeprefix("torch."),
        shape=shape,
        sha256=_short(_bytes_of(tensor)),
        magnitude=_short(_bytes_of(tensor.abs())) if is_number else "",
        blocks=() if rows is None else tuple(_short(block) for block in np.array_split(rows, _N_BLOCKS)),
        rows=_short(checksums) if checksums else "",
    )


def _bytes_of(tensor: "Tensor") -> Any:
    import torch

    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy()


def _short(data: Any) -> str:
    """Return the first 64 bits of a sha256: enough to name what was changed."""
    return hashlib.sha256(data).hexdigest()[:16]


def plain_settings(folder: Path) -> dict[str, dict[str, Plain]]:
    """Return the values of every settings file of a model by file and path within it."""
    settings = {}
    for place in sorted({folder, *module_folders(folder)}):
        for path in sorted(place.glob("*.json")):
            if not any(path.match(name) for name in _NO_SETTINGS):
                settings[path.relative_to(folder).as_posix()] = dict(_values(_read(path), ""))
    if (folder / _TOKENIZER).is_file():
        settings[_TOKENIZER] = dict(_values(_without_words(_read(folder / _TOKENIZER)), ""))
    return settings


def _values(content: Any, path: str) -> Iterator[tuple[str, Plain]]:
    if isinstance(content, dict | list):
        entries = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in entries:
            if key not in _OF_NO_MATTER:
                yield from _values(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, content


def _without_words(content: Any) -> Any:
    """Return how a tokenizer splits, without its words, which are digested."""
    model = {key: value for key, value in content.get("model", {}).items() if key not in ("vocab", "merges")}
    return {**content, "model": model, "added_tokens": []}


def _read(path: Path) -> Any:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableFileError(f"{path} is damaged ({error}). {_SAVE_AGAIN}") from error
    if path.name == _TOKENIZER and not isinstance(content, dict):
        raise UnreadableFileError(f"{path} is damaged (it is no object). {_SAVE_AGAIN}")
    return content


def digest_tokenizer(folder: Path) -> TokenizerDigest | None:
    """Return the digest of a tokenizer's words, None for a folder without a tokenizer."""
    files = {path.name: hash_path(path) for name in _TOKENIZER_FILES for path in sorted(folder.glob(name))}
    if not (folder / _TOKENIZER).is_file():
        return TokenizerDigest(0, "", "", files) if files else None
    content = _read(folder / _TOKENIZER)
    model = content.get("model") or {}
    vocabulary = model.get("vocab") or []
    if isinstance(vocabulary, dict):
        words = sorted(vocabulary, key=lambda word: (str(vocabulary[word]), word))
        numbered = [f"{vocabulary[word]} {word}" for word in words]
    else:  # words with their log-probabilities, in order
        words = [json.dumps(entry) for entry in vocabulary]
        numbered = words
    rest = json.dumps([model.get("merges"), content.get("added_tokens")])
    return TokenizerDigest(
        n_words=len(words),
        in_order=_short("\n".join([*numbered, rest]).encode("utf-8", "surrogatepass")),
        any_order=_short("\n".join(sorted(words)).encode("utf-8", "surrogatepass")),
        files=files,
    )
