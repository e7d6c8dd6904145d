"""report.html: one self-contained page that opens from disk without network, and its figures as PNG."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import atomic_path
from ticketkin.evaluation.metric_results import Split, SplitResult
from ticketkin.evaluation.metrics import METRICS, MetricDefinition, Place
from ticketkin.evaluation.schema import CriterionResult, EncoderRuntime, LeftOutKindResult, Report
from ticketkin.reports import wording
from ticketkin.reports.drawing import ReportFigure, save_png
from ticketkin.reports.formatting import (
    format_count,
    format_interval,
    format_metric,
    format_name,
    format_seconds,
    format_share,
    format_value,
)
from ticketkin.reports.kinds import kinds_absent, kinds_section, largest_families
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.page import render_page
from ticketkin.reports.page_figures import PageFigure, draw_figures, inlined
from ticketkin.reports.proof import proof_figures, proof_section

REPORT_HTML = "report.html"
FIGURES = "figures"

_FALSE_ALARMS = (
    "Worst false alarms",
    "Not linked by anyone, yet the winner finds them most alike. Some may be kin that nobody linked.",
    "There are none: no pair of strangers reached the threshold.",
)
_MISSES = (
    "Worst misses",
    "Linked as kin, yet the winner finds them least alike.",
    "There are none: every kin pair reached the threshold.",
)
_LEFT_OUT_KEYS = ("left_out_kinds", "ignored_kinds", "unknown_kinds")
_NONE_LEFT_OUT = {
    True: "Links of every kind that was read are used.",
    False: "Kinds of links are left out of this copy, or were not recorded.",
}
# Where folds judge, the parts of a split give pairs and kinds alone.
_SPLITS = {True: "Splits", False: "Splits, for thresholds and kinds alone"}
_NOT_DECIDED = "No test pairs were decided in this run, so there are no mistakes to show."


@dataclass(frozen=True)
class DrawnFigures:
    """The figures of a report by the section they stand in."""

    proof: list[ReportFigure]
    others: list[ReportFigure | PageFigure]

    @classmethod
    def of(cls, report: Report, material: ReportMaterial) -> "DrawnFigures":
        """Draw them."""
        return cls(proof_figures(report), draw_figures(report, material))


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


def _candidate_rows(report: Report) -> list[CandidateRow]:
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
        value=format_value(measured.value, metric.format),
        interval=format_interval(measured, metric.format),
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


def _metric_table(report: Report, split: Split) -> MetricTable | None:
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
        (metric, [format_metric(scores.metric(metric.name), metric.format) for scores in scored.values()])
        for metric in METRICS
    ]
    passes = [format_count(report.candidates[name].forward_passes) for name in scored]
    return MetricTable(list(scored), rows, passes, _counts(first), first.labels_from)


def _counts(scores: SplitResult) -> str:
    retrieval, pairs = scores.retrieval, scores.pairs
    return " · ".join(
        f"{format_count(value)} {label}"
        for value, label in (
            (retrieval.n_queries, "queries"),
            (retrieval.n_clusters, "kin groups"),
            (retrieval.n_candidates, "tickets searched"),
            (pairs.n_positive, "kin pairs"),
            (pairs.n_negative, "not-kin pairs"),
        )
    )


def _flat(values: Mapping[str, Any] | None, named: bool = True) -> list[tuple[str, str]]:
    """Return plain values and one level of counts as (name, text) rows; `named` spells out the keys."""
    rows = []
    for key, value in (values or {}).items():
        if isinstance(value, Mapping):
            text = ", ".join(f"{k}: {format_count(v)}" for k, v in list(value.items())[:12]) or "none"
        elif isinstance(value, list | tuple):
            text = ", ".join(format_count(v) for v in value[:12]) or "none"
        else:
            text = format_count(value)
        rows.append((format_name(str(key)) if named else str(key), text))
    return rows


@dataclass(frozen=True)
class DataTable:
    """One table about the data."""

    title: str
    rows: list[tuple[str, str]]
    absent: str
    """What stands in place of an empty table."""


def _data_tables(report: Report, material: ReportMaterial) -> list[DataTable]:
    """Return the tables about the data; an absent one says so."""
    choice = report.candidates[report.verdict.champion].threshold_choice
    summary = dict(report.tickets)
    mapping = summary.pop("mapping", {})
    redactions = summary.pop("redactions", {})
    left_out = report.left_out_kinds
    is_listed = left_out is not None
    apart = _LEFT_OUT_KEYS if is_listed else ()
    links = {key: value for key, value in report.links.items() if key not in apart}
    return [
        DataTable("Tickets", _flat(report.tickets), "No counts of tickets were recorded."),
        DataTable("Links", _flat(links), "No counts of links were recorded."),
        DataTable("Kinds of links that are left out", _left_out(left_out or ()), _NONE_LEFT_OUT[is_listed]),
        DataTable(_SPLITS[report.cross_fitting is None], _flat(report.splits), "No counts were recorded."),
        DataTable(
            "Which column became which field",
            _flat(mapping, named=False),
            "Names of columns are left out of this copy."
            if material.is_shared
            else "The mapping of columns was not recorded.",
        ),
        DataTable(
            "Personal data replaced",
            _flat(redactions),
            "No personal data was recognised, or redaction was off.",
        ),
        DataTable("Import: repaired and rejected", _flat(summary), "The import left no summary."),
        DataTable("Profile", _flat(report.profile), "No profile was made."),
        DataTable("Untouched model", _flat(report.encoder), "Nothing about the model was recorded."),
        DataTable(
            "What executes the models",
            [(use.encoder, _executed(use)) for use in report.runtimes],
            "It was not recorded.",
        ),
        DataTable(
            "Threshold of the winner",
            _flat(None if choice is None else asdict(choice)),
            "No threshold was chosen.",
        ),
    ]


def _executed(use: EncoderRuntime) -> str:
    if use.judged_by == use.serves:
        return f"judged with {use.judged_by}, which answers for new tickets, too"
    return f"judged with {use.judged_by}; new tickets are answered with {use.serves}"


def _left_out(kinds: Sequence[LeftOutKindResult]) -> list[tuple[str, str]]:
    """Return each kind of links that is not used: why, how many links, and the option that uses them."""
    return [
        (
            kind.kind or "no kind given",
            f"{format_count(kind.n_links)} links, {kind.why}"
            + (f"; to use them: {kind.option}" if kind.option else ""),
        )
        for kind in kinds
    ]


@dataclass(frozen=True)
class ReadinessRow:
    """One target of readiness."""

    name: str
    passed: bool
    is_measured: bool
    value: str
    target: str
    note: str


def _readiness_row(criterion: CriterionResult) -> ReadinessRow:
    sign = "at most" if criterion.at_most else "at least"
    if criterion.name == "latency_ms":
        value = "not measured" if criterion.value is None else f"{criterion.value:,.0f} ms"
        target = f"{sign} {criterion.target:,.0f} ms"
    else:
        value, target = format_metric(criterion), f"{sign} {format_share(criterion.target)}"
    return ReadinessRow(
        criterion.name, criterion.passed, criterion.value is not None, value, target, criterion.note
    )


def _outcomes(report: Report) -> str:
    counts = Counter(check.outcome.value for check in report.diagnostics)
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()) or "none"


def render_report(report: Report, material: ReportMaterial, drawn: DrawnFigures) -> str:
    """Return the page as HTML text; every value from tickets is escaped by jinja2's autoescape."""
    comparisons = wording.comparison_rows(report)
    gain = wording.headline_gain(report, comparisons)
    is_synthetic = material.is_synthetic or report.synthetic
    is_decided = any(p.threshold is not None for p in material.pair_similarities.values())
    n_examples = len(material.false_alarms) + len(material.misses)
    return render_page(
        "report.html",
        report=report,
        verdict=report.verdict,
        material=material,
        notices=wording.notices(report, material),
        words=wording.plain_words(report),
        gain=gain,
        gain_tickets=wording.gain_tickets(report, gain),
        about=wording.about(report.verdict.champion),
        too_few=wording.too_few(report),
        comparisons=comparisons,
        steps=wording.next_steps(report, is_synthetic, n_examples, material.n_to_review),
        primary=METRICS.primary,
        columns=METRICS.shown_in(Place.REPORT),
        candidates=_candidate_rows(report),
        tables={
            "evaluation": _metric_table(report, "evaluation"),
            "holdout": _metric_table(report, "holdout"),
        },
        in_folds=report.cross_fitting is not None,
        figures=inlined(drawn.others),
        proof=proof_section(report),
        proof_figures=inlined([*drawn.proof]),
        links=wording.judging_links(report),
        few_pairs=wording.few_pairs(report),
        few_test_pairs=wording.few_test_pairs(material),
        examples=[
            (title, meaning, pairs, absent if is_decided else _NOT_DECIDED)
            for title, meaning, pairs, absent in (
                (*_FALSE_ALARMS[:2], material.false_alarms, _FALSE_ALARMS[2]),
                (*_MISSES[:2], material.misses, _MISSES[2]),
            )
        ],
        masking=material.masking,
        masked_briefly=wording.masked_briefly(report, material),
        seed=report.seed,
        versions=report.versions,
        data_tables=_data_tables(report, material),
        kinds=kinds_section(material),
        kinds_absent=kinds_absent(material),
        largest=largest_families(material),
        readiness=[_readiness_row(criterion) for criterion in report.readiness.criteria],
        outcomes=_outcomes(report),
    )


def write_report(report: Report, material: ReportMaterial, folder: Path) -> Path:
    """Write `folder/report.html` and `folder/figures/*.png`, and return the path of the page.

    `material` holds what `report` does not. Figures of an earlier report are replaced. The page names no
    web address and needs no other file.
    """
    drawn = DrawnFigures.of(report, material)
    with atomic_path(folder / FIGURES) as pictures:
        pictures.mkdir()
        for shown in (*drawn.proof, *drawn.others):
            if isinstance(shown, ReportFigure):
                save_png(shown, pictures)
    path = folder / REPORT_HTML
    _write_page(path, report, material, drawn)
    return path


def write_shared_report(report: Report, material: ReportMaterial, path: Path) -> None:
    """Write one page with all figures to `path`; both parts come from `reports.sharing.shareable`."""
    _write_page(path, report, material, DrawnFigures.of(report, material))


def _write_page(path: Path, report: Report, material: ReportMaterial, drawn: DrawnFigures) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(render_report(report, material, drawn), "utf-8")
