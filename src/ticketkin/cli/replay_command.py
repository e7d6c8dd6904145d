"""The command that shows what the last weeks would have looked like."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.job_options import link_settings
from ticketkin.cli.option_records import takes_records
from ticketkin.cli.options import (
    ForceOption,
    JsonOption,
    LinkColumnsOption,
    LinkSetOption,
    MapOption,
    RedactWordsOption,
    Sources,
    TrustCodeOption,
    output_option,
    parse_map,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import InputError

if TYPE_CHECKING:
    from ticketkin.workflows.replaying import ReplayRequest

replaying = typer.Typer()


@dataclass(frozen=True)
class ReplayOptions:
    """What is replayed, as the user typed it."""

    sources: Sources = field(default_factory=list)
    since: Annotated[
        str | None, typer.Option("--since", help="First day of the time that is replayed: 2026-10-01.")
    ] = None
    until: Annotated[str | None, typer.Option("--until", help="Its last day; default: the newest.")] = None
    links: Annotated[
        Path | None, typer.Option("--links", help="File of links beside those in the export.")
    ] = None
    link_columns: LinkColumnsOption = None
    set_: LinkSetOption = None
    map_: MapOption = None
    redact_words: RedactWordsOption = None
    k: Annotated[int, typer.Option("--nearest", min=1, max=1_000, help="Nearest tickets to look at.")] = 10

    def request(self) -> "ReplayRequest":
        """Return what is replayed. Raises InputError where something is missing or malformed."""
        from ticketkin.workflows.replaying import ReplayRequest

        if not self.sources or self.since is None:
            raise InputError("Replay needs an export and --since, such as --since 2026-10-01")
        to_end_of_day = timedelta(days=1, microseconds=-1)
        return ReplayRequest(
            self.sources,
            _day(self.since, "--since"),
            None if self.until is None else _day(self.until, "--until") + to_end_of_day,
            self.links,
            parse_map(self.map_),
            self.redact_words,
            self.k,
            link_settings(self.link_columns, self.set_),
        )


@replaying.command()
@takes_records
def replay(
    folder: Annotated[Path, typer.Argument(help="Bundle.", metavar="FOLDER")],
    options: ReplayOptions,
    out: Annotated[Path | None, output_option("Folder for replay.html and replay.json.", "PATH")] = None,
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
    from ticketkin.workflows.replaying import is_replay, replay_export, write_replay

    request = options.request()
    read = [folder, *request.sources]
    if out is not None:
        check_folder_output(out, read, is_replay, force=force)
    with ConsoleProgress(errors) as progress:
        result = replay_export(folder, request, progress)
    page = None if out is None else write_replay(result, out, read, force=force)
    if as_json:
        print_json(result.to_json())
    else:
        show_replay(screen, result, page)


def _day(text: str, option: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time.min)
    except ValueError:
        raise InputError(f"{option} {text!r} is no day; write it as 2026-10-01") from None
