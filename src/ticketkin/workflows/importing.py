"""The import: tickets from exports, or from files of pairs; and import alone, for other tools."""

from pathlib import Path

import polars as pl

from ticketkin.core.outputs import check_file_output
from ticketkin.core.progress import SILENT, Progress
from ticketkin.pairs.given import MAPPING, NO_PAIRS, read_given
from ticketkin.tickets.account import ImportSummary
from ticketkin.tickets.importing import ImportResult, import_tables, import_tickets
from ticketkin.tickets.link_result import left_out_lines
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.redaction import Redactor
from ticketkin.workflows.artifacts import save_csv, save_parquet
from ticketkin.workflows.configuration import Job


def import_job(job: Job, progress: Progress = SILENT) -> tuple[ImportResult, pl.DataFrame]:
    """Return the job's tickets, and the pairs that came with them (`GIVEN_SCHEMA`, mostly no row)."""
    settings = job.settings.tickets
    if job.pairs_file is None:
        return import_tickets(job.sources, settings, progress), NO_PAIRS
    table, given = read_given(job.pairs_file, job.test_pairs_file, settings, job.settings.pairs.kin_from)
    mapped = settings.model_copy(update={"mapping": MAPPING})
    return import_tables([(job.pairs_file.name, table)], mapped, progress), given


def import_to_file(job: Job, out: Path, progress: Progress = SILENT, *, force: bool = False) -> ImportSummary:
    """Write the cleaned tickets to `out` and the rejected rows beside it; returns the summary.

    Raises OutputRefusedError where one of the two is read, or exists and `force` is not given.
    """
    rejected = out.with_name(f"{out.stem}.rejected.csv")
    for path in (out, rejected):
        check_file_output(path, job.files, force=force)
    result, _ = import_job(job, progress)
    save_parquet(out, result.tickets.frame)
    save_csv(rejected, result.rejected)
    for line in result.summary.lines(str(rejected)):
        progress.say(line)
    masking = job.settings.tickets
    redactor = Redactor.if_asked(masking)
    links = links_from_tickets(result.tickets, job.settings.links, redactor)
    for line in left_out_lines(links.left_out_kinds):
        progress.say(f"links in the tickets' columns {line}")
    return result.summary
