"""What an adapter folder holds, read without building a model."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ticketkin.core.arrays import damaged
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.encoders.safety import check_adapter_folder

if TYPE_CHECKING:
    from torch import Tensor

CONFIG = "adapter_config.json"
TENSORS = "adapter_model.safetensors"
_SAVE_AGAIN = "Save the adapter again with model.save_pretrained, or train again."
_NAME = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<half>[AB])(?:\.default)?\.weight")


@dataclass(frozen=True)
class AdapterConfig:
    """What is read of adapter_config.json, by the names of peft, whose defaults hold where it is silent."""

    peft_type: str | None = None
    base_model_name_or_path: str | None = None
    task_type: str | None = None
    r: int = 8
    lora_alpha: int | float = 8
    lora_dropout: float = 0.0
    use_rslora: bool = False


@dataclass(frozen=True)
class AdapterFiles:
    """Configuration and tensors of a saved LoRA adapter."""

    folder: Path
    config: AdapterConfig
    tensors: Mapping[str, "Tensor"]
    """By name as saved."""

    @property
    def modules(self) -> dict[str, dict[str, "Tensor"]]:
        """Halves 'A' (r, d_in) and 'B' (d_out, r) of every module by its name as saved."""
        tensors_of: dict[str, dict[str, Tensor]] = {}
        for name, tensor in self.tensors.items():
            match = _NAME.fullmatch(name)
            if match:
                tensors_of.setdefault(match["module"], {})[match["half"]] = tensor
        return tensors_of

    @property
    def foreign(self) -> list[str]:
        """Names that are no LoRA half of a module."""
        return sorted(name for name in self.tensors if not _NAME.fullmatch(name))

    @property
    def base(self) -> str | None:
        """The base model the adapter names, if any."""
        return self.config.base_model_name_or_path or None


def read_adapter(folder: Path) -> AdapterFiles:
    """Return what `folder` holds.

    Raises InputError if it is no adapter folder, UnsafeArtifactError if its weights are pickled, and
    UnreadableFileError if a file is damaged or the adapter is not LoRA.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    check_adapter_folder(folder)
    config = read_record(folder / CONFIG, AdapterConfig, _SAVE_AGAIN)
    if config.peft_type != "LORA":
        raise UnreadableFileError(
            f"The adapter in {folder} is of the type {config.peft_type!r}; only LORA is read"
        )
    try:
        tensors = load_file(folder / TENSORS)
    except (OSError, ValueError, SafetensorError) as error:
        raise damaged(folder / TENSORS, error, _SAVE_AGAIN) from error
    return AdapterFiles(folder, config, tensors)


def wrong_level(modules: Collection[str], layers: Collection[str]) -> str | None:
    """Return the prefix that stands too much before the adapter's names, None if there is none.

    `modules` are names as saved, `layers` those of the base's inner model. peft around the whole
    SentenceTransformer saves '0.model.encoder…' (older versions '0.auto_model.encoder…') where the
    inner model says 'encoder…': such names load with a mere warning and change nothing.
    """
    known = set(layers)
    if not modules or any(name in known for name in modules):
        return None
    parts = min(modules).split(".")
    for cut in range(1, len(parts)):
        prefix = ".".join(parts[:cut]) + "."
        if all(name.startswith(prefix) and name[len(prefix) :] in known for name in modules):
            return prefix
    return None
