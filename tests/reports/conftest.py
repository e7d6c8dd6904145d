"""A report as the verdict stage writes it, and the material behind it."""

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drawn_once import figures_drawn_anew
from ticketkin.evaluation.borderline import BorderlineKind, BorderlineTest
from ticketkin.evaluation.schema import Report
from ticketkin.reports.html import write_report
from ticketkin.reports.material import (
    PairExample,
    PairSimilarities,
    RecallCurve,
    ReportMaterial,
    StrengthCurve,
    TokenLengths,
    TrainingCurve,
)

_MRR = {"lexical": 0.619, "base": 0.625, "head": 0.644, "lora": 0.661, "fusion": 0.702}
_SECONDS = {"lexical": 1.2, "base": 94.0, "head": 6.3, "lora": 1260.0, "fusion": 11.0}


def metric(value: float, half: float = 0.034) -> dict[str, float | None]:
    return {"value": value, "low": value - half, "high": min(1.0, value + half)}


def scores(mrr: float, n_queries: int = 412) -> dict[str, object]:
    shifted = {
        "recall_at_1": -0.09, "recall_at_5": 0.1, "recall_at_10": 0.145, "recall_at_20": 0.19, "mrr": 0.0,
        "map": -0.03, "ndcg_at_10": 0.02,
    }  # fmt: skip
    pairs = {
        "roc_auc": 0.27, "pr_auc": 0.2, "spearman": -0.08, "f1": 0.1, "precision": 0.15, "recall": 0.05,
        "accuracy": 0.25,
    }  # fmt: skip
    return {
        "labels_from": "person",
        "retrieval": {
            "n_queries": n_queries,
            "n_clusters": 200,
            "n_candidates": 2751,
            **{name: metric(mrr + shift) for name, shift in shifted.items()},
        },
        "pairs": {
            "n_positive": 380,
            "n_negative": 1900,
            **{name: metric(mrr + shift) for name, shift in pairs.items()},
            "confusion": {
                "true_positive": 300,
                "false_positive": 91,
                "false_negative": 80,
                "true_negative": 1809,
            },
            "prevalence": 0.01,
            "precision_at_prevalence": metric(0.14),
            "pearson": metric(0.52),
            "separability": metric(2.1),
            "spearman_ceiling": {"value": 0.65, "low": None, "high": None},
            "false_positive_rate": metric(0.048, 0.01),
            "threshold": {"value": 0.62, "low": None, "high": None},
        },
    }


def _pairs(seed: int, kin_mean: float, threshold: float) -> PairSimilarities:
    random = np.random.default_rng(seed)
    values = np.concatenate([random.normal(kin_mean, 0.14, 280), random.normal(0.3, 0.13, 1400)]).clip(
        -0.1, 1
    )
    return PairSimilarities(values, np.repeat([1, 0], [280, 1400]), threshold)


@pytest.fixture
def report() -> dict:
    return make_report()


@pytest.fixture
def material() -> ReportMaterial:
    return make_material()


def make_report() -> dict:
    candidates = {
        name: {"evaluation": scores(mrr), "cost_seconds": _SECONDS[name]} for name, mrr in _MRR.items()
    }
    candidates["base"]["holdout"] = scores(0.63, 301)
    candidates["fusion"]["holdout"] = scores(0.69, 301)
    gain = {"value": 0.077, "low": 0.052, "high": 0.101}
    return copy.deepcopy(
        {
            "schema_version": "1",
            "verdict": {
                "champion": "fusion", "encoder": "lora", "baseline": "base", "kept_baseline": False,
                "reason": "The learned ranking over the LoRA encoder finds kin better than the untouched "
                "model: MRR 0.690 instead of 0.630 on 301 held-out tickets that neither has seen.",
                "gates": [
                    {"challenger": "fusion", "name": "gain_above_zero", "passed": True,
                     "evidence": "MRR +0.077 [+0.052, +0.101]"},
                ],
            },
            "candidates": candidates,
            "comparisons": [
                {"challenger": "head", "baseline": "base", "metric": "mrr", "split": "evaluation",
                 "gain": {"value": 0.019, "low": -0.002, "high": 0.04},
                 "n_clusters": 200, "n_queries": 412, "p_value": 0.01},
                {"challenger": "fusion", "baseline": "base", "metric": "mrr", "split": "evaluation",
                 "gain": gain,
                 "n_clusters": 200, "n_queries": 412, "p_value": 0.01},
                {"challenger": "fusion", "baseline": "base", "metric": "mrr", "split": "holdout",
                 "gain": {"value": 0.06, "low": 0.031, "high": 0.089},
                 "n_clusters": 200, "n_queries": 301, "p_value": 0.01},
            ],
            "warnings": [
                {"code": "long_texts", "message": "31 % of the tickets are longer than the model reads."}
            ],
            "diagnostics": [
                {"code": "leakage", "outcome": "passed", "evidence": "nothing crosses", "advice": ""},
                {"code": "small_sample", "outcome": "warning", "evidence": "MRR +0.019 [-0.002, +0.040]",
                 "advice": "about 300 kin groups would be needed"},
                {"code": "category_shortcut", "outcome": "skipped", "evidence": "too few", "advice": ""},
            ],
            "readiness": {"tier": "good", "criteria": [
                {"name": "roc_auc", "value": 0.91, "low": 0.88, "high": 0.94, "target": 0.95,
                 "at_most": False, "gap": -0.04, "passed": False, "note": ""},
                {"name": "latency_ms", "value": 41.0, "low": None, "high": None, "target": 500.0,
                 "at_most": True, "gap": 459.0, "passed": True, "note": "on this machine"},
            ]},
            "cost": {"import": 1.4, "embed": 94.0, "head": 6.3, "lora": 1260.0, "verdict": 22.0},
            "tickets": {
                "n_tickets": 2751, "first_opened": "2001-10-10", "n_categories": 18,
                "system": "bugzilla", "mapping": {"title": "short_desc", "description": "desc"},
                "unused_columns": ["votes", "qa_contact"], "n_rejected": 3, "repairs": {"mojibake": 14},
                "redactions": {"email": 212, "phone": 3},
            },
            "links": {"n_links": 1830, "duplicate": 1790, "related": 40, "n_kin_groups": 640},
            "splits": {
                "train": {"n_tickets": 2104, "n_with_kin": 900, "n_kin_groups": 440, "n_queries": 900},
                "evaluation": {"n_tickets": 372, "n_with_kin": 300, "n_kin_groups": 120, "n_queries": 300},
                "holdout": {"n_tickets": 275, "n_with_kin": 210, "n_kin_groups": 80, "n_queries": 210},
            },
            "profile": {"n_empty_descriptions": 12, "languages": {"english": 0.996, "german": 0.004}},
            "encoder": {"name": "all-MiniLM-L6-v2", "max_length_tokens": 256},
            "test_pairs_sha256": "5f" * 32,
            "synthetic": False,
            "seed": 42,
            "versions": {"ticketkin": "0.1.0", "torch": "2.13.0"},
        }
    )  # fmt: skip


def make_material() -> ReportMaterial:
    random = np.random.default_rng(0)
    k = np.arange(1, 51)
    steps = np.arange(1, 241)
    rate = 2e-4 * np.minimum(steps / 24, (241 - steps) / 217)
    loss = 0.4 + 2 * np.exp(-steps / 60) + random.normal(0, 0.12, 240)
    strengths = np.array([0, 0.25, 0.5, 0.75, 1.0])
    alarm = PairExample(
        "INC0010023", "Toolbar disappears after <script>alert('x')</script>\nSince the update the toolbar of "
        "the editor is gone. Contact [EMAIL_1].", "INC0010456", "Editor toolbar flickers\nOnly on the second "
        "screen, " + "since the last update, " * 12, 0.913, 0,
    )  # fmt: skip
    miss = PairExample("INC0010031", "Mail stuck", "INC0010999", "Outbox never empties", 0.214, 1)
    return ReportMaterial(
        title="incidents.csv",
        pair_similarities={"base": _pairs(1, 0.56, 0.52), "fusion": _pairs(2, 0.68, 0.55)},
        recall_curves={
            name: RecallCurve(k, 1 - (1 - mrr + 0.09) * np.exp(-k / 22)) for name, mrr in _MRR.items()
        },
        training={"lora": TrainingCurve(rate, loss)},
        strengths={
            "head": StrengthCurve(strengths, np.array([0.625, 0.634, 0.644, 0.64, 0.633]), 0.5),
            "lora": StrengthCurve(strengths, np.array([0.625, 0.641, 0.652, 0.661, 0.657]), 0.75),
        },
        lengths=TokenLengths(random.lognormal(4.8, 0.8, 2751).astype(int), 256),
        false_alarms=(alarm, alarm),
        borderline=BorderlineTest(
            0.6, 0.55, 0.64, (BorderlineKind(True, 12, 7, 0.95), BorderlineKind(False, 8, 3, 0.9))
        ),
        borderline_pairs=(alarm,),
        misses=(miss,),
        command="ticketkin run reports.csv --links pairs.csv --offline --seed 42",
    )  # fmt: skip


@pytest.fixture
def undrawn(material) -> ReportMaterial:
    """The material without arrays: drawing takes seconds, and wording needs no figure."""
    return dataclasses.replace(
        material, pair_similarities={}, recall_curves={}, training={}, strengths={}, lengths=None
    )


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Path:
    """The whole report, written once."""
    with figures_drawn_anew():
        return write_report(
            Report.model_validate(make_report()), make_material(), tmp_path_factory.mktemp("report")
        )


@pytest.fixture(autouse=True)
def _drawn() -> Iterator[None]:
    """What is drawn here is what these tests look at."""
    with figures_drawn_anew():
        yield
