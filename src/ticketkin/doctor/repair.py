"""Adapters made usable: re-keyed when saved at the wrong level, merged into a plain model; both proven."""

from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.errors import InactiveAdapterError, InputError
from ticketkin.core.outputs import check_folder_output
from ticketkin.core.replacement import contained_entries
from ticketkin.core.wording import number_of
from ticketkin.encoders.activity import SAME
from ticketkin.encoders.adapter import lora_modules, scaled_merge
from ticketkin.encoders.adapter_files import AdapterFiles, read_adapter, wrong_level
from ticketkin.encoders.fingerprint import FINGERPRINT
from ticketkin.encoders.fresh_process import SavedModel, embed_freshly
from ticketkin.encoders.loading import load_float32
from ticketkin.encoders.probes import PROBES, largest_difference
from ticketkin.encoders.saving import base_in, save_adapter
from ticketkin.encoders.serving import SERVING
from ticketkin.encoders.weights import inner_module

# What sentence-transformers, peft and Ticketkin write into the folder of a model or adapter, beside weights.
# A folder with anything else in it is never replaced: that would be a file of the user's.
_MODEL_FILES = frozenset({
    "modules.json", "config.json", "config_sentence_transformers.json", "sentence_bert_config.json",
    "adapter_config.json", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
    "sentencepiece.bpe.model", "spiece.model", "chat_template.jinja", SERVING, FINGERPRINT,
    "training_metadata.json",
})  # fmt: skip


def check_model_output(out: Path, adapter: Path, base: str, *, force: bool = False) -> None:
    """Raise OutputRefusedError where a model made of an adapter and its base may not be written to `out`.

    A folder that is not empty is replaced with `force` alone, and only where it is a model or an adapter and
    holds nothing else.
    """
    sources = [path for path in (adapter, Path(base)) if path.exists()]
    check_folder_output(out, sources, _is_model, force=force)


def _is_model(folder: Path) -> bool:
    files = contained_entries(folder)
    marked = any((folder / name).is_file() for name in ("modules.json", "adapter_config.json"))
    return marked and all(_is_of_model(file) for file in files)


def _is_of_model(file: Path) -> bool:
    return not file.is_symlink() and (file.name in _MODEL_FILES or file.suffix == ".safetensors")


def rekey_adapter(folder: Path, base: str, out: Path, *, force: bool = False) -> int:
    """Write the adapter in `folder` to `out` under the names of the base's inner model.

    `out` becomes a complete folder that `SentenceTransformer(out)` loads. Returns the number of modules.
    Raises InputError where the adapter does not fit the base even so, OutputRefusedError as
    `check_model_output`.
    """
    from peft import LoraConfig, TaskType

    check_model_output(out, folder, base, force=force)
    adapter = read_adapter(folder)
    model: Any = load_float32(base, "cpu")
    inner = inner_module(model)
    layers = [name for name, module in inner.named_modules() if hasattr(module, "weight")]
    prefix = wrong_level(adapter.modules, layers) or ""
    names = [name.removeprefix(prefix) for name in adapter.modules]
    unknown = sorted(set(names) - set(layers))
    if unknown or not names:
        raise InputError(
            f"The adapter in {folder} does not fit the base {base}: {len(unknown)} of "
            f"{number_of(len(names), 'module')} are not in it ({', '.join(unknown[:3])}). Name the base it "
            "was trained from with --base-model"
        )
    untouched = base_in(base, model)
    config = adapter.config
    model.add_adapter(
        LoraConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            target_modules=names,
            r=config.r,
            lora_alpha=config.lora_alpha,
            lora_dropout=config.lora_dropout,
            use_rslora=config.use_rslora,
        )
    )
    _fill(model, adapter, prefix)
    with atomic_path(out) as temporary:
        save_adapter(model, temporary, untouched)
    return len(names)


def _fill(model: Any, adapter: AdapterFiles, prefix: str) -> None:
    import torch

    saved = adapter.modules
    with torch.no_grad():
        for name, module in lora_modules(model):
            halves = saved[prefix + name.split(".", 2)[-1]]
            for half, layer in (("A", module.lora_A), ("B", module.lora_B)):
                layer["default"].weight.copy_(halves[half])


def merge_adapter(folder: Path, base: str, out: Path, strength: float = 1.0, *, force: bool = False) -> float:
    """Write W + strength * BA as a plain model folder and prove it in a fresh process.

    Returns the largest difference between embeddings of the merged model and of base plus adapter.
    Raises InactiveAdapterError if they are not the same, or if the adapter changes nothing;
    OutputRefusedError as `check_model_output`.
    """
    check_model_output(out, folder, base, force=force)
    with atomic_path(out) as temporary:
        scaled_merge(base, folder, strength, temporary)
        merged, adapted = embed_freshly(
            [SavedModel(str(temporary)), SavedModel(base, str(folder.resolve()), strength)], PROBES
        )
        difference = largest_difference(merged, adapted)
        if difference > SAME:
            raise InactiveAdapterError(
                f"The merged model differs from base plus adapter by {difference:.2g}; nothing was written. "
                "Check the adapter with: ticketkin doctor"
            )
    return difference
