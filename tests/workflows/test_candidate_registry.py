"""One entry in the registry is enough: a candidate is trained, judged, drawn, listed and offered in help."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from ticketkin.core.artifacts import read_json
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.reports.drawing import candidate_style
from ticketkin.runs.stages import State
from ticketkin.training.candidates import CANDIDATES, Candidate, Color, LineStyle
from ticketkin.training.settings import FullSettings
from ticketkin.training.tuning_methods import Full
from ticketkin.workflows.artifacts import embeddings_of
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import list_stages, run_job
from ticketkin.workflows.settings import Settings


class Toy(Full):
    """Every weight, by another name."""

    name = "toy"


def _toy(section: FullSettings, encoder: EncoderSettings, seed: int) -> Toy:
    return Toy(section, encoder, seed)


TOY = Candidate(
    "toy",
    "Tune a toy",
    LineStyle(Color.GREEN, ":", "*"),
    is_slow=True,
    section="full",
    more_sections=("strength", "augment"),
    method=_toy,
)
HELP = """
import sys
from dataclasses import replace
from ticketkin.training.candidates import CANDIDATES
CANDIDATES["toy"] = replace(CANDIDATES["full"], name="toy")
from ticketkin.cli.app import app
app(sys.argv[1:])
"""


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CANDIDATES, "toy", TOY)


def toy_job(job: Job) -> Job:
    short = FullSettings(epochs_per_phase=(0, 0, 1), max_length_tokens=24)
    settings = job.settings.model_copy(update={"candidates": ("lexical", "base", "toy"), "full": short})
    return job.model_copy(update={"settings": settings})


@pytest.mark.usefixtures("registered")
def test_a_registered_candidate_runs_like_every_other(quick_job: Job, tmp_path: Path) -> None:
    job, folder = toy_job(quick_job), tmp_path / "run"
    report = run_job(job, folder)
    assert (folder / "candidates/toy/model").is_dir()
    assert len(embeddings_of("toy").read(folder / embeddings_of("toy"))) == 100
    toy = report.candidates["toy"]
    assert toy.training is not None and toy.training["steps_done"] > 0
    assert toy.cost_seconds is not None and toy.cost_seconds > 0
    assert "toy" in {gain.challenger for gain in report.comparisons}
    page = (folder / "report.html").read_text("utf-8")
    assert ">toy<" in page.replace("\n", "")
    states = {status.stage.name: status.state for status in list_stages(folder, job)}
    assert states["toy"] is State.DONE
    assert "toy" in read_json(folder / "manifest.json")["seconds"]


@pytest.mark.usefixtures("registered")
def test_a_registered_candidate_has_a_style_of_its_own() -> None:
    drawn = {candidate_style(name) for name in CANDIDATES}
    assert len(drawn) == len(CANDIDATES)
    assert candidate_style("toy").color == Color.GREEN


@pytest.mark.parametrize("command", [["run", "--help"], ["train", "--help"], ["tune", "--help"]])
def test_help_offers_a_registered_candidate(command: list[str]) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", HELP, *command], capture_output=True, text=True, check=True,
        env={"COLUMNS": "200", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert "toy" in shown.stdout


def test_a_candidate_that_is_not_registered_is_refused() -> None:
    with pytest.raises(ValidationError, match="'ia3' is no candidate; choose among lexical, base"):
        Settings(candidates=("base", "ia3"))
