"""Looks at the links that judge: noted by every verdict and comparison, shown in report and on screen."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from ticketkin.cli.entry import main
from ticketkin.core.tables import SplitName
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.comparison import compare_models
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.openings import looks_so_far, tried_settings
from ticketkin.workflows.settings import Settings


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    """A copy of the run, with its own ledger beside it."""
    return Path(shutil.copytree(small_run, tmp_path / "june"))


def test_the_verdict_notes_its_look_and_says_when_it_is_not_the_first(
    run: Path, small_job: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = artifact.REPORT_JSON.read(run / artifact.REPORT_JSON)
    assert before.openings is not None and (before.openings.look, before.openings.n_openings) == (1, 1)
    assert "were opened" not in before.verdict.reason
    (noted,) = map(json.loads, (run / "openings.jsonl").read_text().splitlines())
    assert (noted["run"], noted["command"], noted["seed"]) == ("small", "ticketkin evaluate", 42)

    evaluation = EvaluationSettings(n_bootstrap=200, by="split")
    other = small_job.settings.model_copy(update={"evaluation": evaluation})
    run_one_stage("verdict", run, job=small_job.model_copy(update={"settings": other}))

    after = artifact.VERDICT_JSON.read(run / artifact.VERDICT_JSON)
    assert after.openings is not None and (after.openings.look, after.openings.n_looks) == (2, 2)
    assert (
        "opened 2 times with 2 different sets of settings; this number is look 2 of 2."
        in after.verdict.reason
    )
    check = next(check for check in after.diagnostics if check.code == "holdout_openings")
    assert check.outcome == "warning" and "nobody has looked at" in check.advice

    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["ticketkin", "stages", str(run)])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert "look 2 of 2" in " ".join(capsys.readouterr().out.split())


def test_comparing_models_on_the_holdout_is_a_look_and_on_links_to_choose_by_is_none(
    run: Path, tiny_encoder_folder: Path
) -> None:
    base = str(tiny_encoder_folder)
    compare_models([], run, base, SplitName.EVALUATION)
    first = looks_so_far(run)
    assert first is not None and first.n_openings == 1
    checks = compare_models([], run, base, SplitName.HOLDOUT).checks
    assert [check.outcome for check in checks if check.code == "holdout_openings"] == ["warning"]


def test_what_was_tried_is_what_shapes_the_number() -> None:
    plain = {"settings.candidates": ("head",), "settings.head": Settings().head, "settings.seed": 1}
    faster = {**plain, "settings.head": Settings().head.model_copy(update={"epochs": 1})}
    assert tried_settings(plain) != tried_settings(faster)
    not_asked = Settings().lora.model_copy(update={"learning_rate": 1e-6})
    targets = Settings().readiness.model_copy(update={"roc_auc": 0.6})
    unasked = {**plain, "settings.lora": not_asked, "settings.readiness": targets}
    assert tried_settings(plain) == tried_settings(unasked)
