"""The command that says what the nearest earlier tickets are to a ticket."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ticketkin.cli.answers import check_answers_file, show_answers, write_answers
from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.option_records import takes_records
from ticketkin.cli.options import (
    ForceOption,
    IndexOption,
    JsonOption,
    MapOption,
    RedactWordsOption,
    TrustCodeOption,
    output_option,
    parse_map,
    run_folder,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import InputError
from ticketkin.core.progress import Progress
from ticketkin.core.wording import number_of

if TYPE_CHECKING:
    from ticketkin.serving.answers import Answer
    from ticketkin.serving.kin import Kin

relating = typer.Typer()


@dataclass(frozen=True)
class AskedTickets:
    """Which tickets a person asks about: stored ones by name, a new one by its text, or those of a file."""

    tickets: Annotated[
        list[str], typer.Argument(metavar="TICKET...", help="Ids or numbers of stored tickets.")
    ] = field(default_factory=list)
    text: Annotated[str | None, typer.Option("--text", help="A new ticket: its first line is the title.")] = (
        None
    )
    fields: Annotated[
        list[str],
        typer.Option("--field", help="A field of the new ticket: service=Email. Repeatable."),
    ] = field(default_factory=list)
    file: Annotated[
        Path | None, typer.Option("--file", help="New tickets: an export in any format that is imported.")
    ] = None
    map_: MapOption = None

    def check(self) -> None:
        """Raise InputError unless tickets were named in one way, and what describes them goes with it."""
        given = {
            "TICKET": bool(self.tickets),
            "--text": self.text is not None,
            "--file": self.file is not None,
        }
        ways = [name for name, is_given in given.items() if is_given]
        if len(ways) != 1:
            raise InputError(
                f"{' and '.join(ways) or 'nothing'} was given; ask for tickets by number, or give one "
                "--text, or a --file"
            )
        if self.fields and self.text is None:
            raise InputError("--field describes the ticket of --text; give both")
        if self.map_ is not None and self.file is None:
            raise InputError("--map names the columns of --file; give both")

    def record(self) -> dict[str, str]:
        """Return the fields of the new ticket. Raises InputError for one that is malformed or given twice."""
        title, _, description = (self.text or "").strip().partition("\n")
        record = {"title": title, "description": description}
        for assignment in self.fields:
            name, equals, value = assignment.partition("=")
            if not equals or not name.strip():
                raise InputError(f"--field {assignment!r}: write it as NAME=VALUE, such as service=Email")
            name = name.strip()
            if record.get(name):
                raise InputError(
                    f"--field {assignment!r}: {name} is given twice, in --text or another --field"
                )
            record[name] = value.strip()
        return record


@dataclass(frozen=True)
class AnswerOptions:
    """How far a person looks, and where the answers go."""

    k: Annotated[int, typer.Option("--nearest", min=1, max=100_000, help="Nearest tickets to look at.")] = 10
    everything: Annotated[bool, typer.Option("--all", help="Show also what stays silent.")] = False
    out: Annotated[Path | None, output_option("Write the answers to a .csv or .jsonl file.", "FILE")] = None
    force: ForceOption = False
    as_json: JsonOption = False


@relating.command()
@takes_records
def relate(
    folder: Annotated[
        Path, typer.Argument(help="Bundle or run folder.", parser=run_folder, metavar="FOLDER")
    ],
    asked: AskedTickets,
    *,
    redact_words: RedactWordsOption = None,
    index: IndexOption = None,
    answering: AnswerOptions,
    trust_code: TrustCodeOption = None,
) -> None:
    """Say what the nearest earlier tickets are to a ticket: duplicate, related, cause; and why.

    \b
    Examples:
      ticketkin relate kin-june --text "Outlook asks for the password again" --field service=Email
      ticketkin relate kin-june --file tomorrow.csv --out answers.csv
      ticketkin relate kin-june INC0012345
      ticketkin relate runs/june --text "Printer prints empty pages"
      ticketkin relate runs/june INC0012345 --nearest 20 --all --json

    A bundle (ticketkin bundle) answers from the tickets that ticketkin index stored, a run from its own.
    """
    from ticketkin.serving.manifest import is_bundle

    asked.check()
    if not is_bundle(folder) and asked.tickets and answering.out is None and index is None:
        _relate_in_run(folder, asked.tickets, answering)
        return
    if answering.out is not None:
        read = [folder, *([asked.file] if asked.file else [])]
        check_answers_file(answering.out, read, force=answering.force)
    with ConsoleProgress(errors) as progress:
        kin = _opened(folder, index, redact_words, progress)
        answers = _answers(kin, asked, answering.k, progress)
    absent = [name for name in asked.tickets if kin.index.row_of(name) is None]
    if answers or not absent:
        _give(answers, answering)
    if absent:
        raise _absent("index", absent, "that was stored")


def _answers(kin: "Kin", asked: AskedTickets, k: int, progress: Progress) -> "list[Answer]":
    """Return the answers, without those for names that no stored ticket has."""
    if asked.tickets:
        stored = [name for name in asked.tickets if kin.index.row_of(name) is not None]
        return kin.relate_stored(stored, k) if stored else []
    if asked.file is not None:
        return kin.relate_all(asked.file, k, progress, mapping=parse_map(asked.map_))
    return [kin.relate(asked.record(), k)]


def _give(answers: "list[Answer]", answering: AnswerOptions) -> None:
    if answering.out is not None:
        write_answers(answers, answering.out, everything=answering.everything)
        screen.print(
            f"Wrote {answering.out}: answers for {number_of(len(answers), 'ticket')}", soft_wrap=True
        )
    elif answering.as_json:
        print_json([answer.to_json() for answer in answers])
    else:
        show_answers(screen, answers, answering.everything)


def _opened(folder: Path, index: Path | None, redact_words: Path | None, progress: Progress) -> "Kin":
    """Return what answers: a bundle, or a run by its own."""
    from ticketkin.serving.kin import Kin
    from ticketkin.serving.manifest import is_bundle

    if is_bundle(folder):
        return Kin.open(folder, index, redact_words=redact_words, create=False)
    from ticketkin.workflows.bundling import open_run

    return open_run(folder, index, redact_words, progress)


def _relate_in_run(folder: Path, tickets: list[str], answering: AnswerOptions) -> None:
    from ticketkin.serving.answers import Answer
    from ticketkin.workflows.job import damage_named
    from ticketkin.workflows.relater import Relater

    with damage_named(folder):
        by_ticket = Relater(folder).relate(tickets, answering.k)
    if answering.as_json:
        print_json({
            ticket: None if related is None else [one.to_json() for one in related]
            for ticket, related in by_ticket.items()
        })  # fmt: skip
    else:
        known = {ticket: related for ticket, related in by_ticket.items() if related is not None}
        answers = [Answer(ticket, "", related, []) for ticket, related in known.items()]
        show_answers(screen, answers, answering.everything)
    unknown = [ticket for ticket, related in by_ticket.items() if related is None]
    if unknown:
        raise _absent("run", unknown, "of its export")


def _absent(holder: str, names: Sequence[str], which: str) -> InputError:
    """Return the error that names tickets without an answer; the others are answered before it is raised."""
    return InputError(
        f"The {holder} holds no ticket {', '.join(map(repr, names))}; give an id or number {which}"
    )
