"""Duplicates of a link file into an index, read and checked as a run does."""

from pathlib import Path

from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.wording import number_of
from ticketkin.serving.kin import Kin
from ticketkin.serving.stored_links import linked_duplicates
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.settings import LinkSettings
from ticketkin.workflows.link_checks import check_link_file


def link_index(kin: Kin, path: Path, settings: LinkSettings, progress: Progress = SILENT) -> int:
    """Store the duplicates in a link file with the index; return how many pairs were new.

    What became of the file's links is said through `progress`. Raises InputError where no ticket is stored,
    otherwise as `links_from_file`, `check_link_file` and `Index.link`.
    """
    if not len(kin):
        raise InputError(
            f"The index holds no ticket that {path} could link; store tickets first, or name an export "
            "beside --links"
        )
    tickets = kin.index.all_tickets()
    result = links_from_file(path, tickets, settings, Redactor.if_asked(kin.bundle.ticket_settings))
    check_link_file(path, result, tickets, settings)
    for line in result.lines():
        progress.say(f"  {line}")
    duplicates = linked_duplicates(result.links)
    if len(result.links) > len(duplicates):
        n_others = len(result.links) - len(duplicates)
        progress.say(
            f"  {number_of(n_others, 'link is', 'links are')} no duplicates: an index stores duplicates only"
        )
    return kin.index.link(duplicates)
