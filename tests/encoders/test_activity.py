import shutil
from pathlib import Path

import numpy as np
import pytest

from ticketkin.core.errors import InactiveAdapterError, UnsafeArtifactError
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.activity import ActivityProof, measure, prove_adapter_active
from ticketkin.encoders.fresh_process import embed_here
from ticketkin.encoders.loading import load_folder
from ticketkin.encoders.settings import EncoderSettings

pytest.importorskip("peft", reason="the extra 'lora' is not installed")

PROBES = ["printer error on my laptop", "vpn is slow", "cannot open shared drive", "mail server down"]


@pytest.fixture(scope="module")
def trained(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FloatArray]:
    """A folder with adapter/ and merged/, and the embeddings of the model in memory."""
    import torch
    from peft import LoraConfig

    folder = tmp_path_factory.mktemp("trained")
    model = load_folder(tiny_encoder_folder, EncoderSettings(device="cpu")).model
    model.add_adapter(LoraConfig(r=2, target_modules="all-linear", task_type="FEATURE_EXTRACTION"))
    torch.manual_seed(0)
    plain = load_folder(tiny_encoder_folder, EncoderSettings(device="cpu")).model
    layers = dict(plain.named_modules())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.1)
        for name, module in model.named_modules():
            if hasattr(module, "lora_B"):
                layers[name].weight += module.get_delta_weight("default")
    model.eval()
    model.save_pretrained(str(folder / "adapter"), create_model_card=False)
    plain.save_pretrained(str(folder / "merged"), create_model_card=False)
    return folder, model.encode(PROBES, normalize_embeddings=True)


@pytest.fixture
def copied(trained: tuple[Path, FloatArray], tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained[0], tmp_path / "trained"))


def _measured(base: Path, folder: Path) -> ActivityProof:
    """Measure here what the fresh process measures, which saves its start."""
    return measure(base, folder / "adapter", folder / "merged", PROBES, embed=embed_here)


def _rewrite(folder: Path, change: object) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "adapter" / "adapter_model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})  # type: ignore[operator]


def test_an_active_adapter_is_proven_in_a_fresh_process(
    tiny_encoder_folder: Path, trained: tuple[Path, FloatArray]
) -> None:
    folder, expected = trained
    proof = prove_adapter_active(tiny_encoder_folder, folder / "adapter", folder / "merged", PROBES, expected)
    assert proof.difference_from_base > 1e-3
    assert proof.difference_from_memory is not None
    assert proof.difference_from_memory < 1e-5
    assert proof.difference_of_merged < 1e-5
    assert proof.zero_modules == []
    assert proof.n_modules > 0
    assert proof.n_probes == len(PROBES)


def test_an_adapter_of_the_wrong_level_is_caught_in_a_fresh_process(
    tiny_encoder_folder: Path, copied: Path
) -> None:
    """Names saved one level too high load with a mere warning and change nothing."""
    _rewrite(copied, lambda tensors: {n.replace("base_model.model.", "base_model.model.0.model."): t
                                      for n, t in tensors.items()})  # fmt: skip
    with pytest.raises(InactiveAdapterError, match=r"is not active: after reload the embeddings equal"):
        prove_adapter_active(tiny_encoder_folder, copied / "adapter", copied / "merged", PROBES)


def test_peft_around_the_whole_sentence_transformer_is_the_trap_that_is_caught(
    tiny_encoder_folder: Path, copied: Path
) -> None:
    from peft import LoraConfig, PeftModel, get_peft_model

    whole = load_folder(tiny_encoder_folder, EncoderSettings(device="cpu")).model
    with pytest.warns(UserWarning, match="missing adapter keys"):
        loaded = PeftModel.from_pretrained(whole, str(copied / "adapter"))
    base = load_folder(tiny_encoder_folder, EncoderSettings(device="cpu")).model.encode(PROBES)
    np.testing.assert_array_equal(loaded.base_model.model.encode(PROBES), base)  # silently untuned
    wrapped = get_peft_model(
        load_folder(tiny_encoder_folder, EncoderSettings(device="cpu")).model,
        LoraConfig(r=2, target_modules=["query"]),
    )
    wrapped.save_pretrained(str(copied / "wrapped"))
    shutil.copy(copied / "wrapped" / "adapter_model.safetensors", copied / "adapter")
    proof = _measured(tiny_encoder_folder, copied)
    assert proof.difference_from_base == 0
    assert any("equal the untouched base" in fault for fault in proof.faults)


def test_zero_updates_are_named(tiny_encoder_folder: Path, copied: Path) -> None:
    def zero_one(tensors: dict[str, object]) -> dict[str, object]:
        name = next(name for name in sorted(tensors) if "lora_B" in name)
        return tensors | {name: tensors[name] * 0}  # type: ignore[operator]

    _rewrite(copied, zero_one)
    proof = _measured(tiny_encoder_folder, copied)
    assert len(proof.zero_modules) == 1
    assert any(f"1 of {proof.n_modules} lora_B are all zero" in fault for fault in proof.faults)


def test_a_merge_that_is_not_the_adapter_is_reported(tiny_encoder_folder: Path, copied: Path) -> None:
    shutil.rmtree(copied / "merged")
    shutil.copytree(tiny_encoder_folder, copied / "merged")
    proof = _measured(tiny_encoder_folder, copied)
    assert any("merged model differs" in fault for fault in proof.faults)


def test_an_adapter_that_cannot_be_loaded_says_why(tiny_encoder_folder: Path, copied: Path) -> None:
    (copied / "adapter" / "adapter_config.json").unlink()
    with pytest.raises(InactiveAdapterError, match=r"can't be reloaded in a fresh process: .*is no adapter"):
        prove_adapter_active(tiny_encoder_folder, copied / "adapter", copied / "merged", PROBES)


def test_a_pickled_adapter_is_refused(tiny_encoder_folder: Path, copied: Path) -> None:
    (copied / "adapter" / "adapter_model.safetensors").rename(copied / "adapter" / "adapter_model.bin")
    with pytest.raises(UnsafeArtifactError, match="as pickle only"):
        _measured(tiny_encoder_folder, copied)


def test_probes_must_say_something(tiny_encoder_folder: Path, copied: Path) -> None:
    with pytest.raises(ValueError, match="at least one probe text"):
        prove_adapter_active(tiny_encoder_folder, copied / "adapter", copied / "merged", ["", " "])
