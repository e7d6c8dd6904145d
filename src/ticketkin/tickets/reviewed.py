"""Pairs that a person judged: a file of two tickets and a kind, the last word on a pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ticketkin.core.errors import InputError, MappingError
from ticketkin.core.tables import Kind, Tickets
from ticketkin.core.wording import number_of
from ticketkin.tickets.links import known_references
from ticketkin.tickets.mapping import normalise_name
from ticketkin.tickets.reading import read_table
from ticketkin.tickets.reading.table import RawTable

NONE = "none"
"""The answer that two tickets are no kin."""
CAUSED_BY = "caused-by"
"""The answer that the second ticket caused the first."""
ANSWERS = (*(kind.value for kind in Kind), CAUSED_BY, NONE)
"""What may stand in the column `kind`, beside nothing and `UNSURE`; also spelt `caused by`."""
UNSURE = "unsure"
"""The answer that teaches nothing."""
REVIEW_SCHEMA: Mapping[str, pl.DataType] = {
    "source": pl.String(),
    "target": pl.String(),
    "kind": pl.String(),
}
"""Ticket ids and a kind or `NONE`; of a causal pair the source is the cause."""
_COLUMNS = tuple(REVIEW_SCHEMA)
_MOST_NAMED = 5
_MOST_SHOWN = 60


@dataclass(frozen=True)
class Review:
    """What a person said of pairs of tickets."""

    answers: pl.DataFrame
    """Each judged pair once (`REVIEW_SCHEMA`)."""
    unsure: tuple[tuple[str, str], ...] = ()
    """Pairs of tickets that the person can't decide on."""
    n_empty: int = 0
    """Pairs that wait for an answer."""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Pairs that the person has looked at."""
        return [*self.answers.select("source", "target").rows(), *self.unsure]

    @property
    def by_kind(self) -> dict[str, int]:
        """Answers by kind, `NONE` last; kinds that nobody gave are left out."""
        counts = dict(self.answers["kind"].value_counts().iter_rows())
        return {kind: counts[kind] for kind in ANSWERS if kind in counts}

    def line(self) -> str:
        """Return how far the review is, as in "31 of 50 pairs judged: 9 duplicate, 22 none"."""
        n_judged = self.answers.height
        kinds = [f"{count:,} {kind}" for kind, count in self.by_kind.items()]
        unsure = f"; {len(self.unsure):,} unsure" if len(self.unsure) else ""
        counted = f": {', '.join(kinds)}" if kinds else ""
        return (
            f"{n_judged:,} of {number_of(n_judged + len(self.unsure) + self.n_empty, 'pair')} "
            f"judged{counted}{unsure}"
        )


NOTHING_REVIEWED = Review(pl.DataFrame(schema=dict(REVIEW_SCHEMA)))


def read_reviewed(path: Path, tickets: Tickets) -> Review:
    """Return what a person said of pairs, from any table with the columns source, target and kind.

    Tickets go by id, number or sys_id; of a causal pair the source is the cause. A pair without an answer is
    counted, and so is one that the person is not sure of. A review is the last word, so no answer is left
    out: raises InputError where a column is missing, and with the rows that can't be read, whose kind or
    ticket is not one, or that say two things of one pair. A row that says the same again is one row.
    """
    table, frame = _read(path)
    rows = _Rows(known_references(tickets))
    rows.faults += [(row, f"row {row} can't be read ({reason})") for row, reason in table.rejected]
    for number, (source, target, word) in zip(table.rows, frame.iter_rows(), strict=True):
        rows.add(number, source, target, word)
    if rows.faults:
        messages = [fault for _, fault in sorted(rows.faults)]
        more = f" and {len(messages) - _MOST_NAMED:,} more" if len(messages) > _MOST_NAMED else ""
        raise InputError(f"{path}: {'; '.join(messages[:_MOST_NAMED])}{more}")
    return rows.review()


def joined_reviews(paths: Sequence[Path]) -> pl.DataFrame:
    """Return the rows of several reviews as they are written, each pair once (`REVIEW_SCHEMA`).

    An answer stands until a later file gives another. Raises InputError for a row that can't be read.
    """
    rows: dict[frozenset[str], tuple[str, str, str]] = {}
    for path in paths:
        table, frame = _read(path)
        if table.rejected:
            row, reason = table.rejected[0]
            raise InputError(f"{path}: row {row} can't be read ({reason}); correct it")
        for source, target, word in frame.iter_rows():
            pair = frozenset((source, target))
            if word or pair not in rows:
                rows[pair] = (source, target, word)
    return pl.DataFrame(list(rows.values()), schema=dict(REVIEW_SCHEMA), orient="row")


def _read(path: Path) -> tuple[RawTable, pl.DataFrame]:
    """Return a file and its columns source, target and kind. Raises InputError where it lacks one."""
    table = read_table(path)
    names = {name.strip().lower(): name for name in table.frame.columns}
    lacking = [name for name in _COLUMNS if name not in names]
    if lacking:
        raise MappingError(
            f"{path}: lacks the column {', '.join(lacking)}; it has {', '.join(table.frame.columns)}. A "
            "review has the columns source, target, kind"
        )
    columns = [pl.col(names[name]).fill_null("").str.strip_chars().alias(name) for name in _COLUMNS]
    return table, table.frame.select(columns)


@dataclass(frozen=True)
class _Answer:
    """What one row says."""

    source: str
    target: str
    kind: str

    @classmethod
    def of(cls, source: str, target: str, word: str) -> "_Answer":
        """Return the answer with the cause as its source."""
        is_reversed = word == CAUSED_BY
        first, second = (target, source) if is_reversed else (source, target)
        return cls(first, second, Kind.CAUSAL.value if is_reversed else word)

    def agrees_with(self, other: "_Answer") -> bool:
        """Return whether both say the same of their pair; only a cause has a direction."""
        directed = self.kind == Kind.CAUSAL.value
        return self.kind == other.kind and (not directed or self.source == other.source)


@dataclass
class _Rows:
    """Gathers the rows of a review and what is wrong with them."""

    known: Mapping[str, str]
    faults: list[tuple[int, str]] = field(default_factory=list)
    answers: dict[frozenset[str], tuple[int, _Answer]] = field(default_factory=dict)
    unsure: dict[frozenset[str], tuple[str, str]] = field(default_factory=dict)
    empty: set[frozenset[str]] = field(default_factory=set)

    def add(self, number: int, source: str, target: str, written: str) -> None:
        """Take one row, or note what is wrong with it."""
        one, other = self._ticket(source), self._ticket(target)
        word = written.casefold()
        if not word:
            self.empty.add(frozenset({one or source, other or target}))
            return
        word = normalise_name(word).replace("_", "-")
        fault = self._fault(source, target, written, word)
        if fault or one is None or other is None:
            self.faults.append((number, f"row {number} {fault}"))
            return
        if word == UNSURE:
            self.unsure[frozenset({one, other})] = (one, other)
            return
        answer = _Answer.of(one, other, word)
        first, before = self.answers.setdefault(frozenset({one, other}), (number, answer))
        if not answer.agrees_with(before):
            self.faults.append((
                number,
                f"rows {first} and {number} give two answers for {answer.source} and {answer.target}: "
                f"{before.kind} and {answer.kind}",
            ))  # fmt: skip

    def review(self) -> Review:
        """Return the answers, each pair once."""
        rows = [(answer.source, answer.target, answer.kind) for _, answer in self.answers.values()]
        unsure = [ends for pair, ends in self.unsure.items() if pair not in self.answers]
        empty = self.empty - self.answers.keys() - self.unsure.keys()
        return Review(
            pl.DataFrame(rows, schema=dict(REVIEW_SCHEMA), orient="row"),
            unsure=tuple(unsure),
            n_empty=len(empty),
        )

    def _ticket(self, name: str) -> str | None:
        """Return the ticket a cell names, also behind the quote that keeps a spreadsheet from calculating."""
        ticket = self.known.get(name)
        return self.known.get(name[1:]) if ticket is None and name.startswith("'") else ticket

    def _fault(self, source: str, target: str, written: str, word: str) -> str:
        """Return what is wrong with a row, "" where nothing is."""
        if word not in (*ANSWERS, UNSURE):
            allowed = ", ".join(ANSWERS)
            return f"has the kind {written[:_MOST_SHOWN]!r}, allowed are {allowed}, {UNSURE}, or nothing"
        absent = [name for name in (source, target) if self._ticket(name) is None]
        if absent:
            return f"names {absent[0][:_MOST_SHOWN]!r}, which is no ticket of this export"
        if self._ticket(source) == self._ticket(target):
            return f"names the same ticket twice, {source!r}"
        return ""
