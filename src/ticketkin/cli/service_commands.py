"""Commands for a service: start it."""

from pathlib import Path
from typing import Annotated

import typer

from ticketkin.cli.console import errors, screen
from ticketkin.cli.options import MapOption, RedactWordsOption, parse_map
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import MissingExtraError

service = typer.Typer()


@service.command()
def serve(
    folder: Annotated[Path, typer.Argument(help="Bundle.", metavar="BUNDLE")],
    tickets: Annotated[
        list[Path] | None, typer.Option("--tickets", help="Export of tickets to store first. Repeatable.")
    ] = None,
    map_: MapOption = None,
    redact_words: RedactWordsOption = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of the service's own data; default: BUNDLE-service."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
    ] = 8477,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="A further name under which browsers reach it. Repeatable."),
    ] = None,
) -> None:
    """Answer over HTTP, for people, ticket systems and assistants, from a store that keeps every ticket.

    \b
    Examples:
      ticketkin serve kin-june --tickets incidents.csv
      ticketkin serve kin-june --port 9000 --data /srv/ticketkin

    With TICKETKIN_DATABASE_URL=postgresql://user@host/database tickets are kept in that PostgreSQL, which
    needs pgvector, and any number of processes may serve them. Without it a database is started in the
    folder of --data. What was stored is there at the next start.
    """
    try:
        from ticketkin.service.running import ServeRequest, serve
        from ticketkin.service.settings import ServiceSettings
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"A service needs {error.name}, which is not installed; install: pip install 'ticketkin[service]'"
        ) from error

    request = ServeRequest(
        bundle=folder,
        tickets=tuple(tickets or ()),
        mapping=None if map_ is None else parse_map(map_),
        redact_words=redact_words,
        data=data,
        settings=ServiceSettings(host=host, port=port, hosts=tuple(name or ())),
    )
    with ConsoleProgress(errors) as progress:
        serve(request, lambda address: screen.print(f"Ticketkin answers at {address}"), progress)
