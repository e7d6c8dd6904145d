"""The one way in which models come into folders, each with its fingerprint."""

from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import hash_value
from ticketkin.encoders.fingerprint import N_BASE_PROBES, BaseFingerprint, Outputs, write_fingerprint
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.encoders.model_code import code_in_memory, name_code
from ticketkin.encoders.model_hash import hash_model
from ticketkin.encoders.probes import FINGERPRINT_PROBES, embed_with
from ticketkin.encoders.serving import write_serving
from ticketkin.encoders.token_limit import limit_tokens, token_limit


def base_of(encoder: LoadedEncoder) -> BaseFingerprint:
    """Return the fingerprint of an encoder that is tuned."""
    return base_in(encoder.source, encoder.model, encoder.name)


def base_in(source: Path | str, model: Any, name: str | None = None) -> BaseFingerprint:
    """Return the fingerprint of a base that lies in the folder `source` and, untouched, in memory."""
    folder = Path(source)
    return BaseFingerprint(
        name or folder.name,
        hash_value(hash_model(folder)),
        Outputs.of(embed_with(model, FINGERPRINT_PROBES[:N_BASE_PROBES])),
    )


def save_encoder(model: Any, folder: Path, base: BaseFingerprint | None, template: str | None = None) -> None:
    """Write a plain sentence-transformers folder; None as `base` for a model that was not tuned.

    With `template`, how a ticket's fields are composed into a text is recorded beside it in ticketkin.json,
    since serving must compose as training did.
    """
    write_model(model, folder)
    if template is not None:
        write_serving(folder, model, template)
    write_fingerprint(folder, "encoder", embed_with(model, FINGERPRINT_PROBES), base)


def save_adapter(model: Any, folder: Path, base: BaseFingerprint) -> None:
    """Write the adapter of a model, with the tokenizer and modules of its base."""
    write_model(model, folder)
    write_fingerprint(folder, "adapter", embed_with(model, FINGERPRINT_PROBES), base)


def extended(model: Any, *layers: Any) -> Any:
    """Return a model of the same modules with further `layers` behind them; prompts and limit stay."""
    from sentence_transformers import SentenceTransformer

    longer = SentenceTransformer(
        modules=[*model, *layers],
        device=str(model.device),
        prompts=model.prompts,
        default_prompt_name=model.default_prompt_name,
    )
    limit_tokens(longer, token_limit(model))
    return longer


def write_model(model: Any, folder: Path) -> None:
    """Write what a model or adapter in memory consists of; its fingerprint is still to come."""
    model.save_pretrained(str(folder), create_model_card=False)
    name_code(folder, code_in_memory(model))
