"""The encoders of a comparison: any model or adapter, loaded by the route whose effect is proven."""

from pathlib import Path

from ticketkin.core.artifacts import hash_path
from ticketkin.core.errors import InputError
from ticketkin.doctor.adapters import base_of_adapter
from ticketkin.encoders.adapter import load_with_adapter
from ticketkin.encoders.adapter_files import TENSORS
from ticketkin.encoders.device import pick_device
from ticketkin.encoders.loading import LoadedEncoder, load_encoder
from ticketkin.encoders.settings import EncoderSettings


def load_model_or_adapter(model: str, asked: EncoderSettings) -> LoadedEncoder:
    """Load a model; an adapter onto a fresh base, by the route whose effect is proven."""
    settings = asked.model_copy(update={"base_model": model})
    path = Path(model).expanduser()
    if not (path / "adapter_config.json").exists():
        return load_encoder(settings)
    base = base_of_adapter(path, asked)
    if base is None:
        raise InputError(f"the base model of the adapter {path} is not at hand")
    untouched = load_encoder(settings.model_copy(update={"base_model": base}))
    device = pick_device(settings)
    adapted = load_with_adapter(base, path, device)
    adapted.max_seq_length = untouched.max_length_tokens
    return LoadedEncoder(
        model=adapted,
        name=model,
        source=base,
        fingerprint=f"{untouched.fingerprint}-{hash_path(path / TENSORS)}",
        max_length_tokens=untouched.max_length_tokens,
        device=device,
        packaged=False,
    )
