"""The columns that refer to other tickets and records, with only references in them."""

import re
from collections.abc import Mapping

import polars as pl

from ticketkin.core.printing import masked_words
from ticketkin.core.wording import number_of
from ticketkin.tickets.account import Account
from ticketkin.tickets.references import (
    KnownReferences,
    are_flags,
    known_names,
    references,
    says_nothing,
)

REFERRING_FIELDS = ("parent", "problem", "caused_by", "duplicate_of")
_MOST_EXAMPLES = 3
MAY_BE_PERSONAL = re.compile(r"[@\s]")
"""An id without one of these is not looked at for personal data: it can look like a phone number."""


def with_readable_references(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Return `frame` with only references in the columns for them; what is none is emptied and reported.

    What one cell lists, or an address or a sentence names, stands alone afterwards, separated by commas.
    """
    known = known_names(frame)
    columns = []
    for name in REFERRING_FIELDS:
        column = frame[name]
        counts = dict(column.filter(column != "").value_counts(sort=True).iter_rows())
        read = _read(name, counts, known, account)
        strays = {cell: counts[cell] for cell in counts if not read[cell] and not says_nothing(cell)}
        account.repairs["placeholders"] += sum(
            count for cell, count in counts.items() if not read[cell] and cell not in strays
        )
        if strays:
            _tell(name, strays, account)
        changed = {cell: ",".join(references) for cell, references in read.items() if references != [cell]}
        columns.append(column.replace(list(changed), list(changed.values())) if changed else column)
    return frame.with_columns(columns)


def _read(
    name: str, counts: Mapping[str, int], known: KnownReferences, account: Account
) -> dict[str, list[str]]:
    """Return the references of each different cell; a cell with personal data is masked first."""
    if name == "problem" and "0" not in known and are_flags(counts):
        return {cell: [] for cell in counts}
    read = {}
    for cell in counts:
        # Part of an account number can look like an id once it is cut out of its sentence.
        is_suspect = account.settings.redact and cell not in known and MAY_BE_PERSONAL.search(cell)
        read[cell] = references(account.redactor.redact(cell) if is_suspect else cell, known)
    return read


def _tell(name: str, strays: Mapping[str, int], account: Account) -> None:
    column = next(mapping.columns[name] for _, mapping in account.mappings if name in mapping.columns)
    examples = ", ".join(
        f"{masked_words(cell)!r} ({count:,})" for cell, count in list(strays.items())[:_MOST_EXAMPLES]
    )
    account.notes.append(
        f"{account.shown(column)}: {number_of(sum(strays.values()), 'value looks', 'values look')} like no "
        f"id of a ticket or record and count for nothing, e.g. {examples}"
    )
