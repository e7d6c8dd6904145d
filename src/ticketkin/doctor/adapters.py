"""What can be wrong with a saved adapter, looked at one by one.

Every check comes from a fault that was met: names saved one level too high, halves that were never
trained, a merge that is not the adapter, weights that the recorded steps cannot reach.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.errors import TicketkinError
from ticketkin.core.tables import FloatArray
from ticketkin.core.wording import number_of
from ticketkin.doctor.fingerprints import base_check, compare_with_fingerprint, probe_embeddings
from ticketkin.doctor.models import precision_check, same_embeddings
from ticketkin.encoders.activity import DIFFERENT, SAME
from ticketkin.encoders.adapter import lora_modules, relative_changes
from ticketkin.encoders.adapter_files import AdapterFiles, read_adapter, wrong_level
from ticketkin.encoders.fresh_process import SavedModel, embed_freshly
from ticketkin.encoders.loading import load_encoder, load_float32, model_at_hand
from ticketkin.encoders.probes import PROBES, embed_with, largest_difference
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.encoders.weights import inner_module

_HARDLY_MOVED = 1e-3
"""Median ||dW|| / ||W|| below which an adapter is as good as untrained; usual values are 3e-3 to 1e-1."""
_OVERWRITTEN = 1.0
_ADAM_BOUND = 3.2
"""One AdamW step moves a weight by at most (1 - b1) / sqrt(1 - b2) = 3.16 learning rates."""
_FIX = "run: ticketkin doctor PATH --fix (it writes a repaired copy and proves it)"
_TRAIN_AGAIN = "train again with ticketkin, which proves every adapter after reload"


@dataclass(frozen=True)
class Subject:
    """What is examined, and what is known about how it came to be."""

    folder: Path
    base: str | None = None
    """Folder of the untouched model; without it, checks that need it are skipped."""
    merged: Path | None = None
    """Folder of the merged model at full strength, where there is one."""
    learning_rates: Sequence[float] = ()
    """As read from the optimiser, one a step."""


def examine_adapter(subject: Subject, probes: Sequence[str] = PROBES) -> list[Check]:
    """Return the checks of an adapter folder; what depends on a failed one is skipped."""
    try:
        adapter = read_adapter(subject.folder)
    except TicketkinError as error:
        return [failed("adapter_files", str(error), _TRAIN_AGAIN)]
    checks = [_complete(adapter), precision_check("adapter_precision", adapter.tensors), *_halves(adapter)]
    if adapter.config.task_type == "SEQ_CLS":
        return [*checks, _head(adapter), *compare_with_fingerprint(subject.folder, None)]
    if subject.base is None:
        return [
            *checks,
            skipped("adapter_effect", "the base model is not at hand; name it with --base-model DIR"),
            *compare_with_fingerprint(subject.folder, None),
        ]
    layers = _layers(load_float32(subject.base, "cpu"))
    level = wrong_level(adapter.modules, layers)
    checks.append(_level(adapter, level))
    checks.append(_keys(adapter, layers, level))
    if level is not None:
        return [*checks, skipped("adapter_effect", "names of the wrong level change nothing when loaded")]
    return [*checks, *_behaviour(subject, adapter, probes)]


def _layers(model: Any) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight matrix of the inner model by layer name."""
    inner = inner_module(model)
    return {
        name: tuple(module.weight.shape)
        for name, module in inner.named_modules()
        if getattr(module, "weight", None) is not None and module.weight.ndim == 2
    }


def _complete(adapter: AdapterFiles) -> Check:
    n_modules = len(adapter.modules)
    if n_modules == 0:
        return failed("adapter_files", "the adapter file holds no LoRA weights", _TRAIN_AGAIN)
    if not (adapter.folder / "modules.json").exists():
        return warning(
            "adapter_files",
            f"{n_modules} LoRA modules, but no modules.json: a loader has to guess pooling and normalisation",
            _FIX,
        )
    return passed("adapter_files", f"complete; {n_modules} LoRA modules, no pickle")


def _halves(adapter: AdapterFiles) -> Iterator[Check]:
    """Yield whether all numbers are finite, and every B trained."""
    bad = sorted(name for name, tensor in adapter.tensors.items() if not bool(tensor.isfinite().all()))
    if bad:
        yield failed(
            "adapter_numbers",
            f"{number_of(len(bad), 'tensor holds', 'tensors hold')} NaN or infinity ({bad[0]})",
            _TRAIN_AGAIN,
        )
    else:
        yield passed("adapter_numbers", "all values are finite")
    updates = {name: halves["B"] for name, halves in adapter.modules.items() if "B" in halves}
    zero = sorted(name for name, values in updates.items() if not bool(values.any()))
    if zero:
        yield failed(
            "adapter_zero",
            f"{len(zero)} of {len(updates)} lora_B are all zero ({', '.join(zero[:3])}): they change nothing",
            "the modules got no gradient or no step; check that they were trainable, and " + _TRAIN_AGAIN,
        )
    else:
        yield passed("adapter_zero", f"none of the {len(updates)} lora_B is all zero")


def _head(adapter: AdapterFiles) -> Check:
    """Look for the classification head of a cross-encoder's adapter."""
    heads = sorted(name for name in adapter.tensors if "classifier" in name or ".score." in name)
    if heads:
        return passed("adapter_head", f"the classification head is saved ({', '.join(heads[:2])})")
    return failed(
        "adapter_head",
        "the adapter of a cross-encoder holds no classification head: it was neither trained nor saved, and "
        "a loader draws a new one at random",
        "train with modules_to_save=['classifier'] in the LoRA configuration",
    )


def _level(adapter: AdapterFiles, level: str | None) -> Check:
    if level is None:
        return passed("adapter_level", "names are those of the inner model")
    return failed(
        "adapter_level",
        f"all {number_of(len(adapter.modules), 'name starts', 'names start')} with {level!r}: peft was "
        "wrapped around the whole SentenceTransformer; loaded onto the model, not one of them fits, and a "
        "warning is all one sees",
        _FIX,
    )


def _keys(adapter: AdapterFiles, layers: Mapping[str, tuple[int, ...]], level: str | None) -> Check:
    faults = [f"{name} is no LoRA weight" for name in adapter.foreign]
    for name, halves in sorted(adapter.modules.items()):
        known = layers.get(name.removeprefix(level or ""))
        if halves.keys() != {"A", "B"}:
            faults.append(f"{name} has only half {'/'.join(halves)}")
        elif known is None:
            faults.append(f"{name} is not in the base model")
        elif (halves["B"].shape[0], halves["A"].shape[1]) != known:
            shape = (halves["B"].shape[0], halves["A"].shape[1])
            faults.append(f"{name} changes a {shape} weight, the base has {known}")
    if faults:
        return failed(
            "adapter_keys",
            f"{number_of(len(faults), 'name does', 'names do')} not fit the base: {'; '.join(faults[:3])}",
            "name the base it was trained from with --base-model, or " + _TRAIN_AGAIN,
        )
    return passed(
        "adapter_keys",
        f"all {number_of(len(adapter.modules), 'module fits', 'modules fit')} the base by name and shape",
    )


def _behaviour(subject: Subject, adapter: AdapterFiles, probes: Sequence[str]) -> Iterator[Check]:
    """Yield what the adapter does once it is loaded."""
    base = str(subject.base)
    model = load_float32(base, "cpu")
    yield base_check(subject.folder, base, model)
    model.load_adapter(str(subject.folder))
    model.eval()
    yield _values(adapter, model)
    on = embed_with(model, probes)
    model.disable_adapters()
    off = embed_with(model, probes)
    model.enable_adapters()
    wanted = [SavedModel(base)]
    if any(bool(halves["B"].any()) for halves in adapter.modules.values() if "B" in halves):
        wanted.append(SavedModel(base, str(subject.folder)))
    if subject.merged is not None:
        wanted.append(SavedModel(str(subject.merged)))
    try:
        fresh = embed_freshly(wanted, probes)
    except TicketkinError as error:
        yield failed("adapter_reload", f"a fresh process can't load it: {error}", _TRAIN_AGAIN)
        return
    yield _effect(on, off, fresh[0])
    if wanted[1:] and wanted[1].adapter is not None:
        yield same_embeddings("adapter_reload", "reloaded in a fresh process", on, fresh[1], _TRAIN_AGAIN)
    if subject.merged is not None:
        yield same_embeddings(
            "adapter_merged",
            f"the merged model in {subject.merged.name}",
            on,
            fresh[-1],
            "merge again: ticketkin merge",
        )
    yield from _size(model, subject.learning_rates)
    yield from compare_with_fingerprint(subject.folder, probe_embeddings(model))


def _values(adapter: AdapterFiles, model: Any) -> Check:
    """Compare what the model holds with what the file holds, value by value."""
    differing = []
    for name, module in lora_modules(model):
        saved = adapter.modules.get(name.partition(".auto_model.")[2] or name.split(".", 2)[-1], {})
        for half, layer in (("A", module.lora_A), ("B", module.lora_B)):
            held = layer["default"].weight
            if half not in saved or not bool((saved[half].to(held.dtype) == held).all()):
                differing.append(f"{name}.lora_{half}")
    if differing:
        return failed(
            "adapter_values",
            f"{number_of(len(differing), 'tensor is', 'tensors are')} not in the loaded model as in the file "
            f"({differing[0]})",
            _TRAIN_AGAIN,
        )
    return passed("adapter_values", "every tensor in the loaded model equals the file's")


def _effect(on: FloatArray, off: FloatArray, base: FloatArray) -> Check:
    moved, rest = largest_difference(on, base), largest_difference(off, base)
    if rest > SAME:
        return failed(
            "adapter_effect",
            f"switched off, the model still differs from a freshly loaded base by {rest:.2g}",
            "the base it was trained from is another; name it with --base-model",
        )
    if moved <= DIFFERENT:
        return failed(
            "adapter_effect",
            f"embeddings with the adapter equal those of a freshly loaded base (difference {moved:.2g})",
            _TRAIN_AGAIN,
        )
    cosines = (on * base).sum(axis=1)
    return passed(
        "adapter_effect",
        f"embeddings differ from a freshly loaded base by up to {moved:.3f} (mean cosine "
        f"{cosines.mean():.4f}), and equal it when switched off",
    )


def _size(model: Any, rates: Sequence[float]) -> Iterator[Check]:
    """Yield whether the change is of a plausible size, and within reach of the recorded steps."""
    change = median(relative_changes(model).values())
    if change < _HARDLY_MOVED:
        yield warning(
            "adapter_change",
            f"the weights hardly moved: median ||dW||/||W|| is {change:.1e}, usual is 3e-3 to 1e-1",
            "raise the learning rate (2e-4 is usual for LoRA, 5e-6 hardly moves it) or train longer",
        )
    elif change > _OVERWRITTEN:
        yield warning(
            "adapter_change",
            f"the change is as large as the weights: median ||dW||/||W|| is {change:.2g}",
            "lower the learning rate",
        )
    else:
        yield passed("adapter_change", f"median ||dW||/||W|| is {change:.1e}")
    if not rates:
        return
    largest = max(
        float(module.lora_B["default"].weight.detach().abs().max()) for _, module in lora_modules(model)
    )
    reach = _ADAM_BOUND * sum(rates)
    if largest > reach * 1.01:
        yield failed(
            "adapter_record",
            f"a lora_B value of {largest:.2e} is out of reach of the "
            f"{number_of(len(rates), 'recorded step')}, which move a weight by at most {reach:.2e}",
            "the record is not of this adapter, or the optimiser did not use the recorded rates",
        )
    else:
        yield passed(
            "adapter_record", f"weights are within reach of the {number_of(len(rates), 'recorded step')}"
        )


def base_of_adapter(folder: Path, settings: EncoderSettings) -> str | None:
    """Return the folder of an adapter's base: the one asked for, else the one it names, else None."""
    asked_for = settings.base_model != EncoderSettings().base_model or settings.offline
    if asked_for:
        return load_encoder(settings).source
    try:
        named = read_adapter(folder).base
    except TicketkinError:  # the examination of the adapter itself tells what is wrong
        return None
    base = model_at_hand(named) if named else None
    return str(base) if base else None
