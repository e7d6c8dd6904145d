"""Kinds of kin in a run, as the command shows them."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from ticketkin.cli.app import main
from ticketkin.core.errors import InputError, MissingInputError, NotEnoughDataError
from ticketkin.core.tables import SplitName
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.pipeline.candidates import champion_ranker
from ticketkin.pipeline.configuration import read_job
from ticketkin.pipeline.job import run_one_stage
from ticketkin.pipeline.relating import learn_relations
from ticketkin.pipeline.run_data import RunData
from ticketkin.relations.saving import load_classifier


def _run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["ticketkin", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


@pytest.fixture
def folder(small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(small_run, tmp_path / "run"))


QUICK = [
    "--set", "relations.repeats=1", "--set", "evaluation.n_bootstrap=100", "--set", "relations.folds=3",
]  # fmt: skip


def test_counts_stand_first_and_every_kind_in_every_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["relations", str(folder), *QUICK, "--ablation"]
    assert _run(arguments, monkeypatch) == 0
    shown = capsys.readouterr().out
    record = json.loads((folder / "relations/relations.json").read_text())
    assert shown.startswith("Pairs (person): ")
    assert all(f"{n:,} {kind}" in " ".join(shown.split()) for kind, n in record["counts"].items())
    assert record["counts"]["causal"] > 0 and record["counts"]["duplicate"] > 0
    result = record["results"]["logistic"]
    assert len(result["confusion"]) == 4 and all(len(row) == 4 for row in result["confusion"])
    assert result["macro_f1"]["low"] <= result["macro_f1"]["value"] <= result["macro_f1"]["high"]
    assert record["without"].keys() == {"embedding", "similarity", "fields", "time"}
    fingerprint = json.loads((folder / "embeddings/base.json").read_text())["fingerprint"]
    data = RunData(folder, read_job(folder))
    assert len(data.tickets) and load_classifier(folder / "relations", fingerprint).name == "logistic"


def test_models_stand_side_by_side_as_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["relations", str(folder), *QUICK, "--compare", "--json"], monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["results"].keys() == {"majority", "embedding_logistic", "logistic", "svm", "trees", "mlp"}
    majority = found["results"]["majority"]["macro_f1"]["value"]
    assert found["results"]["logistic"]["macro_f1"]["value"] > majority


def test_what_is_missing_is_told(folder: Path, tmp_path: Path) -> None:
    job = read_job(folder)
    with pytest.raises(MissingInputError, match=r"lacks links.parquet. Run: ticketkin links"):
        learn_relations(tmp_path / "nothing", job)
    # A file of pairs of one kind, and no strangers wanted beside them but a few.
    lonely = job.model_copy(
        update={"settings": job.settings.model_copy(
            update={"relations": job.settings.relations.model_copy(
                update={"folds": 50, "none_per_linked": 0.01})})}
    )  # fmt: skip
    with pytest.raises(NotEnoughDataError, match="kinds have at least 50 pairs, and two are needed"):
        learn_relations(folder, lonely)
    run_one_stage("links", folder, job=job)


def test_the_nearest_are_related_with_bands_and_evidence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = RunData(folder, read_job(folder))
    holdout = data.splits.rows(data.tickets, SplitName.HOLDOUT)
    ticket = data.tickets.ids[int(holdout[-1])]
    assert _run(["relate", str(folder), ticket], monkeypatch) == MissingInputError.exit_code
    assert "lacks relations/. Run: ticketkin relations" in " ".join(capsys.readouterr().err.split())
    low = ["--set", "relations.say_precision=0.3", "--set", "relations.suggest_precision=0.1"]
    assert _run(["relations", str(folder), *QUICK, *low], monkeypatch) == 0
    assert "real base rate" in " ".join(capsys.readouterr().out.split())
    two_stage = json.loads((folder / "relations/relations.json").read_text())["two_stage"]
    for split in ("evaluation", "holdout"):
        for name, quality in two_stage[split].items():
            if isinstance(quality, dict):
                assert 0 <= quality["n_right"] <= min(quality["n_said"], quality["n_true"]), name
    said = two_stage["evaluation"]["duplicate_say"]
    assert two_stage["bands"]["say"]["duplicate"] is None or said["precision"] >= 0.3
    assert _run(["relate", str(folder), ticket, "--nearest", "5", "--all", "--json"], monkeypatch) == 0
    related = json.loads(capsys.readouterr().out)[ticket]
    assert 0 < len(related) <= 5
    order = data.tickets.visibility.order
    assert order is not None
    at = data.tickets.position
    bands = {"say": 0, "suggest": 1, "silent": 2}
    assert [bands[one["band"]] for one in related] == sorted(bands[one["band"]] for one in related)
    for one in related:
        assert order[at[one["ticket_id"]]] < order[at[ticket]], "only earlier tickets"
        assert one["evidence"] and one["evidence"][-1].endswith("apart")
        if one["kind"] == "duplicate":
            parent = at[one["parent"]]
            assert data.groups.canonical[parent] == parent, "the parent is no duplicate itself"
        if one["kind"] == "causal":
            assert one["direction"] == f"{one['ticket_id']} caused {ticket}"
    assert _run(["relate", str(folder), ticket], monkeypatch) == 0
    assert ticket in capsys.readouterr().out
    assert _run(["relate", str(folder), "INC-nowhere"], monkeypatch) == InputError.exit_code
    assert "holds no ticket 'INC-nowhere'" in capsys.readouterr().err


def test_the_loaded_champion_ranks_as_the_verdict_did(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    data = RunData(folder, read_job(folder))
    ranker = champion_ranker(data)
    assert ranker.name == report["verdict"]["champion"]
    queries = data.queries(SplitName.HOLDOUT)
    scores = evaluate_retrieval(ranker, queries, data.groups.group, data.visibility)
    told = report["candidates"][ranker.name]["holdout"]["retrieval"]["mrr"]["value"]
    assert float(scores.per_query("mrr").mean()) == pytest.approx(told, abs=1e-6)
