"""What the commands on kinds of kin and on families print for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ticketkin.cli.console import SafeConsole
from ticketkin.cli.screens import check_mark
from ticketkin.cli.tables import show_table
from ticketkin.cli.verdict_screens import about_run
from ticketkin.core.checks import Outcome
from ticketkin.core.wording import number_of, percent
from ticketkin.reports.formatting import format_name

if TYPE_CHECKING:
    from ticketkin.relations.families import FamiliesRecord
    from ticketkin.relations.record import (
        CauseQuality,
        ClassifierChoice,
        KindsLearned,
        TwoStageQuality,
    )


def show_relations(console: SafeConsole, record: "KindsLearned", folder: Path) -> None:
    """Print counts first, then quality by model and kind, the confusion of the kept model, the ablation."""
    counts = ", ".join(f"{n:,} {kind}" for kind, n in record.counts.items())
    console.print(f"Pairs ({record.labels_from}): {counts}", style="bold")
    for line in record.notes:
        console.print(line)
    kinds = list(record.counts)
    if record.choice is not None:
        _show_choice(console, record.choice)
    _show_models(console, record, kinds)
    _show_confusion(console, record, kinds)
    if record.without:
        _show_ablation(console, record)
    if record.causes is not None:
        _show_causes(console, record.causes, record.causes_left_out)
    _show_two_stage(console, record.two_stage)
    for gate in record.gates:
        if gate.outcome in (Outcome.FAILED, Outcome.WARNING):
            console.print(check_mark(console, gate.outcome), end=" ")
            console.print(f"{gate.evidence}. {about_run(gate.advice, folder)}")


def _show_choice(console: SafeConsole, choice: "ClassifierChoice") -> None:
    """Print what each classifier was worth on the folds that chose, and which was chosen."""
    kinds = list(choice.scores[choice.chosen].f1)
    chosen_in = f"chosen in {number_of(sum(choice.in_folds.values()), 'fold')} of assessment"
    rows = [
        [
            name,
            f"{score.macro_f1:.3f}",
            f"{score.spread:.3f}",
            *(f"{score.f1[kind]:.3f}" for kind in kinds),
            f"{choice.in_folds.get(name, 0)}",
        ]
        for name, score in choice.scores.items()
    ]
    show_table(
        console,
        ["classifier", "macro F1", "± over folds", *kinds, chosen_in],
        rows,
        title=f"Chosen: {choice.chosen}, by macro F1 on {number_of(choice.n_folds, 'fold')} of "
        f"{number_of(choice.n_pairs, 'training pair')}, frequent kinds thinned",
    )


def _show_models(console: SafeConsole, record: "KindsLearned", kinds: Sequence[str]) -> None:
    rows = [
        [
            _label(record, name),
            str(quality.macro_f1),
            *(str(quality.by_kind[kind].f1 or "-") for kind in kinds),
            str(quality.brier),
        ]
        for name, quality in record.results.items()
    ]
    show_table(console, ["model", "macro", *kinds, "Brier"], rows, title="F1, out of fold")


def _label(record: "KindsLearned", name: str) -> str:
    if record.choice is None:
        return f"{name} (kept)" if name == record.model else name
    return f"{name} (kept: {record.model})" if record.results[name] is record.kept else name


def _show_confusion(console: SafeConsole, record: "KindsLearned", kinds: Sequence[str]) -> None:
    n_repeats = number_of(record.n_repeats, "repeat")
    title = f"{record.judged_name}: true kind by row, predicted by column, mean of {n_repeats}"
    counted = zip(kinds, record.kept.confusion, strict=True)
    rows = [[kind, *(f"{value:.0f}" for value in row)] for kind, row in counted]
    show_table(console, ["", *kinds], rows, title=title)


def _show_ablation(console: SafeConsole, record: "KindsLearned") -> None:
    """Print what the kept classifier is worth without each group of features, beside it with all of them."""
    whole = record.results[record.model].macro_f1
    console.print(f"{record.model} with every group of features: macro F1 {whole}")
    for group, macro in record.without.items():
        console.print(f"  without {group}: macro F1 {macro}")


def _show_causes(console: SafeConsole, quality: "CauseQuality", left_out: str) -> None:
    """Print how well causes are distinguished from all else by a cross-encoder of their own."""
    head = ", its head begun at random" if quality.fresh_head else ""
    console.print(
        f"Cause or not, cross-encoder on {quality.base}{head}: {number_of(quality.n_causal, 'cause')}, "
        f"{quality.n_other:,} others, {number_of(quality.folds, 'fold')}",
    )
    metrics = {
        "roc_auc": quality.roc_auc,
        "pr_auc": quality.pr_auc,
        "f1": quality.f1,
        "precision": quality.precision,
        "recall": quality.recall,
        "brier": quality.brier,
    }
    console.print("  " + ", ".join(f"{format_name(name)} {metric}" for name, metric in metrics.items()))
    console.print(
        f"  direction right in {percent(quality.direction_right)} of causes; "
        f"{quality.milliseconds_a_pair:.0f} ms a pair, read in both orders",
    )
    console.print(
        f"  PR-AUC of the causal kind {quality.pr_auc_kinds or '-'} by the model of kinds alone, "
        f"{quality.pr_auc_both or '-'} with the cross-encoder: "
        + (f"left out, {left_out}" if left_out else "it is kept and has a say in answers"),
    )


def _show_two_stage(console: SafeConsole, two_stage: "TwoStageQuality") -> None:
    """Print what is said and suggested of the holdout tickets' nearest others, and how often rightly."""
    from ticketkin.relations.bands import BAND_WORDS
    from ticketkin.reports.kinds import BAND_HEADS, bands_words

    holdout = two_stage.holdout
    rows = []
    for kind, by_band in holdout.by_kind.items():
        for band, quality in by_band.items():
            threshold = two_stage.bands.threshold(kind, band)
            rows.append([
                kind,
                BAND_WORDS[band],
                "never" if threshold is None else f"{threshold:.2f}",
                f"{quality.n_reported:,}",
                f"{quality.n_right:,}",
                f"{quality.n_true:,}",
                f"{quality.false_alarms_per_1000_tickets:.0f}",
            ])  # fmt: skip
    show_table(
        console,
        ["kind", *BAND_HEADS],
        rows,
        title=f"Holdout: nearest earlier tickets of {number_of(holdout.n_queries, 'ticket')}, real base rate",
        n_leading=2,
    )
    console.print(bands_words(two_stage))


def show_families(console: SafeConsole, record: "FamiliesRecord", folder: Path, top: int) -> None:
    """Print the largest families: who is whose duplicate, what is related, the longest causal chain."""
    n_tickets = f"{number_of(record.n_families, 'family')} over {number_of(record.n_tickets, 'ticket')}"
    console.print(f"{n_tickets}; written to {folder / 'families'}", style="bold")
    for family in record.families[:top]:
        by_parent: dict[str, list[str]] = {}
        for child, head in family.duplicate_of.items():
            by_parent.setdefault(head, []).append(child)
        console.print(f"Family {family.family}: {number_of(len(family.tickets), 'ticket')}")
        for head, children in by_parent.items():
            several = "s" * (len(children) > 1)
            console.print(f"  {head} has the duplicate{several} {_shortened(children)}")
        if family.longest_chain:
            console.print(f"  {' caused '.join(family.longest_chain)}")
        if family.related:
            console.print(
                f"  related: {_shortened([f'{tie.source} and {tie.target}' for tie in family.related])}"
            )
    if record.left_out:
        console.print(
            f"{len(record.left_out)} causal tie{'s' * (len(record.left_out) > 1)} left out: "
            "a ticket would be its own cause",
        )


def _shortened(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
