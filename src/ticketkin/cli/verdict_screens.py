"""What the commands print of a judged run: candidates, verdict, readiness, where the results lie."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ticketkin.cli.console import SafeConsole
from ticketkin.cli.tables import show_table
from ticketkin.core.checks import Outcome
from ticketkin.core.wording import number_of
from ticketkin.evaluation.metric_definitions import Place
from ticketkin.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from ticketkin.evaluation.proof_results import PowerResult
    from ticketkin.evaluation.schema import CandidateResult, JudgedRun, Report


def show_candidates(
    console: SafeConsole, candidates: Mapping[str, "CandidateResult"], *, in_folds: bool
) -> None:
    """Print the candidates side by side on the links that judged: all of them, where folds did."""
    first = next(iter(candidates.values())).evaluation
    links = "All links, by folds" if in_folds else "Evaluation links"
    kin = "guessed kin" if first.labels_from == "silver" else "known kin"
    columns = METRICS.shown_in(Place.TERMINAL)
    rows = []
    for name, candidate in candidates.items():
        intervals = (str(candidate.evaluation.metric(metric.name).interval) for metric in columns)
        passes = candidate.forward_passes
        rows.append([name, *intervals, "" if passes is None else str(passes)])
    show_table(
        console,
        ["candidate", *(metric.short_title for metric in columns), "encoder passes"],
        rows,
        title=f"{links} ({first.labels_from}): {number_of(first.retrieval.n_queries, 'ticket')} with "
        f"{kin}, each among up to {first.retrieval.n_candidates:,} others",
    )


def show_report(console: SafeConsole, report: "Report", folder: Path) -> None:
    """Print the verdict of a finished run, its tier, and where the results lie."""
    from ticketkin.workflows.answers import how_to_judge
    from ticketkin.workflows.artifacts import MODEL, REPORT_HTML, TO_REVIEW

    to_judge = how_to_judge(folder)
    _show_judged(console, report, folder)
    console.print(_readiness_words(report))
    console.print()
    console.print(f"Report: {folder / REPORT_HTML}", soft_wrap=True)
    console.print(f"Model:  {folder / MODEL}", soft_wrap=True)
    if to_judge is not None:
        console.print(f"Pairs to judge: {folder / TO_REVIEW}", soft_wrap=True)


def show_verdict(console: SafeConsole, judged: "JudgedRun", folder: Path) -> None:
    """Print a verdict that no later stage has followed yet, and what does."""
    from ticketkin.workflows.artifacts import MODEL

    _show_judged(console, judged, folder)
    console.print()
    console.print(f"Model:  {folder / MODEL}", soft_wrap=True)
    console.print(
        "Kinds of kin, readiness and the report come next: "
        f"ticketkin run --resume --out {shlex.quote(str(folder))}",
        soft_wrap=True,
    )


def _show_judged(console: SafeConsole, report: "JudgedRun", folder: Path) -> None:
    """Print the verdict, the candidates and the warnings."""
    from ticketkin.workflows.answers import how_to_judge  # here: commands that answer start without it

    console.print()
    console.print(report.verdict.reason, style="bold")
    to_judge = how_to_judge(folder)
    if to_judge is not None and report.verdict.answer != "yes":
        console.print(to_judge, style="bold", soft_wrap=True)
    console.print()
    show_candidates(console, report.candidates, in_folds=report.cross_fitting is not None)
    if report.verdict.cheaper:
        console.print(report.verdict.cheaper)
    provable = None if report.power is None else power_words(report.power)
    if provable is not None:
        console.print(provable)
    for warning in report.warnings:
        console.print(f"Warning ({warning.code}): {warning.message}")
    for kind in report.left_out_kinds or ():
        hint = f"; to use them: {kind.option}" if kind.option else ""
        name = kind.kind or "no kind given"
        console.print(
            f"  left out, {kind.why}: {name}, {number_of(kind.n_links, 'link')}{hint}", soft_wrap=True
        )
    for check in report.diagnostics:
        if check.outcome in (Outcome.FAILED, Outcome.WARNING):
            advice = about_run(check.advice[:1].upper() + check.advice[1:], folder)
            console.print(f"Check {check.code} ({check.outcome}): {check.evidence}. {advice}")


def _readiness_words(report: "Report") -> str:
    from ticketkin.reports.readiness_table import readiness_rows

    named = [
        (row.name, one) for row, one in zip(readiness_rows(report), report.readiness.criteria, strict=True)
    ]
    parts = {
        "not met": [name for name, one in named if not one.passed and one.value is not None],
        "not measured": [name for name, one in named if one.value is None],
    }
    shown = [f"; {what}: {', '.join(names)}" for what, names in parts.items() if names]
    return f"Readiness: {report.readiness.tier}{''.join(shown) or '; every criterion is met'}"


def power_words(power: "PowerResult") -> str | None:
    """Return what so many links can prove; None where it can't be told."""
    if power.smallest_provable_gain is None:
        return None
    sentence = (
        f"{number_of(power.n_kin_groups, 'group')} of duplicates judged; so many can prove a gain of about "
        f"{power.smallest_provable_gain:.3f} or more in {METRICS.primary.title}."
    )
    if power.n_more_kin_groups and not power.is_proven:
        sentence += (
            f" To prove the gain seen here, link about {number_of(power.n_more_kin_groups, 'more group')} of "
            "duplicates."
        )
    return sentence


def about_run(advice: str, folder: Path) -> str:
    """Return advice with the run's path where its commands say RUN; reports name no path."""
    path = shlex.quote(str(folder))
    return re.sub(r"\bRUN\b", lambda _: path, advice)
