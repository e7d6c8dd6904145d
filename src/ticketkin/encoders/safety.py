"""What a model folder must look like before anything in it is opened.

A pickle runs code when it is loaded, and `modules.json` names the classes that are built. Both
are checked from the file names and that one JSON file alone.
"""

import json
from fnmatch import fnmatch
from pathlib import Path

from ticketkin.core.artifacts import inside
from ticketkin.core.errors import InputError, UnreadableFileError, UnsafeArtifactError

# An openvino_model.bin is no pickle and is never opened, hence the exact names.
PICKLED_WEIGHTS = ("pytorch_model*.bin", "adapter_model.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt")
_TRUSTED_MODULES = "sentence_transformers."


def check_model_folder(folder: Path) -> None:
    """Return nothing if `folder` can be loaded without running foreign code.

    Raises InputError if it is missing or no model folder, UnsafeArtifactError if weights are
    pickled or a module is not one of sentence-transformers', UnreadableFileError if its
    `modules.json` is damaged.
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
    if not (folder / "modules.json").exists() and not (folder / "config.json").exists():
        raise InputError(
            f"{folder} holds neither modules.json nor config.json, so it is no encoder; give the folder "
            "that SentenceTransformer.save wrote"
        )
    check_modules(folder)
    check_no_pickled_weights(folder)


def check_modules(folder: Path) -> None:
    """Raise UnsafeArtifactError if `modules.json` names foreign classes or paths outside `folder`."""
    path = folder / "modules.json"
    if not path.exists():
        return
    try:
        modules = [
            (str(module["type"]), str(module["path"])) for module in json.loads(path.read_text("utf-8"))
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableFileError(
            f"{path} is damaged ({error}); it must list each module with its type and path. "
            "Save or download the model again"
        ) from error
    for kind, place in modules:
        if not kind.startswith(_TRUSTED_MODULES):
            raise UnsafeArtifactError(
                f"{path} asks for the class {kind!r}; only modules of sentence-transformers itself are "
                "loaded, since any other would run code that came with the model"
            )
        inside(folder, place)


def check_no_pickled_weights(folder: Path) -> None:
    """Raise UnsafeArtifactError if a folder's weights exist as pickle only, or nowhere at all."""
    for place in (folder, *sorted(p for p in folder.rglob("*") if p.is_dir())):
        names = [file.name for file in place.iterdir() if file.is_file()]
        pickled = sorted(n for n in names if any(fnmatch(n, pattern) for pattern in PICKLED_WEIGHTS))
        if pickled and not any(name.endswith(".safetensors") for name in names):
            raise UnsafeArtifactError(
                f"{place} holds its weights as pickle only ({', '.join(pickled)}), which can run code when "
                "loaded; only safetensors are read. Load the model where you trust it and save it again with "
                "save_pretrained(folder, safe_serialization=True)"
            )
    if not any(folder.rglob("*.safetensors")):
        raise UnsafeArtifactError(
            f"{folder} holds no *.safetensors file; weights are read from safetensors only"
        )


def check_adapter_folder(folder: Path) -> None:
    """Raise InputError if `folder` holds no adapter, UnsafeArtifactError if it holds a pickled one."""
    if not (folder / "adapter_config.json").exists():
        raise InputError(
            f"{folder} holds no adapter_config.json, so it is no adapter; give the folder that "
            "model.save_pretrained wrote after training"
        )
    check_modules(folder)
    check_no_pickled_weights(folder)
