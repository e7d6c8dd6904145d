"""Adapters on the tiny encoder, as people save them: right, and wrong in the ways that happen."""

from pathlib import Path
from typing import Any

from ticketkin.encoders import saving
from ticketkin.encoders.loading import load_float32
from ticketkin.encoders.saving import base_in


def randomise_updates(model: Any, seed: int = 0) -> None:
    """Give every lora_B values, as if trained."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.1)


def save_adapter(base: Path, folder: Path) -> Path:
    """Save an adapter by the supported route."""
    from peft import LoraConfig, TaskType

    model = load_float32(str(base), "cpu")
    untouched = base_in(base, model)
    model.add_adapter(
        LoraConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            target_modules="all-linear",
            exclude_modules=r".*\bpooler\b.*",
            r=2,
            lora_alpha=4,
        )
    )
    randomise_updates(model)
    saving.save_adapter(model, folder, untouched)
    return folder


def save_around_the_whole(base: Path, folder: Path) -> Path:
    """Save an adapter of peft wrapped around the SentenceTransformer: names one level too high."""
    from peft import LoraConfig, get_peft_model

    wrapped: Any = get_peft_model(
        load_float32(str(base), "cpu"), LoraConfig(r=2, lora_alpha=4, target_modules=["query", "value"])
    )
    randomise_updates(wrapped)
    wrapped.save_pretrained(str(folder))
    return folder


def save_while_wrapped(base: Path, folder: Path) -> Path:
    """Save a model whose inner model peft has wrapped: its weights get names no loader looks for."""
    from peft import LoraConfig, get_peft_model

    model: Any = load_float32(str(base), "cpu")
    # As every notebook does; the name is an alias, so only the layers inside are changed.
    model[0].auto_model = get_peft_model(
        model[0].auto_model, LoraConfig(r=2, target_modules=["query", "value"])
    )
    randomise_updates(model)
    model.save_pretrained(str(folder), create_model_card=False)
    return folder
