"""What the commands on models print: checks, leaderboards, searches, readiness, repeated splits."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from ticketkin.cli.console import SafeConsole
from ticketkin.cli.screens import check_mark
from ticketkin.cli.tables import show_table
from ticketkin.core.checks import Outcome
from ticketkin.core.wording import number_of
from ticketkin.evaluation.metric_definitions import Place
from ticketkin.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from ticketkin.evaluation.leaderboard import ModelComparison
    from ticketkin.evaluation.schema import Report
    from ticketkin.training.search import SearchResult
    from ticketkin.workflows.examination import Examined
    from ticketkin.workflows.repeating import Repeated, Spread


def show_examined(console: SafeConsole, examined: Sequence["Examined"]) -> None:
    """Print each check with its verdict, evidence and remedy, and the count of each outcome."""
    counts = dict.fromkeys(Outcome, 0)
    for subject in examined:
        console.print(f"\n{subject.name}", style="bold")
        rows = []
        for check in subject.checks:
            counts[check.outcome] += 1
            evidence = Text(check.evidence)
            if check.advice:
                evidence.append(f"\n→ {check.advice}", style="bold")
            rows.append((check_mark(console, check.outcome), check.code, evidence))
        show_table(console, ("", "", ""), rows, folds=(2,), n_leading=2)
    console.print("\n" + ", ".join(f"{n} {outcome}" for outcome, n in counts.items() if n))


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
    asked = (
        number_of(comparison.n_queries, "query")
        if comparison.n_queries
        else number_of(comparison.n_pairs, "pair")
    )
    show_table(
        console,
        ["model", *leaderboard_heads(comparison)],
        [[row.name, *leaderboard_cells(comparison, row)] for row in comparison.rows],
        title=f"{comparison.judged_on} ({comparison.labels_from}): {asked} of "
        f"{number_of(comparison.n_clusters, 'kin group')}; differences to {comparison.baseline}, p by Holm",
    )
    console.print()
    show_table(
        console,
        ["model", *decision_heads()],
        [[row.name, *decision_cells(comparison.decisions[row.name])] for row in comparison.rows],
        title=f"What each model calls kin, at its own threshold chosen on {comparison.threshold_from}",
    )
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
    rows = []
    for trial in finished:
        values = (trial.parameters.get(name) for name in names)
        rows.append([
            str(trial.number),
            "stopped" if trial.mrr is None else f"{trial.mrr:.3f}",
            *(f"{value:.2g}" if isinstance(value, float) else str(value) for value in values),
            f"{trial.seconds:,.0f}",
        ])  # fmt: skip
    show_table(
        console,
        ["trial", "MRR", *names, "seconds"],
        rows,
        title=f"{search.candidate}: MRR on {number_of(search.n_queries, 'evaluation query')}; untuned "
        f"{search.untuned_mrr:.3f}",
    )
    assignments = " ".join(f"--set {assignment}" for assignment in search.assignments)
    pairs_too = any(assignment.startswith("pairs.") for assignment in search.assignments)
    console.print(
        f"\nTo go on with the best: ticketkin run --resume --out {folder} {assignments}",
        soft_wrap=True,
    )
    if pairs_too:
        console.print("(the pairs are built anew where their negatives change)")


def show_readiness(console: SafeConsole, report: "Report", wanted: str) -> None:
    """Print what was asked of a champion, what it reached, and its tier."""
    from ticketkin.reports.readiness_table import readiness_rows

    rows = []
    for row, criterion in zip(readiness_rows(report), report.readiness.criteria, strict=True):
        measured = Outcome.PASSED if criterion.passed else Outcome.FAILED
        mark = check_mark(console, Outcome.SKIPPED if criterion.value is None else measured)
        rows.append((mark, row.name, row.value, row.target, row.met, row.note))
    show_table(console, ("", "asked for", "reached", "target", "met", ""), rows, folds=(1, 5), n_leading=2)
    console.print(f"\nTier: {report.readiness.tier}; asked for: {wanted}")


def show_repeated(console: SafeConsole, repeated: "Repeated") -> None:
    """Print mean and spread of every candidate over the splits, and how often each won."""
    n = len(repeated.seeds)
    columns, primary = METRICS.shown_in(Place.REPEATS), METRICS.primary.short_title
    rows = []
    for name, metrics in repeated.metrics.items():
        gain = repeated.gains.get(name)
        rows.append([
            name,
            *(_spread(metrics[metric.name]) for metric in columns),
            "" if gain is None else f"{gain.mean:+.3f} ({gain.lowest:+.3f} to {gain.highest:+.3f})",
            "" if gain is None else f"{repeated.n_above_zero[name]} of {n}",
        ])  # fmt: skip
    show_table(
        console,
        ["candidate", *(metric.short_title for metric in columns), f"gain in {primary}", "above zero"],
        rows,
        title=f"Mean ± deviation over {number_of(n, 'split')} (seeds {', '.join(map(str, repeated.seeds))}), "
        f"{min(repeated.n_queries):,} to {number_of(max(repeated.n_queries), 'ticket')} with known kin each",
    )
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
