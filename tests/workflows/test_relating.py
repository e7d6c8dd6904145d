"""Kinds of kin in a run, as the command shows them."""

import json
import shutil
import sys
from pathlib import Path

import networkx as nx
import polars as pl
import pytest

from ticketkin.cli.entry import main
from ticketkin.core.errors import InputError, MissingInputError, NotEnoughDataError
from ticketkin.core.tables import SplitName
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.relations import cause_training, cross_training
from ticketkin.relations.causes import WithCauses
from ticketkin.relations.classifier import FeatureKindModel
from ticketkin.relations.fitting import MODELS
from ticketkin.relations.record import RELATION_RECORD, CauseQuality
from ticketkin.relations.settings import FamilySettings
from ticketkin.reports.kinds import KindsSection, kinds_section
from ticketkin.reports.material import ReportMaterial
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.examination import examine
from ticketkin.workflows.job import run_job
from ticketkin.workflows.relater import Relater
from ticketkin.workflows.relation_jobs import build_run_families, learn_relations
from ticketkin.workflows.relation_material import load_kinds
from ticketkin.workflows.run_data import RunData


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
    "--set", "evaluation.by=split",
    "--set", "relations.model=logistic",
]  # fmt: skip


def section_of(record: dict[str, object]) -> KindsSection:
    """Return what the report says of a record of kinds."""
    section = kinds_section(ReportMaterial("kinds", relations=RELATION_RECORD.validate_python(record)))
    assert section is not None
    return section


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
    assert record["without"].keys() == {"embedding", "similarity", "fields", "values", "time"}
    section = section_of(record)
    assert [row.name for row in section.without] == [
        "all features",
        *(f"without {g}" for g in record["without"]),
    ]
    assert section.compared == []
    data = RunData.of(folder, read_job(folder))
    model = load_kinds(data).model
    assert isinstance(model, FeatureKindModel) and model.classifier.name == "logistic"


def test_models_stand_side_by_side_as_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["relations", str(folder), *QUICK, "--compare", "--json"], monkeypatch) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["results"].keys() == set(MODELS)
    majority = printed["results"]["majority"]["macro_f1"]["value"]
    assert printed["results"]["logistic"]["macro_f1"]["value"] > majority
    section = section_of(printed)
    assert section.compared[0].name == "Logistic (kept)"
    assert len(section.compared) == len(MODELS) and section.without == []
    heads = [head for head, _ in section.compared[0].cells]
    assert heads == ["macro F1", "F1 duplicate", "F1 related", "F1 causal", "F1 none", "Brier score"]


def test_what_is_missing_is_reported(folder: Path, tmp_path: Path) -> None:
    job = read_job(folder)
    with pytest.raises(MissingInputError, match=r"is not a run folder: .*Make one with: ticketkin import"):
        learn_relations(tmp_path / "nothing", job)
    lonely = job.model_copy(
        update={"settings": job.settings.model_copy(
            update={"relations": job.settings.relations.model_copy(
                update={"folds": 50, "none_per_linked": 0.01})})}
    )  # fmt: skip
    with pytest.raises(NotEnoughDataError, match=r"kinds? ha(s|ve) at least 50 pairs, and two are needed"):
        learn_relations(folder, lonely)
    # A run goes on without kinds, and says so in the record and in the report.
    run_job(lonely, folder)
    record = json.loads((folder / "relations/relations.json").read_text())
    assert not record["learned"] and "two are needed" in record["reason"]
    assert "Kinds of kin were not learned: " in (folder / "report.html").read_text()
    with pytest.raises(MissingInputError, match=r"has no relation model: .*two are needed"):
        Relater(folder)
    with pytest.raises(NotEnoughDataError, match="--said needs the relation model"):
        with_reported = lonely.settings.model_copy(update={"families": FamilySettings(said=True)})
        build_run_families(folder, lonely.model_copy(update={"settings": with_reported}))


def test_the_nearest_are_related_with_bands_and_evidence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = RunData.of(folder, read_job(folder))
    holdout = data.splits.rows(data.tickets, SplitName.HOLDOUT)
    ticket = data.tickets.ids[int(holdout[-1])]
    shutil.rmtree(folder / "relations")
    assert _run(["relate", str(folder), ticket], monkeypatch) == MissingInputError.exit_code
    output = " ".join(capsys.readouterr().err.split())
    assert "lacks relations/relations.json. Run: ticketkin relations" in output
    low = ["--set", "relations.say_precision=0.3", "--set", "relations.suggest_precision=0.1"]
    assert _run(["relations", str(folder), *QUICK, *low], monkeypatch) == 0
    assert "real base rate" in " ".join(capsys.readouterr().out.split())
    two_stage = json.loads((folder / "relations/relations.json").read_text())["two_stage"]
    for split in ("evaluation", "holdout"):
        for name, quality in two_stage[split].items():
            if isinstance(quality, dict):
                assert 0 <= quality["n_right"] <= min(quality["n_said"], quality["n_true"]), name
    expected_mrr = two_stage["evaluation"]["duplicate_say"]
    assert two_stage["bands"]["say"]["duplicate"] is None or expected_mrr["precision"] >= 0.3
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
            assert data.groups.group[parent] == data.groups.group[at[one["ticket_id"]]]
            assert order[parent] < order[at[ticket]], "a parent is there before its duplicate"
        if one["kind"] == "causal":
            assert one["direction"] in (
                f"{one['ticket_id']} caused {ticket}",
                "which caused which is not known: no cause was detected here to learn it from",
            )
    assert _run(["relate", str(folder), ticket], monkeypatch) == 0
    assert ticket in capsys.readouterr().out
    assert _run(["relate", str(folder), "INC-nowhere", ticket], monkeypatch) == InputError.exit_code
    told = capsys.readouterr()
    assert "holds no ticket 'INC-nowhere'" in told.err and ticket in told.out  # the others are answered
    by_ticket = Relater(str(folder)).relate(["INC-nowhere", ticket], 5)
    assert by_ticket["INC-nowhere"] is None and len(by_ticket[ticket] or []) == len(related)


def test_the_loaded_champion_ranks_as_the_verdict_did(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    data = RunData.of(folder, read_job(folder))
    ranker = champion_ranker(data)
    assert ranker.name == report["verdict"]["champion"]
    queries = data.queries(SplitName.HOLDOUT)
    scores = evaluate_retrieval(ranker, queries, data.groups.group, data.visibility)
    expected_mrr = report["candidates"][ranker.name]["holdout"]["retrieval"]["mrr"]["value"]
    assert float(scores.per_query("mrr").mean()) == pytest.approx(expected_mrr, abs=1e-6)


def test_the_whole_job_learns_kinds_and_shows_them(folder: Path) -> None:
    record = json.loads((folder / "relations/relations.json").read_text())
    page = (folder / "report.html").read_text()
    choice = record["choice"]
    assert record["learned"] and record["model"] == choice["chosen"]
    assert record["results"].keys() == {"auto", "majority"} and sum(choice["in_folds"].values()) == 3
    assert choice["scores"].keys() == {"logistic", "kernel_svm"}
    assert choice["scores"][choice["chosen"]]["macro_f1"] == max(
        s["macro_f1"] for s in choice["scores"].values()
    )
    model = load_kinds(RunData.of(folder, read_job(folder))).model
    assert isinstance(model, FeatureKindModel) and model.classifier.name == choice["chosen"]
    assert 'id="kinds"' in page and "Largest families" in page and "How the classifier was chosen" in page
    assert {"kinds_confusion.png", "kinds_reliability.png", "family.png"} <= {
        path.name for path in (folder / "figures").iterdir()
    }
    gates = {gate["code"]: gate["outcome"] for gate in record["gates"]}
    assert gates["relation_labels"] == "passed" and gates["relation_better_than_majority"] == "passed"


def test_links_across_splits_teach_nothing_and_are_counted(folder: Path, tmp_path: Path) -> None:
    job = read_job(folder)
    before = RunData.of(folder, job)
    ids, splits = before.tickets.ids, before.splits.frame
    train, holdout = (before.splits.rows(before.tickets, s) for s in (SplitName.TRAIN, SplitName.HOLDOUT))
    across = [(ids[one], ids[other]) for one, other in zip(train.tolist(), holdout.tolist(), strict=False)]
    links = tmp_path / "links.csv"
    links.write_text("source,target,kind\n" + "".join(f"{a},{b},related\n" for a, b in across), "utf-8")
    learned = _learned_of(folder)
    unlike = job.settings.links.model_copy(update={"doubtful": "ignore"})
    quick = job.settings.relations.model_copy(update={"model": "logistic", "folds": 2})
    settings = job.settings.model_copy(update={"links": unlike, "relations": quick})
    report = run_job(job.model_copy(update={"links_file": links, "settings": settings}), folder)
    after = RunData.of(folder, read_job(folder))
    assert after.links.frame.filter(pl.col("origin") == "file").height == len(across)
    assert after.splits.frame.equals(splits)
    assert _learned_of(folder) == learned
    counted = next(check for check in report.diagnostics if check.code == "kinds_across_splits")
    assert "links join tickets of different splits; kinds are learned from the" in counted.evidence
    assert int(counted.evidence.split()[0]) >= len(across)


def _learned_of(folder: Path) -> tuple[set[tuple[str, str]], dict[str, int]]:
    """Return the pairs that encoders and rankings learn as kin, and how many pairs kinds are learned from."""
    pairs = RunData.of(folder, read_job(folder)).pairs.of(SplitName.TRAIN).frame.filter(pl.col("label") == 1)
    record = json.loads((folder / "relations/relations.json").read_text())
    by_kind = record["two_stage"]["pairs_by_split"]["train"]
    del by_kind["none"]  # as many are drawn beside them as there are links in all
    return set(pairs.select("left", "right").iter_rows()), by_kind


def test_a_review_wins_over_links(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads((folder / "relations/relations.json").read_text())["counts"]
    data = RunData.of(folder, read_job(folder))
    source, target = data.links.frame.filter(pl.col("kind") == "causal").select("source", "target").row(0)
    review = tmp_path / "reviewed.csv"
    review.write_text(f"source,target,kind\n{source},{target},none\n", "utf-8")
    assert _run(["relations", str(folder), *QUICK, "--reviewed", str(review), "--json"], monkeypatch) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["counts"]["causal"] == before["causal"] - 1 and printed["mixture_of_none"]["told"] == 1
    review.write_text(f"source,target,kind\n{source},{target},cousin\n", "utf-8")
    assert _run(["relations", str(folder), *QUICK], monkeypatch) == InputError.exit_code
    assert "row 1 has the kind 'cousin'" in " ".join(capsys.readouterr().err.split())


def test_families_join_all_kin_in_three_formats(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["families", str(folder), "--json"], monkeypatch) == 0
    printed = json.loads(capsys.readouterr().out)
    data = RunData.of(folder, read_job(folder))
    linked = {*data.links.frame["source"], *data.links.frame["target"]}
    assert {ticket for family in printed["families"] for ticket in family["tickets"]} == linked
    table = pl.read_csv(folder / "families/families.csv")
    assert set(table["ticket_id"]) == linked and table["family"].n_unique() == printed["n_families"]
    graph = nx.read_graphml(folder / "families/families.graphml")
    assert nx.number_weakly_connected_components(graph) == printed["n_families"]
    low = ["--set", "relations.say_precision=0.2", "--set", "relations.suggest_precision=0.1"]
    assert _run(["relations", str(folder), *QUICK, *low], monkeypatch) == 0
    capsys.readouterr()
    assert _run(["families", str(folder), "--said", "--top", "2"], monkeypatch) == 0
    assert capsys.readouterr().out.count("Family ") == 2
    written = json.loads((folder / "families/families.json").read_text())
    ties = [tie for family in written["families"] for tie in family["related"] + family["causal"]]
    assert written["n_tickets"] > printed["n_tickets"] or any(tie["origin"] == "said" for tie in ties)


def _cross(base: Path) -> list[str]:
    return [
        "--set", f"relations.cross_encoder.base_model={base}", "--set", "relations.cross_encoder.epochs=1",
        "--set", "relations.cross_encoder.max_length_tokens=32", "--set", "relations.cross_encoder.folds=2",
    ]  # fmt: skip


@pytest.mark.slow
def test_cross_encoders_stand_beside_the_classifiers_and_serve(
    folder: Path, tiny_encoder_folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    cross = _cross(tiny_encoder_folder)
    many = ["relations", str(folder), *QUICK, *cross, "--cross-encoder", "--causes"]
    data = RunData.of(folder, read_job(folder))
    n_causal = data.links.frame.filter(pl.col("kind") == "causal").height
    code = _run(many, monkeypatch)
    if n_causal < 4:
        assert code == NotEnoughDataError.exit_code
        return
    assert code == 0
    shown = " ".join(capsys.readouterr().out.split())
    record = json.loads((folder / "relations/relations.json").read_text())
    assert record["results"].keys() == {"logistic", "majority", "cross_encoder"}
    causes = record["causes"]
    assert causes["fresh_head"] and 0 <= causes["direction_right"] <= 1
    assert causes["n_other"] == pytest.approx(3 * causes["n_causal"], abs=1)
    assert causes["roc_auc"]["low"] <= causes["roc_auc"]["value"] <= causes["roc_auc"]["high"]
    assert "its head begun at random" in shown and "ms a pair" in shown
    left_out = not (causes["gain"]["low"] > 0)
    assert bool(record["causes_left_out"]) is left_out
    assert (folder / "relations/cause_encoder").exists() is not left_out
    # Finished folds are kept: the same command trains nothing again.
    for module in (cross_training, cause_training):
        monkeypatch.setattr(module, "train_cross_encoder", None)
    assert _run(many, monkeypatch) == 0
    monkeypatch.undo()
    monkeypatch.setenv("TICKETKIN_CACHE", str(folder.parent / "cache"))
    kept = ["relations", str(folder), *QUICK, *cross, "--set", "relations.model=cross_encoder"]
    assert _run([*kept, "--set", "relations.compare="], monkeypatch) == 0
    examined = {one.name: one for one in examine(folder, EncoderSettings(offline=True))}
    checks = {check.code: check.outcome for check in examined["relations: cross-encoder"].checks}
    assert checks["cross_encoder_head"] == "passed"
    ticket = data.tickets.ids[int(data.splits.rows(data.tickets, SplitName.HOLDOUT)[-1])]
    capsys.readouterr()
    assert _run(["relate", str(folder), ticket, "--all", "--json"], monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)[ticket]


@pytest.mark.slow
def test_a_cross_encoder_of_causes_that_helps_answers_in_run_and_bundle(
    folder: Path, tiny_encoder_folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(CauseQuality, "helps", True)  # a random encoder of two layers would not
    asked = ["relations", str(folder), *QUICK, *_cross(tiny_encoder_folder), "--causes"]
    assert _run(asked, monkeypatch) == 0
    assert "it is kept and has a say in answers" in " ".join(capsys.readouterr().out.split())
    data = RunData.of(folder, read_job(folder))
    assert isinstance(load_kinds(data).model, WithCauses)
    examined = {one.name: one for one in examine(folder, EncoderSettings(offline=True))}
    checks = {check.code: check.outcome for check in examined["relations: cross-encoder of causes"].checks}
    assert checks["cross_encoder_head"] == "passed"
    bundle = folder.parent / "kin"
    assert _run(["bundle", str(folder), "--out", str(bundle), "--with-index"], monkeypatch) == 0
    assert (bundle / "relations/cause_encoder/model.safetensors").exists()
    assert not (bundle / "relations/cause_encoder/training_metadata.json").exists()
    ticket = data.tickets.ids[int(data.splits.rows(data.tickets, SplitName.HOLDOUT)[-1])]
    answers = []
    for place in (folder, bundle):
        capsys.readouterr()
        assert _run(["relate", str(place), ticket, "--all", "--json"], monkeypatch) == 0
        answers.append(json.loads(capsys.readouterr().out))
    in_run = {one["ticket_id"]: one["probability"] for one in answers[0][ticket]}
    served = answers[1][0] if isinstance(answers[1], list) else answers[1][ticket]
    in_bundle = {one["ticket_id"]: one["probability"] for one in served["relations"]}
    assert in_run.keys() & in_bundle.keys()
    for name in in_run.keys() & in_bundle.keys():
        assert in_bundle[name] == pytest.approx(in_run[name], abs=1e-4)
