"""A model folder away from its run: each way of spoiling one is named, and a clean folder raises nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_material import save_adapter

from ticketkin.core.checks import Check, Outcome
from ticketkin.doctor.adapters import Subject, examine_adapter
from ticketkin.doctor.cross_encoders import examine_cross_encoder
from ticketkin.doctor.fingerprints import base_check, compare_with_fingerprint, probe_embeddings
from ticketkin.doctor.models import examine_model
from ticketkin.encoders.adapter import scaled_merge
from ticketkin.encoders.cross_encoder import load_cross_encoder, save_cross_model
from ticketkin.encoders.fingerprint import FINGERPRINT
from ticketkin.encoders.loading import load_encoder, load_float32
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.relations.kinds import KINDS
from ticketkin.training.head import save_head_model, train_head
from ticketkin.training.positives import PositivePairs
from ticketkin.training.settings import HeadSettings
from ticketkin.workflows.examination import examine
from tiny_model import build_tiny_encoder

pytest.importorskip("peft", reason="the extra 'lora' is not installed")

Spoil = Callable[[Path], None]
ALL = {"fingerprint_settings", "fingerprint_tokenizer", "fingerprint_weights", "fingerprint_embeddings"}


def edit_json(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    from safetensors.torch import load_file, save_file

    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def failures(checks: list[Check]) -> dict[str, str]:
    return {check.code: check.evidence for check in checks if check.outcome is Outcome.FAILED}


@pytest.fixture(scope="module")
def saved_adapter(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_adapter(tiny_encoder_folder, tmp_path_factory.mktemp("tuned") / "adapter")


@pytest.fixture(scope="module")
def saved_model(
    saved_adapter: Path, tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A tuned encoder with a head behind it."""
    merged = tmp_path_factory.mktemp("merged") / "merged"
    scaled_merge(tiny_encoder_folder, saved_adapter, 1.0, merged, template="{title}")
    encoder = load_encoder(EncoderSettings(base_model=str(merged), device="cpu"))
    rows = np.arange(0, 64, 2)
    none = np.full((32, 0), -1, dtype=np.int64)
    kin = PositivePairs(rows, rows + 1, np.ones_like(rows), rows // 2, none)
    head = train_head(probe_embeddings(encoder.model), kin, HeadSettings(epochs=2), 0)
    folder = merged.with_name("head")
    save_head_model(encoder, head, 1.0, folder, "{title}")
    return folder


@pytest.fixture
def model(saved_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved_model, tmp_path / "model"))


@pytest.fixture
def adapter(saved_adapter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved_adapter, tmp_path / "adapter"))


@pytest.fixture(scope="module")
def saved_reader(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of all kinds."""
    folder = tmp_path_factory.mktemp("reader") / "cross_encoder"
    model = load_cross_encoder(tiny_encoder_folder, "cpu", len(KINDS))
    config = model.transformers_model.config
    config.id2label, config.label2id = dict(enumerate(KINDS)), {kind: n for n, kind in enumerate(KINDS)}
    save_cross_model(model, folder)
    return folder


def compared(folder: Path) -> list[Check]:
    return compare_with_fingerprint(folder, probe_embeddings(load_float32(str(folder), "cpu")))


def test_clean_folders_raise_nothing(
    saved_model: Path, saved_adapter: Path, saved_reader: Path, tiny_encoder_folder: Path
) -> None:
    for checks in (
        examine_model(saved_model),
        examine_adapter(Subject(saved_adapter, str(tiny_encoder_folder))),
        examine_cross_encoder(saved_reader),
    ):
        assert not failures(checks)
        assert {check.code for check in checks if check.outcome is Outcome.PASSED} >= ALL


def test_a_folder_moved_and_saved_in_parts_is_still_the_same(model: Path) -> None:
    """Only what a loader reads counts, not how the weights are laid out in files."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(model / "model.safetensors")
    first, second = sorted(tensors)[:20], sorted(tensors)[20:]
    places = {}
    for number, names in enumerate((first, second), start=1):
        part = f"model-0000{number}-of-00002.safetensors"
        save_file({name: tensors[name] for name in names}, model / part, metadata={"format": "pt"})
        places |= dict.fromkeys(names, part)
    (model / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    (model / "model.safetensors").unlink()
    assert not failures(compared(Path(model.rename(model.with_name("elsewhere")))))


def test_a_folder_without_a_fingerprint_says_so(model: Path) -> None:
    (model / FINGERPRINT).unlink()
    checks = compared(model)
    assert [check.outcome for check in checks] == [Outcome.SKIPPED]
    assert "no fingerprint to compare with" in checks[0].evidence


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content.pop("weights"),
        lambda content: content["outputs"].update(shape=[64, 31]),
        lambda content: content["outputs"].update(float32="no base64"),
        lambda content: content.update(format=99),
    ],
)
def test_a_damaged_fingerprint_is_named(model: Path, spoil: Callable[[dict[str, Any]], Any]) -> None:
    edit_json(model / FINGERPRINT, spoil)
    named = failures(compared(model))
    assert named.keys() == {"fingerprint"} and FINGERPRINT in named["fingerprint"]


def _setting(file: str, **values: Any) -> Spoil:
    return lambda folder: edit_json(folder / file, lambda content: content.update(values))


def _words(change: Callable[[dict[str, int]], dict[str, int]]) -> Spoil:
    def spoil(folder: Path) -> None:
        def edit(content: dict[str, Any]) -> None:
            content["model"]["vocab"] = change(content["model"]["vocab"])

        edit_json(folder / "tokenizer.json", edit)

    return spoil


def _permuted(words: dict[str, int]) -> dict[str, int]:
    """Exchange the numbers of ordinary words; the special ones stay."""
    ordinary = [word for word in words if not word.startswith("[")]
    return words | dict(zip(ordinary, [words[word] for word in reversed(ordinary)], strict=True))


def _lower_case(folder: Path) -> None:
    edit_json(folder / "tokenizer.json", lambda content: content["normalizer"].update(lowercase=False))
    edit_json(folder / "tokenizer_config.json", lambda content: content.update(do_lower_case=False))


def _weights(file: str, part: str, change: Callable[[Any], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        rewrite(
            folder / file, lambda t: {n: change(w).contiguous() if part in n else w for n, w in t.items()}
        )

    return spoil


def _garbage(weight: Any) -> Any:
    import torch

    changed = weight.clone()
    changed[20:23] = torch.randn(3, weight.shape[1], generator=torch.Generator().manual_seed(0))
    return changed


def _drop_layer(folder: Path) -> None:
    edit_json(folder / "config.json", lambda content: content.update(num_hidden_layers=1))
    rewrite(
        folder / "model.safetensors",
        lambda tensors: {name: weight for name, weight in tensors.items() if "layer.1." not in name},
    )


def _without_last_module(folder: Path) -> None:
    path = folder / "modules.json"
    path.write_text(json.dumps(json.loads(path.read_text())[:-1]))


MODEL, DENSE = "model.safetensors", "layer.0.output.dense.weight"
WORDS = "word_embeddings"
HEAD = "3_Dense/model.safetensors"


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        pytest.param(_setting("1_Pooling/config.json", pooling_mode="cls"), "fingerprint_settings",
                     "pooling_mode is 'cls' in 1_Pooling/config.json, was 'mean'", id="pooling"),
        pytest.param(_lower_case, "fingerprint_settings",
                     "normalizer.lowercase is False in tokenizer.json, was True", id="lower-casing"),
        pytest.param(_words(_permuted), "fingerprint_tokenizer", "words are in another order", id="permuted"),
        pytest.param(_words(lambda words: {f"{w}x" if w == "printer" else w: n for w, n in words.items()}),
                     "fingerprint_tokenizer", "it has other words", id="another word"),
        pytest.param(_weights(MODEL, WORDS, lambda w: w.flip(0)), "fingerprint_weights",
                     "rows in another order: embeddings.word_embeddings.weight", id="rows permuted"),
        pytest.param(_drop_layer, "fingerprint_weights", "weights missing (encoder.layer.1.",
                     id="layer dropped"),
        pytest.param(_setting("config.json", num_hidden_layers=1), "fingerprint_settings",
                     "num_hidden_layers is 1 in config.json, was 2", id="layer skipped"),
        pytest.param(_setting("config.json", hidden_act="relu"), "fingerprint_settings",
                     "hidden_act is 'relu' in config.json, was 'gelu'", id="activation"),
        pytest.param(_setting("ticketkin.json", template="{description}"), "fingerprint_settings",
                     "template is '{description}' in ticketkin.json, was '{title}'", id="template"),
        pytest.param(_setting("sentence_bert_config.json", max_seq_length=8), "fingerprint_settings",
                     "max_seq_length is 8", id="token limit"),
        pytest.param(_weights(HEAD, "weight", lambda w: w.half()), "fingerprint_weights",
                     "saved as float16, was float32: 3_Dense/linear.weight", id="float16 head"),
        pytest.param(_weights(MODEL, WORDS, _garbage), "fingerprint_weights",
                     "rows overwritten in 2 of 64 parts", id="garbage rows"),
        pytest.param(_weights(MODEL, DENSE, lambda w: -w), "fingerprint_weights",
                     "signs flipped: encoder.layer.0.output.dense.weight", id="signs"),
        pytest.param(_weights(MODEL, DENSE, lambda w: w * 2), "fingerprint_weights",
                     "other values: encoder.layer.0.output.dense.weight", id="other values"),
        pytest.param(_without_last_module, "fingerprint_settings",
                     "4_Normalize/config.json is missing", id="modules"),
    ],
)  # fmt: skip
def test_each_fault_of_an_encoder_is_named(model: Path, spoil: Spoil, code: str, words: str) -> None:
    spoil(model)
    assert words in failures(compared(model))[code]


def test_the_untouched_base_in_the_place_of_the_tuned_model_is_named(
    model: Path, saved_adapter: Path, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    merged = tmp_path / "merged"
    scaled_merge(tiny_encoder_folder, saved_adapter, 1.0, merged, template="{title}")
    shutil.copytree(tiny_encoder_folder, merged, dirs_exist_ok=True)
    assert "embeddings of the untouched base (tiny)" in failures(compared(merged))["fingerprint_embeddings"]


def of_adapter(adapter: Path, base: Path) -> dict[str, str]:
    from ticketkin.encoders.adapter import load_with_adapter

    loaded = load_with_adapter(base, adapter, "cpu")
    untouched = load_float32(str(base), "cpu")
    checks = compare_with_fingerprint(adapter, probe_embeddings(loaded))
    return failures([*checks, base_check(adapter, str(base), untouched)])


def _swap_layers(tensors: dict[str, Any]) -> dict[str, Any]:
    exchanged = {".layer.0.": ".layer.1.", ".layer.1.": ".layer.0."}
    return {
        next((name.replace(a, b) for a, b in exchanged.items() if a in name), name): weight
        for name, weight in tensors.items()
    }


ADAPTER = "adapter_model.safetensors"


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        pytest.param(_setting("adapter_config.json", lora_alpha=8), "fingerprint_settings",
                     "lora_alpha is 8 in adapter_config.json, was 4", id="alpha"),
        pytest.param(lambda folder: rewrite(folder / ADAPTER, _swap_layers), "fingerprint_weights",
                     "holds what another layer held", id="layers swapped"),
        pytest.param(_weights(ADAPTER, "lora_B", lambda w: -w), "fingerprint_weights",
                     "signs flipped", id="signs"),
        pytest.param(_weights(ADAPTER, "lora_B", lambda w: w * 0.5), "fingerprint_weights", "other values",
                     id="halved"),
    ],
)  # fmt: skip
def test_each_fault_of_an_adapter_is_named(
    adapter: Path, tiny_encoder_folder: Path, spoil: Spoil, code: str, words: str
) -> None:
    assert not of_adapter(adapter, tiny_encoder_folder)
    spoil(adapter)
    named = of_adapter(adapter, tiny_encoder_folder)
    assert words in named[code] and "fingerprint_embeddings" in named


def test_another_base_of_the_same_shape_is_named(adapter: Path, tmp_path: Path) -> None:
    other = build_tiny_encoder(tmp_path / "other", seed=1)
    assert "not the one the adapter was trained on (tiny)" in of_adapter(adapter, other)["adapter_base"]


def test_an_adapter_on_its_own_merged_model_is_named(
    adapter: Path, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    scaled_merge(tiny_encoder_folder, adapter, 1.0, tmp_path / "merged")
    assert "its change counts twice" in of_adapter(adapter, tmp_path / "merged")["adapter_base"]


def test_a_base_saved_again_is_the_same_base(
    adapter: Path, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    load_float32(str(tiny_encoder_folder), "cpu").save_pretrained(str(tmp_path / "again"))
    _setting("config.json", transformers_version="4.0")(tmp_path / "again")
    assert not of_adapter(adapter, tmp_path / "again")


def _swap_labels(folder: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        names = content["id2label"]
        names["0"], names["1"] = names["1"], names["0"]

    edit_json(folder / "config.json", edit)


def _randomise(weight: Any) -> Any:
    import torch

    return torch.randn(weight.shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        pytest.param(_swap_labels, "fingerprint_settings",
                     f"id2label.0 is '{KINDS[1]}' in config.json, was '{KINDS[0]}'", id="id2label"),
        pytest.param(_weights(MODEL, "classifier.weight", _randomise), "fingerprint_weights",
                     "other values: classifier.weight", id="last layer"),
    ],
)  # fmt: skip
def test_each_fault_of_a_cross_encoder_is_named(
    saved_reader: Path, tmp_path: Path, spoil: Spoil, code: str, words: str
) -> None:
    folder = Path(shutil.copytree(saved_reader, tmp_path / "reader"))
    spoil(folder)
    examined = examine(folder, EncoderSettings(offline=True))
    assert words in failures(examined[0].checks)[code]


def test_nothing_saves_a_model_past_the_one_place() -> None:
    """A model written elsewhere would lack its fingerprint."""
    import ticketkin

    source = Path(ticketkin.__file__).parent
    calling = sorted(
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if ".save_pretrained(" in path.read_text("utf-8")
    )
    assert calling == ["encoders/saving.py"]
