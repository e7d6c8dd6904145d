"""Model folders that would run code, read other files or eat the memory of whoever opens them.

Each is a working model changed in one way; its payload makes the folder `marker`, wherever code runs.
"""

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

POOLING = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
DENSE = "sentence_transformers.base.modules.dense.Dense"


class Payload:
    """Makes a folder where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def change_json(path: Path, **entries: Any) -> None:
    """Set entries of a JSON object, made where it is missing."""
    content = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps(content | entries), "utf-8")


def _pickled(path: Path, marker: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(Payload(marker)))


def _pickle_alone(folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").unlink()
    _pickled(folder / "pytorch_model.bin", marker)


def _code(folder: Path, marker: Path, name: str = "hostile") -> None:
    (folder / f"{name}.py").write_text(f"import os\nos.mkdir({str(marker)!r})\nclass Model: pass\n", "utf-8")


def add_module(folder: Path, kind: Any, path: Any = "") -> None:
    """Append a module to `modules.json`."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    modules.append({"idx": len(modules), "name": str(len(modules)), "path": path, "type": kind})
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")


def _dense(folder: Path, activation: str, weights: str = "model.safetensors") -> None:
    import torch
    from safetensors.torch import save_file

    place = folder / "9_Dense"
    place.mkdir()
    change_json(
        place / "config.json", in_features=32, out_features=32, bias=False, activation_function=activation
    )
    save_file({"linear.weight": torch.eye(32)}, place / weights)
    add_module(folder, DENSE, "9_Dense")


def _decoy(folder: Path, marker: Path) -> None:
    """A dense layer whose weights are pickled, beside a safetensors file that nothing reads."""
    _dense(folder, "torch.nn.modules.linear.Identity", "decoy.safetensors")
    _pickled(folder / "9_Dense/pytorch_model.bin", marker)


def _decoy_in_the_root(folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").rename(folder / "decoy.safetensors")
    _pickled(folder / "pytorch_model.bin", marker)


def _parts(folder: Path, part: str) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": part}}), "utf-8")


def _pickled_parts(folder: Path, marker: Path) -> None:
    _parts(folder, "pytorch_model-00001.bin")
    _pickled(folder / "pytorch_model-00001.bin", marker)


def _pickled_index(folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").rename(folder / "decoy.safetensors")
    _pickled(folder / "pytorch_model-00001.bin", marker)
    (folder / "pytorch_model.bin.index.json").write_text(
        json.dumps({"weight_map": {"x": "pytorch_model-00001.bin"}}), "utf-8"
    )


def _link_to(folder: Path, name: str, target: Path) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(target)


def _outside(folder: Path, name: str) -> Path:
    path = folder.parent / name
    path.write_text("secret", "utf-8")
    return path


def _linked_folder(folder: Path, marker: Path) -> None:
    other = folder.parent / "other"
    _pickled(other / "pytorch_model.bin", marker)
    (folder / "9_Dense").symlink_to(other)
    add_module(folder, DENSE, "9_Dense")


def _pipe(folder: Path, marker: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")


def _own_code(folder: Path, marker: Path) -> None:
    _code(folder, marker)
    change_json(folder / "config.json", auto_map={"AutoModel": "hostile.Model"}, model_type="hostile")


def _own_code_of_a_known_type(folder: Path, marker: Path) -> None:
    _code(folder, marker)
    change_json(folder / "config.json", auto_map={"AutoModel": "hostile.Model"})


def _own_tokenizer(folder: Path, marker: Path) -> None:
    _code(folder, marker)
    change_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["hostile.Model", None]})


def _own_module(folder: Path, marker: Path) -> None:
    _code(folder, marker)
    add_module(folder, "hostile.Model")


def _adapter_around_a_pickled_base(folder: Path, marker: Path) -> None:
    """An adapter names a base on this machine, and the loader would open that."""
    base = folder.parent / "base"
    base.mkdir()
    (folder / "config.json").rename(base / "config.json")
    _pickled(base / "pytorch_model.bin", marker)
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    change_json(folder / "adapter_config.json", peft_type="LORA", base_model_name_or_path=str(base))


def _settings(name: str, **entries: Any) -> Callable[[Path, Path], None]:
    return lambda folder, marker: change_json(folder / name, **entries)


def _bytes(name: str, content: bytes) -> Callable[[Path, Path], None]:
    def write(folder: Path, marker: Path) -> None:
        (folder / name).write_bytes(content)

    return write


BERT = "sentence_bert_config.json"
RUNS_A_COMMAND = "torch.utils.collect_env.main"

HOSTILE: dict[str, Callable[[Path, Path], None]] = {
    "a pickle alone": _pickle_alone,
    "a decoy beside a pickle": _decoy_in_the_root,
    "a decoy beside a pickled dense layer": _decoy,
    "parts that are pickles": _pickled_parts,
    "parts of a pickle": _pickled_index,
    "parts outside": lambda f, m: _parts(f, "../model-00001.safetensors"),
    "a part that is missing": lambda f, m: _parts(f, "model-00002.safetensors"),
    "an index without weights": lambda f, m: (
        (f / "model.safetensors").unlink(), (f / "model.safetensors.index.json").write_text("[]"))[1],
    "weights linked from outside": lambda f, m: _link_to(
        f, "model.safetensors", _outside(f, "x.safetensors")),
    "words linked from outside": lambda f, m: _link_to(f, "vocab.txt", _outside(f, "secret.txt")),
    "a module linked from outside": _linked_folder,
    "a pipe": _pipe,
    "a device": lambda f, m: _link_to(f, "config.json", Path("/dev/zero")),
    "a module of its own": _own_module,
    "a module that runs a command": lambda f, m: add_module(f, "subprocess.Popen"),
    "a function of sentence-transformers": lambda f, m: add_module(
        f, "sentence_transformers.util.misc.import_from_string"),
    "a class that sentence-transformers imports": lambda f, m: add_module(
        f, "sentence_transformers.base.model.Path"),
    "a module that names further classes": lambda f, m: add_module(
        f, "sentence_transformers.base.modules.router.Router"),
    "a module outside": lambda f, m: add_module(f, DENSE, "../../elsewhere"),
    "a module at an absolute place": lambda f, m: add_module(f, DENSE, "/tmp"),
    "a module without a name of its class": lambda f, m: add_module(f, None),
    "an activation that runs a command": lambda f, m: _dense(f, RUNS_A_COMMAND),
    "an activation of os": lambda f, m: _dense(f, "os.abort"),
    "an activation that is a module": lambda f, m: _dense(f, "torch.nn.Sequential"),
    "a cross-encoder's activation": _settings(
        "config.json", sentence_transformers={"activation_fn": RUNS_A_COMMAND}),
    "an old cross-encoder's activation": _settings(
        "config.json", sbert_ce_default_activation_function=RUNS_A_COMMAND),
    "an architecture of its own": _own_code,
    "a known architecture with own code": _own_code_of_a_known_type,
    "a tokenizer of its own": _own_tokenizer,
    "a tokenizer that is a model": _settings("tokenizer_config.json", tokenizer_class="AutoModelForCausalLM"),
    "a tokenizer that is a function": _settings("tokenizer_config.json", tokenizer_class="workflows"),
    "a processor": _settings("tokenizer_config.json", processor_class="ProcessorMixin"),
    "words of this machine": _settings("tokenizer_config.json", vocab_file="/etc/passwd"),
    "words above the folder": lambda f, m: (
        _outside(f, "secret.txt"), change_json(f / "tokenizer_config.json", merges_file="../secret.txt"))[1],
    "weights under another name": _settings("config.json", transformers_weights="pytorch_model.bin"),
    "quantised weights": _settings("config.json", quantization_config={"quant_method": "awq"}),
    "attention from the hub": _settings("config.json", attn_implementation="someone/kernel"),
    "attention from the hub, inside": _settings("config.json", _attn_implementation="someone/kernel:f"),
    "a model that loads others": _settings("config.json", model_type="rag"),
    "a backbone": _settings("config.json", backbone="resnet50", use_timm_backbone=True),
    "a request to trust": _settings(BERT, model_args={"trust_remote_code": True}),
    "another file format": _settings(BERT, model_kwargs={"gguf_file": "x.gguf"}),
    "a tokenizer elsewhere": _settings(BERT, tokenizer_name_or_path="someone/else"),
    "a method that writes": _settings(
        BERT, modality_config={"text": {"method": "save_pretrained", "method_output_name": None}}),
    "settings that are no object": _settings(BERT, modality_config=["text"], model_args="x"),
    "an adapter around a pickled base": _adapter_around_a_pickled_base,
    "an adapter of another kind": lambda f, m: change_json(f / "adapter_config.json", peft_type="OS"),
    "a billion layers": _settings("config.json", num_hidden_layers=10**9),
    "a matrix of a million by a million": _settings("config.json", hidden_size=10**6, vocab_size=10**6),
    "a billion labels": _settings("config.json", num_labels=10**9),
    "settings nested too deeply": _bytes("config.json", b'{"a":' * 50_000),
    "settings that are a number": _bytes("config.json", b"9" * 10_000),
    "settings that are binary": _bytes("config_sentence_transformers.json", b"\xff\xfe\x00\x01"),
    "settings of 20 MB": _bytes("config.json", b'{"a": "' + b"x" * (20 << 20) + b'"}'),
    "a list of modules that is none": _bytes("modules.json", b'{"type": 1}'),
    "no modules": _bytes("modules.json", b"[]"),
}  # fmt: skip
"""Refused before anything is loaded."""

DAMAGED: dict[str, Callable[[Path, Path], None]] = {
    "weights without a header": _bytes("model.safetensors", b""),
    "weights with an endless header": _bytes("model.safetensors", struct.pack("<Q", 1 << 62)),
    "weights that are a pickle": lambda f, m: _pickled(f / "model.safetensors", m),
    "weights of other shapes": lambda f, m: change_json(f / "config.json", hidden_size=64),
    "a tokenizer that is none": _bytes("tokenizer.json", b'{"model": {"type": "BPE", "vocab": 1}}'),
}
"""Refused by the loader, which opens nothing but safetensors and JSON."""
