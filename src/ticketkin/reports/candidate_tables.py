"""The candidates of a report side by side, and every metric of them on a split."""

from dataclasses import dataclass

from ticketkin.core.wording import number_of
from ticketkin.evaluation.metric_definitions import MetricDefinition, Place
from ticketkin.evaluation.metric_results import Split, SplitResult
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.schema import Report
from ticketkin.reports import wording
from ticketkin.reports.formatting import (
    format_count,
    format_interval,
    format_metric,
    format_seconds,
    format_share,
)


@dataclass(frozen=True)
class MetricCell:
    """One metric of one candidate in the table side by side."""

    head: str
    value: str
    interval: str
    best: bool


@dataclass(frozen=True)
class CandidateRow:
    """One candidate in the table side by side."""

    name: str
    about: str
    marks: list[str]
    cells: list[MetricCell]
    cost: str
    cost_seconds: float
    """By which the table is sorted."""


def candidate_rows(report: Report) -> list[CandidateRow]:
    """Return the candidates side by side."""
    verdict = report.verdict
    marks = (
        ("best ranking", verdict.champion),
        ("best encoder", verdict.encoder),
        ("baseline", verdict.baseline),
    )
    columns = METRICS.shown_in(Place.REPORT)
    best = {metric.name: _best_value(report, metric) for metric in columns}
    return [
        CandidateRow(
            name=name,
            about=wording.about(name),
            marks=[mark for mark, marked in marks if marked == name],
            cells=[_metric_cell(candidate.evaluation, metric, best[metric.name]) for metric in columns],
            cost=format_seconds(candidate.cost_seconds),
            cost_seconds=candidate.cost_seconds or 0.0,
        )
        for name, candidate in report.candidates.items()
    ]


def _best_value(report: Report, metric: MetricDefinition) -> float | None:
    values = [candidate.evaluation.metric(metric.name).value for candidate in report.candidates.values()]
    return metric.best([value for value in values if value is not None])


def _metric_cell(scores: SplitResult, metric: MetricDefinition, best: float | None) -> MetricCell:
    measured = scores.metric(metric.name)
    return MetricCell(
        head=metric.title,
        value=format_share(measured.value),
        interval=format_interval(measured),
        best=measured.value is not None and measured.value == best,
    )


@dataclass(frozen=True)
class MetricTable:
    """Every metric of every candidate that was scored on a split."""

    names: list[str]
    rows: list[tuple[MetricDefinition, list[str]]]
    """Metric, then its text for each candidate."""
    forward_passes: list[str]
    """Passes of an encoder that a new ticket costs, for each candidate."""
    counts: str
    origin: str
    """Where the links come from."""


def metric_table(report: Report, split: Split) -> MetricTable | None:
    """Return the table, or None where no candidate was scored on the split."""
    scored = {
        name: scores
        for name, candidate in report.candidates.items()
        if (scores := candidate.on(split)) is not None
    }
    if not scored:
        return None
    first = next(iter(scored.values()))
    rows = [
        (metric, [format_metric(scores.metric(metric.name)) for scores in scored.values()])
        for metric in METRICS
    ]
    passes = [format_count(report.candidates[name].forward_passes) for name in scored]
    return MetricTable(list(scored), rows, passes, _counts(first), first.labels_from)


def _counts(scores: SplitResult) -> str:
    retrieval, pairs = scores.retrieval, scores.pairs
    counts = " · ".join(
        f"{format_count(value)} {label}"
        for value, label in (
            (retrieval.n_queries, "queries"),
            (retrieval.n_clusters, "kin groups"),
            (retrieval.n_candidates, "tickets searched"),
            (pairs.n_positive, "kin pairs"),
            (pairs.n_negative, "not-kin pairs"),
        )
    )
    if not pairs.n_graded:
        return counts
    graded = number_of(pairs.n_graded, "pair")
    return f"{counts} · Spearman and Pearson over the grades of the file ({graded})"
