"""Kinds of pairs that a person reviewed: a file of two tickets and a kind, the last word on a pair."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ticketkin.core.errors import InputError
from ticketkin.core.tables import Kind, Tickets
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pairs import STATED_SCHEMA
from ticketkin.tickets.links import known_references
from ticketkin.tickets.reading import read_table

_COLUMNS = ("source", "target", "kind")
_MOST_NAMED = 5
_MOST_SHOWN = 60


def read_reviewed(path: Path, tickets: Tickets) -> pl.DataFrame:
    """Return the reviewed pairs as `STATED_SCHEMA`, from any table with source, target and kind.

    Tickets go by id, number or sys_id; of a causal pair the source is the cause. A review is the last word,
    so no row is left out: raises InputError where a column is missing, and with the rows that can't be read,
    whose kind or ticket is not one, or that say two things of one pair. A row that says the same again is
    one row.
    """
    table = read_table(path)
    names = {name.strip().lower(): name for name in table.frame.columns}
    lacking = [name for name in _COLUMNS if name not in names]
    if lacking:
        raise InputError(
            f"{path}: lacks the column {', '.join(lacking)}; it has {', '.join(table.frame.columns)}. A "
            "review has the columns source, target, kind"
        )
    known = known_references(tickets)
    faults = [(row, f"row {row} can't be read ({reason})") for row, reason in table.rejected]
    reviewed: dict[frozenset[str], tuple[int, _Reviewed]] = {}
    columns = table.frame.select(names[name] for name in _COLUMNS).iter_rows()
    for number, cells in zip(table.rows, columns, strict=True):
        source, target, word = (str(cell or "").strip() for cell in cells)
        fault = _fault(source, target, word, known)
        if fault:
            faults.append((number, f"row {number} {fault}"))
            continue
        answer = _Reviewed(known[source], known[target], word.lower())
        first, before = reviewed.setdefault(frozenset({answer.source, answer.target}), (number, answer))
        if not answer.agrees_with(before):
            faults.append((
                number,
                f"rows {first} and {number} give two answers for {answer.source} and {answer.target}: "
                f"{before.kind} and {answer.kind}",
            ))  # fmt: skip
    if faults:
        messages = [fault for _, fault in sorted(faults)]
        more = f" and {len(messages) - _MOST_NAMED:,} more" if len(messages) > _MOST_NAMED else ""
        raise InputError(f"{path}: {'; '.join(messages[:_MOST_NAMED])}{more}")
    rows = [(answer.source, answer.target, answer.kind, True) for _, answer in reviewed.values()]
    return pl.DataFrame(rows, schema=dict(STATED_SCHEMA), orient="row")


@dataclass(frozen=True)
class _Reviewed:
    """What one row says."""

    source: str
    target: str
    kind: str

    def agrees_with(self, other: "_Reviewed") -> bool:
        """Return whether both say the same of their pair; only a cause has a direction."""
        directed = self.kind == Kind.CAUSAL.value
        return self.kind == other.kind and (not directed or self.source == other.source)


def _fault(source: str, target: str, word: str, known: Mapping[str, str]) -> str:
    """Return what is wrong with a row, "" where nothing is."""
    if word.lower() not in KINDS:
        return f"has the kind {word[:_MOST_SHOWN]!r}, allowed are {', '.join(KINDS)}"
    absent = [name for name in (source, target) if name not in known]
    if absent:
        return f"names {absent[0][:_MOST_SHOWN]!r}, which is no ticket of this export"
    if known[source] == known[target]:
        return f"names the same ticket twice, {source!r}"
    return ""
