"""What the commands print: tables for people, JSON for machines."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from ticketkin.cli.console import SafeConsole, print_json
from ticketkin.cli.tables import show_table
from ticketkin.core.checks import Outcome
from ticketkin.core.printing import printable_line
from ticketkin.core.wording import number_of
from ticketkin.runs.stages import StageStatus

if TYPE_CHECKING:
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
    cells = []
    for row in rows:
        state = str(row["state"])
        mark = console.mark(*_STAGE_MARKS[state])
        times = [_time(str(row["stage"]), expected)] if expected else []
        cells.append(
            [mark, str(row["stage"]), state, _brief(str(row["reason"])), *times, str(row["command"])]
        )
    heads = ("", "stage", "state", "why", *(["time"] if expected else []), "command")
    show_table(console, heads, cells, folds=(3, len(heads) - 1), n_leading=2)


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
    cells = [("-" if count is None else f"{count:,}", name, meaning) for name, count, meaning in rows]
    cells += [
        (f"{n_pairs:,}", "dominant template", f"“{template}…”")
        for template, n_pairs in counts.dominant_templates.items()
    ]
    show_table(console, ("", "", ""), cells, title=number_of(counts.n_pairs, "pair"), folds=(2,), n_leading=2)
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
