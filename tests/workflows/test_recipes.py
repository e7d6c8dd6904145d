"""Recipes: every one is a valid configuration, known by name, and trains end to end on a small run."""

import json
import shutil
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from ticketkin.cli.entry import main
from ticketkin.core.artifacts import hash_path, read_json
from ticketkin.core.checks import Outcome
from ticketkin.core.errors import ConfigurationError
from ticketkin.evaluation.schema import Report
from ticketkin.workflows.configuration import Job, load_settings, read_job
from ticketkin.workflows.examination import examine
from ticketkin.workflows.job import run_job, run_one_stage
from ticketkin.workflows.recipes import DEFAULT, recipe_section, recipes

TABLE = {
    "pairs-cosine": (
        "full",
        {
            "learning_rate": 2e-5, "batch_size": 32, "warmup_steps": 100, "max_length_tokens": 256,
            "labelled_loss": "cosine", "ranking_loss": "none",
        },
    ),
    "context-robust": ("full", {"batch_size": 8, "max_length_tokens": 384, "labelled_loss": "cosine"}),
    "lora-hybrid": ("lora", {"rank": 16, "alpha": 32, "learning_rate": 5e-5, "epochs_per_phase": (2, 2, 2)}),
    "lora-longer": ("lora", {"learning_rate": 5e-5, "epochs_per_phase": (4, 4, 4)}),
    "lora-matryoshka": (
        "lora",
        {
            "learning_rate": 5e-6, "schedule": "hold_cosine", "lowest_rate": 1e-7, "weight_decay": 0.01,
            "batch_size": 64, "warmup_share": 0.15, "hold_share": 0.2,
        },
    ),
    "lora-wide": ("lora", {"rank": 32, "epochs_per_phase": (8, 8, 8)}),
    "full": ("full", {"learning_rate": 2e-5}),
    "domain-adapt": ("adapted", {"objectives": ("mlm", "simcse"), "texts": "all"}),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_a_recipe_is_what_it_says(name: str) -> None:
    candidate, values = TABLE[name]
    settings = load_settings(recipe=name, environment={})
    assert settings.recipe == name and candidate in settings.candidates
    section = getattr(settings, candidate)
    assert {key: getattr(section, key) for key in values} == values


def test_recommended_is_the_default_and_stands_first() -> None:
    assert next(iter(recipes())) == DEFAULT
    assert load_settings(recipe=DEFAULT, environment={}) == load_settings(environment={})
    assert set(recipes()) == {*TABLE, DEFAULT}


def test_set_wins_over_a_recipe_and_unknown_ones_are_named() -> None:
    settings = load_settings(recipe="lora-wide", assignments=["lora.rank=64"], environment={})
    assert settings.lora.rank == 64 and settings.lora.epochs_per_phase == (8, 8, 8)
    with pytest.raises(ConfigurationError, match="choose one of recommended"):
        load_settings(recipe="lora-wider", environment={})
    with pytest.raises(ConfigurationError, match="does not train 'lora'; it tries lexical, base, full"):
        recipe_section("pairs-cosine", "lora")


def _assert_epochs_and_metadata(folder: Path, candidate: str, report: Report) -> None:
    """Every epoch was judged on links and pairs, and beside every model stands what it was made of."""
    beside = read_json(folder / f"candidates/{candidate}/training_metadata.json")
    (epoch,) = beside["evaluations"]
    assert epoch["step"] == beside["best_step"] == beside["steps_done"]
    assert abs(epoch["spearman"]) <= 1 and abs(epoch["pearson"]) <= 1
    assert epoch["loss"] == pytest.approx(np.mean(beside["history"]["loss"]))
    page = (folder / "report.html").read_text("utf-8")
    assert f"Epochs of {candidate}" in page
    served = read_json(folder / "model" / "training_metadata.json")
    evaluation = report.candidates[report.verdict.encoder].evaluation
    assert served["metrics"]["evaluation"]["mrr"] == evaluation.retrieval.metrics["mrr"].value
    assert served["candidate"] == report.verdict.encoder
    for record in (beside, served):
        assert datetime.fromisoformat(record["made_at"]).tzinfo is not None
        assert record["versions"]["torch"]
        for name, digest in record["data_hashes"].items():
            assert hash_path(folder / name) == digest
        assert "pairs.parquet" in record["data_hashes"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pairs-cosine", "lora-hybrid"])
def test_a_recipe_runs_to_its_verdict(
    name: str, small_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    candidate, _ = TABLE[name]
    quick = [
        f"{candidate}.epochs_per_phase=[0,0,1]", f"{candidate}.max_length_tokens=16",
        "strength.strengths=[0,1]", "evaluation.n_bootstrap=100",
        "relations.model=logistic", "pairs.max_positives_per_group=2",
        "evaluation.by=split",
    ]  # fmt: skip
    flags = {"encoder": small_job.settings.encoder.model_dump(exclude_none=True)}
    settings = load_settings(recipe=name, assignments=quick, environment={}, flags=flags)
    report = run_job(small_job.model_copy(update={"settings": settings}), tmp_path / "run")
    assert report.candidates.keys() == {"lexical", "base", "hybrid", candidate}
    training = report.candidates[candidate].training
    assert training is not None
    assert training["steps_done"] == training["steps_planned"] > 0
    assert read_job(tmp_path / "run").settings.recipe == name
    _assert_epochs_and_metadata(tmp_path / "run", candidate, report)


@pytest.mark.slow
def test_domain_adapt_tunes_from_the_adapted_encoder(
    small_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    quick = [
        "adapted.max_length_tokens=16", "adapted.learning_rate=1e-3", "lora.epochs_per_phase=[0,0,1]",
        "lora.max_length_tokens=16", "strength.strengths=[0,1]", "evaluation.n_bootstrap=100",
        "relations.model=logistic",
        "evaluation.by=split", "pairs.max_positives_per_group=2",
    ]  # fmt: skip
    flags = {"encoder": small_job.settings.encoder.model_dump(exclude_none=True)}
    settings = load_settings(recipe="domain-adapt", assignments=quick, environment={}, flags=flags)
    folder = tmp_path / "run"
    report = run_job(small_job.model_copy(update={"settings": settings}), folder)
    assert report.candidates.keys() == {"lexical", "base", "adapted", "head", "lora", "hybrid", "fusion"}
    training = {name: report.candidates[name].training or {} for name in ("adapted", "head", "lora")}
    assert [phase["objective"] for phase in training["adapted"]["phases"]] == ["mlm", "simcse"]
    assert "adapted_read_all_texts" in {warning.code for warning in report.warnings}
    base = report.encoder["fingerprint"]
    assert training["adapted"]["base_fingerprint"] == base
    assert training["head"]["base_fingerprint"] == training["lora"]["base_fingerprint"] != base
    checks = [check for subject in examine(folder, settings.encoder) for check in subject.checks]
    failed = [f"{check.code}: {check.evidence}" for check in checks if check.outcome is Outcome.FAILED]
    assert not failed


def test_a_candidate_is_trained_by_a_recipe_in_a_run_that_stands(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(small_run, tmp_path / "run"))
    before = read_job(folder).settings
    changes = ["--set", "full.epochs_per_phase=[0,0,1]", "--set", "full.max_length_tokens=16"]
    monkeypatch.setattr(
        sys, "argv", ["ticketkin", "train", str(folder), "full", "--recipe", "pairs-cosine", *changes]
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    after = read_job(folder).settings
    assert after.split == before.split and after.candidates == (*before.candidates, "full")
    assert after.full.labelled_loss == "cosine" and after.recipe == "pairs-cosine"
    run_one_stage("verdict", folder)
    judged = json.loads((folder / "verdict.json").read_text())
    assert {"head", "full", "fusion"} <= judged["candidates"].keys()
    assert judged["candidates"]["full"]["training"]["method"] == "all weights"
