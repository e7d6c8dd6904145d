"""The command that says what the nearest earlier tickets are to a ticket."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ticketkin.cli.answers import show_answers, write_answers
from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.options import (
    ForceOption,
    JsonOption,
    MapOption,
    RedactWordsOption,
    TrustCodeOption,
    parse_map,
    run_folder,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import InputError
from ticketkin.core.outputs import output_path
from ticketkin.core.progress import Progress
from ticketkin.core.wording import number_of

if TYPE_CHECKING:
    from ticketkin.serving.kin import Kin

relating = typer.Typer()


@relating.command()
def relate(
    folder: Annotated[
        Path, typer.Argument(help="Bundle or run folder.", parser=run_folder, metavar="FOLDER")
    ],
    tickets: Annotated[
        list[str] | None, typer.Argument(metavar="TICKET...", help="Ids or numbers of stored tickets.")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="A new ticket: its first line is the title.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option("--field", help="A field of the new ticket: service=Email. Repeatable."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="New tickets: an export in any format that is imported.")
    ] = None,
    map_: MapOption = None,
    redact_words: RedactWordsOption = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="Folder of the stored tickets; default: index in FOLDER.")
    ] = None,
    k: Annotated[int, typer.Option("--nearest", min=1, max=100_000, help="Nearest tickets to look at.")] = 10,
    everything: Annotated[bool, typer.Option("--all", help="Show also what stays silent.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Write the answers to a .csv or .jsonl file.",
            parser=output_path,
            metavar="FILE",
        ),
    ] = None,
    force: ForceOption = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
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

    asked = _asked(tickets, text, file, field, map_)
    if not is_bundle(folder) and asked == "TICKET" and out is None and index is None:
        _relate_in_run(folder, tickets or [], k, everything, as_json)
        return
    from ticketkin.cli.answers import check_answers_file

    if out is not None:
        check_answers_file(out, [folder, *([file] if file else [])], force=force)
    absent: list[str] = []
    with ConsoleProgress(errors) as progress:
        kin = _opened(folder, index, redact_words, progress)
        if tickets:
            absent = [name for name in tickets if kin.index.row_of(name) is None]
            stored = [name for name in tickets if name not in absent]
            answers = kin.relate_stored(stored, k) if stored else []
        elif file is not None:
            mapping = None if map_ is None else parse_map(map_)
            answers = kin.relate_all(file, k, progress, mapping=mapping)
        else:
            answers = [kin.relate(_record(text or "", field or []), k)]
    if absent and not answers:
        raise _absent("index", absent, "that was stored")
    if out is not None:
        write_answers(answers, out, everything=everything)
        screen.print(f"Wrote {out}: answers for {number_of(len(answers), 'ticket')}", soft_wrap=True)
    elif as_json:
        print_json([answer.to_json() for answer in answers])
    else:
        show_answers(screen, answers, everything)
    if absent:
        raise _absent("index", absent, "that was stored")


def _asked(
    tickets: list[str] | None, text: str | None, file: Path | None, field: list[str] | None, map_: str | None
) -> str:
    """Return which of TICKET, --text and --file was given. Raises InputError unless it is one of them."""
    given = {"TICKET": bool(tickets), "--text": text is not None, "--file": file is not None}
    asked = [name for name, is_given in given.items() if is_given]
    if len(asked) != 1:
        raise InputError(
            f"{' and '.join(asked) or 'nothing'} was given; ask for tickets by number, or give one --text, "
            "or a --file"
        )
    if field and text is None:
        raise InputError("--field describes the ticket of --text; give both")
    if map_ is not None and file is None:
        raise InputError("--map names the columns of --file; give both")
    return asked[0]


def _record(text: str, assignments: list[str]) -> dict[str, str]:
    title, _, description = text.strip().partition("\n")
    record = {"title": title, "description": description}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.strip():
            raise InputError(f"--field {assignment!r}: write it as NAME=VALUE, such as service=Email")
        name = name.strip()
        if record.get(name):
            raise InputError(f"--field {assignment!r}: {name} is given twice, in --text or another --field")
        record[name] = value.strip()
    return record


def _opened(folder: Path, index: Path | None, redact_words: Path | None, progress: Progress) -> "Kin":
    """Return what answers: a bundle, or a run by its own."""
    from ticketkin.serving.kin import Kin
    from ticketkin.serving.manifest import is_bundle

    if is_bundle(folder):
        return Kin.open(folder, index, redact_words=redact_words, create=False)
    from ticketkin.workflows.bundling import open_run

    return open_run(folder, index, redact_words, progress)


def _relate_in_run(folder: Path, tickets: list[str], k: int, everything: bool, as_json: bool) -> None:
    from ticketkin.serving.answers import Answer
    from ticketkin.workflows.job import damage_named
    from ticketkin.workflows.relater import Relater

    with damage_named(folder):
        by_ticket = Relater(folder).relate(tickets, k)
    if as_json:
        print_json({
            ticket: None if related is None else [one.to_json() for one in related]
            for ticket, related in by_ticket.items()
        })  # fmt: skip
    else:
        known = {ticket: related for ticket, related in by_ticket.items() if related is not None}
        answers = [Answer(ticket, "", related, []) for ticket, related in known.items()]
        show_answers(screen, answers, everything)
    unknown = [ticket for ticket, related in by_ticket.items() if related is None]
    if unknown:
        raise _absent("run", unknown, "of its export")


def _absent(holder: str, names: Sequence[str], which: str) -> InputError:
    """Return the error that names tickets without an answer; the others are answered before it is raised."""
    return InputError(
        f"The {holder} holds no ticket {', '.join(map(repr, names))}; give an id or number {which}"
    )
