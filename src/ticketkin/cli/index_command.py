"""The command that stores the tickets a bundle answers from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ticketkin.cli.answers import show_index
from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.job_options import link_settings
from ticketkin.cli.option_records import takes_records
from ticketkin.cli.options import (
    ForceOption,
    IndexOption,
    JsonOption,
    LinkColumnsOption,
    LinkSetOption,
    MapOption,
    RedactWordsOption,
    Sources,
    TrustCodeOption,
    parse_map,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import InputError
from ticketkin.core.outputs import output_path
from ticketkin.core.printing import printable_line
from ticketkin.core.progress import Progress
from ticketkin.core.wording import number_of

if TYPE_CHECKING:
    from ticketkin.serving.indexing import IndexUpdate

indexing = typer.Typer()


@dataclass(frozen=True)
class IndexChanges:
    """What a user wants changed in the tickets that a bundle answers from."""

    sources: Sources = field(default_factory=list)
    links: Annotated[
        Path | None,
        typer.Option("--links", help="File of links: which stored tickets are duplicates of which."),
    ] = None
    link_columns: LinkColumnsOption = None
    set_: LinkSetOption = None
    map_: MapOption = None
    redact_words: RedactWordsOption = None
    delete: Annotated[
        Path | None,
        typer.Option("--delete", help="File of ids or numbers, one a line, of tickets to forget."),
    ] = None
    purge: Annotated[
        bool,
        typer.Option(
            "--purge", help="Write the index anew without deleted and replaced texts; large ones take long."
        ),
    ] = False

    def check(self) -> None:
        """Raise InputError where no change was asked for."""
        if not (self.sources or self.delete or self.links or self.purge):
            raise InputError(
                "Nothing was given to store or to delete; name an export, or give --links FILE or "
                "--delete FILE"
            )


@dataclass(frozen=True)
class IndexOutput:
    """What is told of a change, and where."""

    rejected: Annotated[
        Path | None,
        typer.Option(
            "--rejected",
            help="Write the rows that can't be used to a .csv file.",
            parser=output_path,
            metavar="FILE",
        ),
    ] = None
    force: ForceOption = False
    as_json: JsonOption = False


@indexing.command()
@takes_records
def index(
    folder: Annotated[Path, typer.Argument(help="Bundle.", metavar="FOLDER")],
    changes: IndexChanges,
    output: IndexOutput,
    index: IndexOption = None,
    trust_code: TrustCodeOption = None,
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
    from ticketkin.workflows.artifacts import save_csv

    changes.check()
    if output.rejected is not None:
        check_file_output(output.rejected, changes.sources, force=output.force)
    with ConsoleProgress(errors) as progress:
        update, n_linked = _change(folder, index, changes, progress)
    if output.rejected is not None:
        save_csv(output.rejected, update.rejected)
    if output.as_json:
        print_json({**update.to_json(), "n_linked": n_linked})
        return
    show_index(screen, update, output.rejected)
    if changes.links is not None:
        screen.print(
            f"Duplicates linked by {printable_line(changes.links.name)}: "
            f"{number_of(n_linked, 'pair is', 'pairs are')} new"
        )


def _change(
    folder: Path, index: Path | None, changes: IndexChanges, progress: Progress
) -> "tuple[IndexUpdate, int]":
    """Return what became of the tickets, and how many pairs of duplicates are new."""
    from ticketkin.serving.indexing import read_names, update_index
    from ticketkin.serving.kin import Kin
    from ticketkin.workflows.index_linking import link_index

    names = [] if changes.delete is None else read_names(changes.delete)
    mapping = parse_map(changes.map_)
    kin = Kin.open(folder, index, redact_words=changes.redact_words, create=bool(changes.sources))
    update = update_index(kin.bundle, kin.index, changes.sources, names, progress, mapping=mapping)
    n_linked = 0
    if changes.links is not None:
        settings = link_settings(changes.link_columns, changes.set_)
        n_linked = link_index(kin, changes.links, settings, progress)
    if changes.purge:
        kin.index.compact()
        kin.index.tend(progress)
    return update, n_linked
