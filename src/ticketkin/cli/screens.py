"""What the commands print: tables for people, JSON for machines."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ticketkin.cli.console import SafeConsole, print_json
from ticketkin.core.checks import Outcome
from ticketkin.core.printing import printable_line
from ticketkin.core.wording import number_of
from ticketkin.evaluation.metrics import METRICS, Place
from ticketkin.runs.stages import StageStatus

if TYPE_CHECKING:
    from ticketkin.evaluation.proof_results import PowerResult
    from ticketkin.evaluation.schema import CandidateResult, ReadinessResult, Report
    from ticketkin.pairs.checking import PairCounts
    from ticketkin.workflows.configuration import Job
    from ticketkin.workflows.conflicts import ConflictingPair
    from ticketkin.workflows.forecast import Forecast
    from ticketkin.workflows.recipes import Recipe

# Sign, what stands for it where the terminal lacks it, style.
_CHECK_MARKS = {
    Outcome.PASSED: ("✔", "+", "green"),
    Outcome.WARNING: ("!", "!", "yellow"),
    Outcome.FAILED: ("✘", "x", "red"),
    Outcome.SKIPPED: ("-", "-", "dim"),
}
_STAGE_MARKS = {"done": ("✔", "+"), "ready": ("·", "."), "changed": ("↻", "~"), "waiting": ("…", "-")}


def check_mark(console: SafeConsole, outcome: Outcome) -> Text:
    """Return the coloured sign of an outcome."""
    sign, plain, style = _CHECK_MARKS[outcome]
    return Text(console.mark(sign, plain), style)


def show_candidates(
    console: SafeConsole, candidates: Mapping[str, "CandidateResult"], *, in_folds: bool
) -> None:
    """Print the candidates side by side on the links that judged: all of them, where folds did."""
    first = next(iter(candidates.values())).evaluation
    links = "All links, by folds" if in_folds else "Evaluation links"
    kin = "guessed kin" if first.labels_from == "silver" else "known kin"
    table = Table(
        title=f"{links} ({first.labels_from}): {number_of(first.retrieval.n_queries, 'ticket')} with "
        f"{kin}, each among up to {first.retrieval.n_candidates:,} others",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("candidate")
    columns = METRICS.shown_in(Place.TERMINAL)
    for metric in columns:
        table.add_column(metric.short_title)
    table.add_column("encoder passes", justify="right")
    for name, candidate in candidates.items():
        passes = candidate.forward_passes
        table.add_row(
            name,
            *(str(candidate.evaluation.metric(metric.name).interval) for metric in columns),
            "" if passes is None else str(passes),
        )
    console.print(table)


def show_verdict(console: SafeConsole, report: "Report", folder: Path) -> None:
    """Print the verdict, the candidates, the warnings and where the results lie."""
    from ticketkin.workflows.answers import how_to_judge  # here: commands that answer start without it
    from ticketkin.workflows.artifacts import MODEL, REPORT_HTML, TO_REVIEW

    console.print()
    console.print(report.verdict.reason, style="bold")
    to_judge = how_to_judge(folder)
    if to_judge is not None and report.verdict.answer != "yes":
        console.print(to_judge, style="bold", soft_wrap=True)
    console.print()
    show_candidates(console, report.candidates, in_folds=report.cross_fitting is not None)
    if report.verdict.cheaper:
        console.print(report.verdict.cheaper)
    provable = None if report.power is None else _power_words(report.power)
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
            advice = about_run(check.advice, folder)
            console.print(f"Check {check.code} ({check.outcome}): {check.evidence}. {advice}")
    console.print(_readiness_words(report.readiness))
    console.print()
    console.print(f"Report: {folder / REPORT_HTML}", soft_wrap=True)
    console.print(f"Model:  {folder / MODEL}", soft_wrap=True)
    if to_judge is not None:
        console.print(f"Pairs to judge: {folder / TO_REVIEW}", soft_wrap=True)


def _readiness_words(readiness: "ReadinessResult") -> str:
    criteria = readiness.criteria
    parts = {
        "not met": [c.name for c in criteria if not c.passed and c.value is not None],
        "not measured": [c.name for c in criteria if c.value is None],
    }
    shown = [f"; {what}: {', '.join(names)}" for what, names in parts.items() if names]
    return f"Readiness: {readiness.tier}{''.join(shown) or '; every criterion is met'}"


def _power_words(power: "PowerResult") -> str | None:
    """Return what so many links can prove; None where it can't be told."""
    if power.smallest_provable_gain is None:
        return None
    sentence = (
        f"{number_of(power.n_kin_groups, 'group')} of duplicates judged; so many can prove a gain of about "
        f"{power.smallest_provable_gain:.3f} or more in {METRICS.primary.title}."
    )
    if power.n_more_kin_groups:
        sentence += (
            f" To prove the gain seen here, link about {number_of(power.n_more_kin_groups, 'more group')} of "
            "duplicates."
        )
    return sentence


def show_recipes(console: SafeConsole, recipes: Iterable["Recipe"]) -> None:
    """Print each recipe with what it is and the settings it changes."""
    for recipe in recipes:
        console.print(recipe.name, style="bold")
        console.print(f"  {recipe.about}")
        for section, values in recipe.settings.items():
            shown = (
                ", ".join(f"{section}.{name}={value}" for name, value in values.items())
                if isinstance(values, Mapping)
                else f"{section}={','.join(map(str, values))}"
            )
            console.print(f"  {shown}", style="dim")


def show_stages(
    console: SafeConsole,
    statuses: Sequence["StageStatus[Job]"],
    folder: Path,
    as_json: bool,
    expected: Mapping[str, "Forecast | None"] | None = None,
) -> None:
    """Print each stage with its state, the reason and the command that runs it alone.

    With `expected`, how long each that is not done will take stands beside it.
    """
    rows = [
        {
            "stage": status.stage.name,
            "state": status.state.value,
            "reason": status.reason,
            "seconds": status.seconds,
            "forecast": (expected or {}).get(status.stage.name),
            "command": status.stage.command.format(folder=folder),
        }
        for status in statuses
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for head in ("", "stage", "state", "why", *(["time"] if expected else []), "command"):
        table.add_column(head)
    for row in rows:
        state = str(row["state"])
        mark = console.mark(*_STAGE_MARKS[state])
        times = [_time(str(row["stage"]), expected)] if expected else []
        table.add_row(mark, str(row["stage"]), state, _brief(str(row["reason"])), *times, str(row["command"]))
    console.print(table)


def _brief(reason: str) -> str:
    """Return a reason with the first of the files it names; a table holds no list of ten."""
    first, *more = reason.split(", ")
    return f"{first} and {len(more):,} more" if more else first


def _time(stage: str, expected: Mapping[str, "Forecast | None"]) -> str:
    if stage not in expected:
        return ""
    known = expected[stage]
    return "unknown" if known is None else str(known)


def show_pair_check(console: SafeConsole, counts: "PairCounts", out: Path | None) -> None:
    """Print the counts of a pair check, what they mean, and where the cleaned set lies."""
    noise = counts.label_noise
    of_noise = "too few pairs to say" if noise is None else "likely labelled wrong; read them; kept"
    rows = (
        ("contradictions", counts.contradictions, "the same texts with different labels or kinds; dropped"),
        ("repeats", counts.repeats, "the same texts with one label again; dropped"),
        ("near repeats", counts.near_repeats, "texts that differ in numbers and ids only; kept"),
        ("short or empty", counts.short_or_empty, "a text of fewer than three words; dropped"),
        ("label noise", noise, of_noise),
    )
    table = Table(title=number_of(counts.n_pairs, "pair"), title_justify="left", box=None, show_header=False)
    for name, count, meaning in rows:
        table.add_row("-" if count is None else f"{count:,}", name, meaning)
    for template, n_pairs in counts.dominant_templates.items():
        table.add_row(f"{n_pairs:,}", "dominant template", Text(f"“{template}…”"))
    console.print(table)
    nearness = counts.kin_nearness
    against_chance = (
        "Are labels or texts mixed up? A run on this file is refused"
        if nearness.is_chance
        else "50 is what chance gives"
    )
    console.print(
        "Pairs labelled kin are nearer in words than random pairs in "
        f"{100 * nearness.share_nearer:.0f} of 100 comparisons "
        f"({number_of(nearness.n_links, 'pair that shares', 'pairs that share')} no text). {against_chance}."
    )
    where = f" written to {out}" if out else "; give --out FILE to write them"
    console.print(
        f"{number_of(counts.n_cleaned, 'pair remains', 'pairs remain')}{where} (sha256 {counts.sha256[:16]}…)"
    )


def about_run(advice: str, folder: Path) -> str:
    """Return advice with the run's path where its commands say RUN; reports name no path."""
    path = shlex.quote(str(folder))
    return re.sub(r"\bRUN\b", lambda _: path, advice)


def show_conflicts(console: SafeConsole, listed: Sequence["ConflictingPair"]) -> None:
    """Print each contradiction: why it is one, then its pairs with what was stated of them."""
    if not listed:
        console.print("No labels contradict each other.")
        return
    for number, pairs in groupby(listed, key=lambda pair: pair.conflict):
        own = list(pairs)
        over = f" over {own[0].over}" if own[0].over else ""
        console.print(f"{number}. {own[0].why}{over}", style="bold", soft_wrap=True)
        for pair in own:
            console.print(f"  {pair.source} and {pair.target}: {pair.stated}", soft_wrap=True)
            for row, title in ((pair.source_row, pair.source_title), (pair.target_row, pair.target_title)):
                console.print(f"    row {row:,}: {printable_line(title)}", style="dim", soft_wrap=True)
