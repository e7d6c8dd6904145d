"""Every command that opens somebody's model or run folder refuses a hostile one in plain words."""

import json
import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from in_process import run_in_process
from ticketkin.core.errors import TicketkinError, UnreadableFileError, UnsafeArtifactError
from ticketkin.doctor.adapters import base_of_adapter
from ticketkin.encoders.cross_encoder import locate_cross_base
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.relations.cross_kinds import load_cross_kind_model
from ticketkin.training.settings import CrossEncoderSettings
from ticketkin.workflows.artifacts import BASE_EMBEDDINGS
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.ranking_record import ranking_record
from ticketkin.workflows.run_data import RunData
from tiny_model import WORDS

Command = Callable[..., tuple[int, str]]


class Payload:
    """Makes a folder where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os.mkdir, (str(self.marker),)


@pytest.fixture
def ticketkin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in this process: its exit code, and what it printed on one line."""
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str | Path) -> tuple[int, str]:
        done = run_in_process(*arguments, monkeypatch=monkeypatch, capsys=capsys)
        output = " ".join((done.stdout + done.stderr).split())
        assert "Traceback" not in output and "fault of Ticketkin" not in output
        return done.returncode, output

    return call


@pytest.fixture
def hostile(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    """A model whose dense layer is pickled, beside a file that only looks like its weights."""
    folder = Path(shutil.copytree(tiny_encoder_folder, tmp_path / "hostile"))
    dense = folder / "2_Dense"
    dense.mkdir()
    shutil.copy(folder / "model.safetensors", dense / "decoy.safetensors")
    (dense / "pytorch_model.bin").write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    (dense / "config.json").write_text(
        json.dumps({"in_features": 32, "out_features": 32, "activation_function": "torch.nn.Identity"})
    )
    modules = json.loads((folder / "modules.json").read_text())
    kind = "sentence_transformers.base.modules.dense.Dense"
    modules.append({"idx": 9, "name": "9", "path": "2_Dense", "type": kind})
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


def test_no_command_opens_a_hostile_model(
    ticketkin: Command, hostile: Path, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    export, pairs = tmp_path / "a.csv", tmp_path / "pairs.json"
    draw = random.Random(0)
    titles = [
        f"{title} {word}" for title in (" ".join(draw.sample(WORDS, 8)) for _ in range(20)) for word in "xy"
    ]
    lines = [f"T{n},{title},jam,{f'T{n - 1}' if n % 2 else ''}" for n, title in enumerate(titles)]
    export.write_text("\n".join(["number,short_description,description,parent_incident", *lines]))
    pairs.write_text(json.dumps({"texts1": ["a b", "c d"], "texts2": ["e f", "g h"], "labels": [1, 0]}))
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    shutil.copy(tiny_encoder_folder / "model.safetensors", adapter / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "base_model_name_or_path": str(hostile), "r": 2, "lora_alpha": 2}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    for command in (
        ("run", export, "--base-model", hostile, "--offline", "--out", tmp_path / "run"),
        ("compare", hostile, "--on", pairs, "--baseline", hostile, "--offline"),
        ("compare", hostile, "--on", pairs, "--baseline", tiny_encoder_folder, "--offline"),
        ("doctor", hostile),
        ("doctor", adapter),
        ("doctor", adapter, "--base-model", hostile),
        ("merge", adapter, "--base-model", hostile, "--out", tmp_path / "merged"),
        ("merge", adapter, "--out", tmp_path / "merged"),
    ):
        code, output = ticketkin(*command)
        assert "as pickle only" in output or "holds no model.safetensors" in output, (command, output)
        assert code or command[0] == "compare", command
        assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "merged").exists()


def test_a_hostile_base_of_a_cross_encoder_is_refused(hostile: Path, tmp_path: Path) -> None:
    (hostile / "model.safetensors").rename(hostile / "decoy.safetensors")
    (hostile / "pytorch_model.bin").write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    settings = CrossEncoderSettings(base_model=str(hostile))
    with pytest.raises(UnsafeArtifactError):
        locate_cross_base(settings.base_model, EncoderSettings(offline=True, device="cpu"))
    shutil.copytree(hostile, tmp_path / "relations/cross_encoder")
    with pytest.raises(UnsafeArtifactError):
        load_cross_kind_model(tmp_path / "relations", "cpu")
    assert not (tmp_path / "ran").exists()


def test_a_cross_encoder_of_other_classes_is_reported(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_encoder_folder, tmp_path / "relations/cross_encoder")
    with pytest.raises(UnreadableFileError, match=r"classes apart, not the 4 kinds.*ticketkin relations RUN"):
        load_cross_kind_model(tmp_path / "relations", "cpu")


def test_the_name_of_an_adapters_base_fetches_nothing(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked = []

    def download(name: str, **options: object) -> str:
        asked.append(options)
        raise FileNotFoundError(name)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    shutil.copy(tiny_encoder_folder / "model.safetensors", tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "base_model_name_or_path": "someone/model"})
    )
    assert base_of_adapter(tmp_path, EncoderSettings()) is None
    assert [options["local_files_only"] for options in asked] == [True]


@pytest.fixture
def run_folder(small_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_run, tmp_path / "run"))


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", "null", '{"champion": "../../x", "encoder": "base", "start": "base", "seed": 1}',
     '{"champion": "base", "encoder": "base", "start": "base", "seed": "x"}'],
)  # fmt: skip
def test_a_damaged_record_of_the_ranking_names_the_stage(run_folder: Path, content: str) -> None:
    (run_folder / "ranking/ranking.json").write_text(content)
    with pytest.raises(UnreadableFileError, match="Judge again: ticketkin evaluate"):
        ranking_record(run_folder)


def test_damaged_arrays_of_a_run_name_the_way_out(run_folder: Path) -> None:
    data = RunData.of(run_folder, read_job(run_folder))
    path = run_folder / "embeddings/base.npy"
    whole = path.read_bytes()
    n_tickets = len(data.tickets)
    np.save(path, np.full((n_tickets, 4), np.nan, np.float32))
    contents = [b"", whole[:200], whole[:-8], path.read_bytes(), pickle.dumps([1])]
    for array in (np.zeros((3, 4), np.float32), np.array([["x"] * 4] * n_tickets)):
        np.save(path, array)
        contents.append(path.read_bytes())
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(TicketkinError, match=r"base\.npy is damaged .* ticketkin run --resume --out"):
            data.embeddings(BASE_EMBEDDINGS)


def test_a_damaged_ranking_names_the_stage(run_folder: Path) -> None:
    record = run_folder / "ranking/ranking.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"champion": "fusion"}))
    data = RunData.of(run_folder, read_job(run_folder))
    folder = run_folder / "ranking"
    if not (folder / "fusion.safetensors").exists():
        pytest.skip("the ranking of this run was not learned")
    whole = (folder / "fusion.safetensors").read_bytes()
    for content in (b"", whole[: len(whole) // 2], pickle.dumps([1])):
        (folder / "fusion.safetensors").write_bytes(content)
        with pytest.raises(UnreadableFileError, match="Make the ranking again: ticketkin evaluate RUN"):
            champion_ranker(data)
    (folder / "fusion.safetensors").write_bytes(whole)
    description = json.loads((folder / "fusion.json").read_text())
    for change in ({"features": ["x"]}, {"depth": 0}, {"depth": "deep"}, {"uses_encoder": None}):
        (folder / "fusion.json").write_text(json.dumps(description | change))
        with pytest.raises(UnreadableFileError, match="Make the ranking again: ticketkin evaluate RUN"):
            champion_ranker(data)
