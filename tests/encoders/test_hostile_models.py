"""No model folder, however it is made, runs code or reads what lies outside it."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from hostile_models import DAMAGED, HOSTILE, add_module, change_json
from ticketkin.core.errors import InputError, TicketkinError, UnsafeArtifactError
from ticketkin.doctor.models import examine_model
from ticketkin.encoders.cross_encoder import load_cross_encoder
from ticketkin.encoders.fresh_process import SavedModel
from ticketkin.encoders.loading import load_encoder, load_float32
from ticketkin.encoders.safety import check_model_folder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.encoders.trusted import ACTIVATIONS, MODEL_TYPES, MODULES

DOORS: dict[str, Callable[[Path], object]] = {
    "base model": lambda folder: load_encoder(EncoderSettings(base_model=str(folder), device="cpu")),
    "saved model": lambda folder: load_float32(str(folder), "cpu"),
    "fresh process": lambda folder: SavedModel(str(folder)).load(),
    "cross-encoder": lambda folder: load_cross_encoder(folder, "cpu", 4),
}


@pytest.fixture
def model(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_encoder_folder, tmp_path / "model"))


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_model_is_refused_at_every_door(
    model: Path, tmp_path: Path, spoil: Callable[[Path, Path], None]
) -> None:
    marker = tmp_path / "ran"
    spoil(model, marker)
    for door in DOORS.values():
        with pytest.raises(InputError) as caught:
            door(model)
        assert str(tmp_path) in str(caught.value), "the message names the file"
    checks = examine_model(model)
    assert [check.outcome for check in checks] == ["failed"]
    assert not marker.exists()


@pytest.mark.parametrize("spoil", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_model_is_reported_at_every_door(
    model: Path, tmp_path: Path, spoil: Callable[[Path, Path], None]
) -> None:
    marker = tmp_path / "ran"
    spoil(model, marker)
    for door in DOORS.values():
        with pytest.raises(TicketkinError, match="can't be loaded"):
            door(model)
    assert any(check.outcome == "failed" for check in examine_model(model))
    assert not marker.exists()


def test_every_trusted_name_is_the_class_it_says() -> None:
    from sentence_transformers.util import import_from_string
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for full, (name, _) in MODULES.items():
            imported = import_from_string(full)
            assert isinstance(imported, type) and imported.__name__ == name
            assert imported.__module__.startswith("sentence_transformers.")
        for full in ACTIVATIONS:
            imported = import_from_string(full)
            assert imported.__module__ in {"torch.nn.modules.activation", "torch.nn.modules.linear"}
    assert set(CONFIG_MAPPING_NAMES) >= MODEL_TYPES


def test_trusted_weights_are_read_where_the_list_says() -> None:
    """A class that reads weights of its own and is listed as one without would open a pickle unseen."""
    import inspect

    from sentence_transformers.util import import_from_string

    for full, (name, has_weights) in MODULES.items():
        if name != "Transformer":
            source = inspect.getsource(import_from_string(full))
            assert ("load_torch_weights(" in source) == has_weights, full


def test_what_people_keep_beside_their_models_does_no_harm(model: Path) -> None:
    """Copies of a hub's repository hold pickles and other formats that are never opened."""
    (model / "pytorch_model.bin").write_bytes(b"never read")
    (model / "onnx").mkdir()
    (model / "onnx/model.onnx").write_bytes(b"never read")
    (model / "openvino").mkdir()
    (model / "openvino/openvino_model.bin").write_bytes(b"never read")
    change_json(model / "config.json", torch_dtype="torch.float32", id2label={"0": "email.outlook"})
    change_json(model / "tokenizer_config.json", tokenizer_file="/nowhere/tokenizer.json")
    change_json(model / "data_config.json", name="os.path")
    assert load_float32(str(model), "cpu").encode(["printer"]).shape == (1, 32)


def test_models_of_the_hubs_cache_are_links_and_load(model: Path, tmp_path: Path) -> None:
    blobs = tmp_path / "models--a--b/blobs"
    snapshot = tmp_path / "models--a--b/snapshots/1"
    blobs.mkdir(parents=True)
    for number, file in enumerate(path for path in model.rglob("*") if path.is_file()):
        shutil.copy(file, blobs / str(number))
        name = snapshot / file.relative_to(model)
        name.parent.mkdir(parents=True, exist_ok=True)
        name.symlink_to(blobs / str(number))
    assert load_float32(str(snapshot), "cpu").encode(["printer"]).shape == (1, 32)


def test_names_of_old_versions_load(model: Path) -> None:
    modules = json.loads((model / "modules.json").read_text())
    for module in modules:
        module["type"] = f"sentence_transformers.models.{module['type'].rpartition('.')[2]}"
    (model / "modules.json").write_text(json.dumps(modules))
    assert load_float32(str(model), "cpu").encode(["printer"]).shape == (1, 32)


def test_all_that_is_wrong_with_names_is_reported_in_plain_words(model: Path) -> None:
    add_module(model, "sentence_transformers.util.misc.import_from_string")
    with pytest.raises(UnsafeArtifactError, match=r"only these modules .* CNN, Dense, .* Transformer"):
        check_model_folder(model)
