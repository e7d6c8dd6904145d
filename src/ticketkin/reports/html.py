"""report.html: one self-contained page that opens from disk without network, and its figures as PNG."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import atomic_path
from ticketkin.reports import figures, wording
from ticketkin.reports.drawing import ReportFigure, inline_svg, save_png
from ticketkin.reports.formatting import (
    format_count,
    format_interval,
    format_metric,
    format_name,
    format_seconds,
    format_share,
)
from ticketkin.reports.kinds import kinds_absent, kinds_figures, kinds_section, largest_families
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.page import render_page

REPORT_HTML = "report.html"
FIGURES = "figures"
# Part of the scores, metric, column head, what it means in one line.
_COLUMNS = (
    ("retrieval", "mrr", "MRR", "1 when kin always come first, .5 when they come second"),
    ("retrieval", "recall_at_1", "Recall@1", "share of tickets whose first result is kin"),
    ("retrieval", "recall_at_10", "Recall@10", "share of tickets with kin in the first ten"),
    ("pairs", "roc_auc", "ROC-AUC", "chance that kin score above strangers; .5 is guessing"),
    ("pairs", "f1", "F1", "balance of kin found and calls that are right"),
)
_MARKS = (("best ranking", "champion"), ("best encoder", "encoder"), ("baseline", "baseline"))
_ALL_METRICS = (
    *(("retrieval", name) for name in (
        "recall_at_1", "recall_at_5", "recall_at_10", "recall_at_20", "mrr", "map", "ndcg_at_10")),
    *(("pairs", name) for name in (
        "roc_auc", "pr_auc", "spearman", "spearman_ceiling", "pearson", "f1", "precision", "recall",
        "accuracy", "false_positive_rate", "precision_at_prevalence", "separability", "threshold")),
)  # fmt: skip

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
_NOT_DECIDED = "No held-out pairs were decided in this run, so there are no mistakes to show."


@dataclass(frozen=True)
class Drawn:
    """A figure ready for the page, or why there is none."""

    title: str
    explanation: str
    alt: str = ""
    name: str = ""
    svg: str = ""


def draw_figures(report: Mapping[str, Any], material: ReportMaterial) -> list[ReportFigure | Drawn]:
    """Return the figures in reading order; one that lacks its values is a `Drawn` that says why."""
    champion = report["verdict"]["champion"]
    measured = wording.metric(report, champion, "evaluation", "retrieval", "recall_at_10") or {}
    drawn: list[ReportFigure | Drawn] = [_recall(material, champion, measured.get("value") is not None)]
    drawn += _pair_figures(material, champion)
    drawn.append(
        figures.strengths_figure(material.strengths)
        if material.strengths
        else Drawn(
            "How much tuning is good?",
            "No candidate was tuned in this run, so there is no strength to choose. "
            "Add head or lora to --candidates.",
        )
    )
    trained = {name: record for name, record in material.training.items() if len(record.loss)}
    drawn += [figures.training_figure(name, record) for name, record in trained.items()]
    if not trained:
        drawn.append(
            Drawn(
                "Training",
                "No training was recorded in this run: LoRA was not among the candidates, or there were no "
                "kin to train on. Add it with --candidates lexical,base,head,lora,fusion.",
            )
        )
    drawn.append(
        figures.lengths_figure(material.lengths)
        if material.lengths is not None and len(material.lengths.tokens)
        else Drawn(
            "Are tickets too long for the model?", "Text lengths were not measured, so none are drawn."
        )
    )
    return [*drawn, *kinds_figures(material)]


def _recall(material: ReportMaterial, champion: str, is_measured: bool) -> ReportFigure | Drawn:
    curves = {name: curve for name, curve in material.recall_curves.items() if len(curve.k)}
    if curves:
        return figures.recall_figure(curves, champion)
    if is_measured:
        why = (
            "The ranks behind this curve were not kept; recall at 1, 5, 10 and 20 stand in the tables above."
        )
    else:
        why = (
            "No evaluation ticket has kin that it may see, so retrieval could not be measured. More links or "
            "an export over a longer time, would allow it."
        )
    return Drawn("How far down must one look?", why)


def _pair_figures(material: ReportMaterial, champion: str) -> list[ReportFigure | Drawn]:
    scored = {name: p for name, p in material.pair_similarities.items() if figures.has_both_classes(p)}
    if not scored:
        return [
            Drawn(
                "Kin and strangers",
                "The held-out pairs lack kin, or lack strangers, so histograms, ROC, precision-recall and "
                "the confusion matrix can't be drawn. More links would allow it.",
            )
        ]
    # The baseline first, so that the reader sees what changed.
    ordered = sorted(scored, key=lambda name: name == champion)
    drawn: list[ReportFigure | Drawn] = [figures.similarity_histogram(n, scored[n]) for n in ordered]
    drawn += [figures.roc_figure(scored), figures.precision_recall_figure(scored)]
    decided = [name for name in reversed(ordered) if scored[name].threshold is not None]
    drawn.append(
        figures.confusion_figure(decided[0], scored[decided[0]])
        if decided
        else Drawn("Right and wrong calls", "No threshold was chosen, so no pair was called kin or not kin.")
    )
    return drawn


def _candidate_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    verdict = report["verdict"]
    best = {head: _best_value(report, part, name) for part, name, head, _ in _COLUMNS}
    rows = []
    for candidate in report["candidates"]:
        cells = []
        for part, name, head, _ in _COLUMNS:
            value = wording.metric(report, candidate, "evaluation", part, name) or {}
            cells.append(
                {
                    "head": head,
                    "value": format_share(value.get("value")),
                    "interval": format_interval(value),
                    "best": value.get("value") is not None and value["value"] == best[head],
                }
            )
        marks = [
            mark
            for mark, name in _MARKS
            if verdict.get(name) == candidate
        ]  # fmt: skip
        seconds = report["candidates"][candidate].get("cost_seconds")
        rows.append({"name": candidate, "marks": marks, "cells": cells, "cost": format_seconds(seconds)})
    return rows


def _best_value(report: Mapping[str, Any], part: str, name: str) -> float | None:
    values = [
        wording.metric(report, candidate, "evaluation", part, name) for candidate in report["candidates"]
    ]
    return max((v["value"] for v in values if v and v.get("value") is not None), default=None)


def _metric_table(report: Mapping[str, Any], links: str) -> dict[str, Any] | None:
    """Return every metric of every candidate that was scored on `links`, or None where none was."""
    names = [name for name, candidate in report["candidates"].items() if candidate.get(links)]
    if not names:
        return None
    rows = []
    for part, key in _ALL_METRICS:
        values = [wording.metric(report, name, links, part, key) for name in names]
        if any(value is not None for value in values):
            cells = [
                format_metric(v) if isinstance(v, Mapping) or v is None else format_share(v) for v in values
            ]
            rows.append({"name": format_name(key), "cells": cells})
    counts = " · ".join(
        f"{format_count(value)} {label}"
        for part, key, label in (
            ("retrieval", "n_queries", "queries"),
            ("retrieval", "n_clusters", "kin groups"), ("retrieval", "n_candidates", "tickets searched"),
            ("pairs", "n_positive", "kin pairs"), ("pairs", "n_negative", "not-kin pairs"),
        )
        if (value := wording.metric(report, names[0], links, part, key)) is not None
    )  # fmt: skip
    origin = report["candidates"][names[0]][links].get("labels_from", "unknown")
    return {"names": names, "rows": rows, "counts": counts, "origin": origin}


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


def _data_tables(report: Mapping[str, Any], material: ReportMaterial) -> list[dict[str, Any]]:
    """Return the tables about the data; an absent one says so."""
    choice = report["candidates"][report["verdict"]["champion"]].get("threshold_choice")
    summary = dict(material.import_summary)
    mapping = summary.pop("mapping", {})
    redactions = summary.pop("redactions", {})
    tables: tuple[tuple[str, list[tuple[str, str]], str], ...] = (
        ("Tickets", _flat(report.get("tickets")), "No counts of tickets were recorded."),
        ("Links", _flat(report.get("links")), "No counts of links were recorded."),
        ("Splits", _flat(report.get("splits")), "No counts of splits were recorded."),
        (
            "Which column became which field",
            _flat(mapping, named=False),
            "Names of columns are left out of this copy."
            if material.is_shared
            else "The mapping of columns was not recorded.",
        ),
        ("Personal data replaced", _flat(redactions), "Nothing was found to redact, or redaction was off."),
        ("Import: repaired and rejected", _flat(summary), "The import left no summary."),
        ("Profile", _flat(material.profile or report.get("profile")), "No profile was made."),
        ("Untouched model", _flat(report.get("encoder")), "Nothing about the model was recorded."),
        ("Threshold of the winner", _flat(choice), "No threshold was chosen."),
    )
    return [{"title": title, "rows": rows, "absent": absent} for title, rows, absent in tables]


def _readiness_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for criterion in report["readiness"]["criteria"]:
        sign = "at most" if criterion["at_most"] else "at least"
        if criterion["name"] == "latency_ms":
            value = "not measured" if criterion["value"] is None else f"{criterion['value']:,.0f} ms"
            target = f"{sign} {criterion['target']:,.0f} ms"
        else:
            value, target = format_metric(criterion), f"{sign} {format_share(criterion['target'])}"
        rows.append(
            {**criterion, "measured": criterion["value"] is not None, "value": value, "target": target}
        )
    return rows


def _outcomes(report: Mapping[str, Any]) -> str:
    found = Counter(check["outcome"] for check in report["diagnostics"])
    return ", ".join(f"{count} {outcome}" for outcome, count in found.most_common()) or "none"


def render_report(report: Mapping[str, Any], material: ReportMaterial, drawn: list[Drawn]) -> str:
    """Return the page as HTML text; every value from tickets is escaped by jinja2's autoescape."""
    comparisons = wording.comparison_rows(report)
    is_synthetic = material.is_synthetic or bool(report.get("synthetic"))
    is_decided = any(p.threshold is not None for p in material.pair_similarities.values())
    n_examples = len(material.false_alarms) + len(material.misses)
    return render_page(
        "report.html",
        report=report,
        verdict=report["verdict"],
        material=material,
        notices=wording.notices(report, material),
        words=wording.plain_words(report),
        gain=wording.headline_gain(report, comparisons),
        comparisons=comparisons,
        steps=wording.next_steps(report, is_synthetic, n_examples),
        columns=_COLUMNS,
        candidates=_candidate_rows(report),
        tables={links: _metric_table(report, links) for links in ("evaluation", "holdout")},
        figures=drawn,
        examples=[
            (title, meaning, pairs, absent if is_decided else _NOT_DECIDED)
            for title, meaning, pairs, absent in (
                (*_FALSE_ALARMS[:2], material.false_alarms, _FALSE_ALARMS[2]),
                (*_MISSES[:2], material.misses, _MISSES[2]),
            )
        ],
        masking=material.masking,
        masked_briefly=wording.masked_briefly(material),
        seed=material.seed if material.seed is not None else report.get("seed"),
        versions=material.versions or report.get("versions") or {},
        data_tables=_data_tables(report, material),
        kinds=kinds_section(material),
        kinds_absent=kinds_absent(material),
        largest=largest_families(material),
        readiness=_readiness_rows(report),
        outcomes=_outcomes(report),
    )


def write_report(report: Mapping[str, Any], material: ReportMaterial, folder: Path) -> Path:
    """Write `folder/report.html` and `folder/figures/*.png`, and return the path of the page.

    `report` is the content of report.json; `material` holds what it does not. Figures of an earlier
    report are replaced. The page names no web address and needs no other file.
    """
    drawn = draw_figures(report, material)
    with atomic_path(folder / FIGURES) as pictures:
        pictures.mkdir()
        for shown in drawn:
            if isinstance(shown, ReportFigure):
                save_png(shown, pictures)
    path = folder / REPORT_HTML
    _write_page(path, report, material, drawn)
    return path


def write_shared_report(report: Mapping[str, Any], material: ReportMaterial, path: Path) -> None:
    """Write one page with all figures to `path`; both parts come from `reports.sharing.shareable`."""
    _write_page(path, report, material, draw_figures(report, material))


def _write_page(
    path: Path, report: Mapping[str, Any], material: ReportMaterial, drawn: list[ReportFigure | Drawn]
) -> None:
    inlined = [
        Drawn(shown.title, shown.explanation, shown.alt, shown.name, inline_svg(shown))
        if isinstance(shown, ReportFigure)
        else shown
        for shown in drawn
    ]
    with atomic_path(path) as temporary:
        temporary.write_text(render_report(report, material, inlined), "utf-8")
