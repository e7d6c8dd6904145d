"""What the commands print: tables for people, JSON for machines."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ticketkin.cli.console import SafeConsole, print_json
from ticketkin.core.checks import Outcome
from ticketkin.evaluation.metrics import METRICS, Place
from ticketkin.runs.stages import StageStatus

if TYPE_CHECKING:
    from ticketkin.evaluation.leaderboard import ModelComparison
    from ticketkin.evaluation.proof_results import PowerResult
    from ticketkin.evaluation.schema import CandidateResult, ReadinessResult, Report
    from ticketkin.pairs.checking import PairCounts
    from ticketkin.training.search import SearchResult
    from ticketkin.workflows.configuration import Job
    from ticketkin.workflows.examination import Examined
    from ticketkin.workflows.recipes import Recipe
    from ticketkin.workflows.repeating import Repeated, Spread

# Sign, what stands for it where the terminal lacks it, style.
_CHECK_MARKS = {
    Outcome.PASSED: ("✔", "+", "green"),
    Outcome.WARNING: ("!", "!", "yellow"),
    Outcome.FAILED: ("✘", "x", "red"),
    Outcome.SKIPPED: ("-", "-", "dim"),
}
# Names of models are read whole, over several lines where they must.
_MODEL_WIDTH = 16
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
        title=f"{links} ({first.labels_from}): {first.retrieval.n_queries:,} tickets with "
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
        console.print(f"  left out, {kind.why}: {name}, {kind.n_links:,} links{hint}", soft_wrap=True)
    for check in report.diagnostics:
        if check.outcome in (Outcome.FAILED, Outcome.WARNING):
            console.print(f"Check {check.code} ({check.outcome}): {check.evidence}. {check.advice}")
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
        f"{power.n_kin_groups:,} groups of duplicates judged; so many can prove a gain of about "
        f"{power.smallest_provable_gain:.3f} or more in {METRICS.primary.title}."
    )
    if power.n_more_kin_groups:
        sentence += (
            f" To prove the gain seen here, link about {power.n_more_kin_groups:,} more groups of duplicates."
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
    console: SafeConsole, statuses: Sequence["StageStatus[Job]"], folder: Path, as_json: bool
) -> None:
    """Print each stage with its state, the reason and the command that runs it alone."""
    rows = [
        {
            "stage": status.stage.name,
            "state": status.state.value,
            "reason": status.reason,
            "seconds": status.seconds,
            "command": status.stage.command.format(folder=folder),
        }
        for status in statuses
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for head in ("", "stage", "state", "why", "command"):
        table.add_column(head)
    for row in rows:
        state = str(row["state"])
        mark = console.mark(*_STAGE_MARKS[state])
        table.add_row(mark, str(row["stage"]), state, str(row["reason"]), str(row["command"]))
    console.print(table)


def show_examined(console: SafeConsole, examined: Sequence["Examined"]) -> None:
    """Print each check with its verdict, evidence and remedy, and the count of each outcome."""
    counts = dict.fromkeys(Outcome, 0)
    for subject in examined:
        console.print(f"\n{subject.name}", style="bold")
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column()
        for check in subject.checks:
            counts[check.outcome] += 1
            evidence = Text(check.evidence)
            if check.advice:
                evidence.append(f"\n→ {check.advice}", style="bold")
            table.add_row(check_mark(console, check.outcome), check.code, evidence)
        console.print(table)
    console.print("\n" + ", ".join(f"{n} {outcome}" for outcome, n in counts.items() if n))


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
    table = Table(title=f"{counts.n_pairs:,} pairs", title_justify="left", box=None, show_header=False)
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
        f"({nearness.n_links:,} pairs that share no text). {against_chance}."
    )
    where = f" written to {out}" if out else "; give --out FILE to write them"
    console.print(f"{counts.n_cleaned:,} pairs remain{where} (sha256 {counts.sha256[:16]}…)")


def show_leaderboard(console: SafeConsole, comparison: "ModelComparison", out: Path | None) -> None:
    """Print the leaderboard, what was skipped, and where the files lie."""
    from ticketkin.reports.leaderboard import (
        decision_cells,
        decision_heads,
        leaderboard_cells,
        leaderboard_heads,
        recommendation_words,
    )

    if comparison.labels_from == "silver":
        console.print("Labels are SILVER and circular: this table proves nothing.", style="bold")
    table = Table(
        title=f"{comparison.judged_on} ({comparison.labels_from}): "
        + (f"{comparison.n_queries:,} queries" if comparison.n_queries else f"{comparison.n_pairs:,} pairs")
        + f" of {comparison.n_clusters:,} kin groups; differences to {comparison.baseline}, p by Holm",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    called = Table(
        title=f"What each model calls kin, at its own threshold chosen on {comparison.threshold_from}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for shown, heads in ((table, leaderboard_heads(comparison)), (called, decision_heads())):
        shown.add_column("model", overflow="fold", min_width=_MODEL_WIDTH)
        for head in heads:
            shown.add_column(head)
    for row in comparison.rows:
        table.add_row(Text(row.name), *leaderboard_cells(comparison, row))
        called.add_row(Text(row.name), *decision_cells(comparison.decisions[row.name]))
    console.print(table)
    console.print()
    console.print(called)
    for check in comparison.checks:
        if check.outcome is Outcome.FAILED:
            mark = check_mark(console, check.outcome)
            console.print(Text.assemble(mark, f" {check.evidence}. {check.advice}"))
    console.print(recommendation_words(comparison), style="bold")
    for model, reason in comparison.skipped.items():
        console.print(f"Skipped {model}: {reason}")
    if out is not None:
        console.print(f"Written: {out}/leaderboard.html, .csv, .json", soft_wrap=True)


def show_search(console: SafeConsole, search: "SearchResult", folder: Path) -> None:
    """Print the trials, best first, and the command that trains with the best settings."""
    finished = sorted(search.trials, key=lambda trial: -(trial.mrr or 0.0))
    names = list(dict.fromkeys(name for trial in finished for name in trial.parameters))
    table = Table(
        title=f"{search.candidate}: MRR on {search.n_queries:,} evaluation queries; untuned "
        f"{search.untuned_mrr:.3f}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for head in ("trial", "MRR", *names, "seconds"):
        table.add_column(head)
    for trial in finished:
        values = (trial.parameters.get(name) for name in names)
        table.add_row(
            str(trial.number),
            "stopped" if trial.mrr is None else f"{trial.mrr:.3f}",
            *(f"{value:.2g}" if isinstance(value, float) else str(value) for value in values),
            f"{trial.seconds:,.0f}",
        )
    console.print(table)
    assignments = " ".join(f"--set {assignment}" for assignment in search.assignments)
    pairs_too = any(assignment.startswith("pairs.") for assignment in search.assignments)
    console.print(
        f"\nTo go on with the best: ticketkin run --resume --out {folder} {assignments}",
        soft_wrap=True,
    )
    if pairs_too:
        console.print("(the pairs are built anew where their negatives change)")


def show_readiness(console: SafeConsole, readiness: "ReadinessResult", wanted: str) -> None:
    """Print each criterion with its target, and the tier."""
    table = Table(box=None, pad_edge=False)
    for head in ("", "criterion", "value", "target", "gap", ""):
        table.add_column(head)
    for criterion in readiness.criteria:
        table.add_row(
            check_mark(console, Outcome.PASSED if criterion.passed else Outcome.FAILED),
            criterion.name,
            str(criterion.interval),
            f"{'at most' if criterion.at_most else 'at least'} {criterion.target:.3g}",
            "-" if criterion.gap is None else f"{criterion.gap:+.3g}",
            Text(criterion.note),
        )
    console.print(table)
    console.print(f"\nTier: {readiness.tier}; asked for: {wanted}")


def show_repeated(console: SafeConsole, repeated: "Repeated") -> None:
    """Print mean and spread of every candidate over the splits, and how often each won."""
    n = len(repeated.seeds)
    table = Table(
        title=f"Mean ± deviation over {n} splits (seeds {', '.join(map(str, repeated.seeds))}), "
        f"{min(repeated.n_queries):,} to {max(repeated.n_queries):,} tickets with known kin each",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    columns, primary = METRICS.shown_in(Place.REPEATS), METRICS.primary.short_title
    heads = (metric.short_title for metric in columns)
    for head in ("candidate", *heads, f"gain in {primary}", "above zero"):
        table.add_column(head)
    for name, metrics in repeated.metrics.items():
        gain = repeated.gains.get(name)
        table.add_row(
            name,
            *(_spread(metrics[metric.name]) for metric in columns),
            "" if gain is None else f"{gain.mean:+.3f} ({gain.lowest:+.3f} to {gain.highest:+.3f})",
            "" if gain is None else f"{repeated.n_above_zero[name]} of {n}",
        )
    console.print(table)
    won = ", ".join(f"{name} {times} of {n}" for name, times in repeated.champions.items())
    console.print(f"\nChampion: {won}")
    if repeated.holdout_gain is not None:
        spread = repeated.holdout_gain
        console.print(
            f"Holdout gain in {primary} of the champion: {spread.mean:+.3f} "
            f"({spread.lowest:+.3f} to {spread.highest:+.3f})",
        )


def _spread(spread: "Spread") -> str:
    return f"{spread.mean:.3f} ± {spread.deviation:.3f}"
