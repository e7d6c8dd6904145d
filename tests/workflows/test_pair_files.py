"""Pairs of a run, written for other tools and checked, through the command."""

import json
import sys
from pathlib import Path

import pytest

from ticketkin.cli.entry import main
from ticketkin.core.tables import SplitName
from ticketkin.pairs.interchange import read_text_pairs


def test_the_commands_check_and_export(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["ticketkin", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code
        return " ".join(capsys.readouterr().out.split())

    out = tmp_path / "holdout.json"
    assert "sha256" in run("pairs", "export", small_run, out, "--split", SplitName.HOLDOUT.value)
    exported = read_text_pairs(out)
    assert exported.phases is not None and exported.left_categories is not None
    report = json.loads((small_run / "report.json").read_text())
    pairs = report["candidates"]["base"]["holdout"]["pairs"]
    assert int(exported.labels.sum()) == pairs["n_positive"]
    printed = json.loads(run("pairs", "check", out, "--json", "--out", tmp_path / "cleaned.json"))
    assert printed["n_pairs"] == len(exported)
    assert len(read_text_pairs(tmp_path / "cleaned.json")) == printed["n_cleaned"]
    assert "pairs remain" in run("pairs", "check", out)
