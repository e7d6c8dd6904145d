"""Adapters on an encoder: attach, load, measure, scale, merge.

A LoRA module computes W x + scaling * B A x (Hu et al. 2021, arXiv:2106.09685).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticketkin.core.errors import ConfigurationError, InactiveAdapterError, MissingExtraError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray
from ticketkin.core.wording import number_of
from ticketkin.encoders.device import pick_device
from ticketkin.encoders.encoding import encode_with_weights
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.encoders.safety import check_adapter_folder
from ticketkin.encoders.saving import base_in, save_encoder
from ticketkin.encoders.settings import EncoderSettings, LowRankSettings
from ticketkin.encoders.settings_files import is_importable
from ticketkin.encoders.token_limit import limit_tokens

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ADAPTER = "default"
# BERT's pooler feeds a task sentence encoders do not have: it gets no gradient and would stay zero.
_WITHOUT_GRADIENT = r".*\bpooler\b.*"


def check_adapters_can_be_trained() -> None:
    """Raise MissingExtraError where peft is not installed; imports nothing."""
    if not is_importable("peft"):
        raise MissingExtraError(
            "The candidate lora needs peft, which is not installed; install the extra with: "
            "pip install 'ticketkin[lora]', or leave lora out of --candidates"
        )


def attach_adapter(model: "SentenceTransformer", settings: LowRankSettings) -> None:
    """Add a fresh adapter (B zero: no change yet) to all linear layers; the rest is frozen.

    Raises MissingExtraError where peft is not installed, ConfigurationError where there is no transformer.
    """
    check_adapters_can_be_trained()
    from peft import LoraConfig, TaskType

    if model.transformers_model is None:
        raise ConfigurationError(
            "LoRA adapts the layers of a transformer, and this base model is none (static embeddings); leave "
            "lora out of --candidates: head, full and fusion work with it"
        )
    has_pooler = any("pooler" in name for name, _ in model.named_modules())
    model.add_adapter(
        LoraConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            target_modules="all-linear",
            exclude_modules=_WITHOUT_GRADIENT if has_pooler else None,
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
        )
    )


def load_with_adapter(
    source: Path | str, adapter_folder: Path, device: str, strength: float = 1.0
) -> "SentenceTransformer":
    """Return a freshly loaded base with the adapter at W + strength * BA, in evaluation mode.

    Raises InactiveAdapterError if not one module of the loaded adapter changes its weight, as
    happens when the saved names do not fit the base.
    """
    check_adapter_folder(adapter_folder)
    model = load_float32(str(source), device)
    model.load_adapter(str(adapter_folder))
    model.eval()
    modules = dict(lora_modules(model))
    if not any(bool(module.lora_B[_ADAPTER].weight.any()) for module in modules.values()):
        raise InactiveAdapterError(
            f"The adapter in {adapter_folder} changes none of the {number_of(len(modules), 'module')} it "
            f"sits on after it was loaded onto {source}: its names do not fit this base, or it was never "
            "trained. Train again from this base, and save with model.save_pretrained"
        )
    for module in modules.values():
        module.scaling[_ADAPTER] *= strength
    return model


def lora_modules(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and module of every layer that carries LoRA."""
    from peft.tuners.lora import LoraLayer

    for name, module in model.named_modules():
        if isinstance(module, LoraLayer):
            yield name, module


def relative_changes(model: Any) -> dict[str, float]:
    """Return ||dW|| / ||W|| (Frobenius) of every adapted module by name."""
    changes: dict[str, float] = {}
    for name, module in lora_modules(model):
        weight, change = module.get_base_layer().weight.detach(), module.get_delta_weight(_ADAPTER).detach()
        changes[name] = float(change.norm() / weight.norm())
    return changes


def scaled_merge(
    source: Path | str,
    adapter_folder: Path,
    strength: float,
    folder: Path,
    max_length_tokens: int | None = None,
    template: str | None = None,
) -> None:
    """Write W + strength * BA as a plain sentence-transformers folder; no peft is needed to load it.

    Embeddings come at unit length from plain `encode`, whatever the base's modules, and with
    `max_length_tokens` (None keeps the base's) texts are cut there. Raises InactiveAdapterError
    as `load_with_adapter`.
    """
    tuned = load_with_adapter(source, adapter_folder, "cpu", strength)
    save_merged(Path(source), tuned, folder, max_length_tokens, template)


def save_merged(
    source: Path, tuned: Any, folder: Path, max_length_tokens: int | None, template: str | None = None
) -> None:
    """Add the adapter's change to a fresh base and write that as a plain folder."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Normalize

    plain = load_float32(str(source), "cpu")
    base = base_in(source, plain)
    layers = dict(plain.named_modules())
    with torch.no_grad():
        for name, module in lora_modules(tuned):
            layers[name].weight += module.get_delta_weight(_ADAPTER).to("cpu")
    if not any(isinstance(module, Normalize) for module in plain):
        plain.append(Normalize())
    if max_length_tokens is not None:
        limit_tokens(plain, max_length_tokens)
    save_encoder(plain, folder, base, template)


def embeddings_at_strength(
    encoder: LoadedEncoder,
    adapter_folder: Path,
    strength: float,
    texts: list[str],
    settings: EncoderSettings,
    progress: Progress = SILENT,
) -> FloatArray:
    """Return the embeddings of W + strength * BA without saving it, shape (len(texts), d), unit length.

    `encoder` names the base and the token limit; it stays as it is. At strength 0 the embeddings
    are the base's.
    """
    model = load_with_adapter(encoder.source, adapter_folder, pick_device(settings), strength)
    name = f"{encoder.name} + {strength:g} x adapter"
    return encode_with_weights(encoder, model, name, texts, settings, progress)
