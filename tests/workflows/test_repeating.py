"""Averages over splits."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from ticketkin.cli.entry import main
from ticketkin.core.errors import InputError
from ticketkin.workflows.configuration import Job, write_job


def _run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["ticketkin", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_averages_are_those_of_the_reports_and_finished_splits_are_kept(
    quick_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    settings = quick_job.settings.model_copy(update={"candidates": ("lexical", "base", "fusion")})
    write_job(quick_job.model_copy(update={"settings": settings}), folder)
    assert _run(["repeat", str(folder), "--seeds", "1,2", "--json"], monkeypatch) == 0
    printed = json.loads(capsys.readouterr().out)
    reports = [json.loads((folder / f"repeats/seed-{seed}/report.json").read_text()) for seed in (1, 2)]
    assert (
        reports[0]["splits"] != reports[1]["splits"] or reports[0]["candidates"] != reports[1]["candidates"]
    )
    for name, metrics in printed["metrics"].items():
        values = [r["candidates"][name]["evaluation"]["retrieval"]["mrr"]["value"] for r in reports]
        assert metrics["mrr"]["mean"] == pytest.approx(np.mean(values))
        assert metrics["mrr"]["deviation"] == pytest.approx(np.std(values, ddof=1))
    assert sum(printed["champions"].values()) == 2 and printed["seeds"] == [1, 2]
    gain = printed["gains"]["fusion"]
    expected = [
        printed["metrics"]["fusion"]["mrr"][end] - printed["metrics"]["base"]["mrr"][end] for end in ("mean",)
    ]
    assert gain["mean"] == pytest.approx(expected[0])
    assert _run(["repeat", str(folder), "--seeds", "1,2"], monkeypatch) == 0
    captured = capsys.readouterr()
    assert "up to date, kept" in captured.err and "done in" not in captured.err
    assert "Mean ± deviation over 2 splits" in " ".join(captured.out.split())


def test_seeds_that_are_none_are_reported(
    small_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["repeat", str(small_run), "--seeds", "one"], monkeypatch) == InputError.exit_code
    assert "--seeds 'one': write whole numbers with commas" in capsys.readouterr().err
    assert _run(["repeat", str(small_run), "--seeds", ""], monkeypatch) == InputError.exit_code
    assert "No seeds were given" in capsys.readouterr().err
