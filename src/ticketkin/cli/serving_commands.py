"""Commands for new tickets: make a bundle, store tickets for it, ask it."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from ticketkin.cli.answers import show_answers, show_index, write_answers
from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.job_options import link_settings
from ticketkin.cli.options import (
    ForceOption,
    JsonOption,
    LinkColumnsOption,
    MapOption,
    RedactWordsOption,
    RunFolder,
    Sources,
    TrustCodeOption,
    parse_map,
    run_folder,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import InputError
from ticketkin.core.outputs import output_path
from ticketkin.core.printing import printable_line
from ticketkin.core.progress import Progress
from ticketkin.core.wording import number_of
from ticketkin.encoders.settings import AskedRuntime

if TYPE_CHECKING:
    from ticketkin.serving.kin import Kin

serving = typer.Typer()

LinkSetOption = Annotated[
    list[str] | None, typer.Option("--set", help="One setting of links: links.kinds.NAME=related.")
]


@serving.command()
def bundle(
    folder: RunFolder,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder of the bundle.", parser=output_path, metavar="PATH"),
    ],
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime",
            help="What executes the encoders: torch, openvino, openvino-int8, onnx-int8 or auto; default: "
            "what was judged. Another one is used only where its fidelity holds.",
        ),
    ] = None,
    with_index: Annotated[
        bool,
        typer.Option("--with-index", help="Store the run's tickets in it: then it holds their texts."),
    ] = False,
    force: ForceOption = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put everything that answers need into one folder, for a machine that has never seen the run.

    \b
    Examples:
      ticketkin bundle runs/june --out kin-june
      ticketkin bundle runs/june --out kin-june --with-index --force
      ticketkin bundle runs/june --out kin-june --runtime auto

    Without --with-index it holds no text of a ticket; ticketkin doctor checks it, also after copying.
    """
    from ticketkin.workflows.bundling import bundle_run
    from ticketkin.workflows.job import damage_named

    with ConsoleProgress(errors) as progress, damage_named(folder):
        manifest = bundle_run(
            folder, out, progress, runtime=_runtime(runtime), with_index=with_index, force=force
        )
    size = sum(record.n_bytes for record in manifest.files.values())
    if as_json:
        print_json({"folder": str(out), "id": manifest.id, "n_files": len(manifest.files), "n_bytes": size})
        return
    screen.print(
        f"Bundle: {out} ({number_of(len(manifest.files), 'file')}, {size / 1e6:,.0f} MB)", soft_wrap=True
    )
    screen.print(f"Model card: {out / 'MODEL_CARD.md'}", soft_wrap=True)
    stored = "" if with_index else f"; first store tickets: ticketkin index {out} EXPORT"
    screen.print(f'Ask it: ticketkin relate {out} --text "…"{stored}', soft_wrap=True)


def _runtime(name: str | None) -> AskedRuntime | None:
    if name is None:
        return None
    try:
        return TypeAdapter(AskedRuntime).validate_python(name)
    except ValidationError:
        raise InputError(
            f"--runtime {name!r} is not known; allowed are torch, openvino, openvino-int8, onnx-int8 and auto"
        ) from None


@serving.command()
def index(
    folder: Annotated[Path, typer.Argument(help="Bundle.", metavar="FOLDER")],
    sources: Sources = None,
    index_: Annotated[
        Path | None, typer.Option("--index", help="Folder of the stored tickets; default: index in FOLDER.")
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option("--links", help="File of links: which stored tickets are duplicates of which."),
    ] = None,
    link_columns: LinkColumnsOption = None,
    set_: LinkSetOption = None,
    map_: MapOption = None,
    redact_words: RedactWordsOption = None,
    delete: Annotated[
        Path | None,
        typer.Option("--delete", help="File of ids or numbers, one a line, of tickets to forget."),
    ] = None,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge", help="Write the index anew without deleted and replaced texts; large ones take long."
        ),
    ] = False,
    rejected: Annotated[
        Path | None,
        typer.Option(
            "--rejected",
            help="Write the rows that can't be used to a .csv file.",
            parser=output_path,
            metavar="FILE",
        ),
    ] = None,
    force: ForceOption = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store tickets for a bundle to answer from: new ones, changed ones, fewer ones.

    \b
    Examples:
      ticketkin index kin-june incidents.csv
      ticketkin index kin-june yesterday.csv --delete closed-accounts.txt
      ticketkin index kin-june incidents.csv --links duplicates.csv
      ticketkin index kin-june incidents.csv --index /data/kin-index

    Links of a file tell under which ticket a new duplicate is closed, and stay when a ticket is stored anew.
    A deleted ticket is found no more, and its text leaves the disk with the next merge, at once with --purge.
    Texts are cleaned and masked as in training. Only what is new or changed is encoded, and every 2,000
    tickets are on the disk before it goes on: after a stop, the same command continues.
    """
    from ticketkin.core.outputs import check_file_output
    from ticketkin.serving.indexing import read_names, update_index
    from ticketkin.serving.kin import Kin
    from ticketkin.workflows.artifacts import save_csv
    from ticketkin.workflows.index_linking import link_index

    _check_asked(sources or delete or links or purge)
    if rejected is not None:
        check_file_output(rejected, sources or [], force=force)
    names = [] if delete is None else read_names(delete)
    mapping = None if map_ is None else parse_map(map_)
    with ConsoleProgress(errors) as progress:
        kin = Kin.open(folder, index_, redact_words=redact_words, create=bool(sources))
        done = update_index(kin.bundle, kin.index, sources or [], names, progress, mapping=mapping)
        n_linked = 0
        if links is not None:
            n_linked = link_index(kin, links, link_settings(link_columns, set_), progress)
        if purge:
            kin.index.compact()
            kin.index.tend(progress)
    if rejected is not None:
        save_csv(rejected, done.rejected)
    if as_json:
        print_json({**done.to_json(), "n_linked": n_linked})
        return
    show_index(screen, done, rejected)
    if links is not None:
        screen.print(
            f"Duplicates linked by {printable_line(links.name)}: "
            f"{number_of(n_linked, 'pair is', 'pairs are')} new"
        )


def _check_asked(change: object) -> None:
    """Raise InputError where no change of an index was asked for."""
    if not change:
        raise InputError(
            "Nothing was given to store or to delete; name an export, or give --links FILE or --delete FILE"
        )


@serving.command()
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


@serving.command()
def replay(
    folder: Annotated[Path, typer.Argument(help="Bundle.", metavar="FOLDER")],
    sources: Sources = None,
    since: Annotated[
        str | None, typer.Option("--since", help="First day of the time that is replayed: 2026-10-01.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Its last day; default: the newest.")] = None,
    links: Annotated[
        Path | None, typer.Option("--links", help="File of links beside those in the export.")
    ] = None,
    link_columns: LinkColumnsOption = None,
    set_: LinkSetOption = None,
    map_: MapOption = None,
    redact_words: RedactWordsOption = None,
    k: Annotated[int, typer.Option("--nearest", min=1, max=1_000, help="Nearest tickets to look at.")] = 10,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for replay.html and replay.json.", parser=output_path, metavar="PATH"
        ),
    ] = None,
    force: ForceOption = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """See what the last weeks would have looked like: what would have been said, and how much was right.

    \b
    Examples:
      ticketkin replay kin-june incidents.csv --since 2026-10-01
      ticketkin replay kin-june incidents.csv --since 2026-10-01 --links duplicates.csv --out october

    Every ticket since then is answered as it opened, from the tickets that had opened before, and counted
    against the links in the export. Tickets from before --since belong into the export, too.
    """
    from ticketkin.cli.answers import show_replay
    from ticketkin.core.outputs import check_folder_output
    from ticketkin.workflows.replaying import ReplayRequest, is_replay, replay_export, write_replay

    if not sources or since is None:
        raise InputError("Replay needs an export and --since, such as --since 2026-10-01")
    if out is not None:
        check_folder_output(out, [folder, *sources], is_replay, force=force)
    request = ReplayRequest(
        sources,
        _day(since, "--since"),
        None if until is None else _day(until, "--until") + timedelta(days=1, microseconds=-1),
        links,
        None if map_ is None else parse_map(map_),
        redact_words,
        k,
        link_settings(link_columns, set_),
    )
    with ConsoleProgress(errors) as progress:
        result = replay_export(folder, request, progress)
    page = None if out is None else write_replay(result, out, [folder, *sources], force=force)
    if as_json:
        print_json(result.to_json())
    else:
        show_replay(screen, result, page)


def _day(text: str, option: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time.min)
    except ValueError:
        raise InputError(f"{option} {text!r} is no day; write it as 2026-10-01") from None


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
