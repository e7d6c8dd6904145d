"""The ledger of holdout openings: what is kept, where new runs find it, which look a number comes from."""

from dataclasses import replace
from pathlib import Path

import pytest

from progress_material import KeptLines
from ticketkin.core.checks import Outcome
from ticketkin.evaluation.diagnostics.openings import holdout_openings
from ticketkin.runs.holdout_ledger import HoldoutLedger, HoldoutOpening

OPENING = HoldoutOpening(
    opened_at="2026-01-01T00:00:00+00:00", run="june", command="ticketkin evaluate",
    data_sha256="d", holdout_sha256="h", settings_sha256="s1", seed=1,
)  # fmt: skip


def _at(day: int, **changed: str | int) -> HoldoutOpening:
    return replace(OPENING, opened_at=f"2026-01-{day:02d}T00:00:00+00:00", **changed)  # type: ignore[arg-type]


def _ledger(folder: Path, *openings: HoldoutOpening) -> HoldoutLedger:
    ledger = HoldoutLedger([folder / "openings.jsonl"])
    for opening in openings:
        ledger.record(opening)
    return ledger


def test_the_first_look_passes_and_says_that_it_is_one(tmp_path: Path) -> None:
    looks = _ledger(tmp_path, OPENING).looks(OPENING)
    assert (looks.number, looks.n_looks, looks.n_openings) == (1, 1, 1)
    check = holdout_openings(looks)
    assert check.outcome is Outcome.PASSED and "opened once" in check.evidence


def test_the_same_settings_again_are_no_further_look(tmp_path: Path) -> None:
    looks = _ledger(tmp_path, _at(1), _at(2)).looks(_at(2))
    assert (looks.number, looks.n_looks, looks.n_openings) == (1, 1, 2)
    assert holdout_openings(looks).outcome is Outcome.PASSED


def test_other_settings_on_the_same_links_warn_and_name_the_look(tmp_path: Path) -> None:
    third = _at(3, settings_sha256="s3", seed=2)
    looks = _ledger(tmp_path, _at(1), _at(2, settings_sha256="s2"), third).looks(third)
    check = holdout_openings(looks)
    assert check.outcome is Outcome.WARNING
    assert "opened 3 times with 3 different sets of settings; this number is look 3 of 3" in check.evidence
    assert "2 seeds were tried" in check.evidence


def test_other_links_and_other_data_do_not_count(tmp_path: Path) -> None:
    ledger = _ledger(
        tmp_path, _at(1, holdout_sha256="x", settings_sha256="s2", seed=5), _at(2, data_sha256="y")
    )
    looks = ledger.looks(_at(3, holdout_sha256="new", data_sha256="z"))
    assert (looks.number, looks.n_looks, looks.n_openings, looks.seeds) == (1, 1, 1, (1,))


def test_a_new_run_folder_knows_the_looks_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("june", "july"):
        (tmp_path / name).mkdir()
    HoldoutLedger.of_run(tmp_path / "june").record(_at(1))
    second = _at(2, settings_sha256="s2")
    HoldoutLedger.of_run(tmp_path / "july").record(second)
    assert HoldoutLedger.of_run(tmp_path / "july").looks(second).n_looks == 2
    assert (tmp_path / "june" / "openings.jsonl").read_text().count("\n") == 1


def test_a_line_cut_short_is_counted_aloud_and_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "openings.jsonl"
    ledger = _ledger(tmp_path, _at(1))
    path.write_text(path.read_text() + '{"opened_at": "2026')
    ledger.record(_at(2))
    said = KeptLines()
    assert ledger.openings(said) == [_at(1), _at(2)]
    assert any("1 line does not count" in line for line in said.lines)


@pytest.mark.parametrize("line", ["[]", "null", '{"run": 1}', "\ufffd", "[" * 100_000])
def test_a_foreign_line_is_no_opening(tmp_path: Path, line: str) -> None:
    (tmp_path / "openings.jsonl").write_text(line + "\n", "utf-8")
    assert HoldoutLedger([tmp_path / "openings.jsonl"]).openings() == []


def test_a_place_that_can_not_be_written_is_named_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    said = KeptLines()
    ledger = HoldoutLedger([tmp_path / "taken" / "openings.jsonl", tmp_path / "openings.jsonl"])
    ledger.record(OPENING, said)
    assert ledger.openings() == [OPENING]
    assert any("can't be noted" in line for line in said.lines)
