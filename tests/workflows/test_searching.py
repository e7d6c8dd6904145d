"""The search for settings: it goes on where it was, keeps the holdout closed, and can be used."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from ticketkin.cli.entry import main
from ticketkin.core.errors import InputError, JobError, MissingExtraError, MissingInputError
from ticketkin.workflows import searching
from ticketkin.workflows.configuration import load_settings, read_job
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.searching import search_settings

pytest.importorskip("optuna", reason="the extra 'tune' is not installed")


@pytest.fixture
def folder(small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(small_run, tmp_path / "run"))


def test_a_search_goes_on_and_its_best_can_be_trained(folder: Path) -> None:
    job = read_job(folder)
    first = search_settings(folder, job, "head", minutes=5, n_trials=3)
    assert len(first.trials) == 3
    both = search_settings(folder, job, "head", minutes=5, n_trials=2)
    assert [trial.parameters for trial in both.trials[:3]] == [trial.parameters for trial in first.trials]
    assert len({json.dumps(trial.parameters) for trial in both.trials}) == 5
    assert both.best is not None
    assert both.best.mrr == max(trial.mrr or 0 for trial in both.trials) >= both.untuned_mrr
    stored = json.loads((folder / "tuning/head/trials.json").read_text())
    assert stored["best"]["number"] == both.best.number and stored["set"] == both.assignments
    settings = load_settings(None, both.assignments, {}, stored=job.settings.model_dump(exclude_none=True))
    run_one_stage("pairs", folder, job=job.model_copy(update={"settings": settings}))
    run_one_stage("head", folder, job=job.model_copy(update={"settings": settings}))
    record = json.loads((folder / "candidates/head/training_metadata.json").read_text())
    assert record["settings"]["learning_rate"] == pytest.approx(
        both.best.parameters["learning_rate"], rel=1e-2
    )


def test_lora_is_searched_by_rank_and_stopped_when_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("peft", reason="the extra 'lora' is not installed")
    holdout_read = []
    plain = searching.RunData.queries

    def queries(self: object, split: object) -> object:
        holdout_read.append(str(split))
        return plain(self, split)  # type: ignore[arg-type]

    monkeypatch.setattr(searching.RunData, "queries", queries)
    arguments = [
        "tune", str(folder), "lora", "--trials", "2", "--minutes", "10", "--set",
        "lora.epochs_per_phase=[0,0,1]", "--set", "lora.max_length_tokens=16", "--set",
        "strength.strengths=[0,1]", "--json",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["ticketkin", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    printed = json.loads(capsys.readouterr().out)
    assert len(printed["trials"]) == 2
    rank = printed["best"]["parameters"]["rank"]
    assert {f"lora.rank={rank}", f"lora.alpha={2 * rank}"} <= set(printed["set"])
    assert set(holdout_read) == {"evaluation"}
    assert not list((folder / "tuning/lora").glob("trial-*"))


def test_what_cannot_be_searched_is_reported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = read_job(folder)
    with pytest.raises(InputError, match="'fusion' has no settings to search; choose head, lora, full"):
        search_settings(folder, job, "fusion", minutes=1, n_trials=1)
    with pytest.raises(MissingInputError, match=r"holds no pairs yet\. Run: ticketkin pairs"):
        search_settings(tmp_path / "nothing", job, "head", minutes=1, n_trials=1)
    with pytest.raises(JobError, match=r"No trial of lora finished within 0.0001 minutes"):
        search_settings(folder, job, "lora", minutes=1e-4, n_trials=1)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"ticketkin\[tune\]"):
        search_settings(folder, job, "head", minutes=1, n_trials=1)


def test_readiness_is_an_exit_code(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiers = ("none", "minimum", "good", "excellent", "production")
    reached = json.loads((folder / "report.json").read_text())["readiness"]["tier"]
    codes = {}
    for tier in tiers:
        monkeypatch.setattr(sys, "argv", ["ticketkin", "ready", str(folder), "--tier", tier])
        with pytest.raises(SystemExit) as stop:
            main()
        codes[tier] = stop.value.code or 0
    order = list(codes)
    assert [codes[tier] for tier in order] == [
        int(order.index(tier) > order.index(reached)) for tier in order
    ]
    assert f"Tier: {reached}; asked for: production" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["ticketkin", "ready", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == MissingInputError.exit_code and "has no report yet" in capsys.readouterr().err
