"""Commands that make a bundle and store the tickets it answers from."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from ticketkin.cli.answers import show_index
from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.job_options import link_settings
from ticketkin.cli.options import (
    ForceOption,
    JsonOption,
    LinkColumnsOption,
    LinkSetOption,
    MapOption,
    RedactWordsOption,
    RunFolder,
    Sources,
    TrustCodeOption,
    parse_map,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import InputError
from ticketkin.core.outputs import output_path
from ticketkin.core.printing import printable_line
from ticketkin.core.wording import number_of
from ticketkin.encoders.settings import AskedRuntime

bundles = typer.Typer()


@bundles.command()
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


@bundles.command()
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
