"""The shape of report.json, checked when it is written; its JSON schema stands in the docs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ticketkin.core.artifacts import write_json
from ticketkin.core.checks import Outcome
from ticketkin.evaluation.readiness import Tier

SCHEMA_VERSION = "1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Metric(_Part):
    """A value with its 95 % interval; null where it can't be computed."""

    value: float | None
    low: float | None
    high: float | None


class Retrieval(_Part):
    """Held-out tickets with kin as queries, ranked against every ticket they may see."""

    n_queries: int
    n_clusters: int
    """Kin groups the queries belong to: the unit of the bootstrap."""
    n_candidates: int
    recall_at_1: Metric
    recall_at_5: Metric
    recall_at_10: Metric
    recall_at_20: Metric
    mrr: Metric
    map: Metric
    ndcg_at_10: Metric


class Confusion(_Part):
    """Counts at the threshold."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


class PairDecisions(_Part):
    """Fixed pairs of kin and not kin, decided at a threshold chosen on evaluation pairs."""

    n_positive: int
    n_negative: int
    confusion: Confusion
    prevalence: float
    """Share of kin among the pairs at which precision_at_prevalence is stated."""
    roc_auc: Metric
    pr_auc: Metric
    spearman: Metric
    spearman_ceiling: Metric
    """The highest Spearman correlation that labels of 0 and 1 allow at this share of kin."""
    pearson: Metric
    f1: Metric
    precision: Metric
    recall: Metric
    accuracy: Metric
    false_positive_rate: Metric
    precision_at_prevalence: Metric
    separability: Metric
    """Distance of the mean similarities of kin and not kin, in pooled standard deviations."""
    threshold: Metric


class SplitResult(_Part):
    """One candidate on one split."""

    labels_from: Literal["person", "silver"]
    retrieval: Retrieval
    pairs: PairDecisions


class CandidateResult(_Part):
    """One candidate; the holdout only for champion and baseline."""

    evaluation: SplitResult
    holdout: SplitResult | None = None
    threshold_choice: dict[str, Any] | None = None
    training: dict[str, Any] | None = None
    """What happened in training, for tuned candidates."""
    cost_seconds: float | None = None


class VerdictResult(_Part):
    """Which encoder, which ranking, and why."""

    champion: str
    encoder: str
    baseline: str
    kept_baseline: bool
    reason: str
    gates: list[dict[str, Any]] = []
    holdout_opened_at: str | None = None


class Comparison(_Part):
    """A paired gain on the same queries."""

    challenger: str
    baseline: str
    metric: str
    split: Literal["evaluation", "holdout"] = "evaluation"
    gain: Metric
    n_queries: int
    n_clusters: int
    p_value: float


class Warning(_Part):
    """Something a reader must know before believing a number."""

    code: str
    message: str


class CheckResult(_Part):
    """One diagnostic: what was looked at, what was found, what to do."""

    code: str
    outcome: Outcome
    evidence: str
    advice: str


class CriterionResult(Metric):
    """One target of readiness."""

    name: str
    target: float
    at_most: bool
    """True where lower is better."""
    gap: float | None
    """How far beyond the target; negative where it is not reached."""
    passed: bool
    note: str


class ReadinessResult(_Part):
    """Whether the champion is fit to be put to work."""

    tier: Tier
    criteria: list[CriterionResult]


class Report(_Part):
    """The whole of report.json."""

    schema_version: str
    verdict: VerdictResult
    candidates: dict[str, CandidateResult]
    comparisons: list[Comparison]
    warnings: list[Warning]
    diagnostics: list[CheckResult]
    readiness: ReadinessResult
    cost: dict[str, float]
    """Seconds for each stage."""
    tickets: dict[str, Any]
    links: dict[str, Any]
    splits: dict[str, Any]
    profile: dict[str, Any]
    encoder: dict[str, Any]
    """The untouched model: name, fingerprint, limit, template."""
    test_pairs_sha256: str
    """Hash of the fixed holdout pairs: texts and labels. Numbers compare only where it is the same."""
    synthetic: bool
    seed: int
    versions: dict[str, str]


def metric_values(candidate: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the value of every evaluation metric of a candidate as in report.json, by name."""
    evaluation = candidate["evaluation"]
    return {
        name: metric["value"]
        for part in ("retrieval", "pairs")
        for name, metric in evaluation[part].items()
        if isinstance(metric, Mapping) and "value" in metric
    }


def report_json_schema() -> dict[str, Any]:
    """Return the JSON schema of report.json."""
    return Report.model_json_schema()


def write_schema(path: Path) -> None:
    """Write the JSON schema to `path`."""
    write_json(path, report_json_schema())
