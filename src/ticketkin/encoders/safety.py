"""What a model folder must look like before anything in it is opened.

A pickle runs code when it is loaded, and settings files name classes that are built. So every file that a
loader would read is looked at first: its kind, where it lies, which classes it names (`trusted`), and whether
its weights are safetensors under the very name that will be opened.
"""

import os
import stat
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import inside
from ticketkin.core.errors import InputError, UnreadableFileError, UnsafeArtifactError
from ticketkin.encoders.cache import default_cache_folder
from ticketkin.encoders.settings_files import check_settings, read_settings
from ticketkin.encoders.trusted import MODULES
from ticketkin.encoders.weights import INDEX, WEIGHTS

# An openvino_model.bin is no pickle and is never opened, hence the exact names.
PICKLED_WEIGHTS = ("pytorch_model*.bin", "adapter_model.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt")
PROMPTED = "prompted"
"""Folder of the embedding cache whose models are links to other models' files, made by `loading`."""
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_MODULES_FILE = "modules.json"
_CONFIG = "config.json"
_MOST_BASES = 2
"""Adapters on adapters that are followed to a base."""
_SAVE_AGAIN = "Save or download the model again"


def check_model_folder(folder: Path, n_bases: int = 0) -> None:
    """Return nothing if `folder` can be loaded without running foreign code.

    Raises InputError if it is missing or no model folder, UnsafeArtifactError if weights are pickled, a file
    names a class that is not trusted, or lies elsewhere, UnreadableFileError if a settings file is damaged.
    """
    if not folder.exists():
        raise InputError(
            f"No model folder at {folder}; give an existing folder, or a hub name, as --base-model"
        )
    if not folder.is_dir():
        raise InputError(
            f"{folder} is a file; --base-model takes a sentence-transformers folder (the one that holds "
            "modules.json or config.json), or a hub name"
        )
    if not any((folder / name).exists() for name in (_MODULES_FILE, _CONFIG, ADAPTER_CONFIG)):
        raise InputError(
            f"{folder} holds neither modules.json nor config.json, so it is no encoder; give the folder "
            "that SentenceTransformer.save wrote"
        )
    _check_files(folder)
    places = module_folders(folder)
    for place in {folder, *places}:
        check_settings(place, root=folder)
    _check_no_pickle_alone(folder)
    for place, (name, has_weights) in places.items():
        if name == "Transformer" and (place / ADAPTER_CONFIG).exists():
            _check_adapter(place)
            if (place / _CONFIG).exists():
                _check_weights(place, WEIGHTS)
            else:
                _check_base(place, n_bases)
        elif has_weights:
            _check_weights(place, WEIGHTS)


def check_adapter_folder(folder: Path) -> None:
    """Return nothing if `folder` holds an adapter that can be loaded without running foreign code.

    Raises InputError if it holds none, otherwise as `check_model_folder`.
    """
    if not (folder / ADAPTER_CONFIG).exists():
        raise InputError(
            f"{folder} holds no adapter_config.json, so it is no adapter; give the folder that "
            "model.save_pretrained wrote after training"
        )
    _check_files(folder)
    for place in {folder, *module_folders(folder)}:
        check_settings(place, root=folder)
    _check_no_pickle_alone(folder)
    _check_adapter(folder)


def module_folders(folder: Path) -> dict[Path, tuple[str, bool]]:
    """Return where each module of `modules.json` lies, its class, and whether it reads weights there."""
    path = folder / _MODULES_FILE
    if not path.exists():
        return {folder: ("Transformer", True)}
    modules = read_settings(path)
    if not isinstance(modules, list) or not modules:
        raise UnreadableFileError(
            f"{path} is damaged (it lists no modules); it must list each module with its type and path. "
            f"{_SAVE_AGAIN}"
        )
    places: dict[Path, tuple[str, bool]] = {}
    for module in modules:
        kind, place = (module.get("type"), module.get("path")) if isinstance(module, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(place, str) or not isinstance(module.get("name"), str):
            raise UnreadableFileError(
                f"{path} is damaged (a module lacks its type, path or name); it must list each module with "
                f"its type and path. {_SAVE_AGAIN}"
            )
        if kind not in MODULES:
            raise UnsafeArtifactError(
                f"{path} asks for the class {kind!r}; only these modules of sentence-transformers itself "
                f"are loaded: {', '.join(sorted({name for name, _ in MODULES.values()}))}"
            )
        inside(folder, place)
        name, has_weights = MODULES[kind]
        known = places.get(folder / place)
        places[folder / place] = (name, has_weights or (known is not None and known[1]))
        if name != "Transformer" and known is not None and known[0] == "Transformer":
            places[folder / place] = known
    return places


def _check_files(folder: Path) -> None:
    """Raise UnsafeArtifactError for a file that is none, or that lies elsewhere."""
    home = folder.resolve()
    allowed = [home]
    if folder.parent.name == "snapshots":  # the hub's cache keeps contents beside the names
        allowed.append(folder.parent.parent.resolve() / "blobs")
    linked = home.is_relative_to((default_cache_folder() / PROMPTED).resolve())
    for place, folders, files in os.walk(folder):
        for path in (Path(place) / name for name in (*folders, *files)):
            if path.is_symlink() and not linked:
                target = path.resolve()
                if not any(target.is_relative_to(root) for root in allowed):
                    raise UnsafeArtifactError(
                        f"{path} is a link to {target}, outside {folder}; copy the file itself into the model"
                    )
            mode = path.stat().st_mode if path.exists() else 0
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise UnsafeArtifactError(f"{path} is no regular file; a model holds files and folders only")


def _check_no_pickle_alone(folder: Path) -> None:
    """Raise UnsafeArtifactError where weights exist as pickle only, even where no loader would look."""
    for place in (folder, *sorted(p for p in folder.rglob("*") if p.is_dir())):
        pickled = _pickled(place)
        if pickled and not any(file.suffix == ".safetensors" for file in place.iterdir()):
            raise _pickle_only(place, pickled)


def _pickled(place: Path) -> list[str]:
    names = sorted(file.name for file in place.iterdir() if file.is_file())
    return [name for name in names if any(fnmatch(name, pattern) for pattern in PICKLED_WEIGHTS)]


def _pickle_only(place: Path, pickled: list[str]) -> UnsafeArtifactError:
    return UnsafeArtifactError(
        f"{place} holds its weights as pickle only ({', '.join(pickled)}), which can run code when "
        "loaded; only safetensors are read. Load the model where you trust it and save it again with "
        "save_pretrained(folder, safe_serialization=True)"
    )


def _check_weights(place: Path, name: str) -> None:
    """Raise UnsafeArtifactError unless the loader will open the safetensors file `name`, or its parts."""
    if (place / name).is_file():
        return
    if name == WEIGHTS and (place / INDEX).is_file():
        _check_parts(place)
        return
    if _pickled(place):
        raise _pickle_only(place, _pickled(place))
    raise UnsafeArtifactError(
        f"{place} holds no {name}; weights are read from safetensors only, under this name"
    )


def _check_parts(place: Path) -> None:
    path = place / INDEX
    content = read_settings(path)
    parts: Any = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(parts, dict) or not parts:
        raise UnreadableFileError(f"{path} is damaged (it names no weights). {_SAVE_AGAIN}")
    for name in sorted({str(part) for part in parts.values()}):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise UnsafeArtifactError(
                f"{path} names {name!r}; parts of the weights are safetensors files beside it"
            )
        if not (place / name).is_file():
            raise UnreadableFileError(f"{path} names {name}, which is missing. {_SAVE_AGAIN}")


def _check_adapter(place: Path) -> None:
    config = read_settings(place / ADAPTER_CONFIG)
    kind = config.get("peft_type") if isinstance(config, dict) else type(config).__name__
    if kind != "LORA":
        raise UnreadableFileError(f"The adapter in {place} is of the type {kind!r}; only LORA is read")
    _check_weights(place, ADAPTER_WEIGHTS)


def _check_base(place: Path, n_bases: int) -> None:
    """Check the base that an adapter names and its loader would open: a folder, or the hub's local copy."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    name = read_settings(place / ADAPTER_CONFIG).get("base_model_name_or_path")
    if not isinstance(name, str) or not name or n_bases >= _MOST_BASES:
        raise InputError(
            f"{place} holds an adapter that names no base model; give the base with --base-model, or make a "
            "whole model of both: ticketkin merge"
        )
    if Path(name).exists():
        check_model_folder(Path(name), n_bases + 1)
        return
    try:
        kept = try_to_load_from_cache(name, _CONFIG)
    except HFValidationError:
        kept = None
    if isinstance(kept, str):
        check_model_folder(Path(kept).parent, n_bases + 1)
