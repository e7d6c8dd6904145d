"""The import: files in, `Tickets` out, and an account of everything that was changed or refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import TICKETS_SCHEMA, Tickets
from ticketkin.core.wording import number_of
from ticketkin.tickets.account import REJECTED_SCHEMA, Account, ImportSummary
from ticketkin.tickets.column_cleaning import can_be_matched, clean_columns, without_placeholders
from ticketkin.tickets.dates import EPOCH_1904, EXCEL_EPOCH
from ticketkin.tickets.link_columns import stated_links
from ticketkin.tickets.mapping import find_mapping
from ticketkin.tickets.pseudonyms import Pseudonymising, installation_pseudonyms
from ticketkin.tickets.reading import RawTable, read_table
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.reference_columns import MAY_BE_PERSONAL, REFERRING_FIELDS, with_readable_references
from ticketkin.tickets.repeats import collapse_updates, unique_tickets, with_whole_ids
from ticketkin.tickets.settings import TicketSettings
from ticketkin.tickets.time_columns import TIME_FIELDS, read_times
from ticketkin.tickets.update_order import progress_numbers, update_numbers, update_times

_REFERENCES = ("ticket_id", "number", "sys_id", *REFERRING_FIELDS)


@dataclass(frozen=True)
class ImportResult:
    """Tickets, the rows that could not be used (source, row, reason), and the account."""

    tickets: Tickets
    rejected: pl.DataFrame
    summary: ImportSummary


def import_tickets(
    sources: Sequence[Path],
    settings: TicketSettings,
    progress: Progress = SILENT,
    pseudonymising: Pseudonymising = installation_pseudonyms,
) -> ImportResult:
    """Return the tickets of one or more exports, cleaned and redacted.

    Rows that can't be used are returned, not dropped silently. Raises UnreadableFileError,
    MappingError or LeakageError as the readers do, and UnreadableFileError where no row is usable, no
    ticket has a text, or more than a tenth of the opening times can't be read. `pseudonymising` is that of
    `import_tables`; raises ConfigurationError as `installation_pseudonyms` does.
    """
    tables = ((source.name, read_table(source, settings.encoding)) for source in sources)
    return import_tables(tables, settings, progress, pseudonymising)


def import_tables(
    tables: Iterable[tuple[str, RawTable]],
    settings: TicketSettings,
    progress: Progress = SILENT,
    pseudonymising: Pseudonymising = installation_pseudonyms,
) -> ImportResult:
    """Return the tickets of tables that were read already, each with the name of its source.

    People get the pseudonyms of `pseudonymising`: by default those of this installation, and for tickets that
    are compared with an earlier import `lambda: pseudonyms_of(its fingerprint)`.
    """
    account = Account(settings, Redactor.of(settings), pseudonymising)
    frames: list[pl.DataFrame] = []
    for name, table in tables:
        part = _import_table(table, account.label(name), account)
        if part is not None:
            frames.append(part.with_columns(pl.lit(len(frames)).alias("_file")))
    if not frames:
        reasons = "; ".join(f"{reason} ({count:,})" for reason, count in account.rejections.most_common(3))
        raise UnreadableFileError(
            f"None of the {number_of(account.n_rows, 'row')} can be used; most often: {reasons or 'blank'}"
        )
    frame = with_readable_references(with_whole_ids(pl.concat(frames), account), account)
    frame = collapse_updates(_with_masked_ids(frame, account), account)
    frame = unique_tickets(frame, account)
    frame = clean_columns(frame, account, progress)
    _check_texts(frame, account)
    tickets = Tickets(frame)
    rejected = pl.DataFrame(account.rejected, schema=REJECTED_SCHEMA, orient="row")
    return ImportResult(tickets, rejected, account.summary(len(tickets)))


def _import_table(table: RawTable, source: str, account: Account) -> pl.DataFrame | None:
    """Return the rows of one file in the tickets' schema, ids filled, still unclean; None without any.

    A field is null where the file has no column for it. `_update`, `_moved` and `_progress` are those of
    `collapse_updates`.
    """
    account.n_rows += table.n_records
    account.n_blank += table.n_blank
    account.notes.extend(account.shown(note) for note in table.notes)
    account.repairs.update(table.repairs)
    account.reject(source, table.rejected)
    raw = table.frame.with_columns(pl.all().fill_null(""))
    mapping = find_mapping(
        raw.columns, account.settings.mapping, filled=lambda column: int((raw[column] != "").sum())
    )
    account.mappings.append((source, mapping))
    account.notes.extend(f"{source}: {account.shown(note)}" for note in mapping.notes)
    if raw.is_empty():
        return None
    columns = [
        raw[mapping.columns[name]].rename(name)
        if name in mapping.columns
        else pl.Series(name, [""] * raw.height)
        for name in TICKETS_SCHEMA
        if name not in ("source_row", "stated_links")
    ]
    frame = pl.DataFrame([*columns, stated_links(raw, mapping.links)]).with_columns(
        pl.Series("source_row", table.rows, dtype=pl.Int64), pl.lit(source).alias("_source")
    )
    first_day = EPOCH_1904 if table.counts_from_1904 else EXCEL_EPOCH
    times = read_times(frame, source, mapping, account, first_day)
    # Only the opening time is kept as a time; the later ones are never computed with.
    frame = frame.with_columns(
        times["opened_at"].values,
        *(times[name].values.dt.to_string("iso").fill_null("").alias(name) for name in TIME_FIELDS[1:]),
    )
    frame = _with_ids(frame, source, account).with_columns(
        update_numbers(raw, mapping.unused).alias("_update"),
        update_times(times["updated_at"].values).alias("_moved"),
        progress_numbers(frame, mapping).alias("_progress"),
    )
    absent = TICKETS_SCHEMA.keys() - mapping.shown_columns.keys() - {"ticket_id", "opened_at", "source_row"}
    return frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)


def _with_ids(frame: pl.DataFrame, source: str, account: Account) -> pl.DataFrame:
    """Fill ticket_id from id, number or sys_id, in this order; a row without any gets one of its own."""
    stripped = [without_placeholders(frame[name].str.strip_chars(), account.repairs) for name in _REFERENCES]
    frame = frame.with_columns(stripped).with_columns(
        pl.coalesce(pl.col("ticket_id", "number", "sys_id").replace("", None))
        .fill_null("")
        .alias("ticket_id")
    )
    n_missing = frame.filter(pl.col("ticket_id") == "").height
    if n_missing:
        account.repairs["generated_ids"] += n_missing
        account.notes.append(
            f"{source}: {number_of(n_missing, 'row without an id was', 'rows without an id were')} given one "
            "from their row number"
        )
        made = pl.format("{}#{}", pl.lit(source), pl.col("source_row"))
        frame = frame.with_columns(
            pl.when(pl.col("ticket_id") == "").then(made).otherwise(pl.col("ticket_id")).alias("ticket_id")
        )
    return frame


def _with_masked_ids(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Return `frame` with a number in place of each id that holds personal data, the same everywhere.

    An id without a blank or an @ is looked at no further: a ticket's number can look like a phone number.
    """
    if not account.settings.redact:
        return frame
    new: dict[str, str] = {}
    for name in _REFERENCES:
        suspects = frame[name].filter(frame[name].str.contains(MAY_BE_PERSONAL.pattern))
        for value in suspects.unique(maintain_order=True):
            if value not in new and (hidden := account.redactor.redact(value)) != value:
                new[value] = f"{hidden} {len(new) + 1}"
    if new:
        account.repairs["masked_ids"] += len(new)
        account.notes.append(
            f"{number_of(len(new), 'id holds', 'ids hold')} personal data and got a number instead; a file "
            "of links can't name them"
        )
        frame = frame.with_columns(pl.col(_REFERENCES).replace(list(new), list(new.values())))
    texts = frame["stated_links"].filter(frame["stated_links"].str.contains("@", literal=True)).unique()
    links = {text: account.redactor.redact(text) for text in texts}
    return frame.with_columns(pl.col("stated_links").replace(list(links), list(links.values())))


def _check_texts(frame: pl.DataFrame, account: Account) -> None:
    """Note tickets without a text. Raises UnreadableFileError where none has any."""
    n_empty = frame.height - int(can_be_matched(frame).sum())
    if n_empty == frame.height:
        names = dict.fromkeys(
            account.shown(column)
            for _, mapping in account.mappings
            for column in (*mapping.columns.values(), *mapping.unused)
        )
        raise UnreadableFileError(
            f"None of the {number_of(frame.height, 'ticket')} has a title or a description, so nothing can "
            "be compared; export them with their texts, or name the columns: --map "
            f"title=COLUMN,description=COLUMN (there are {', '.join(names)})"
        )
    if n_empty:
        account.notes.append(
            f"{number_of(n_empty, 'ticket has', 'tickets have')} neither title nor description: kept, "
            "but nothing can match them"
        )
