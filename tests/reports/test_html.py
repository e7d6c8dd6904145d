"""The page: what it says first, what it never does, how it copes with what is missing."""

import base64
import dataclasses
import hashlib
import json
import re
from html import unescape
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from pydantic import TypeAdapter

import ticketkin
from ticketkin.evaluation.schema import Report
from ticketkin.relations.families import FamiliesRecord, FamilyRecord
from ticketkin.reports.check_words import has_words
from ticketkin.reports.formatting import ABSENT
from ticketkin.reports.html import write_report
from ticketkin.reports.material import PairExample, ReportMaterial


@pytest.fixture
def page(written):
    return written.read_text("utf-8")


def text_of(html: str) -> str:
    body = re.sub(r"<(style|script|svg|title)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).strip()


def test_the_fixture_has_the_shape_of_report_json(report):
    Report.model_validate(report)


def test_the_verdict_comes_first(page, report):
    text = text_of(page)
    assert text.startswith("Ticketkin report · incidents.csv " + report["verdict"]["reason"])
    before_candidates = text[: text.index("Candidates side by side")]
    assert "Yes rank with" in before_candidates
    assert "+0.060 between +0.031 and +0.089" in before_candidates
    assert "Of 100 held-out tickets, 84 find kin in the top 10, before 78" in before_candidates
    assert "What to do next" in before_candidates


KEPT = {"champion": "base", "encoder": "base", "kept_baseline": True, "reason": "Keep base."}


def test_a_kept_baseline_is_said_plainly(report, undrawn, tmp_path):
    report["verdict"] |= KEPT
    text = text_of(write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8"))
    assert "No keep “base”" in text
    assert "The closest challenger, fusion, against base" in text
    assert ", before" not in text[: text.index("Candidates side by side")]
    assert "Keep using base" in text


def test_a_gain_of_a_few_kin_groups_is_told_as_chance(report, undrawn, tmp_path):
    report["verdict"] |= KEPT
    for comparison in report["comparisons"]:
        comparison |= {"p_value": 0.25, "n_clusters": 6}
    text = text_of(write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8"))
    assert "6 kin groups are too few to rule out chance (p 0.25)" in text
    assert "could be chance" in text and "kin groups better" not in text


@pytest.mark.parametrize("where", ["report", "material"])
def test_synthetic_tickets_are_the_first_line(where, report, undrawn, tmp_path):
    report["synthetic"] = where == "report"
    material = dataclasses.replace(undrawn, is_synthetic=where == "material")
    text = text_of(write_report(Report.model_validate(report), material, tmp_path).read_text("utf-8"))
    assert text.startswith("These tickets are synthetic")


def test_silver_labels_are_the_first_line(report, undrawn, tmp_path):
    for candidate in report["candidates"].values():
        candidate["evaluation"]["labels_from"] = "silver"
    text = text_of(write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8"))
    assert text.startswith("The labels are silver and circular")
    assert "Get links made by people" in text


def test_the_page_loads_nothing(page):
    assert not re.search(r"(?:https?:)?//[a-z]", page)
    assert not re.search(
        r"<(script\b[^>]|link(?! rel=\"icon\" href=\"data:)|img|iframe|object|embed)\b", page
    )
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page


def test_only_its_own_script_may_run(page):
    script = re.search(r"<script>(.*?)</script>", page, flags=re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src 'none';")
    assert re.findall(r"script-src ([^;]+)", policy) == [f"'sha256-{digest}'"]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("passed", "none found"), ("warning", "look at this"), ("skipped", "could not be checked")],
)
def test_a_check_reads_as_a_sentence(outcome, words, report, undrawn, tmp_path):
    report["diagnostics"] = [
        {"code": "circular_labels", "outcome": outcome, "evidence": "ROC-AUC 0.873", "advice": ""}
    ]
    text = text_of(write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8"))
    assert f"Circular labels {words} ROC-AUC 0.873" in text


def test_every_check_of_a_run_has_words():
    package = Path(ticketkin.__file__).parent
    codes = {
        code
        for folder in ("evaluation/diagnostics", "training", "relations")
        for path in (package / folder).glob("*.py")
        for code in re.findall(r'\b(?:passed|warning|failed)\(\s*"([a-z_]+)"', path.read_text("utf-8"))
    }
    assert {"circular_labels", "leakage", "steps", "relation_support"} <= codes
    assert sorted(code for code in codes if not has_words(code)) == []


def test_nothing_is_green_where_nothing_is_proven(report, undrawn, tmp_path):
    report["verdict"] |= {"answer": "unproven", "reason": "Not known yet: nobody linked these tickets."}
    page = write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8")
    assert '<body class="unproven">' in page
    assert 'class="big yes"' not in page


def test_targets_are_said_for_a_person(report, undrawn, tmp_path):
    report["readiness"]["criteria"] = [
        {
            "name": name, "value": value, "low": None, "high": None, "target": target, "at_most": at_most,
            "gap": 0.0, "passed": True, "note": "",
        }
        for name, value, target, at_most in (
            ("category_shortcut", 1.0, 1.0, False),
            ("failed_checks", 0.0, 0.0, True),
            ("holdout_gap", 0.021, 0.05, True),
            ("beats_baseline", 0.0, 0.0, False),
        )
    ]  # fmt: skip
    report["verdict"] |= KEPT
    text = text_of(write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8"))
    assert "Reads more than the category yes passed passed" in text
    assert "Checks that failed yes none none" in text
    assert "Lost on tickets put aside yes 2.1 % at most 5 %" in text
    assert f"Better than the untouched model kept {ABSENT}" in text


def test_texts_of_tickets_and_names_are_escaped(report, undrawn, tmp_path):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
    example = PairExample(evil, evil, evil, evil, 0.9, 0)
    material = dataclasses.replace(
        undrawn, title=evil, false_alarms=(example,), misses=(example,), command=evil
    )
    report["tickets"] = {"mapping": {evil: evil}, "redactions": {evil: 1}, "notes": [evil]}
    report |= {"profile": {evil: {evil: 1}}, "versions": {evil: evil}}
    report["verdict"]["reason"] = evil
    report["warnings"] = [{"code": evil, "message": evil}]
    page = write_report(Report.model_validate(report), material, tmp_path).read_text("utf-8")
    assert page.count("<script") == 1, "the page's own"
    assert "<img" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 10


def test_numbers_carry_interval_count_and_origin(page):
    text = text_of(page)
    assert "weighed as your links teach best ranking 0.702 [0.67, 0.74]" in text
    assert (
        "412 queries · 200 kin groups · 2,751 tickets searched · 380 kin pairs · 1,900 not-kin pairs" in text
    )
    assert "links from: person" in text
    assert "+0.019 [-0.002, +0.040] 412 in 200 kin groups could be chance" in text
    assert "21 min 00 s" in text  # the cost of LoRA


def test_data_and_provenance_are_told(page):
    text = text_of(page)
    for said in (
        "short_desc", "E-mail addresses 212", "Rows rejected (rejected.csv) 3", "mojibake: 14", "Holdout 275",
        "Groups of duplicates 640",
        "ticketkin run reports.csv --links pairs.csv --offline --seed 42", "Seed 42.", "torch 2.13.0",
        "31 % of the tickets are longer", "all-MiniLM-L6-v2",
    ):  # fmt: skip
        assert said in text, said


def test_raw_names_empty_counts_and_lists_of_ids_stay_out(report, undrawn, tmp_path):
    report["tickets"] = {
        "n_tickets": 9, "n_blank": 0, "repairs": {"characters": 17, "cut_texts": 0}, "notes": [],
        "mapping": {"opened_at": "created"},
    }  # fmt: skip
    report["links"] = {"n_links": 7, "n_self": 0, "n_cycles": 1, "cycles": [["INC1", "INC2"]], "n_ignored": 2}
    report["splits"] = {"train": {"n_tickets": 7, "n_with_kin": 4, "n_kin_groups": 2, "n_queries": 2}}
    report["profile"] = {"share_cut": 0.254, "templates": [["password reset " * 9, 6]]}
    text = text_of(write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8"))
    assert "texts with broken or invisible characters repaired: 17" in text
    assert "7 tickets, 4 of them with kin, in 2 groups of duplicates" in text
    assert "Longer than the model reads 25.4 %" in text
    assert "Of a kind that is no kinship 2" in text
    assert "Opened at created" in text
    assert re.search(r"“password reset [^”]{40,50}…” 6 times", text)
    assert not re.search(r"\bn_[a-z]+|\['|INC1|cut_texts", text[text.index("Data What is zero") :])
    assert "Blank rows" not in text


def test_families_are_named_by_a_title(report, undrawn, tmp_path):
    def family(number, title):
        return FamilyRecord(number, ["INC1", "INC2"], {"INC2": "INC1"}, [], [], [], title)

    families = FamiliesRecord(2, 4, [], [family(1, "VPN <drops>"), family(2, "")])
    path = write_report(
        Report.model_validate(report), dataclasses.replace(undrawn, families=families), tmp_path
    )
    page = path.read_text("utf-8")
    assert '<th scope="row">1. VPN &lt;drops&gt;</th>' in page
    assert '<th scope="row">2</th>' in page


def test_bare_material_is_explained_not_drawn(report, tmp_path):
    page = write_report(
        Report.model_validate(report), ReportMaterial(title="incidents.csv"), tmp_path
    ).read_text("utf-8")
    text = text_of(page)
    assert "<svg" not in page
    assert not list((tmp_path / "figures").iterdir())
    assert "No training was recorded in this run" in text
    assert "No candidate was tuned in this run" in text
    assert "Text lengths were not measured" in text
    assert "The test pairs lack kin, or lack strangers" in text
    assert "No test pairs were decided in this run" in text
    assert "The command was not recorded" in text
    assert "None" not in text


def test_null_metrics_become_dashes(report, undrawn, tmp_path):
    nothing = {"value": None, "low": None, "high": None}
    for candidate in report["candidates"].values():
        candidate.pop("holdout", None)
        scores = candidate["evaluation"]
        for part in ("retrieval", "pairs"):
            scores[part] |= {
                k: nothing for k, v in scores[part].items() if isinstance(v, dict) and "low" in v
            }
    report |= {"comparisons": [], "warnings": [], "cost": {}, "tickets": {}, "links": {}, "splits": {}}
    material = dataclasses.replace(undrawn, recall_curves={})
    text = text_of(write_report(Report.model_validate(report), material, tmp_path).read_text("utf-8"))
    assert f"lexical Words in common, no model {ABSENT} {ABSENT} {ABSENT} {ABSENT} {ABSENT} 1.2 s" in text
    assert "There was no challenger to compare with base" in text
    assert "No candidate was scored on links of the holdout split." in text
    assert "No evaluation ticket has kin that it may see" in text
    assert "this could not be counted" in text
    assert "Warnings None." in text
    assert "None " not in text.replace("Warnings None.", "")


def test_no_tuning_means_no_training_section(report, material, undrawn, tmp_path):
    untuned = dataclasses.replace(undrawn, recall_curves=material.recall_curves)
    page = write_report(Report.model_validate(report), untuned, tmp_path).read_text("utf-8")
    assert 'id="training_lora' not in page
    assert "LoRA was not among the candidates" in page
    assert "recall_at_k-alt" in page


def test_the_border_has_a_row_of_its_own_with_texts(written):
    page = written.read_text("utf-8")
    _, _, border = page.partition("On the border")
    assert "The 20 test pairs nearest the threshold of 0.600 (similarity 0.550 to 0.640)" in border
    assert (
        "of 12 kin 7 are told rightly, 95 % of all kin; of 8 strangers 3 are told rightly, 90 % of all"
        in border
    )
    assert '<article class="panel pair">' in border


def test_material_survives_json(material):
    record = TypeAdapter(ReportMaterial)
    written = json.loads(record.dump_json(material))
    again = record.validate_python(written)
    assert record.dump_python(again, mode="json") == written
    assert again.false_alarms == material.false_alarms
    assert np.array_equal(again.training["lora"].learning_rate, material.training["lora"].learning_rate)


def test_every_figure_lies_beside_the_page(written):
    names = {path.name for path in (written.parent / "figures").iterdir()}
    assert names == {
        "recall_at_k.png", "similarities_base.png", "similarities_fusion.png", "roc.png",
        "precision_recall.png", "confusion.png", "strengths.png", "training_lora.png", "lengths.png",
    }  # fmt: skip


def test_a_second_report_replaces_the_first(report, material, undrawn, tmp_path):
    first = dataclasses.replace(undrawn, strengths=material.strengths)
    write_report(Report.model_validate(report), first, tmp_path)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["strengths.png"]
    picture = matplotlib.image.imread(tmp_path / "figures" / "strengths.png")
    assert picture.shape[2] == 3 or (picture[:, :, 3] == 1).all(), "a picture on its own is on white"
    write_report(
        Report.model_validate(report), dataclasses.replace(undrawn, training=material.training), tmp_path
    )
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["training_lora.png"]
    assert not list(tmp_path.glob(".*.part"))


def test_kinds_of_links_that_are_left_out_stand_with_their_option(report, undrawn, tmp_path):
    kinds = [
        {
            "kind": f"kind {n}",
            "n_links": n,
            "why": "unknown",
            "option": f"--set 'links.kinds.kind {n}=related'",
        }
        for n in range(1, 30)
    ]
    kinds.append({"kind": "", "n_links": 7, "why": "unknown", "option": None})
    report["links"] |= {"left_out_kinds": kinds}
    page = unescape(write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8"))
    for kind in kinds[:-1]:
        assert f"{kind['n_links']} links, unknown; to use them: {kind['option']}" in page
    assert "no kind given" in page


def test_a_report_that_lists_no_kinds_says_so(report, undrawn, tmp_path):
    page = write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8")
    assert "Kinds of links are left out of this copy, or were not recorded." in page
