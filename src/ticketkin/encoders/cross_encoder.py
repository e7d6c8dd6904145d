"""Cross-encoders: both texts of a pair are read at once (Nogueira and Cho 2019, arXiv:1901.04085)."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ticketkin.core.artifacts import hash_value
from ticketkin.core.checks import Check, failed, passed
from ticketkin.core.errors import ModelUnavailableError
from ticketkin.core.tables import Float64Array, FloatArray
from ticketkin.core.wording import percent
from ticketkin.encoders.adapter import lora_modules
from ticketkin.encoders.cutting import cut_texts
from ticketkin.encoders.device import pick_device
from ticketkin.encoders.fingerprint import write_fingerprint
from ticketkin.encoders.loading import LocatedModel, is_failure, is_folder, locate_model, packaged_model
from ticketkin.encoders.probes import FINGERPRINT_PROBES
from ticketkin.encoders.safety import check_model_folder
from ticketkin.encoders.saving import write_model
from ticketkin.encoders.settings import DEFAULT_CROSS_ENCODER, EncoderSettings
from ticketkin.encoders.weights import saved_shapes

if TYPE_CHECKING:
    from torch import Tensor

_PAIRS_A_BATCH = 32
_HEAD_NAMES = ("classifier", "score")
_BESIDE_ADAPTER = ".modules_to_save.default"


@dataclass(frozen=True)
class CrossBase:
    """What a cross-encoder starts from."""

    folder: Path
    name: str
    n_labels: int
    """Of its trained head; 0: a plain encoder without one."""
    device: str


def locate_cross_base(base_model: str, encoder: EncoderSettings) -> CrossBase:
    """Return the base of that name; offline and without it the packaged MiniLM with a fresh head.

    Raises as `load_encoder`.
    """
    located = _located(base_model, encoder)
    return CrossBase(located.folder, located.name, _labels_of_head(located.folder), pick_device(encoder))


def check_cross_base(base_model: str, encoder: EncoderSettings) -> None:
    """Look for a base that has to lie on this machine: a folder, or any where offline. Fetches nothing.

    Raises as `locate_cross_base`.
    """
    if encoder.offline or is_folder(base_model):
        _located(base_model, encoder)


def _located(base_model: str, encoder: EncoderSettings) -> LocatedModel:
    try:
        return locate_model(base_model, offline=encoder.offline)
    except ModelUnavailableError:
        if not encoder.offline or base_model != DEFAULT_CROSS_ENCODER:
            raise
        return packaged_model()


def _labels_of_head(folder: Path) -> int:
    """Return how many labels the saved classification head has, 0 without a head."""
    for name, shape in saved_shapes(folder).items():
        if name.split(".")[0] in _HEAD_NAMES and name.endswith("bias") and len(shape) == 1:
            return shape[0]
    return 0


def load_cross_encoder(folder: Path, device: str, n_labels: int | None = None) -> Any:
    """Return a sentence-transformers CrossEncoder in float32, in evaluation mode, without remote code.

    `n_labels` other than the saved head's gives a fresh head. Raises as `load_float32`.
    """
    check_model_folder(folder)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging as transformers_logging

    # Ticketkin reports once that a plain encoder gets a head.
    logging.getLogger("sentence_transformers.base.model").setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        model = CrossEncoder(
            str(folder),
            device=device,
            num_labels=n_labels,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"dtype": "float32", "use_safetensors": True, "ignore_mismatched_sizes": True},
        )
    except BaseException as error:
        # Damaged files surface as anything from OSError to KeyError, SafetensorError and Rust's panics.
        if not is_failure(error):
            raise
        raise ModelUnavailableError(
            f"The cross-encoder in {folder} can't be loaded ({type(error).__name__}: {error}); save or "
            "download it again, or name another with --set relations.cross_encoder.base_model=DIR"
        ) from error
    _check_shapes(folder, model)
    return model.eval()


def _check_shapes(folder: Path, model: Any) -> None:
    """Raise ModelUnavailableError where a weight but the head's has another shape than in the file.

    Heads of other sizes are drawn anew on purpose; the loader would do the same with any other weight.
    """
    prefix = f"{model.transformers_model.base_model_prefix}."
    needed = {
        name.removeprefix(prefix): tuple(weight.shape)
        for name, weight in model.transformers_model.named_parameters()
        if name.split(".")[0] not in _HEAD_NAMES
    }
    for name, shape in saved_shapes(folder).items():
        wanted = needed.get(name.removeprefix(prefix), shape)
        if shape != wanted:
            raise ModelUnavailableError(
                f"The cross-encoder in {folder} can't be loaded ({name} has the shape {shape}, its "
                f"config.json asks for {wanted}); save or download it again"
            )


def pair_logits(model: Any, left: Sequence[str], right: Sequence[str]) -> Float64Array:
    """Return the head's values of each pair, shape (n_pairs, n_labels)."""
    from torch.nn import Identity

    pairs = list(zip(*cut_pairs(model, left, right), strict=True))
    if not pairs:
        return np.zeros((0, model.num_labels))
    logits = model.predict(
        pairs, batch_size=_PAIRS_A_BATCH, activation_fn=Identity(), show_progress_bar=False
    )
    return np.asarray(logits, dtype=np.float64).reshape(len(pairs), -1)


def cut_pairs(model: Any, left: Sequence[str], right: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return both sides of all pairs without what the model does not read.

    Of two texts the longer is cut first, until both together fit. Neither can keep more tokens than the
    limit, so what lies behind is not read however long the other is. Where both are longer than the limit, an
    odd last token may go to the other text than without the cut.
    """
    different = list(dict.fromkeys([*left, *right]))
    read, _ = cut_texts(model, different, model.max_seq_length)
    short = dict(zip(different, read, strict=True))
    return [short[text] for text in left], [short[text] for text in right]


def head_tensors(model: Any) -> dict[str, "Tensor"]:
    """Return the weights of the classification head by name, copied."""
    # An adapter keeps the head it trains beside the one it found.
    return {
        name.replace(_BESIDE_ADAPTER, ""): weight.detach().to("cpu").clone()
        for name, weight in model.transformers_model.named_parameters()
        if name.split(".")[0] in _HEAD_NAMES and "original_module" not in name
    }


def merged_cross_encoder(base: CrossBase, tuned: Any) -> Any:
    """Return a fresh base with the adapter's change and the trained head of `tuned` in its weights."""
    import torch

    plain = load_cross_encoder(base.folder, base.device, tuned.num_labels)
    plain.max_seq_length = tuned.max_seq_length
    layers = dict(plain.named_modules())
    heads = head_tensors(tuned)
    with torch.no_grad():
        for name, module in lora_modules(tuned):
            layers[name].weight += module.get_delta_weight("default").to(layers[name].weight.device)
        for name, weight in plain.transformers_model.named_parameters():
            if name in heads:
                weight.copy_(heads[name])
    return plain


def probe_logits(model: Any) -> FloatArray:
    """Return what a cross-encoder says of each probe and the next one, (n_probes, n_labels) float32."""
    following = (*FINGERPRINT_PROBES[1:], FINGERPRINT_PROBES[0])
    return pair_logits(model, FINGERPRINT_PROBES, following).astype(np.float32)


def save_cross_model(model: Any, folder: Path) -> None:
    """Write a plain sentence-transformers CrossEncoder folder with its fingerprint."""
    write_model(model, folder)
    write_fingerprint(folder, "cross-encoder", probe_logits(model), None)


def save_cross_adapter(model: Any, folder: Path) -> None:
    """Write the adapter of a cross-encoder with its fingerprint."""
    write_model(model, folder)
    write_fingerprint(folder, "adapter of a cross-encoder", None, None)


def head_digest(model: Any) -> str:
    """Return a hash of the head's weights: what was trained is what must be saved."""
    tensors = head_tensors(model)
    return hash_value({name: weight.tolist() for name, weight in sorted(tensors.items())})


def head_check(model: Any, change: float, digest: str) -> Check:
    """Check that the head of a saved cross-encoder was trained and is the one that training ended with.

    `change` is how far it went in training, as a share of its size, `digest` its `head_digest` at the end.
    """
    if head_digest(model) != digest:
        return failed(
            "cross_encoder_head",
            "the saved head is not the one that training ended with",
            "Its words on kinds are those of another head; train again: ticketkin relations RUN",
        )
    if change < 1e-4:
        return failed(
            "cross_encoder_head",
            f"the head went {change:.1e} of its own size in training: it was frozen, or saw no example",
            "Train again with a higher relations.cross_encoder.learning_rate",
        )
    return passed(
        "cross_encoder_head", f"the saved head is the trained one; it went {percent(change, 1)} of its size"
    )
