"""Whether rows under one id are one ticket: the same words or the same record, or another ticket by mistake.

Two desks that both count from 1, or a number given twice, put two tickets under one id. An update of a
ticket keeps some of its words: a title is edited, a description extended.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from ticketkin.tickets.redaction.predicates import FUNCTION_WORDS

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]|[^\W_]+")
# A text that tells a ticket from others has so many words; what an update rewrites is seldom further on.
_FEWEST_WORDS = 3
_MOST_CHARACTERS_READ = 20_000
# Shares of the shorter text's words that the longer one has. Of pairs of different tickets of three public
# trackers 98 in 100 lie below all of them.
_SHARE_OF_TITLE, _SHARE_OF_TEXT = 0.34, 0.45
# Rows of an event log have the name of a step as their text: few names under many ids.
_NAMES_PER_ID = 0.1


@dataclass(frozen=True)
class _Row:
    """What one row says of its ticket."""

    sys_id: str
    title: frozenset[str]
    description: frozenset[str]
    n_words: int

    @property
    def both(self) -> frozenset[str]:
        return self.title | self.description


@dataclass
class _Ticket:
    """What is known of a ticket from its first row and the latest row that was taken as an update of it."""

    sys_id: str = ""
    texts: list[_Row] = field(default_factory=list)

    def is_of(self, row: _Row, judges_texts: bool) -> bool:
        """Return whether `row` may be an update of this ticket."""
        if self.sys_id and row.sys_id:
            return self.sys_id == row.sys_id
        return not judges_texts or not self.texts or any(not _are_strangers(row, text) for text in self.texts)

    def add(self, row: _Row) -> None:
        self.sys_id = self.sys_id or row.sys_id
        if row.n_words:
            self.texts = [*self.texts[:1], row]


def rows_of_other_tickets(frame: pl.DataFrame) -> list[bool]:
    """Return for each row whether it is another ticket than the first row of its id, in the rows' order.

    It is where both have a `sys_id` and these differ, or where neither title nor description share more than
    a few words and each side has enough of them. A row without text or of a word or two stays with its id.
    """
    names = ["ticket_id", "sys_id", "title", "description"]
    rows = frame.select(pl.col(names).fill_null(""))
    distinct = rows.unique(names, keep="first", maintain_order=True)
    distinct = distinct.filter(pl.col("ticket_id").is_duplicated())
    texts = distinct.select("title", "description").unique().height
    judges_texts = texts >= _NAMES_PER_ID * distinct["ticket_id"].n_unique()
    tickets: dict[str, _Ticket] = {}
    others = []
    for cells in distinct.iter_rows():
        row = _row(cells[1:])
        ticket = tickets.setdefault(cells[0], _Ticket())
        if ticket.is_of(row, judges_texts):
            ticket.add(row)
        else:
            others.append(cells)
    if not others:
        return [False] * frame.height
    listed = pl.DataFrame(others, schema=dict.fromkeys(names, pl.String), orient="row")
    marked = rows.join(
        listed.with_columns(pl.lit(value=True).alias("other")), on=names, how="left", maintain_order="left"
    )
    return marked["other"].fill_null(value=False).to_list()


def _row(cells: Iterable[str]) -> _Row:
    sys_id, title, description = cells
    words = [_WORD.findall(text[:_MOST_CHARACTERS_READ].casefold()) for text in (title, description)]
    return _Row(
        sys_id.casefold(),
        _telling(words[0]),
        _telling(words[1]),
        len({word for part in words for word in part}),
    )


def _telling(words: list[str]) -> frozenset[str]:
    """Return the words without those that stand in any sentence, unless there are no others."""
    return frozenset(words) - FUNCTION_WORDS or frozenset(words)


def _are_strangers(one: _Row, other: _Row) -> bool:
    """Return whether two rows share hardly anything, in their titles, their descriptions and both."""
    if min(one.n_words, other.n_words) < _FEWEST_WORDS:
        return False
    return (
        _share(one.title, other.title) < _SHARE_OF_TITLE
        and _share(one.description, other.description) < _SHARE_OF_TEXT
        and _share(one.both, other.both) < _SHARE_OF_TEXT
    )


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    """Return how much of the shorter text's words the longer one has, 0 where either has none."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0
