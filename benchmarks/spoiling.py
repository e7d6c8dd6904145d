"""Ways of spoiling what was saved: a setting, the weights, the vocabulary."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

MODEL_WEIGHTS, ADAPTER_WEIGHTS = "model.safetensors", "adapter_model.safetensors"
Tensors = dict[str, torch.Tensor]
Spoil = Callable[[Path], None]


def edited(path: Path, edit: Callable[[Any], None]) -> None:
    """Let `edit` change the content of a JSON file in place."""
    content = json.loads(path.read_text("utf-8"))
    edit(content)
    path.write_text(json.dumps(content), "utf-8")


def setting(file: str, **values: Any) -> Spoil:
    """Return what sets values in a JSON file of a folder."""
    return lambda folder: edited(folder / file, lambda content: content.update(values))


def rewritten(file: str, change: Callable[[Tensors], Tensors]) -> Spoil:
    """Return what writes other tensors into a file of a folder."""

    def spoil(folder: Path) -> None:
        save_file(change(load_file(folder / file)), folder / file, metadata={"format": "pt"})

    return spoil


def weights(file: str, part: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Spoil:
    """Return what changes every tensor whose name holds `part`."""
    return rewritten(
        file, lambda t: {name: change(w).contiguous() if part in name else w for name, w in t.items()}
    )


def renamed(names: dict[str, str]) -> Callable[[str], str]:
    """Return what replaces the first of the `names` that a tensor's name holds."""
    return lambda name: next((name.replace(a, b) for a, b in names.items() if a in name), name)


def random_like(weight: torch.Tensor) -> torch.Tensor:
    """Return random values of the same shape, the same ones each time."""
    return torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))


def train_at_random(model: Any) -> None:
    """Give every lora_B values, as training would."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.05)
