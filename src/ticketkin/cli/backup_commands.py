"""Commands that keep what a service holds in a file, and bring it back."""

from pathlib import Path
from typing import Annotated

import typer

from ticketkin.cli.console import errors, screen
from ticketkin.cli.options import ForceOption, output_option
from ticketkin.cli.service_options import BundleFolder, DataOption, extra_named
from ticketkin.core.outputs import check_file_output
from ticketkin.core.wording import number_of

backups = typer.Typer()


@backups.command()
def backup(
    folder: BundleFolder,
    out: Annotated[Path, output_option("File to write, a ZIP archive.", "FILE")],
    data: DataOption = None,
    force: ForceOption = False,
) -> None:
    """Write all that a service holds into one file: tickets, embeddings, links, answers, keys, the audit.

    \b
    Examples:
      ticketkin backup kin-june --out kin-june-monday.zip

    The service may run meanwhile; the file holds one moment of it, and its owner alone may read it. Indexes
    are not in it, since they are filled from the database; neither is the bundle.
    """
    with extra_named():
        from ticketkin.service.place import Place
        from ticketkin.store.backup import write_backup

    check_file_output(out, [folder], force=force)
    with Place.of(folder, data).database() as database:
        written = write_backup(database, out)
    screen.print(
        f"{out} holds {number_of(written.rows['tickets'], 'ticket')} and "
        f"{number_of(sum(written.rows.values()), 'row')} in all",
        soft_wrap=True,
    )


@backups.command()
def restore(
    folder: BundleFolder,
    file: Annotated[Path, typer.Argument(help="As ticketkin backup wrote it.", metavar="FILE")],
    data: DataOption = None,
) -> None:
    """Put a backup into the empty database of a service, on whatever server that is.

    \b
    Examples:
      ticketkin restore kin-june kin-june-monday.zip --data restored
      ticketkin serve kin-june --data restored

    Nothing that is there is replaced: where the database holds something, it is refused. Keys open again what
    they opened then. What was erased after the backup is in it: erase it again.
    """
    with extra_named():
        from ticketkin.service.place import Place
        from ticketkin.store.backup import read_backup, restore_backup

    read_backup(file)  # before a server is started for it
    place = Place.of(folder, data)
    with place.database() as database:
        restored = restore_backup(database, file)
    screen.print(f"{place} holds {number_of(restored.rows['tickets'], 'ticket')} again", soft_wrap=True)
    errors.print("Start the service: ticketkin serve. It fills its index from the database first")
