"""The reranker, from its training on part of the links to the bundle that answers once the run is gone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from bundle_material import judged_copy
from ticketkin.core.artifacts import read_json
from ticketkin.core.checks import Outcome
from ticketkin.core.tables import FloatArray, SplitName, Tickets
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.option_choice import choose_option
from ticketkin.evaluation.schema import VerdictRecord
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.ranking.fusion import FusionRanker
from ticketkin.ranking.reranker import Reranker
from ticketkin.relations.settings import RelationSettings
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.kin import Kin
from ticketkin.tickets.sample import write_sample
from ticketkin.training.positives import PositivePairs
from ticketkin.training.record import LeftOutCandidate
from ticketkin.training.settings import RerankerSettings
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.examination import examine
from ticketkin.workflows.job import run_job, run_one_stage
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.stages import reranking

N_READ = 8


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_folder: Path) -> Job:
    """A job with a reranker over sample tickets."""
    sample = tmp_path_factory.mktemp("sample") / "incidents.csv"
    write_sample(sample, 200, 3)
    encoder = str(tiny_encoder_folder)
    return Job(
        sources=(sample,),
        synthetic=True,
        settings=Settings(
            candidates=("lexical", "base", "head", "fusion", "reranker"),
            encoder=EncoderSettings(base_model=encoder, offline=True),
            evaluation=EvaluationSettings(n_bootstrap=100, by="split"),
            relations=RelationSettings(model="logistic", repeats=1, folds=3),
            reranker=RerankerSettings(
                base_model=encoder,
                n_read=N_READ,
                batch_size=32,
                max_length_tokens=32,
                learning_rate=1e-3,
            ),
        ),
    )


@pytest.fixture(scope="module")
def learned_from() -> list[PositivePairs]:
    """What rerankers were trained on, in turn."""
    return []


@pytest.fixture(scope="module")
def kept_run(
    job: Job, learned_from: list[PositivePairs], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A finished run whose reranker passed its gate."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TICKETKIN_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setattr(reranking, "choose_option", lambda *_: 1)  # the tiny model itself learns too little
    make = reranking.pair_examples

    def seen(texts: list[str], positives: PositivePairs) -> Any:
        learned_from.append(positives)
        return make(texts, positives)

    patch.setattr(reranking, "pair_examples", seen)
    folder = tmp_path_factory.mktemp("runs") / "kept"
    run_job(job, folder)
    yield folder
    patch.undo()


def test_the_ranking_is_fitted_on_pairs_that_the_reranker_never_saw(
    kept_run: Path, learned_from: list[PositivePairs]
) -> None:
    data = RunData.of(kept_run, read_job(kept_run))
    (positives,) = learned_from
    trained_on = np.concatenate([positives.left, positives.right, positives.negatives.ravel()])
    trained_on = np.unique(trained_on[trained_on >= 0])
    assert len(positives) > 20
    train = data.splits.rows(data.tickets, SplitName.TRAIN)
    assert np.isin(trained_on, train).all()
    fitted_on = data.queries(SplitName.EVALUATION)
    assert not np.isin(data.units[fitted_on], data.units[trained_on]).any()
    unseen = np.flatnonzero(reranking._unseen_tickets(data))
    judged_by = np.intersect1d(unseen, data.queries(SplitName.TRAIN))
    assert len(judged_by) > 5
    assert not np.isin(data.units[unseen], data.units[trained_on]).any()


def test_it_stands_in_every_table_with_its_cost(kept_run: Path) -> None:
    report = read_json(kept_run / artifact.REPORT_JSON)
    fusion, reranker = report["candidates"]["fusion"], report["candidates"]["reranker"]
    assert reranker["forward_passes"] == fusion["forward_passes"] + N_READ
    assert reranker["training"]["gate"]["n_queries"] > 5
    assert reranker["cost_seconds"] > 0
    assert "reranker" in {gain["challenger"] for gain in report["comparisons"]}
    assert not any("left_out" in warning["code"] for warning in report["warnings"])
    checks = {one.name: one.checks for one in examine(kept_run, EncoderSettings())}["reranker"]
    assert {check.outcome for check in checks if check.code == "cross_encoder_head"} == {Outcome.PASSED}


def declared(run: Path, place: Path, champion: str) -> Path:
    copy = Path(shutil.copytree(run, place / "declared"))
    path = copy / "ranking/ranking.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "champion": champion}))
    return copy


def test_a_reranked_champion_is_served_as_judged(kept_run: Path, tmp_path: Path) -> None:
    judged = judged_copy(declared(kept_run, tmp_path, "reranker"), tmp_path)
    bundle = Bundle.open(judged.bundle)
    assert bundle.record.n_forward_passes == 1 + N_READ and bundle.gives_probabilities
    card = (judged.bundle / "MODEL_CARD.md").read_text("utf-8")
    assert f"{1 + N_READ} forward passes" in card and f"each of the first {N_READ} tickets" in card
    largest, n_compared = 0.0, 0
    with Kin.open(judged.bundle, create=False) as kin:
        # In a further segment, and too late for any query to see: texts are read where they lie.
        kin.add([{"number": "NEW1", "title": "quite another thing", "opened_at": "2026-01-01"}])
        for place, row in enumerate(judged.rows):
            (answer,) = kin.relate_tickets(Tickets(judged.tickets.frame[[row]]), 10)
            for one in answer.relations:
                if one.ticket_id in judged.tickets.position:
                    own = judged.similarities[place, judged.tickets.position[one.ticket_id]]
                    largest = max(largest, abs((one.similarity or 0.0) - float(own)))
                    n_compared += 1
    assert n_compared > 20
    assert largest < 1e-5


def test_the_cross_encoder_has_a_say(kept_run: Path, tmp_path: Path) -> None:
    """Else parity would hold for a feature that weighs nothing."""
    data = RunData.of(declared(kept_run, tmp_path, "reranker"), read_job(kept_run))
    ranker = champion_ranker(data)
    assert isinstance(ranker, FusionRanker) and ranker.name == "reranker"
    assert np.abs(ranker.scorer.second.weights[1:3]).min() > 1e-6


def test_a_bundle_of_another_champion_holds_no_cross_encoder(kept_run: Path, tmp_path: Path) -> None:
    judged = judged_copy(declared(kept_run, tmp_path, "fusion"), tmp_path)
    assert not (judged.bundle / "ranking/reranker").exists()
    assert Bundle.open(judged.bundle).record.n_pairs_read == 0


@pytest.mark.parametrize(("knows", "passes"), [(1.0, True), (-1.0, False), (0.0, False)])
def test_the_gate_opens_to_what_ranks_unseen_kin_better(
    kept_run: Path, monkeypatch: pytest.MonkeyPatch, knows: float, passes: bool
) -> None:
    data = RunData.of(kept_run, read_job(kept_run))
    group_of = dict(zip(data.texts, data.groups.group.tolist(), strict=True))

    def logits(_: Reranker, queries: list[str], candidates: list[str]) -> FloatArray:
        same = [group_of[a] == group_of[b] for a, b in zip(queries, candidates, strict=True)]
        return (knows * 5 * np.array(same)).astype(np.float32)

    monkeypatch.setattr(Reranker, "logits", logits)
    monkeypatch.setattr(reranking, "choose_option", choose_option)
    reranker = Reranker(kept_run, N_READ, "cpu")
    gate = reranking.judge_reranker(data, reranker, np.flatnonzero(reranking._unseen_tickets(data)))
    assert gate.passed is passes
    assert (gate.after > gate.before) == (knows > 0) and (gate.after < gate.before) == (knows < 0)
    assert f"{gate.after:.3f} with it" in gate.sentence


def judged_anew(kept_run: Path, folder: Path, job: Job, *stages: str) -> VerdictRecord:
    """The verdict on a copy of a run, of which some stages ran again."""
    shutil.copytree(kept_run, folder)
    for stage in (*stages, "verdict"):
        run_one_stage(stage, folder, job=job)
    return artifact.VERDICT_JSON.read(folder / artifact.VERDICT_JSON)


def test_one_that_fails_its_gate_is_left_out_and_that_is_reported(
    kept_run: Path, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reranking, "choose_option", lambda *_: 0)
    report = judged_anew(kept_run, tmp_path / "run", job, "reranker")
    assert "reranker" not in report.candidates and "fusion" in report.candidates
    (warning,) = [one for one in report.warnings if one.code == "reranker_left_out"]
    assert "no clear gain" in warning.message
    assert not (tmp_path / "run/candidates/reranker/model").exists()
    assert not (tmp_path / "run/ranking/reranker").exists()
    record = artifact.training_record("reranker").read(
        tmp_path / "run" / artifact.training_record("reranker")
    )
    assert isinstance(record, LeftOutCandidate) and record.trained is not None
    assert record.trained.history.loss and record.trained.gate is not None


def test_folds_leave_it_out_and_say_so(kept_run: Path, job: Job, tmp_path: Path) -> None:
    evaluation = EvaluationSettings(
        n_bootstrap=100, by="folds", folds=2, repeats=1, shuffles=0, learning_curve=False
    )
    folds = job.model_copy(update={"settings": job.settings.model_copy(update={"evaluation": evaluation})})
    stages = ("split", "pairs", "head", "reranker", "provisional")
    report = judged_anew(kept_run, tmp_path / "run", folds, *stages)
    assert report.cross_fitting is not None and report.cross_fitting.left_out == ["reranker"]
    record = read_json(tmp_path / "run/candidates/reranker/training_metadata.json")
    assert "--set evaluation.by=split" in record["left_out"]


def test_it_needs_the_ranking_that_it_adds_to() -> None:
    with pytest.raises(ValidationError, match=r"reranker adds to fusion.*base,reranker,fusion"):
        Settings(candidates=("base", "reranker"))
