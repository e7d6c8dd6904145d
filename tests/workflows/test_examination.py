"""The doctor on a whole run, and the report's own diagnostics."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ticketkin.cli.entry import main
from ticketkin.core.checks import Check, Outcome, any_failed
from ticketkin.core.errors import InputError
from ticketkin.doctor.runs import changed_artifacts
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.workflows.examination import Examined, examine


@pytest.fixture
def run_folder(small_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_run, tmp_path / "run"))


def _outcomes(examined: list[Examined]) -> dict[str, dict[str, Check]]:
    return {subject.name: {check.code: check for check in subject.checks} for subject in examined}


def _examined(folder: Path) -> dict[str, dict[str, Check]]:
    return _outcomes(examine(folder, EncoderSettings(offline=True)))


def _rewrite(path: Path, change: dict[str, Any]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def test_a_sound_run_has_no_fault(small_run: Path) -> None:
    examined = _examined(small_run)
    assert examined.keys() == {"run", "head: training record", "head: model", "model"}
    assert not any_failed(check for checks in examined.values() for check in checks.values())
    assert examined["head: model"]["embeddings_reproduced"].outcome is Outcome.PASSED
    assert examined["run"]["identical_metrics"].outcome is Outcome.PASSED
    assert examined["run"]["base_reproduced"].outcome is Outcome.PASSED


def test_a_pair_file_changed_after_training_is_stale(run_folder: Path) -> None:
    pairs = pl.read_parquet(run_folder / "pairs.parquet")
    pairs.with_columns(label=1 - pl.col("label")).write_parquet(run_folder / "pairs.parquet")
    check = _examined(run_folder)["run"]["artifacts"]
    assert check.outcome is Outcome.FAILED
    assert "pairs.parquet was changed after 'pairs' wrote it" in check.evidence


def test_a_stage_record_that_cannot_be_read_is_no_changed_artifact(run_folder: Path) -> None:
    (run_folder / "stages/pairs.json").write_text("{")
    check = changed_artifacts(run_folder)
    assert check.outcome is Outcome.FAILED
    assert check.evidence == "1 stage record can't be read, nor what was written checked: 'pairs'"


def test_untouched_embeddings_of_other_tickets_are_found_in_any_row(run_folder: Path) -> None:
    path = run_folder / "embeddings/base.npy"
    np.save(path, np.roll(np.load(path), 1, axis=0))
    checks = _examined(run_folder)["run"]
    assert checks["artifacts"].outcome is checks["base_reproduced"].outcome is Outcome.FAILED
    assert "drawn at random" in checks["base_reproduced"].evidence


def test_a_model_served_with_another_template_does_not_reproduce_its_numbers(run_folder: Path) -> None:
    _rewrite(run_folder / "candidates" / "head" / "ticketkin.json", {"template": "{description} {title}"})
    check = _examined(run_folder)["head: model"]["embeddings_reproduced"]
    assert check.outcome is Outcome.FAILED and "'{description} {title}'" in check.evidence


def test_a_rate_other_than_configured_is_named(run_folder: Path) -> None:
    path = run_folder / "candidates" / "head" / "training_metadata.json"
    history = json.loads(path.read_text())["history"]
    _rewrite(path, {"history": history | {"learning_rate": [2e-5] * len(history["learning_rate"])}})
    check = _examined(run_folder)["head: training record"]["learning_rate"]
    assert check.outcome is Outcome.FAILED and "peaked at 2e-05" in check.evidence


def test_two_candidates_with_the_same_numbers_are_an_alarm(run_folder: Path) -> None:
    report = json.loads((run_folder / "verdict.json").read_text())
    report["candidates"]["head"]["evaluation"] = report["candidates"]["base"]["evaluation"]
    report["candidates"]["head"]["training"]["strength"]["chosen"] = 1.0
    (run_folder / "verdict.json").write_text(json.dumps(report))
    check = _examined(run_folder)["run"]["identical_metrics"]
    assert check.outcome is Outcome.FAILED and "base and head" in check.evidence
    report["candidates"]["head"]["training"]["strength"]["chosen"] = 0  # then it is the base, and says so
    (run_folder / "verdict.json").write_text(json.dumps(report))
    assert _examined(run_folder)["run"]["identical_metrics"].outcome is Outcome.PASSED


def test_what_is_none_of_the_four_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no bundle .* no adapter .* no model .* and no run folder"):
        examine(tmp_path, EncoderSettings())


def _command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["ticketkin", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_the_command_tells_and_exits_by_what_it_found(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _command(monkeypatch, "doctor", run_folder) == 0
    output = capsys.readouterr().out
    assert "head: model" in output and "embeddings_reproduced" in output and "passed" in output
    np.save(run_folder / "embeddings" / "head.npy", np.zeros((200, 32), np.float32))
    assert _command(monkeypatch, "doctor", run_folder, "--json") == 1
    subjects = json.loads(capsys.readouterr().out)
    outcomes = {c["code"]: c["outcome"] for s in subjects if s["name"] == "head: model" for c in s["checks"]}
    assert outcomes["embeddings_reproduced"] == "failed"


def test_the_report_tells_what_was_looked_at_and_how_ready_the_champion_is(small_run: Path) -> None:
    report = json.loads((small_run / "report.json").read_text())
    codes = {check["code"]: check for check in report["diagnostics"]}
    assert {
        "circular_labels", "label_conflicts", "class_support", "leakage", "late_fields", "resolution_in_text",
        "template_shortcut", "split_mismatch", "category_shortcut", "context_ablation", "trivial_threshold",
        "threshold_stability", "phase_order", "score_distribution", "metric_redundancy", "small_sample",
    } <= codes.keys()  # fmt: skip
    assert not [check for check in codes.values() if check["outcome"] == "failed"]
    assert "and without reading any text" in report["verdict"]["reason"]
    readiness = report["readiness"]
    names = [criterion["name"] for criterion in readiness["criteria"]]
    assert names == ["spearman", "roc_auc", "false_positive_rate", "category_shortcut", "beats_baseline",
                     "holdout_gap", "latency_ms", "failed_checks", "false_alarms_said"]  # fmt: skip
    assert all(
        criterion["value"] > 0 for criterion in readiness["criteria"] if criterion["name"] == "latency_ms"
    )
    page = (small_run / "report.html").read_text()
    assert "Ready for production use?" in page and codes["leakage"]["evidence"] in page
