"""The tier of a run is one, wherever it is shown, also where what is said of new tickets lowers it."""

import io
import json
import sys
from pathlib import Path

import pytest

from ticketkin.cli.console import SafeConsole
from ticketkin.cli.entry import main
from ticketkin.cli.verdict_screens import show_report
from ticketkin.relations.readiness import readiness_of
from ticketkin.workflows import artifacts as artifact


def test_every_place_names_the_tier_of_the_report(
    small_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = artifact.REPORT_JSON.read(small_run / artifact.REPORT_JSON)
    judged = artifact.VERDICT_JSON.read(small_run / artifact.VERDICT_JSON)
    relations = artifact.RELATIONS_JSON.read(small_run / artifact.RELATIONS_JSON)
    tier = report.readiness.tier
    # What is said lowers the tier of this run; else nothing here could differ.
    assert (tier, readiness_of(judged.criteria, relations, most=1_000.0).tier) == ("good", "excellent")
    assert "tier" not in json.loads((small_run / artifact.VERDICT_JSON).read_text())

    bundle = small_run / artifact.BUNDLE
    assert artifact.REPORT_JSON.read(bundle / "report.json").readiness == report.readiness
    assert f"- Readiness: {tier}" in (bundle / "MODEL_CARD.md").read_text("utf-8").splitlines()
    for page in (small_run / artifact.REPORT_HTML, bundle / "report.html"):
        assert f"Tier reached: <b>{tier}</b>" in page.read_text("utf-8")

    screen = io.StringIO()
    show_report(SafeConsole(file=screen, width=200), report, small_run)
    (line,) = [line for line in screen.getvalue().splitlines() if line.startswith("Readiness: ")]
    assert line.startswith(f"Readiness: {tier}; not met: ") and "False alarms in 1,000 tickets" in line

    codes = []
    for asked in ("good", "excellent"):
        monkeypatch.setattr(sys, "argv", ["ticketkin", "ready", str(small_run), "--tier", asked, "--json"])
        with pytest.raises(SystemExit) as stop:
            main()
        codes.append(stop.value.code or 0)
        assert json.loads(capsys.readouterr().out) == report.readiness.model_dump(mode="json")
    assert codes == [0, 1]
