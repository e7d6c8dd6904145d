"""Answers for tickets: on the screen, as CSV, as JSON Lines."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ticketkin.cli.console import SafeConsole
from ticketkin.core.artifacts import atomic_path
from ticketkin.core.errors import InputError
from ticketkin.core.outputs import check_file_output
from ticketkin.core.printing import printable_line
from ticketkin.core.wording import number_of, percent

if TYPE_CHECKING:
    from ticketkin.relations.replay_result import Replay
    from ticketkin.serving.answers import Answer, Relation
    from ticketkin.serving.indexing import IndexUpdate

_KIN_WORDS = {
    "duplicate": "duplicate of", "related": "related to", "causal": "cause or effect of", "none": "no kin of",
    "kin": "kin of",
}  # fmt: skip
_SURELY = {"say": "", "suggest": "perhaps ", "silent": "not reported: ", None: ""}
_MOST_SHOWN_OF_SOLUTION = 300
_MOST_SHOWN_OF_ROWS = 3
_COLUMNS = (
    "ticket", "kin", "kind", "band", "probability", "similarity", "parent", "solution", "alike", "evidence",
    "direction", "kin_title", "notes",
)  # fmt: skip


def show_answers(console: SafeConsole, answers: Sequence["Answer"], everything: bool) -> None:
    """Print for each ticket what its nearest others are to it, and what a person can check."""
    for answer in answers:
        heading = " ".join(part for part in (answer.ticket_id or "New ticket:", answer.title) if part)
        console.print(printable_line(heading), style="bold")
        for note in answer.notes:
            console.print(f"  note: {note}", style="dim")
        shown = [one for one in answer.relations if everything or not one.is_silent]
        for one in shown:
            _show_relation(console, one)
        if not shown:
            n = len(answer.relations)
            hint = f"; {n} looked at, --all shows them" if n else ": no earlier ticket"
            console.print(f"  nothing sure enough to say{hint}")


def _show_relation(console: SafeConsole, one: "Relation") -> None:
    under = ""
    if one.parent and one.parent != one.ticket_id:
        under = f", close under {one.parent}"
        if not one.parent_is_open:
            under = f", first reported as {one.parent}, which is closed"
    like = f" (and {len(one.alike):,} of the same template)" if one.alike else ""
    line = f"  {_SURELY[one.band]}{_KIN_WORDS[one.kind]} {one.ticket_id}{like}, {_how_sure(one)}{under}"
    if one.band == "silent" and one.nearly_same_text:
        line = f"  nearly the same text as {one.ticket_id}{like}, but fields and times speak against kin"
    console.print(f"{line}: {printable_line(one.title)}")
    if one.solution and one.kind != "none":
        solution = printable_line(one.solution.replace("\n", " "))
        cut = "…" * (len(solution) > _MOST_SHOWN_OF_SOLUTION)
        console.print(f"      SOLVED: {solution[:_MOST_SHOWN_OF_SOLUTION]}{cut}", style="bold green")
    checks = "; ".join([*([one.direction] if one.direction else []), *one.evidence])
    if checks:
        console.print(f"      {checks}", style="dim")


def show_index(console: SafeConsole, done: "IndexUpdate", rejected: Path | None) -> None:
    """Print what a command changed in an index; `rejected` is the file of the rows that can't be used."""
    change = done.change
    console.print(
        f"Index: {number_of(done.n_stored, 'ticket')} ({change.n_added:,} added, {change.n_updated:,} "
        f"updated, {change.n_unchanged:,} unchanged, {done.n_deleted:,} deleted)"
    )
    for note in done.notes:
        console.print(f"  note: {printable_line(note)}")
    if done.rejected.height:
        for source, row, reason in done.rejected.head(_MOST_SHOWN_OF_ROWS).iter_rows():
            console.print(f"    {printable_line(f'{source}, row {row}: {reason}')}")
        rest = "all of them with --rejected FILE" if rejected is None else f"all of them: {rejected}"
        console.print(f"    {rest}", soft_wrap=True)
    if done.unknown:
        shown = ", ".join(done.unknown[:_MOST_SHOWN_OF_ROWS])
        more = "" if len(done.unknown) <= _MOST_SHOWN_OF_ROWS else " …"
        n_unknown = f"{number_of(len(done.unknown), 'id')} to delete not stored"
        console.print(f"  note: {n_unknown}: {printable_line(shown)}{more}")
    for name, share in done.recall.items():
        console.print(f"  search by '{name}' is approximate: it finds {percent(share, 1)} of the 200 nearest")


def _how_sure(one: "Relation") -> str:
    if one.probability is not None:
        return percent(one.probability)
    return f"similarity {one.similarity or 0:.2f}"


def check_answers_file(path: Path, sources: Iterable[Path], *, force: bool) -> None:
    """Raise InputError unless answers may be written to `path`, a .csv or .jsonl file."""
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise InputError(f"--out {path}: answers are written as .csv or .jsonl; name such a file")
    check_file_output(path, [source for source in sources if source.is_file()], force=force)


def write_answers(answers: Sequence["Answer"], path: Path, *, everything: bool) -> None:
    """Write answers: a row for each pair as CSV, or a ticket a line as JSON Lines.

    What stays silent is left out unless `everything` is given; a ticket of which nothing is said keeps a row.
    """
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".jsonl":
            lines = (json.dumps(_shown(answer, everything), ensure_ascii=False) for answer in answers)
            temporary.write_text("".join(f"{line}\n" for line in lines), "utf-8")
            return
        table = io.StringIO(newline="")
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for answer in answers:
            writer.writerows([_harmless(cell) for cell in row] for row in _rows(answer, everything))
        temporary.write_text(table.getvalue(), "utf-8")


def _shown(answer: "Answer", everything: bool) -> dict[str, object]:
    kept = [one.to_json() for one in answer.relations if everything or not one.is_silent]
    return {**answer.to_json(), "relations": kept}


def _rows(answer: "Answer", everything: bool) -> list[list[str]]:
    name, notes = answer.ticket_id or answer.title, "; ".join(answer.notes)
    rows = [
        [
            name, one.ticket_id, one.kind, one.band or "", _number(one.probability), _number(one.similarity),
            one.parent, one.solution, " ".join(one.alike), "; ".join(one.evidence), one.direction, one.title,
            notes,
        ]
        for one in answer.relations
        if everything or not one.is_silent
    ]  # fmt: skip
    return rows or [[name, *[""] * (len(_COLUMNS) - 2), notes]]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula (OWASP, "CSV Injection")."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def show_replay(console: SafeConsole, result: "Replay", page: Path | None) -> None:
    """Print what would have been said of the last weeks, and how much of it was right."""
    from ticketkin.cli.tables import show_table
    from ticketkin.reports.replay_page import QUALITY_HEADS, quality_rows

    console.print(result.headline, style="bold")
    console.print(result.caution)
    show_table(console, QUALITY_HEADS, quality_rows(result.qualities), n_leading=2)
    console.print("What nobody linked counts as wrong, though some of it may be kin that nobody marked.")
    where = f"Page: {page}" if page else "With --out FOLDER it is written as a page and as JSON."
    console.print(where, soft_wrap=True)
