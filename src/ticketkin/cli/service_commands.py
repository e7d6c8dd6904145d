"""Commands for a service: start it, take somebody out of it, offer it to an assistant."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.option_records import takes_records
from ticketkin.cli.options import (
    ForceOption,
    JsonOption,
    MapOption,
    RedactWordsOption,
    TrustCodeOption,
    parse_map,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.cli.service_options import BundleFolder, DataOption, bundle_in, extra_named
from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import InputError
from ticketkin.core.outputs import check_file_output, output_path
from ticketkin.core.progress import Progress

if TYPE_CHECKING:
    from ticketkin.service.erasing import Receipt
    from ticketkin.service.settings import ServiceSettings

service = typer.Typer()


@dataclass(frozen=True)
class FirstTickets:
    """Tickets that a service stores before it answers."""

    tickets: Annotated[
        list[Path], typer.Option("--tickets", help="Export of tickets to store first. Repeatable.")
    ] = field(default_factory=list)
    map_: MapOption = None
    redact_words: RedactWordsOption = None


@dataclass(frozen=True)
class Listening:
    """Where a service listens, and whom it answers."""

    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
    ] = 8477
    workers: Annotated[
        int,
        typer.Option(
            "--workers", min=1, max=256, help="Processes that answer; each needs the memory of one service."
        ),
    ] = 1
    name: Annotated[
        list[str],
        typer.Option("--name", help="A further name under which browsers reach it. Repeatable."),
    ] = field(default_factory=list)
    rate: Annotated[
        int, typer.Option("--rate", min=1, help="Requests of one sender that a worker answers in a minute.")
    ] = 1_200
    sign_in: Annotated[
        bool, typer.Option("--sign-in", help="Let nobody in without a key; needed for another --host.")
    ] = False

    def settings(self) -> "ServiceSettings":
        """Return the settings of the service."""
        from ticketkin.service.settings import ServiceSettings

        return ServiceSettings(
            host=self.host,
            port=self.port,
            workers=self.workers,
            hosts=tuple(self.name),
            signs_in=self.sign_in,
            most_requests_a_minute=self.rate,
        )


@service.command()
@takes_records
def serve(
    first: FirstTickets,
    *,
    folder: Annotated[
        Path | None,
        typer.Argument(help="Bundle, or a run with one; with --demo the demo's.", metavar="BUNDLE"),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Serve the demo, which is run first where it is not there yet."),
    ] = False,
    data: DataOption = None,
    listening: Listening,
    trust_code: TrustCodeOption = None,
) -> None:
    """Answer over HTTP, for people, ticket systems and assistants, from a store that keeps every ticket.

    \b
    Examples:
      ticketkin serve --demo
      ticketkin serve kin-june --tickets incidents.csv
      ticketkin serve kin-june --port 9000 --data /srv/ticketkin
      ticketkin serve kin-june --workers 4           # as many as the machine has cores

    With TICKETKIN_DATABASE_URL=postgresql://user@host/database tickets are kept in that PostgreSQL, which
    needs pgvector, and any number of processes may serve them. Without it a database is started in the
    folder of --data. What was stored is there at the next start.
    """
    with extra_named():
        from ticketkin.service.running import ServeRequest, serve

        settings = listening.settings()
    with ConsoleProgress(errors) as progress:
        bundle, exports = _served(folder, first.tickets, progress, is_demo=demo)
    request = ServeRequest(
        bundle=bundle,
        tickets=tuple(exports),
        mapping=parse_map(first.map_),
        redact_words=first.redact_words,
        data=data,
        settings=settings,
    )
    with ConsoleProgress(errors) as progress:
        serve(request, lambda address: screen.print(f"Ticketkin answers at {address}"), progress)


def _served(
    folder: Path | None, tickets: list[Path], progress: Progress, *, is_demo: bool
) -> tuple[Path, list[Path]]:
    """Return the bundle to serve and the exports to store first."""
    if not is_demo:
        if folder is None:
            raise InputError(
                "Name a bundle to serve (ticketkin bundle RUN --out FOLDER makes one), or give --demo"
            )
        return bundle_in(folder), tickets
    from ticketkin.workflows.demo import DEMO, served_demo

    demo = served_demo(folder or DEMO, progress)
    return demo.bundle, [demo.tickets, *tickets]


@dataclass(frozen=True)
class Erased:
    """What a service is to forget."""

    ticket: Annotated[
        list[str], typer.Option("--ticket", help="Id or number of a ticket to erase. Repeatable.")
    ] = field(default_factory=list)
    person: Annotated[
        list[str],
        typer.Option("--person", help="Account of a person, or the name of a key. Repeatable."),
    ] = field(default_factory=list)
    with_tickets: Annotated[
        bool, typer.Option("--with-tickets", help="Erase the tickets that these people opened, too.")
    ] = False


@service.command()
@takes_records
def erase(
    folder: BundleFolder,
    erased: Erased,
    data: DataOption = None,
    receipt: Annotated[
        Path | None,
        typer.Option(
            "--receipt", help="Write the receipt to a .json file.", parser=output_path, metavar="FILE"
        ),
    ] = None,
    force: ForceOption = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a ticket or a person out of a service for good: out of database, indexes and what was shown.

    \b
    Examples:
      ticketkin erase kin-june --ticket INC0012345 --receipt erased.json
      ticketkin erase kin-june --person jane.doe
      ticketkin erase kin-june --person jane.doe --with-tickets

    A person is found among the callers of tickets by the pseudonym of the account, and among those who used
    the service by name. The tables are written anew, so that no byte stays; the service may run meanwhile
    and waits for it. The receipt says what was done and what it does not reach.
    """
    with extra_named():
        from ticketkin.service.erasing import ErasureRequest
        from ticketkin.service.erasing import erase as erase_from
        from ticketkin.service.place import Place

    if receipt is not None:
        if receipt.suffix.lower() != ".json":
            raise InputError(f"--receipt {receipt}: a receipt is written as .json; name such a file")
        check_file_output(receipt, [folder], force=force)
    request = ErasureRequest(tuple(erased.ticket), tuple(erased.person), erased.with_tickets)
    with ConsoleProgress(errors) as progress:
        done = erase_from(folder, Place.of(folder, data), request, progress)
    if receipt is not None:
        write_json(receipt, done.to_json())
    if as_json:
        print_json(done.to_json())
    else:
        _show_receipt(done)


def _show_receipt(done: "Receipt") -> None:
    for what, n_rows in done.rows.items():
        screen.print(f"Erased: {n_rows:,} {what}")
    if done.unknown_tickets:
        screen.print(f"Not stored: {done.unknown_tickets:,} of the named tickets")
    if done.people_left_out:
        screen.print(f"Callers could not be looked for: {done.people_left_out}", soft_wrap=True)
    screen.print(
        f"Indexes: {done.indexes_deleted:,} deleted, {done.indexes_rewritten:,} written anew, "
        f"{done.indexes_waiting:,} still to be written by a running service"
    )
    for line in done.not_covered:
        screen.print(f"Not reached: {line}", soft_wrap=True)


@service.command()
def mcp(
    url: Annotated[str, typer.Option("--url", help="Address of the running service.")] = (
        "http://127.0.0.1:8477"
    ),
) -> None:
    """Offer a running service to an assistant as tools: relate, kin_of_ticket, families.

    \b
    Examples:
      ticketkin mcp
      ticketkin mcp --url https://kin.example

    It speaks the Model Context Protocol over standard input and output, as assistants start such programs.
    A key comes from the environment variable TICKETKIN_KEY. None of the tools changes anything.
    """
    with extra_named():
        import httpx2

        from ticketkin.service.assistants import assistant_server

    if not url.startswith(("http://", "https://")):
        raise InputError(f"--url {url[:100]!r} is no address; write it as http://127.0.0.1:8477")
    key = os.environ.get("TICKETKIN_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx2.Client(base_url=url, headers=headers, timeout=60.0) as client:
        assistant_server(client).run()
