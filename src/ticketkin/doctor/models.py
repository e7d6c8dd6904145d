"""What can be wrong with a saved model, looked at one by one.

The worst fault is silent: weights saved under other names than the loader looks for are drawn anew at
random, and the model encodes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ticketkin.core.checks import Check, Outcome, failed, passed, warning
from ticketkin.core.errors import InputError, TicketkinError, UnreadableFileError
from ticketkin.core.tables import FloatArray
from ticketkin.core.wording import number_of
from ticketkin.doctor.fingerprints import compare_with_fingerprint, probe_embeddings
from ticketkin.encoders.activity import SAME
from ticketkin.encoders.fresh_process import SavedModel, embed_freshly
from ticketkin.encoders.loading import load_float32
from ticketkin.encoders.probes import PROBES, embed_with, largest_difference
from ticketkin.encoders.safety import check_model_folder, module_folders
from ticketkin.encoders.serving import SERVING, read_serving, text_encoding
from ticketkin.encoders.token_limit import NO_LIMIT, token_limit
from ticketkin.encoders.weights import inner_module, saved_weights

if TYPE_CHECKING:
    from torch import Tensor

_COLLAPSED = 0.995
"""Median cosine of unlike texts above which a model tells nothing apart."""
_SHORTEST = 0.99
"""Embeddings are scaled to length 1; only one that is zero can't be."""


def precision_check(code: str, tensors: "Mapping[str, Tensor]") -> Check:
    """Return whether weights are saved in a precision that the device here computes with."""
    import torch

    halves = sorted(
        {str(tensor.dtype) for tensor in tensors.values() if tensor.dtype in (torch.float16, torch.bfloat16)}
    )
    if not halves:
        return passed(code, "weights are float32")
    evidence = f"weights are saved as {', '.join(halves)}"
    if torch.cuda.is_available():
        return passed(code, f"{evidence}; the GPU here computes with them")
    return failed(
        code,
        f"{evidence} and there is only a CPU here, which computes with them a hundred times slower and "
        "rounds the embeddings",
        "save in float32; ticketkin loads as float32, and ticketkin merge writes float32",
    )


def same_embeddings(code: str, what: str, memory: FloatArray, other: FloatArray, advice: str) -> Check:
    """Return whether two embeddings of the probes are those of one model; `what` names the other."""
    difference = largest_difference(memory, other)
    if difference > SAME:
        return failed(code, f"{what}: embeddings differ from those in memory by {difference:.2g}", advice)
    return passed(code, f"{what}: embeddings equal those in memory (difference {difference:.1g})")


def identical_models(embeddings: Mapping[str, FloatArray]) -> Check:
    """Check that no two models embed the same texts alike: one would be the other under another name.

    `embeddings` are those of some texts by each model's name, shape (n_texts, d).
    """
    code = "identical_models"
    same = [
        f"{one} and {other}"
        for one, other in combinations(embeddings, 2)
        if largest_difference(embeddings[one], embeddings[other]) <= SAME
    ]
    if same:
        return failed(
            code,
            f"{', '.join(same)} give the same embeddings: no tie, one of them is the other",
            "A copy of the base, or an adapter that was not loaded, gives exactly the base's numbers; "
            "examine both with: ticketkin doctor",
        )
    return passed(code, f"no two of {number_of(len(embeddings), 'model')} give the same embeddings")


def examine_model(folder: Path, probes: Sequence[str] = PROBES) -> list[Check]:
    """Return the checks of a plain sentence-transformers folder."""
    try:
        check_model_folder(folder)
        if (folder / "adapter_config.json").exists():
            raise InputError(f"{folder} holds an adapter (adapter_config.json), no whole model")
        model: Any = load_float32(str(folder), "cpu")
    except TicketkinError as error:
        return [
            failed(
                "model_files", str(error), "give a whole model; an adapter becomes one by: ticketkin merge"
            )
        ]
    saved = saved_weights(next(iter(module_folders(folder))))
    everything = {
        f"{place}/{name}": weight
        for place in module_folders(folder)
        for name, weight in saved_weights(place).items()
    }
    checks = [
        passed("model_files", "complete, safetensors only"),
        precision_check("model_precision", everything),
        _weights(model, saved),
        _values(folder),
    ]
    here = embed_with(model, probes)
    numbers = _numbers(here)
    checks.append(numbers)
    if numbers.outcome is Outcome.FAILED:
        return [*checks, *compare_with_fingerprint(folder, None)]
    checks += [
        _spread(here),
        _length(model),
        _served_as_trained(model, folder),
    ]
    reloaded = embed_freshly([SavedModel(str(folder))], probes)[0]
    again = "the model is not the same twice: see model_weights, and save it again from a good copy"
    checks.append(same_embeddings("model_reload", "reloaded in a fresh process", here, reloaded, again))
    return [*checks, *compare_with_fingerprint(folder, probe_embeddings(model))]


def _weights(model: Any, saved: "Mapping[str, Tensor]") -> Check:
    """Find weights that the loader drew at random, as the file lacks them under their names."""
    inner = inner_module(model)
    prefix = f"{getattr(inner, 'base_model_prefix', '')}."
    names = {name.removeprefix(prefix) for name in saved}
    missing = sorted(
        name
        for name, _ in inner.named_parameters()
        if name not in names and "pooler" not in name and "lora_" not in name
    )
    if missing:
        return failed(
            "model_weights",
            f"{number_of(len(missing), 'weight is', 'weights are')} not in the file under their names "
            f"({', '.join(missing[:2])}); the loader fills them at random and mentions it in passing",
            "the model was saved while wrapped by peft; merge the adapter first (ticketkin merge), then save",
        )
    return passed(
        "model_weights", f"all {number_of(len(names), 'weight comes', 'weights come')} from the file"
    )


def _values(folder: Path) -> Check:
    """Look for weights that are no numbers, and for matrices of nothing but zeros."""
    not_finite, zero, n_weights = [], [], 0
    for place in module_folders(folder):
        for name, tensor in saved_weights(place).items():
            n_weights += 1
            if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                not_finite.append(name)
            # A vector of zeros is a bias as it began, and no encoder needs its pooler or its text types.
            matters = tensor.ndim >= 2 and not any(word in name for word in ("pooler", "token_type"))
            if matters and not bool(tensor.any()):
                zero.append(name)
    if not_finite:
        return failed(
            "model_values",
            f"{len(not_finite)} of {number_of(n_weights, 'weight')} hold NaN or infinity "
            f"({', '.join(not_finite[:2])})",
            "load the last good checkpoint, or train again with a lower learning rate",
        )
    if zero:
        return failed(
            "model_values",
            f"{len(zero)} of {number_of(n_weights, 'weight')} are all zero ({', '.join(zero[:2])}): what "
            "goes in is lost",
            "the file was written before the weights were loaded or trained; save it again from a good copy",
        )
    return passed(
        "model_values",
        f"all {number_of(n_weights, 'weight is', 'weights are')} finite, and no matrix is all zero",
    )


def _numbers(embeddings: FloatArray) -> Check:
    """Look at embeddings (n_texts, d) that should be of unit length."""
    if not np.isfinite(embeddings).all():
        return failed("model_numbers", "embeddings hold NaN or infinity", "load the last good checkpoint")
    shortest = float(np.linalg.norm(embeddings, axis=1).min())
    if shortest < _SHORTEST:
        return failed(
            "model_numbers",
            f"an embedding has the length {shortest:.2g} where 1 is due: the model gives nothing back",
            "its weights are zero or not loaded; save it again from a good copy",
        )
    return passed("model_numbers", "embeddings are finite and of unit length")


def _spread(embeddings: FloatArray) -> Check:
    cosines = (embeddings @ embeddings.T)[np.triu_indices(len(embeddings), k=1)]
    middle = float(np.median(cosines))
    if middle > _COLLAPSED:
        return failed(
            "model_spread",
            f"unlike texts have nearly the same embedding (median cosine {middle:.4f})",
            "the model collapsed: lower the learning rate, and train with negatives",
        )
    return passed("model_spread", f"unlike texts differ (cosines {cosines.min():.2f} to {cosines.max():.2f})")


def _length(model: Any) -> Check:
    limit = token_limit(model)
    if limit == NO_LIMIT:
        return passed("model_length", "texts are read to their end")
    positions = getattr(model.transformers_model.config, "max_position_embeddings", None)
    if positions and limit > positions:
        return failed(
            "model_length",
            f"texts are cut at {limit} tokens but the model has places for {positions}",
            "set max_seq_length to what the model can read",
        )
    return passed("model_length", f"texts are cut at {limit} tokens; the model has places for {positions}")


def _served_as_trained(model: Any, folder: Path) -> Check:
    """Compare how the model turns texts into embeddings with how it did in training."""
    try:
        trained = read_serving(folder)
    except UnreadableFileError as error:
        return failed(
            "model_serving", str(error), "without it, serving may compose other texts than training"
        )
    if trained is None:
        return warning(
            "model_serving",
            f"no {SERVING}: the text template and token limit of its training are unknown",
            "compose texts as in training; models of ticketkin carry the file",
        )
    now = text_encoding(model)
    parts = [(part.name, getattr(now, part.name), getattr(trained, part.name)) for part in fields(now)]
    other = [f"{name} is {value!r}, was {before!r}" for name, value, before in parts if value != before]
    if other:
        return failed(
            "model_serving",
            f"served otherwise than trained: {'; '.join(other)}",
            "restore the model's own settings files, or train again",
        )
    return passed(
        "model_serving",
        f"as in training: template {trained.template!r}, {now.max_length_tokens} tokens, "
        f"{now.dimension} dimensions",
    )
