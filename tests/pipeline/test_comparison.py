"""Comparing models on the links of a run: rows, variants, adapters, what is skipped, files, the page."""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ticketkin.cli.app import main
from ticketkin.core.errors import InputError, JobError
from ticketkin.core.tables import SplitName
from ticketkin.pipeline.comparison import Comparison, compare_models
from tiny_model import build_tiny_encoder


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_encoder(tmp_path_factory.mktemp("models") / "other", seed=1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def compared(small_run: Path, tiny_encoder_folder: Path, other_model: Path) -> Comparison:
    models = [str(other_model), str(small_run / "model"), "no-such/model"]
    return compare_models(models, small_run, str(tiny_encoder_folder), SplitName.EVALUATION, [16, 64])


def test_every_model_stands_with_its_variants_and_the_missing_one_with_its_reason(
    compared: Comparison, small_run: Path, tiny_encoder_folder: Path
) -> None:
    names = {row.name for row in compared.rows}
    for model in (str(tiny_encoder_folder), str(small_run / "model")):
        assert {model, f"{model} [16]", f"{model} [int8]", f"{model} [binary]"} <= names
        assert f"{model} [64]" not in names  # above the model's own 32
    assert compared.skipped.keys() == {"no-such/model"}
    assert "is no local folder" in compared.skipped["no-such/model"]
    values = [row.metrics["mrr"].value for row in compared.rows]
    assert values == sorted(values, reverse=True)


def test_the_numbers_are_those_of_the_run(
    compared: Comparison, small_run: Path, tiny_encoder_folder: Path
) -> None:
    report = json.loads((small_run / "report.json").read_text())
    rows = {row.name: row for row in compared.rows}
    base = rows[str(tiny_encoder_folder)]
    told = report["candidates"]["base"]["evaluation"]
    assert base.metrics["mrr"].value == pytest.approx(told["retrieval"]["mrr"]["value"])
    assert base.metrics["roc_auc"].value == pytest.approx(told["pairs"]["roc_auc"]["value"])
    assert base.p_value is None and base.difference.value == 0
    encoder = report["verdict"]["encoder"]
    kept = rows[str(small_run / "model")].metrics["mrr"].value
    assert kept == pytest.approx(
        report["candidates"][encoder]["evaluation"]["retrieval"]["mrr"]["value"], abs=1e-4
    )
    int8 = rows[f"{tiny_encoder_folder} [int8]"]
    assert int8.metrics["mrr"].value == pytest.approx(base.metrics["mrr"].value, abs=0.05)
    assert int8.costs["bytes_a_ticket"] == 32 and base.costs["bytes_a_ticket"] == 128


def test_an_adapter_is_loaded_onto_a_fresh_base(
    small_run: Path, tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("peft", reason="the extra 'lora' is not installed")
    from peft import LoraConfig, TaskType

    from ticketkin.encoders.loading import load_float32

    model = load_float32(str(tiny_encoder_folder), "cpu")
    model.add_adapter(
        LoraConfig(task_type=TaskType.FEATURE_EXTRACTION, target_modules=["query", "value", "dense"], r=2)
    )
    model.save_pretrained(str(tmp_path / "zero"), create_model_card=False)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, 1)
    model.save_pretrained(str(tmp_path / "adapter"), create_model_card=False)
    found = compare_models(
        [str(tmp_path / "adapter"), str(tmp_path / "zero")],
        small_run,
        str(tiny_encoder_folder),
        SplitName.EVALUATION,
    )
    rows = {row.name: row for row in found.rows}
    assert rows.keys() == {str(tiny_encoder_folder), str(tmp_path / "adapter")}
    assert rows[str(tmp_path / "adapter")].difference.value != 0
    assert "changes none of the" in found.skipped[str(tmp_path / "zero")]


def test_a_baseline_that_cannot_be_had_stops_the_comparison(small_run: Path) -> None:
    with pytest.raises(JobError, match="can't be compared with"):
        compare_models([], small_run, "no-such/model", SplitName.EVALUATION)


def test_the_command_prints_and_writes_the_leaderboard(
    small_run: Path, other_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "compared"
    command = ["ticketkin", "compare", str(other_model), "--on", str(small_run), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    assert "differences to" in " ".join(capsys.readouterr().out.split())
    content = json.loads((out / "leaderboard.json").read_text())
    table = pl.read_csv(out / "leaderboard.csv")
    assert table["name"].to_list() == [row["name"] for row in content["rows"]]
    assert np.allclose(table["mrr"], [row["mrr"]["value"] for row in content["rows"]])
    page = (out / "leaderboard.html").read_text()
    assert str(other_model) in page and content["test_pairs_sha256"] in page and "http:" not in page
    monkeypatch.setattr(sys, "argv", [*command, "--dimensions", "many"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == InputError.exit_code
