"""How long stages will take: ranges from what was measured here, and no promise where nothing was."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ticketkin.cli.app import app
from ticketkin.core.wording import time_range
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows import encoding_time
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.forecast import forecast, forecast_line, remember
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.stages.order import stage_named, stages

IMPORT, VERDICT = stage_named("import"), stage_named("verdict")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))


def job_of(folder: Path, n_bytes: int, **settings: object) -> Job:
    """Return a job over an export of a size."""
    path = folder / f"export-{n_bytes}.csv"
    path.write_bytes(b"x" * n_bytes)
    return Job(sources=(path,), settings=Settings.model_validate(settings))


def test_what_was_never_measured_is_not_promised(tmp_path: Path) -> None:
    expected = forecast([IMPORT, VERDICT], job_of(tmp_path, 1_000))
    assert expected == {"import": None, "verdict": None}
    assert forecast_line(expected).startswith("Time: unknown until measured")


def test_a_forecast_is_a_range_around_what_runs_like_it_took(tmp_path: Path) -> None:
    job = job_of(tmp_path, 1_000)
    remember(VERDICT, job, 100.0)
    remember(VERDICT, job, 200.0)
    (found,) = forecast([VERDICT], job).values()
    assert found is not None and found.low < 100 and found.high > 200
    assert str(found) == "about 1 to 5 minutes"


def test_a_larger_export_takes_longer_and_a_far_larger_one_is_forecast_roughly(tmp_path: Path) -> None:
    remember(VERDICT, job_of(tmp_path, 1_000), 100.0)
    (double,) = forecast([VERDICT], job_of(tmp_path, 2_000)).values()
    assert double is not None and double.low <= 100 and double.high >= 300, "it may grow faster than the size"
    (far,) = forecast([VERDICT], job_of(tmp_path, 10_000)).values()
    assert far is not None and far.rough and far.low <= 30 and 3_000 <= far.high <= 10_000
    assert str(far).endswith("(rough)") and not double.rough
    (another,) = forecast([VERDICT], job_of(tmp_path, 100_000)).values()
    assert another is None, "a run of a hundredth of the size tells nothing of use"


def test_a_rough_forecast_rests_on_the_runs_nearest_in_size(tmp_path: Path) -> None:
    remember(VERDICT, job_of(tmp_path, 30, seed=1), 1.0)
    remember(VERDICT, job_of(tmp_path, 2_000, candidates=["lexical", "base"]), 20.0)
    (found,) = forecast([VERDICT], job_of(tmp_path, 3_000)).values()
    assert found is not None and found.rough and 60 <= found.high < 200, "a tiny run says nothing of it"
    (far,) = forecast([VERDICT], job_of(tmp_path, 100_000)).values()
    assert far is None, "no run comes near"


def test_a_run_nearer_in_size_and_later_ones_count_for_more(tmp_path: Path) -> None:
    job = job_of(tmp_path, 1_000)
    remember(VERDICT, job_of(tmp_path, 700), 5_000.0)
    remember(VERDICT, job, 3_000.0)
    for _ in range(5):
        remember(VERDICT, job, 20.0)
    (found,) = forecast([VERDICT], job).values()
    assert found is not None and found.high == pytest.approx(30), "one that took an hour was long ago"
    other = job_of(tmp_path, 1_100, candidates=["lexical", "base"])
    (rough,) = forecast([VERDICT], other).values()
    assert rough is not None and rough.rough and rough.high < 90, "one of another size took an hour"


def test_other_settings_are_other_work_and_another_seed_is_not(tmp_path: Path) -> None:
    remember(VERDICT, job_of(tmp_path, 1_000), 100.0)
    other = forecast([VERDICT], job_of(tmp_path, 1_000, candidates=["lexical", "base"]))["verdict"]
    same = forecast([VERDICT], job_of(tmp_path, 1_000, seed=5))["verdict"]
    assert other is not None and other.rough and other.low < 50 and other.high > 200
    assert same is not None and not same.rough


def test_the_line_names_the_longest_stage_and_what_is_unknown(tmp_path: Path) -> None:
    job = job_of(tmp_path, 1_000)
    remember(IMPORT, job, 2.0)
    remember(VERDICT, job, 120.0)
    line = forecast_line(forecast([IMPORT, VERDICT, stage_named("families")], job))
    assert (
        line == "Time: about 1 to 3 minutes, most of it verdict; 1 stage is unknown until a first run "
        "(families)"
    )


def test_a_damaged_or_unwritable_record_of_times_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(tmp_path, 1_000)
    remember(VERDICT, job, 100.0)
    (times,) = (tmp_path / "cache").iterdir()
    times.write_bytes(b'\xff{"stage": 1}\n' + times.read_bytes() + b'{"stage": "verdict", "wor')
    assert forecast([VERDICT], job)["verdict"] is not None
    monkeypatch.setenv("TICKETKIN_CACHE", str(times / "below a file"))
    remember(VERDICT, job, 100.0)
    assert forecast([VERDICT], job) == {"verdict": None}


def test_nothing_of_the_job_can_be_read_from_the_record(tmp_path: Path) -> None:
    remember(VERDICT, job_of(tmp_path, 1_000), 100.0)
    (times,) = (tmp_path / "cache").iterdir()
    assert str(tmp_path) not in times.read_text("utf-8") and "export" not in times.read_text("utf-8")


def test_a_dry_run_shows_the_time_of_each_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = job_of(tmp_path, 1_000)
    asked = ["run", str(job.sources[0]), "--dry-run"]
    unknown = CliRunner().invoke(app, asked)
    assert "Time: unknown until measured" in unknown.output
    for stage in stages():
        remember(stage, job, 60.0)
    shown = " ".join(CliRunner().invoke(app, asked, env={"COLUMNS": "160"}).output.split())
    assert "about 1 to 2" in shown and "unknown" not in shown  # a narrow table breaks the line there
    rows = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert rows[0]["forecast"] == {"low": 42.0, "high": 90.0, "rough": False}


def test_encoding_is_measured_where_no_run_was_finished_here(
    tmp_path: Path, tiny_encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(tmp_path / "incidents.csv", 120, 3)
    asked = ["run", str(tmp_path / "incidents.csv"), "--base-model", str(tiny_encoder_folder), "--dry-run"]
    of_few = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert all(row["forecast"] is None for row in of_few), "so few are encoded as fast as a model is loaded"
    monkeypatch.setattr(encoding_time, "_LEAST_BYTES", 1)
    rows = {
        row["stage"]: row["forecast"]
        for row in json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    }
    assert rows["embed"]["rough"] and 0 < rows["embed"]["low"] < rows["embed"]["high"]
    assert rows["verdict"] is None
    line = " ".join(CliRunner().invoke(app, asked).output.split())
    assert re.search(r"Time: [^;]+ \(rough\) for embed; \d+ stages are unknown until a first run", line)
    assert not list((tmp_path / "cache").glob("*"))  # a dry run leaves nothing behind


@pytest.mark.parametrize("fault", ["no model", "no tickets", "large"])
def test_what_can_not_be_measured_at_once_is_unknown(
    tmp_path: Path, tiny_encoder_folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    write_sample(tmp_path / "incidents.csv", 60, 3)
    if fault == "no tickets":
        (tmp_path / "incidents.csv").write_text("a,b\n1,2\n")
    monkeypatch.setattr(encoding_time, "_MOST_BYTES", 10 if fault == "large" else 10**6)
    model = "no-such/model" if fault == "no model" else str(tiny_encoder_folder)
    settings = Settings.model_validate({"encoder": {"base_model": model}})
    job = Job(sources=(tmp_path / "incidents.csv",), settings=settings)
    assert encoding_time.encoding_forecast(job) is None


def test_a_finished_run_holds_what_was_forecast_and_what_its_stages_took(small_run: Path) -> None:
    last = json.loads((small_run / artifact.MANIFEST).read_text("utf-8"))["last_run"]
    assert set(last["seconds"]) == set(last["forecast"])
    assert all(seconds >= 0 for seconds in last["seconds"].values())


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (100, 250, "about 2 to 4 minutes"),
        (160, 190, "about 3 minutes"),
        (5, 250, "up to 4 minutes"),
        (3, 8, "about 3 to 8 seconds"),
        (3_600, 7_300, "about 1 to 2 hours"),
    ],
)
def test_a_range_of_time_has_one_unit(low: float, high: float, expected: str) -> None:
    assert time_range(low, high) == expected
