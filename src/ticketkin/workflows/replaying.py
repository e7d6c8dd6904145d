"""Replay of an export: tickets stored, links collected, every ticket asked, page and JSON written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ticketkin.core.artifacts import atomic_path, write_json
from ticketkin.core.outputs import check_folder_output
from ticketkin.core.progress import SILENT, Progress
from ticketkin.relations.linked_kinds import LinkedKinds
from ticketkin.relations.replay_result import Replay
from ticketkin.reports.replay_page import replay_html
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import tickets_of_files
from ticketkin.serving.kin import Kin
from ticketkin.serving.replay import replay, replayed_rows
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.link_result import merge_links
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.settings import LinkSettings
from ticketkin.workflows.link_checks import check_column_links, check_link_file

REPLAY_JSON, REPLAY_HTML = "replay.json", "replay.html"


@dataclass(frozen=True)
class ReplayRequest:
    """What is replayed."""

    sources: Sequence[Path]
    since: datetime
    until: datetime | None = None
    links: Path | None = None
    """A file of links beside those in the tickets' own columns."""
    mapping: Mapping[str, str] | None = None
    redact_words: Path | None = None
    k: int = 10
    link_settings: LinkSettings = field(default_factory=LinkSettings)


def is_replay(folder: Path) -> bool:
    """Return whether a folder holds what `write_replay` writes, and nothing else."""
    return {path.name for path in folder.iterdir()} <= {REPLAY_JSON, REPLAY_HTML}


def replay_export(folder: Path, request: ReplayRequest, progress: Progress = SILENT) -> Replay:
    """Return what the bundle in `folder` would have said of the tickets of exports.

    The tickets are stored in an index of their own, which is gone afterwards. Raises as `tickets_of_files`,
    `links_from_file`, `check_link_file` and `replayed_rows`.
    """
    bundle = Bundle.open(folder, request.redact_words)
    settings = bundle.ticket_settings
    if request.mapping is not None:
        settings = settings.model_copy(update={"mapping": dict(request.mapping)})
    incoming = tickets_of_files(request.sources, settings, bundle.pseudonymising, progress)
    for note in incoming.notes:
        progress.say(f"  {note}")
    tickets = incoming.tickets
    redactor = Redactor.if_asked(settings)
    results = [links_from_tickets(tickets, request.link_settings, redactor)]
    notes = check_column_links(results[0].links, tickets, request.link_settings)
    if request.links is not None:
        in_file = links_from_file(request.links, tickets, request.link_settings, redactor)
        check_link_file(request.links, in_file, tickets, request.link_settings)
        results.append(in_file)
    result = merge_links(results)
    for line in [*result.lines(), *notes]:
        progress.say(f"  {line}")
    linked = LinkedKinds.of(tickets, result.links, kin_groups(tickets, result.links))
    rows = replayed_rows(bundle.record, tickets, linked, request.since, request.until)
    with TemporaryDirectory(prefix="ticketkin-replay-") as place:
        kin = Kin.open(folder, Path(place) / "index", redact_words=request.redact_words)
        kin.store(tickets, progress)
        return replay(kin, tickets, linked, rows, request.k, progress)


def write_replay(result: Replay, out: Path, sources: Sequence[Path], *, force: bool = False) -> Path:
    """Write page and JSON into the folder `out`; returns the page's path.

    Raises OutputRefusedError where `out` holds other files, or exists and `force` is not given.
    """
    check_folder_output(out, sources, is_replay, force=force)
    with atomic_path(out) as temporary:
        temporary.mkdir(parents=True)
        write_json(temporary / REPLAY_JSON, result.to_json())
        (temporary / REPLAY_HTML).write_text(replay_html(result), "utf-8")
    return out / REPLAY_HTML
