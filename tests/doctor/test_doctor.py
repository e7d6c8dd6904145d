"""The doctor on healthy folders and on each fault it exists for."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_material import save_adapter, save_around_the_whole, save_while_wrapped

from ticketkin.core.checks import Check, Outcome, any_failed
from ticketkin.core.errors import InactiveAdapterError, InputError
from ticketkin.doctor.adapters import Subject, examine_adapter
from ticketkin.doctor.models import examine_model
from ticketkin.doctor.repair import merge_adapter, rekey_adapter
from ticketkin.encoders.adapter import scaled_merge
from ticketkin.encoders.loading import load_float32
from ticketkin.encoders.probes import PROBES, embed_with
from ticketkin.encoders.saving import save_encoder

pytest.importorskip("peft", reason="the extra 'lora' is not installed")


@pytest.fixture(scope="module")
def saved(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_adapter(tiny_encoder_folder, tmp_path_factory.mktemp("saved") / "adapter")


@pytest.fixture
def adapter(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "adapter"))


@pytest.fixture
def model(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    save_encoder(load_float32(str(tiny_encoder_folder), "cpu"), tmp_path / "model", None, "{title}")
    return tmp_path / "model"


def outcomes(checks: list[Check]) -> dict[str, Outcome]:
    return {check.code: check.outcome for check in checks}


def evidence(checks: list[Check], code: str) -> str:
    return next(check.evidence for check in checks if check.code == code)


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    from safetensors.torch import load_file, save_file

    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def test_a_healthy_adapter_passes_every_check(tiny_encoder_folder: Path, adapter: Path) -> None:
    merged = adapter.with_name("merged")
    scaled_merge(tiny_encoder_folder, adapter, 1.0, merged)
    checks = examine_adapter(Subject(adapter, str(tiny_encoder_folder), merged, [0.05] * 20))
    assert set(outcomes(checks).values()) == {Outcome.PASSED}
    assert outcomes(checks).keys() == {
        "adapter_files", "adapter_precision", "adapter_numbers", "adapter_zero", "adapter_level",
        "adapter_keys", "adapter_values", "adapter_effect", "adapter_reload", "adapter_merged",
        "adapter_change", "adapter_record", "adapter_base",
        "fingerprint_settings", "fingerprint_tokenizer", "fingerprint_weights", "fingerprint_embeddings",
    }  # fmt: skip


def test_without_a_base_the_files_alone_are_examined(adapter: Path) -> None:
    checks = examine_adapter(Subject(adapter))
    assert not any_failed(checks)
    assert outcomes(checks)["adapter_effect"] is Outcome.SKIPPED


def test_names_of_the_wrong_level_are_found_and_repaired(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    wrong = save_around_the_whole(tiny_encoder_folder, tmp_path / "wrong")
    checks = examine_adapter(Subject(wrong, str(tiny_encoder_folder)))
    assert outcomes(checks)["adapter_level"] is Outcome.FAILED
    assert "all 4 names start with '0.model.'" in evidence(checks, "adapter_level")
    assert rekey_adapter(wrong, str(tiny_encoder_folder), tmp_path / "right") == 4
    repaired = examine_adapter(Subject(tmp_path / "right", str(tiny_encoder_folder)))
    assert set(outcomes(repaired).values()) == {Outcome.PASSED}
    with pytest.raises(InputError, match="exists"):
        rekey_adapter(wrong, str(tiny_encoder_folder), tmp_path / "right")


def test_zero_and_broken_numbers_are_named(tiny_encoder_folder: Path, adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    rewrite(path, lambda tensors: {n: t * 0 if "lora_B" in n else t for n, t in tensors.items()})
    checks = examine_adapter(Subject(adapter, str(tiny_encoder_folder)))
    assert outcomes(checks)["adapter_zero"] is outcomes(checks)["adapter_effect"] is Outcome.FAILED
    assert "12 of 12 lora_B are all zero" in evidence(checks, "adapter_zero")
    rewrite(path, lambda tensors: {n: t + float("nan") for n, t in tensors.items()})
    assert outcomes(examine_adapter(Subject(adapter)))["adapter_numbers"] is Outcome.FAILED


def test_half_precision_is_no_good_on_a_cpu(adapter: Path, model: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a GPU computes in half precision")
    rewrite(adapter / "adapter_model.safetensors", lambda t: {n: v.half() for n, v in t.items()})
    assert outcomes(examine_adapter(Subject(adapter)))["adapter_precision"] is Outcome.FAILED
    rewrite(model / "model.safetensors", lambda t: {n: v.half() for n, v in t.items()})
    assert outcomes(examine_model(model))["model_precision"] is Outcome.FAILED


def test_another_base_and_missing_halves_do_not_fit(tiny_encoder_folder: Path, adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"

    def spoil(tensors: dict[str, Any]) -> dict[str, Any]:
        first, second = sorted(tensors)[:2], sorted(tensors)[2:4]
        kept = {n: t for n, t in tensors.items() if n != first[0]}
        return {n.replace("layer.0", "layer.9") if n in second else n: t for n, t in kept.items()}

    rewrite(path, spoil)
    checks = examine_adapter(Subject(adapter, str(tiny_encoder_folder)))
    assert outcomes(checks)["adapter_keys"] is Outcome.FAILED
    assert "has only half B" in evidence(checks, "adapter_keys")
    assert "is not in the base model" in evidence(checks, "adapter_keys")


def test_a_merge_that_is_not_the_adapter_is_found(tiny_encoder_folder: Path, adapter: Path) -> None:
    checks = examine_adapter(Subject(adapter, str(tiny_encoder_folder), tiny_encoder_folder))
    assert outcomes(checks)["adapter_merged"] is Outcome.FAILED


def test_weights_out_of_reach_of_the_recorded_steps(tiny_encoder_folder: Path, adapter: Path) -> None:
    checks = examine_adapter(Subject(adapter, str(tiny_encoder_folder), None, [1e-6] * 20))
    assert outcomes(checks)["adapter_record"] is Outcome.FAILED


def test_an_adapter_that_hardly_moved_is_stated(tiny_encoder_folder: Path, adapter: Path) -> None:
    rewrite(
        adapter / "adapter_model.safetensors",
        lambda tensors: {n: t * 1e-4 if "lora_B" in n else t for n, t in tensors.items()},
    )
    checks = examine_adapter(Subject(adapter, str(tiny_encoder_folder)))
    assert outcomes(checks)["adapter_change"] is Outcome.WARNING


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("adapter_config.json", "{", "is damaged"),
        ("adapter_config.json", '{"peft_type": "IA3"}', "of the type 'IA3'"),
        ("adapter_config.json", '{"peft_type": "LORA", "r": "eight"}', "r: Input should be a valid integer"),
        ("adapter_model.safetensors", "no tensors", "is damaged"),
    ],
)
def test_damaged_files_are_reported(adapter: Path, name: str, content: str, message: str) -> None:
    (adapter / name).write_text(content)
    checks = examine_adapter(Subject(adapter))
    assert [check.code for check in checks] == ["adapter_files"]
    assert any_failed(checks) and message in checks[0].evidence


def test_a_healthy_model_passes_every_check(model: Path) -> None:
    checks = examine_model(model)
    assert set(outcomes(checks).values()) == {Outcome.PASSED}
    assert len(checks) == 13


def test_a_model_saved_while_wrapped_is_drawn_anew(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    checks = examine_model(save_while_wrapped(tiny_encoder_folder, tmp_path / "wrapped"))
    assert outcomes(checks)["model_weights"] is Outcome.FAILED
    assert "not in the file under their names" in evidence(checks, "model_weights")


def test_a_model_served_otherwise_than_trained_is_found(model: Path) -> None:
    record = json.loads((model / "ticketkin.json").read_text())
    (model / "ticketkin.json").write_text(json.dumps({**record, "max_length_tokens": 8}))
    checks = examine_model(model)
    assert outcomes(checks)["model_serving"] is Outcome.FAILED
    assert "max_length_tokens is 32, was 8" in evidence(checks, "model_serving")
    (model / "ticketkin.json").unlink()
    assert outcomes(examine_model(model))["model_serving"] is Outcome.WARNING


def test_a_collapsed_model_is_found(model: Path) -> None:
    def flatten(tensors: dict[str, Any]) -> dict[str, Any]:
        return {n: t * 0 if "word_embeddings" in n or "position" in n else t for n, t in tensors.items()}

    rewrite(model / "model.safetensors", flatten)
    assert outcomes(examine_model(model))["model_spread"] is Outcome.FAILED


def test_an_all_zero_model_is_found(model: Path) -> None:
    rewrite(model / "model.safetensors", lambda tensors: {n: t * 0 for n, t in tensors.items()})
    checks = examine_model(model)
    assert outcomes(checks)["model_values"] is outcomes(checks)["model_numbers"] is Outcome.FAILED
    assert "weights are all zero" in evidence(checks, "model_values")
    assert "has the length 0" in evidence(checks, "model_numbers")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_found(model: Path, value: float) -> None:
    def spoil(tensors: dict[str, Any]) -> dict[str, Any]:
        name = next(n for n in tensors if "layer.1" in n and n.endswith("weight"))
        tensors[name].view(-1)[0] = value
        return tensors

    rewrite(model / "model.safetensors", spoil)
    assert "hold NaN or infinity" in evidence(examine_model(model), "model_values")
    assert any_failed(examine_model(model))


def test_zeros_in_a_module_behind_the_encoder_are_found(model: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from hostile_models import DENSE, add_module, change_json

    dense = model / "2_Dense"
    dense.mkdir()
    change_json(
        dense / "config.json", in_features=32, out_features=32, bias=False,
        activation_function="torch.nn.modules.linear.Identity",
    )  # fmt: skip
    save_file({"linear.weight": torch.zeros(32, 32)}, dense / "model.safetensors")
    add_module(model, DENSE, "2_Dense")
    assert "linear.weight" in evidence(examine_model(model), "model_values")


def test_a_model_that_tells_nearly_all_texts_alike_is_found(model: Path) -> None:
    """One text apart from all others does not make up for the rest."""

    def flatten(tensors: dict[str, Any]) -> dict[str, Any]:
        for name, tensor in tensors.items():
            if "word_embeddings" in name:
                tensor.mul_(1e-4)
            if "position" in name:
                tensor[:] = tensor[0]
        return tensors

    rewrite(model / "model.safetensors", flatten)
    assert outcomes(examine_model(model))["model_spread"] is Outcome.FAILED


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"template": 1}', '{"template": NaN}'])
def test_a_damaged_record_of_serving_is_reported(model: Path, content: str) -> None:
    (model / "ticketkin.json").write_text(content)
    checks = examine_model(model)
    assert outcomes(checks)["model_serving"] is Outcome.FAILED
    assert "ticketkin.json is damaged" in evidence(checks, "model_serving")


def test_an_adapter_is_no_whole_model(adapter: Path) -> None:
    assert outcomes(examine_model(adapter)) == {"model_files": Outcome.FAILED}


def test_no_model_at_all(tmp_path: Path) -> None:
    assert outcomes(examine_model(tmp_path / "nothing")) == {"model_files": Outcome.FAILED}


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_merge_is_base_plus_its_share_of_the_change(
    tiny_encoder_folder: Path, adapter: Path, tmp_path: Path, strength: float
) -> None:
    assert merge_adapter(adapter, str(tiny_encoder_folder), tmp_path / "merged", strength) < 1e-5
    base = embed_with(load_float32(str(tiny_encoder_folder), "cpu"), PROBES)
    merged = embed_with(load_float32(str(tmp_path / "merged"), "cpu"), PROBES)
    assert np.abs(merged - base).max() > 1e-3
    assert not (tmp_path / "merged" / "adapter_config.json").exists()


def test_an_inactive_adapter_is_not_merged(tiny_encoder_folder: Path, adapter: Path, tmp_path: Path) -> None:
    rewrite(
        adapter / "adapter_model.safetensors",
        lambda tensors: {n: t * 0 if "lora_B" in n else t for n, t in tensors.items()},
    )
    with pytest.raises(InactiveAdapterError):
        merge_adapter(adapter, str(tiny_encoder_folder), tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
