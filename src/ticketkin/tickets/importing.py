"""The import: files in, `Tickets` out, and an account of everything that was changed or refused."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ticketkin.core.config import TicketSettings
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import PERSON_FIELDS, TICKETS_SCHEMA, Tickets
from ticketkin.tickets.cleaning import clean_text, is_placeholder, strip_mail_threads
from ticketkin.tickets.dates import parse_times
from ticketkin.tickets.mapping import ColumnMapping, find_mapping, normalise_name
from ticketkin.tickets.reading import RawTable, read_table
from ticketkin.tickets.redaction import redact

# People's words: these are cleaned and redacted. Codes and names of groups only lose placeholders.
_FREE_TEXT = ("title", "description", "close_notes")
_TIMES = ("opened_at", "resolved_at", "closed_at", "updated_at")
# Columns that count updates of one ticket: their presence means one row an update is meant.
_UPDATE_COUNTERS = ("sys_mod_count", "mod_count", "update_no", "version")


@dataclass(frozen=True)
class ImportSummary:
    """What the import found, changed and refused."""

    system: str
    mapping: dict[str, str]
    """Ticket field -> column name."""
    unused_columns: list[str]
    n_rows: int
    n_tickets: int
    n_rejected: int
    n_collapsed: int
    """Later rows of tickets that were exported one row an update."""
    n_duplicate_ids: int
    """Rows repeating an id with the same content."""
    repairs: dict[str, int]
    redactions: dict[str, int]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ImportResult:
    """Tickets, the rows that could not be used (source, row, reason), and the account."""

    tickets: Tickets
    rejected: pl.DataFrame
    summary: ImportSummary


class _Account:
    """Counts while the import goes on."""

    def __init__(self) -> None:
        self.repairs: Counter[str] = Counter()
        self.redactions: Counter[str] = Counter()
        self.rejected: list[tuple[str, int, str]] = []
        self.notes: list[str] = []
        self.n_rows = 0
        self.n_collapsed = 0
        self.n_duplicate_ids = 0


def import_tickets(
    sources: Sequence[Path], settings: TicketSettings, progress: Progress = SILENT
) -> ImportResult:
    """Return the tickets of one or more exports, cleaned and redacted.

    Rows that can't be used are returned, not dropped silently. Raises UnreadableFileError,
    MappingError or LeakageError as the readers do, and UnreadableFileError where no row is usable.
    """
    tables = ((source.name, read_table(source, settings.encoding)) for source in sources)
    return import_tables(tables, settings, progress)


def import_tables(
    tables: Iterable[tuple[str, RawTable]], settings: TicketSettings, progress: Progress = SILENT
) -> ImportResult:
    """Return the tickets of tables that were read already, each with the name of its source."""
    account = _Account()
    frames = []
    mapping: ColumnMapping | None = None
    for name, table in tables:
        found = find_mapping(table.frame.columns, settings.mapping)
        mapping = mapping or found
        part = _import_table(table, found, name, account)
        if part is not None:
            frames.append(part)
    if not frames or mapping is None:
        reasons = Counter(reason for _, _, reason in account.rejected).most_common(3)
        raise UnreadableFileError(
            f"None of the {account.n_rows:,} rows can be used; most often: "
            + "; ".join(f"{reason} ({count:,})" for reason, count in reasons)
        )
    frame = _clean(_unique_tickets(pl.concat(frames), account), settings, account, progress)
    tickets = Tickets(frame)
    rejected = pl.DataFrame(
        account.rejected,
        schema={"source": pl.String, "row": pl.Int64, "reason": pl.String},
        orient="row",
    )
    summary = ImportSummary(
        system=mapping.system,
        mapping=mapping.columns,
        unused_columns=mapping.unused,
        n_rows=account.n_rows,
        n_tickets=len(tickets),
        n_rejected=len(account.rejected),
        n_collapsed=account.n_collapsed,
        n_duplicate_ids=account.n_duplicate_ids,
        repairs=dict(sorted(account.repairs.items())),
        redactions=dict(sorted(account.redactions.items())),
        notes=account.notes,
    )
    return ImportResult(tickets, rejected, summary)


def _import_table(
    table: RawTable, mapping: ColumnMapping, source: str, account: _Account
) -> pl.DataFrame | None:
    """Return the rows of one file in the tickets' schema, ids filled, still unclean; None without any."""
    account.n_rows += table.frame.height + len(table.rejected)
    account.notes.extend(table.notes)
    account.repairs.update(table.repairs)
    account.rejected.extend((source, row, reason) for row, reason in table.rejected)
    if table.frame.is_empty():
        return None
    raw = table.frame.with_columns(pl.all().fill_null(""))
    columns = [
        (
            raw[mapping.columns[name]] if name in mapping.columns else pl.Series(name, [""] * raw.height)
        ).rename(name)
        for name in TICKETS_SCHEMA
        if name != "source_row"
    ]
    frame = pl.DataFrame(columns).with_columns(pl.Series("source_row", table.rows, dtype=pl.Int64))
    times = {}
    for name in _TIMES:
        parsed, repairs = parse_times(_without_placeholders(frame[name], Counter()))
        account.repairs.update(repairs)
        times[name] = parsed.rename(name)
    # Only the opening time is kept as a time; the later ones are never computed with.
    frame = frame.with_columns(
        times["opened_at"],
        *(times[name].dt.to_string("iso").fill_null("").alias(name) for name in _TIMES[1:]),
    )
    frame = _with_ids(frame, account, source)
    counters = [c for c in mapping.unused if normalise_name(c) in _UPDATE_COUNTERS]
    moved = times["updated_at"].cast(pl.Int64).fill_null(0)
    count = raw[counters[0]].cast(pl.Int64, strict=False).fill_null(0) if counters else moved * 0
    frame = frame.with_columns(count.alias("_update"), moved.alias("_moved"))
    return _collapse_updates(frame, bool(counters), account)


def _with_ids(frame: pl.DataFrame, account: _Account, source: str) -> pl.DataFrame:
    """Fill ticket_id from id, number or sys_id, in this order; a row without any gets one of its own."""
    for name in ("ticket_id", "number", "sys_id", "parent", "problem", "caused_by", "duplicate_of"):
        frame = frame.with_columns(
            _without_placeholders(frame[name].str.strip_chars(), Counter()).alias(name)
        )
    frame = frame.with_columns(
        pl.coalesce(pl.col("ticket_id", "number", "sys_id").replace("", None))
        .fill_null("")
        .alias("ticket_id")
    )
    n_missing = frame.filter(pl.col("ticket_id") == "").height
    if n_missing:
        account.repairs["generated_ids"] += n_missing
        account.notes.append(
            f"{source}: {n_missing:,} rows without an id were given one from their row number"
        )
        made = pl.format("{}#{}", pl.lit(source), pl.col("source_row"))
        frame = frame.with_columns(
            pl.when(pl.col("ticket_id") == "").then(made).otherwise(pl.col("ticket_id")).alias("ticket_id")
        )
    return frame


def _collapse_updates(frame: pl.DataFrame, has_counter: bool, account: _Account) -> pl.DataFrame:
    """Keep the first state of tickets that were exported one row an update.

    The first row carries the fields as first filed; what is known only later (state, resolution,
    links) comes from the last row that has it.
    """
    n_states = frame.group_by("ticket_id").agg(pl.col("_moved").n_unique())["_moved"].max()
    if not has_counter and n_states == 1:
        return frame.drop("_update", "_moved")
    ordered = frame.sort("_update", "_moved", maintain_order=True)
    late = ["state", "close_code", "close_notes", "resolved_at", "closed_at", "updated_at"]
    late += ["parent", "problem", "caused_by", "duplicate_of"]
    filled_last = [pl.col(name).filter(pl.col(name) != "").last().fill_null("").alias(name) for name in late]
    first = [
        pl.col(name).first()
        for name in frame.columns
        if name not in (*late, "ticket_id", "_update", "_moved")
    ]
    collapsed = ordered.group_by("ticket_id", maintain_order=True).agg(*first, *filled_last)
    account.n_collapsed += frame.height - collapsed.height
    return collapsed.sort("source_row").select(name for name in frame.columns if not name.startswith("_"))


def _unique_tickets(frame: pl.DataFrame, account: _Account) -> pl.DataFrame:
    """Drop exact repeats; reject rows that give an id a second, different content."""
    content = [name for name in frame.columns if name != "source_row"]
    distinct = frame.unique(content, keep="first", maintain_order=True)
    account.n_duplicate_ids += frame.height - distinct.height
    first = distinct.unique("ticket_id", keep="first", maintain_order=True)
    again = distinct.join(first.select("source_row", "ticket_id"), on=["source_row", "ticket_id"], how="anti")
    account.rejected.extend(
        ("", row, f"id {ticket_id} was seen before with other content; the first row is kept")
        for ticket_id, row in again.select("ticket_id", "source_row").iter_rows()
    )
    return first


def _without_placeholders(column: pl.Series, repairs: Counter[str]) -> pl.Series:
    unique = {value for value in column.unique() if value and is_placeholder(value)}
    if not unique:
        return column
    hit = column.is_in(list(unique))
    repairs["placeholders"] += int(hit.sum())
    return pl.select(pl.when(hit).then(pl.lit("")).otherwise(column).alias(column.name)).to_series()


def _clean(
    frame: pl.DataFrame, settings: TicketSettings, account: _Account, progress: Progress
) -> pl.DataFrame:
    columns = []
    for name in (n for n, dtype in TICKETS_SCHEMA.items() if dtype == pl.String()):
        column = frame[name]
        if name in _FREE_TEXT:
            with progress.task(f"clean {name}", len(column)) as task:
                values = []
                for text in column:
                    values.append(_clean_cell(text, settings, account) if text else "")
                    task.advance()
            column = pl.Series(name, values, dtype=pl.String)
        else:
            column = _without_placeholders(column.str.strip_chars(), account.repairs)
        columns.append(_pseudonyms(column) if name in PERSON_FIELDS else column)
    frame = frame.with_columns(columns)
    empty = (pl.col("title") == "") & (pl.col("description") == "")
    n_empty = frame.filter(empty).height
    if n_empty:
        account.notes.append(
            f"{n_empty:,} tickets have neither title nor description; they stay, but nothing can match them"
        )
    return frame


def _pseudonyms(people: pl.Series) -> pl.Series:
    """Return "person 1" for whoever is named first, and so on: who is who can't be worked out from it.

    A hash of a name could be: names are few enough to try them all.
    """
    present = people.str.to_lowercase().replace("", None)
    numbers = {
        person: f"person {place}"
        for place, person in enumerate(present.drop_nulls().unique(maintain_order=True), 1)
    }
    return present.replace(numbers).fill_null("").alias(people.name)


def _clean_cell(text: str, settings: TicketSettings, account: _Account) -> str:
    cleaned = clean_text(text)
    if not cleaned:
        account.repairs["placeholders"] += bool(text.strip())
        return ""
    if cleaned != text and cleaned.split() != text.split():
        account.repairs["characters"] += 1
    if settings.strip_mail_threads:
        stripped = strip_mail_threads(cleaned)
        account.repairs["mail_threads"] += stripped != cleaned
        cleaned = stripped
    if settings.redact:
        cleaned = redact(cleaned, account.redactions)
    if len(cleaned) > settings.max_characters:
        account.repairs["cut_texts"] += 1
        cleaned = cleaned[: settings.max_characters]
    return cleaned
