"""The account of an import: every row that came in is a ticket, or counted as something else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from ticketkin.core.printing import printable_line
from ticketkin.core.wording import number_of
from ticketkin.tickets.file_words import FileWords
from ticketkin.tickets.mapping import ColumnMapping
from ticketkin.tickets.pseudonyms import Pseudonymising, installation_pseudonyms
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.settings import TicketSettings

_MOST_NAMED = 40
REJECTED_SCHEMA = {"source": pl.String(), "row": pl.Int64(), "reason": pl.String()}
_REPAIRS = {
    "generated_ids": "ids made from row numbers",
    "whole_number_floats": "whole numbers such as 12.0 read as 12",
    "text_formulas": 'cells such as ="0012" read as 0012',
    "references": "references written as text read as what they name",
    "quotes": "records with a broken quote read line by line",
    "trailing_empty_cells": "rows with empty cells behind the last column cut to the header",
    "repeated_keys": "names that stand twice in one record",
    "undecodable_bytes": "bytes that are no character of the file's encoding",
    "undecodable_cells": "cells that are no text",
    "half_characters": "halves of characters replaced",
    "binary_cells": "binary cells read as text",
    "deep_cells": "cells nested too deeply to read whole",
    "masked_ids": "ids that held personal data replaced",
    "placeholders": "cells that say nothing in words ('null', 'n/a') emptied",
    "characters": "texts with broken or invisible characters repaired",
    "mail_threads": "texts without their quoted mails",
    "cut_texts": "texts cut at tickets.max_characters",
    "excel_dates": "day counts of a spreadsheet read as times",
    "epoch_times": "counts of seconds since 1970 read as times",
    "local_dates": "times in a local notation",
    "two_digit_years": "years of two digits",
    "zoned_times": "times moved to UTC",
    "unreadable_times": "times that can't be read left empty",
    "nul_bytes": "NUL bytes removed",
}


_NO_SYSTEM = ("other", "custom")
_PERSONAL_DATA = {"ip": "IP address", "email": "e-mail address"}


def repair_words(kind: str) -> str:
    """Return what a kind of repair did, to be read before its count."""
    return _REPAIRS.get(kind, _words(kind))


def replaced_words(counts: Mapping[str, int]) -> str:
    """Return how much personal data of each kind was replaced; "" where none was."""
    return ", ".join(
        number_of(count, _PERSONAL_DATA.get(kind, _words(kind))) for kind, count in counts.items()
    )


@dataclass(frozen=True)
class ImportSummary:
    """What the import found, changed and refused.

    n_rows = n_tickets + n_rejected + n_blank + n_collapsed + n_duplicate_ids.
    """

    system: str
    """The system the export comes from; several by comma where sources differ."""
    mapping: dict[str, str]
    """Ticket field -> column name, of the first source."""
    unused_columns: list[str]
    n_rows: int
    n_tickets: int
    n_rejected: int
    n_blank: int
    """Rows without any content."""
    n_collapsed: int
    """Later rows of tickets that were exported one row an update."""
    n_duplicate_ids: int
    """Rows repeating an id with the same content."""
    rejections: dict[str, int]
    """Why rows were rejected, most frequent first; ids left out."""
    repairs: dict[str, int]
    redactions: dict[str, int]
    notes: list[str]
    people_keyed_by: str
    """Fingerprint of the secret of people's pseudonyms; empty where no person is kept."""
    people_left_out: str
    """Why people are left out, a sentence; empty where they are kept, or none is named."""
    other_mappings: dict[str, str]
    """Source and system -> its columns, for sources that are mapped otherwise than the first."""

    def lines(self, rejected_file: str) -> list[str]:
        """Return the account as a person reads it; `rejected_file` is where the rejected rows lie."""
        kinds = (
            (self.n_rejected, "rejected"),
            (self.n_collapsed, "joined to an earlier row of the ticket"),
            (self.n_duplicate_ids, "repeated exactly"),
            (self.n_blank, "blank"),
        )
        counts = "".join(f", {count:,} {word}" for count, word in kinds if count or word == "rejected")
        system = "" if self.system in _NO_SYSTEM else f" ({self.system})"
        lines = [f"{number_of(self.n_rows, 'row')}{system}: {number_of(self.n_tickets, 'ticket')}{counts}"]
        if self.n_rejected:
            lines.append(f"rejected rows are in {printable_line(rejected_file)}:")
            lines += [f"  {count:,}: {reason}" for reason, count in list(self.rejections.items())[:3]]
        if self.repairs:
            repairs = (f"{repair_words(kind)}: {count:,}" for kind, count in self.repairs.items())
            lines.append(f"repaired: {'; '.join(repairs)}")
        lines.append(f"personal data and secrets replaced: {replaced_words(self.redactions) or 'none'}")
        lines.append(f"columns used: {_columns(self.mapping)}")
        lines += [f"columns used of {source}: {columns}" for source, columns in self.other_mappings.items()]
        if self.unused_columns:
            more = len(self.unused_columns) - _MOST_NAMED
            named = ", ".join(self.unused_columns[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
            lines.append(f"columns not used: {named}")
        left_out = [self.people_left_out] if self.people_left_out else []
        return lines + [f"note: {note}" for note in left_out + self.notes]


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _columns(mapping: dict[str, str]) -> str:
    return ", ".join(f"{name} = {column}" for name, column in mapping.items())


@dataclass
class Account:
    """Counts while the import goes on. What it keeps of a file's own words is redacted and printable."""

    settings: TicketSettings
    redactor: Redactor
    pseudonymising: Pseudonymising = installation_pseudonyms
    repairs: Counter[str] = field(default_factory=Counter)
    redactions: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[str, int, str]] = field(default_factory=list)
    rejections: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    mappings: list[tuple[str, ColumnMapping]] = field(default_factory=list)
    n_rows: int = 0
    n_blank: int = 0
    n_collapsed: int = 0
    n_duplicate_ids: int = 0
    people_keyed_by: str = ""
    people_left_out: str = ""
    _labels: Counter[str] = field(default_factory=Counter)
    _words: FileWords = field(init=False)

    def __post_init__(self) -> None:
        self._words = FileWords(self.redactor if self.settings.redact else None)

    def shown(self, text: str) -> str:
        """Return words of a file, such as a column name, as they may stand in notes and on the screen."""
        return self._words.shown(text)

    def label(self, name: str) -> str:
        """Return how the source `name` is called; the second of one name is 'name (2)'.

        Not by its folder: a path names users and machines.
        """
        shown = self.shown(name)
        self._labels[shown] += 1
        if self._labels[shown] == 1:
            return shown
        label = f"{shown} ({self._labels[shown]})"
        self.notes.append(f"{label} is file {self._labels[shown]} of this name, in the order given")
        return label

    def reject(self, source: str, rows: Sequence[tuple[int, str]], kind: str | None = None) -> None:
        """Note rows that can't be used, as (row, reason); `kind` is the reason without its ids."""
        for row, reason in rows:
            self.rejected.append((source, row, printable_line(reason) if kind else self.shown(reason)))
            self.rejections[kind or self.shown(reason)] += 1

    def summary(self, n_tickets: int) -> ImportSummary:
        """Return the account. Raises RuntimeError where a row is neither a ticket nor counted."""
        counted = n_tickets + len(self.rejected) + self.n_blank + self.n_collapsed + self.n_duplicate_ids
        if counted != self.n_rows:
            raise RuntimeError(
                f"{number_of(self.n_rows, 'row was', 'rows were')} read and {counted} accounted for: "
                f"{number_of(n_tickets, 'ticket')}, {len(self.rejected)} rejected, {self.n_blank} blank, "
                f"{self.n_collapsed} collapsed, {self.n_duplicate_ids} repeated"
            )
        first = self._used(self.mappings[0][1])
        others = {
            f"{source} ({mapping.system})": _columns(self._used(mapping))
            for source, mapping in self.mappings[1:]
            if self._used(mapping) != first
        }
        unused = dict.fromkeys(name for _, mapping in self.mappings for name in mapping.unused)
        return ImportSummary(
            system=", ".join(dict.fromkeys(mapping.system for _, mapping in self.mappings)),
            mapping=first,
            unused_columns=[self.shown(name) for name in unused],
            n_rows=self.n_rows,
            n_tickets=n_tickets,
            n_rejected=len(self.rejected),
            n_blank=self.n_blank,
            n_collapsed=self.n_collapsed,
            n_duplicate_ids=self.n_duplicate_ids,
            rejections=dict(self.rejections.most_common(10)),
            repairs={kind: count for kind, count in sorted(self.repairs.items()) if count},
            redactions={kind: count for kind, count in sorted(self.redactions.items()) if count},
            notes=self.notes,
            people_keyed_by=self.people_keyed_by,
            people_left_out=self.people_left_out,
            other_mappings=others,
        )

    def _used(self, mapping: ColumnMapping) -> dict[str, str]:
        return {name: self.shown(column) for name, column in mapping.shown_columns.items()}
