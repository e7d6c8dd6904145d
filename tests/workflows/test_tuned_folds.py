"""LoRA where folds judge: asked for, trained on each fold's links alone, and resumed after a kill."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT
from ticketkin.core.tables import BoolArray
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.cross_fitting import cross_fit
from ticketkin.evaluation.schema import Report
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.ranking.cross_fitted import CrossFittedRanker
from ticketkin.relations.settings import RelationSettings
from ticketkin.serving.bundle import Bundle
from ticketkin.tickets.sample import write_sample
from ticketkin.training.candidates import CANDIDATES
from ticketkin.training.settings import LoraSettings, StrengthSettings
from ticketkin.training.tuned_contender import TunedContender
from ticketkin.training.tuning_methods import Lora
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows import fold_verdict
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.cross_judging import questions_of
from ticketkin.workflows.job import list_stages, run_job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.tuned_folds import dry_run_notes, tuned_contender, tuned_in_folds

pytest.importorskip("peft", reason="the extra 'lora' is not installed")

FOLDS = EvaluationSettings(n_bootstrap=100, by="folds", folds=2, repeats=1, shuffles=1, tuned_in_folds=True)
# Two folds with three inside of each, three of all links, and all links once.
N_TRAININGS = 2 * (1 + 3) + 3 + 1
KILLED_IN = 6
NONE = "strength 0"


@dataclass(frozen=True)
class FoldsRun:
    """A run that was killed in the middle of its folds and then finished."""

    folder: Path
    report: Report
    n_before: int
    """Trainings that were finished before the kill."""
    n_after: int
    lines: list[str]


class KeptLines:
    """Keeps the lines that a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def task(self, description: str, total: int | None) -> Any:
        return SILENT.task(description, total)

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_folder: Path) -> Job:
    sample = tmp_path_factory.mktemp("sample") / "incidents.csv"
    write_sample(sample, 120, 3)
    return Job(
        sources=(sample,),
        synthetic=True,
        settings=Settings(
            candidates=("lexical", "base", "lora", "fusion"),
            encoder=EncoderSettings(base_model=str(tiny_encoder_folder), offline=True),
            evaluation=FOLDS,
            relations=RelationSettings(model="logistic", repeats=1, folds=3),
            lora=LoraSettings(
                epochs_per_phase=(0, 0, 1), batch_size=16, max_length_tokens=24, learning_rate=5e-3, rank=4
            ),
            strength=StrengthSettings(strengths=(0.0, 1.0)),
        ),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Iterator[FoldsRun]:
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(tmp_path_factory.mktemp("cache")))
    folder = tmp_path_factory.mktemp("runs") / "folds"
    train, n_finished = Lora.train, 0

    def killed(self: Lora, *arguments: Any) -> Any:
        nonlocal n_finished
        if n_finished == KILLED_IN:
            raise KeyboardInterrupt
        tuned = train(self, *arguments)
        n_finished += 1
        return tuned

    patch.setattr(Lora, "train", killed)
    progress = KeptLines()
    with pytest.raises(KeyboardInterrupt):
        run_job(job, folder, progress)
    n_before, n_finished = n_finished, -1_000
    report = run_job(job, folder, progress)
    yield FoldsRun(folder, report, n_before, n_finished + 1_000, progress.lines)
    patch.undo()


def test_it_is_judged_on_all_links_beside_the_others(run: FoldsRun) -> None:
    assert list(run.report.candidates) == ["lexical", "base", "lora", "hybrid", "fusion"]
    folds = run.report.cross_fitting
    assert folds is not None and folds.left_out == []
    assert all("lora" in choice.options for choice in folds.choices)
    queries = {one.evaluation.retrieval.n_queries for one in run.report.candidates.values()}
    assert len(queries) == 1
    training = run.report.candidates["lora"].training
    assert training is not None
    assert training["chosen_strength"] in (0.0, 1.0) and training["proof"]
    option = folds.final.options["lora"]
    assert option == f"strength {training['chosen_strength']:g}"
    (shuffled,) = [one for one in run.report.diagnostics if one.code == "shuffled_links"]
    assert "lora took no part in it" in shuffled.evidence


def test_the_cost_is_reported_first(run: FoldsRun, job: Job, tmp_path: Path) -> None:
    (line,) = [line for line in run.lines if "lora in folds" in line]
    assert f"{N_TRAININGS} trainings, about" in line
    (note,) = dry_run_notes(tmp_path / "new", job)
    assert f"trained up to {N_TRAININGS} times" in note


def test_a_kill_loses_no_training_that_was_finished(run: FoldsRun) -> None:
    assert run.n_before == KILLED_IN
    kept = list((run.folder / artifact.TUNED_FOLDS / "lora").iterdir())
    # One by one the parts of the links, and all of them, which lies in the candidate's own folder.
    assert run.n_before + run.n_after == len(kept) + 1
    # A fold that keeps the untouched encoder, strength 0, needs none.
    assert run.report.cross_fitting is not None
    untouched = [one for one in run.report.cross_fitting.choices if one.options["lora"] == NONE]
    assert run.n_before + run.n_after == N_TRAININGS - len(untouched)
    assert all([file.name for file in place.iterdir()] == ["strength_1.npy"] for place in kept)
    assert {status.state.value for status in list_stages(run.folder)} == {"done"}
    assert Bundle.open(run.folder / artifact.BUNDLE).record.champion in run.report.candidates


def contender_of(run: FoldsRun) -> TunedContender:
    data = RunData.of(run.folder, read_job(run.folder))
    questions = questions_of(data, data.groups.group)
    work = run.folder / artifact.TUNED_FOLDS
    return tuned_contender(data, CANDIDATES["lora"], questions, data.groups, work)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_of_a_held_out_unit_is_trained_on(run: FoldsRun, seed: int) -> None:
    contender = contender_of(run)
    n_units = int(contender.unit_of_ticket.max()) + 1
    seen: BoolArray = np.random.default_rng(seed).random(n_units) < 0.6
    part = contender.data(seen)
    rows = [part.left, part.right, part.negatives.ravel(), part.labelled_left, part.labelled_right]
    used = np.unique(np.concatenate(rows))
    assert seen[contender.unit_of_ticket[used[used >= 0]]].all()
    assert 0 < len(part.left) < len(contender.positives)
    same = contender.groups[part.labelled_left] == contender.groups[part.labelled_right]
    np.testing.assert_array_equal(same, part.labels == 1)


def test_each_ticket_is_ranked_by_the_encoder_of_its_fold(
    run: FoldsRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From what the folds left on the disk, without a training."""
    monkeypatch.setattr(Lora, "train", None)
    contender = contender_of(run)
    data = RunData.of(run.folder, read_job(run.folder))
    questions = questions_of(data, data.groups.group)
    every = np.arange(len(questions.queries))
    (untouched,) = contender.ranks(np.zeros(questions.n_units, dtype=np.bool_), every, [1])
    result = cross_fit(questions, {"base": untouched}, [contender], 2, 1, data.job.settings.seed)
    ranker = fold_verdict._encoder_by_folds(contender, result)
    assert isinstance(ranker, CrossFittedRanker) and len(ranker.rankers) == 2
    first, second = (one.embeddings for one in ranker.rankers)  # type: ignore[attr-defined]
    chosen = [choice.options["lora"] for choice in result.choices]
    if "strength 1" in chosen:
        assert np.abs(first - second).max() > 1e-4
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-4)


def test_a_training_takes_no_more_threads_than_are_asked_for(
    run: FoldsRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    contender = replace(contender_of(run), work=tmp_path)

    def train(*_: object) -> None:
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"} == {1}
        raise KeyboardInterrupt

    monkeypatch.setattr(Lora, "train", train)
    everything = np.ones(int(contender.unit_of_ticket.max()) + 1, dtype=np.bool_)
    with pytest.raises(KeyboardInterrupt):
        contender.embeddings(everything, 1)


def test_a_training_that_looks_at_evaluation_links_is_refused(job: Job) -> None:
    lora = job.settings.lora.model_copy(update={"patience": 2})
    with pytest.raises(InputError, match=r"lora\.patience is 2.*evaluation\.by=split"):
        tuned_in_folds(job.settings.model_copy(update={"lora": lora}))


def test_without_leave_the_note_says_how_to_grant_it(job: Job, tmp_path: Path) -> None:
    evaluation = FOLDS.model_copy(update={"tuned_in_folds": False})
    asked = job.model_copy(update={"settings": job.settings.model_copy(update={"evaluation": evaluation})})
    (note,) = dry_run_notes(tmp_path, asked)
    assert "--set evaluation.tuned_in_folds=true" in note and f"{N_TRAININGS} times" in note
