"""One entry in the registry is enough: a metric is computed, written, checked, shown and listed in docs."""

import dataclasses
import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from ticketkin.cli.model_screens import show_leaderboard
from ticketkin.cli.verdict_screens import show_candidates
from ticketkin.core.errors import UnreadableFileError
from ticketkin.evaluation import pair_statistics
from ticketkin.evaluation.leaderboard import ModelComparison, ModelCost, leaderboard, pair_leaderboard
from ticketkin.evaluation.metric_definitions import (
    Direction,
    MetricRegistry,
    PairMetric,
    Place,
    RetrievalMetric,
    Role,
)
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.model_decisions import decide_at
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.schema import Report, read_report, report_json_schema
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.verdict import decide
from ticketkin.reports.html import render_report
from ticketkin.reports.leaderboard import leaderboard_html, leaderboard_table
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.page_figures import PageFigures
from ticketkin.workflows.repeating import _summary

EARLIER = Path(__file__).parent / "report_of_0_1.json"
DOCS = Path(__file__).parents[2] / "docs" / "evaluation.md"

WORST_RANK = RetrievalMetric(
    name="worst_rank",
    title="Worst rank",
    description="mean rank of the kin that comes last",
    per_query=lambda ranks: np.array([float(kin[-1]) for kin in ranks]),
    direction=Direction.LOWER,
    role=Role.GUARD,
    places=frozenset(Place),
)
GAP = PairMetric(
    name="gap",
    title="Gap",
    description="mean similarity of kin less that of strangers",
    statistic=pair_statistics.of_weights(
        lambda sample: (
            lambda w: float(
                np.average(sample.similarities[sample.labels == 1], weights=w[sample.labels == 1] + 1e-9)
                - np.average(sample.similarities[sample.labels == 0], weights=w[sample.labels == 0] + 1e-9)
            )
        )
    ),
    places=frozenset(Place),
)
NAMES = ("lexical", "base", "head", "lora", "fusion")


@pytest.fixture
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METRICS, "retrieval", (*METRICS.retrieval, WORST_RANK))
    monkeypatch.setattr(METRICS, "pairs", (*METRICS.pairs, GAP))


def ranks_of(worst: int) -> RetrievalScores:
    """Two kin for each of 60 queries: the first always first, the other at `worst` or one after."""
    ranks = [np.array([1, worst + place % 2]) for place in range(60)]
    return RetrievalScores(np.arange(60), np.arange(60) // 2, ranks, 99)


def pairs_of(seed: int) -> PairScores:
    labels = np.repeat([0, 1], 40)
    noise = np.random.default_rng(seed).normal(0, 0.2, 80)
    return PairScores((0.2 + 0.5 * labels + noise).astype(np.float32), labels, np.arange(80) // 2)


def judged_report(report: dict) -> dict:
    """The fixture's report with the results of real scores, as the verdict stage writes them."""
    for place, name in enumerate(NAMES):
        result = {
            "labels_from": "person",
            "retrieval": ranks_of(10 + place).measured(100, 0).model_dump(mode="json"),
            "pairs": pairs_of(place).measured(0.5, 0.01, 100, 0).model_dump(mode="json"),
        }
        report["candidates"][name] |= {"evaluation": result, "holdout": None}
    return json.loads(json.dumps(report))


@pytest.mark.usefixtures("_toys")
def test_a_metric_added_in_one_place_stands_in_results_schema_and_page(report):
    written = Report.model_validate(judged_report(report)).model_dump(mode="json")
    evaluation = written["candidates"]["base"]["evaluation"]
    assert evaluation["retrieval"]["worst_rank"]["value"] == 11.5
    assert evaluation["pairs"]["gap"]["value"] == pytest.approx(0.5, abs=0.1)
    schema = report_json_schema()
    jsonschema.validate(written, schema)
    described = schema["$defs"]["Retrieval"]["properties"]["worst_rank"]["description"]
    assert described == WORST_RANK.description
    del evaluation["retrieval"]["worst_rank"]
    with pytest.raises(jsonschema.ValidationError, match="worst_rank"):
        jsonschema.validate(written, schema)
    page = render_report(
        Report.model_validate(judged_report(report)), ReportMaterial(title="x"), PageFigures([], [])
    )
    assert "<th>Worst rank</th>" in page and WORST_RANK.description in page
    best = page.index('data-head="Worst rank" class="best"')
    assert page[best:].startswith('data-head="Worst rank" class="best"><b>10.500</b>')
    assert page.count('data-head="Worst rank" class="best"') == 1, "the lowest is the best"
    assert "<th>Gap</th>" in page


@pytest.mark.usefixtures("_toys")
def test_it_has_a_column_on_leaderboards_and_on_the_terminal(report):
    retrieval = {name: ranks_of(10 + place) for place, name in enumerate(NAMES)}
    pairs = {name: pairs_of(place) for place, name in enumerate(NAMES)}
    costs = dict.fromkeys(NAMES, ModelCost(100.0, 90.0, 384, 1_536, "bert", "mit"))
    of_run = leaderboard(retrieval, pairs, costs, "base", 100, 0)
    of_pairs = pair_leaderboard(pairs, costs, "base", 100, 0)
    calls = {name: decide_at(scores, 0.5, 100, 0) for name, scores in pairs.items()}
    for comparison, names in (
        (
            ModelComparison(
                of_run, {}, "base", "x", "mrr", 60, 80, 30, "person", "", calls, "evaluation", []
            ),
            ("worst_rank", "gap"),
        ),
        (
            ModelComparison(of_pairs, {}, "base", "x", "roc_auc", 0, 80, 30, "file", "", calls, "pairs", []),
            ("gap",),
        ),
    ):
        shown = printed(lambda console, compared=comparison: show_leaderboard(console, compared, None))
        for name in names:
            assert f"<th>{METRICS[name].title}</th>" in leaderboard_html(comparison)
            assert METRICS[name].title in shown
            assert name in leaderboard_table(comparison).columns
            assert comparison.to_json()["rows"][0][name]["value"] is not None
    judged = Report.model_validate(judged_report(report)).candidates
    candidates = printed(lambda console: show_candidates(console, judged, in_folds=False))
    assert "Worst rank" in candidates and "Gap" in candidates
    averaged = Report.model_validate(judged_report(report))
    assert _summary([averaged]).metrics["base"]["worst_rank"].mean == 11.5
    assert "Worst rank 11.500" in retrieval["base"].summary()


def printed(show) -> str:
    stream = io.StringIO()
    show(Console(file=stream, width=400))
    return stream.getvalue()


@pytest.mark.usefixtures("_toys")
def test_a_guard_whose_lower_values_are_better_stops_a_challenger_that_raises_it():
    def scores(first: int, worst: int) -> RetrievalScores:
        ranks = [np.array([first, worst]) for _ in range(60)]
        return RetrievalScores(np.arange(60), np.arange(60) // 2, ranks, 99)

    common = {
        "labels_from": "person",
        "synthetic": False,
        "settings": EvaluationSettings(n_bootstrap=100),
        "seed": 0,
    }
    base = scores(4, 20)
    won = decide({"base": base, "head": scores(1, 10)}, ["base", "head"], **common)
    assert won.champion == "head"
    assert {c.metric: c.gain.value for c in won.comparisons}["worst_rank"] == 10
    lost = decide({"base": base, "head": scores(1, 50)}, ["base", "head"], **common)
    assert lost.kept_baseline
    failed = [gate for gate in lost.gates if not gate.passed]
    assert [gate.name for gate in failed] == ["worst_rank_not_worse"]
    assert failed[0].evidence.startswith("Worst rank -30.000")


def test_names_are_unique_and_each_part_has_one_primary():
    with pytest.raises(ValueError, match="one name"):
        MetricRegistry((*METRICS.retrieval, dataclasses.replace(WORST_RANK, name="f1")), METRICS.pairs)
    with pytest.raises(ValueError, match="exactly one primary"):
        MetricRegistry(
            (*METRICS.retrieval, dataclasses.replace(WORST_RANK, role=Role.PRIMARY)), METRICS.pairs
        )
    with pytest.raises(ValueError, match=r"unknown metric 'hits'; known: mrr, recall_at_1"):
        METRICS["hits"]


def test_a_report_of_an_earlier_version_is_read_whole_and_shown():
    content = json.loads(EARLIER.read_text("utf-8"))
    earlier = read_report(EARLIER)
    written = earlier.model_dump(mode="json", exclude_unset=True)
    for name, candidate in written["candidates"].items():  # a dataclass does not know what was not given
        known = content["candidates"][name]["threshold_choice"]
        choice = candidate["threshold_choice"].items()
        candidate["threshold_choice"] = {key: value for key, value in choice if key in known}
    assert written == content
    assert "Worst mistakes" in render_report(earlier, ReportMaterial(title="earlier"), PageFigures([], []))
    evaluation = content["candidates"]["base"]["evaluation"]
    retrieval, pairs = ranks_of(3).measured(50, 0), pairs_of(0).measured(0.5, 0.01, 50, 0)
    assert set(evaluation["retrieval"]) <= set(retrieval.model_dump()), "a tool of then finds its keys"
    assert set(evaluation["pairs"]) <= set(pairs.model_dump())


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "line"),
        (lambda text: "[]", "the whole file"),
        (lambda text: text.replace('"mrr"', '"mmr"', 1), "mmr: Extra inputs"),
        (lambda text: text.replace('"seed"', '"sed"'), "seed: Field required"),
    ],
)
def test_a_damaged_report_is_a_plain_message(tmp_path, damage, reason):
    path = tmp_path / "report.json"
    path.write_text(damage(EARLIER.read_text("utf-8")), "utf-8")
    with pytest.raises(UnreadableFileError, match=reason) as raised:
        read_report(path)
    assert str(path) in str(raised.value) and "Make it again: ticketkin run" in str(raised.value)


@pytest.mark.usefixtures("_toys")
def test_a_report_from_before_a_metric_shows_a_dash_for_it():
    page = render_report(read_report(EARLIER), ReportMaterial(title="earlier"), PageFigures([], []))
    cell = page[page.index('data-head="Worst rank"') :]
    assert cell[: cell.index("</td>")].endswith('<b>\N{EN DASH}</b><span class="interval"></span>')


def test_the_docs_list_every_metric():
    lines = DOCS.read_text("utf-8").splitlines()
    start = lines.index("| metric | in report.json | better | meaning |")
    listed = [line for line in lines[start + 2 :] if line.startswith("|")]
    assert listed == [
        f"| {metric.title} | `{metric.part}.{metric.name}` | {metric.direction} | {metric.description} |"
        for metric in METRICS
    ]
