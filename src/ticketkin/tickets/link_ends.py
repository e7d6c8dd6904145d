"""Which two columns of a file of links hold their ends, and which way a link goes between them.

Names count, and values more: the ends are the columns whose rows join two different tickets. A running number
of the rows, a flag and a priority join tickets, too, where ids are small numbers; so names that state both
ends come first, then columns that name many different tickets.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from ticketkin.core.tables import Kind
from ticketkin.tickets.link_kinds import LinkKinds, link_word

# Words of a column's name that only say that it holds ids.
_ID_WORDS = {"id", "ids", "key", "number", "no", "nr", "ticket", "issue", "bug", "incident", "sys", "ref"}
_CAUSES = {"cause", "root cause", "ursache", "causa"}
_EFFECTS = {"effect", "symptom", "consequence", "wirkung", "folge", "effet", "efecto"}
_DUPLICATES = {"duplicate", "dup", "dupe", "child", "copy", "duplikat", "dublette", "doublon", "duplicado"}
_MASTERS = {
    "master", "original", "canonical", "main", "primary", "parent", "duplicate of", "dup of", "dupe of",
    "haupt", "principal",
}  # fmt: skip
_FIRST = {"source", "from", "src", "quelle", "von", "origen"}
_SECOND = {"target", "to", "dst", "destination", "ziel", "nach", "cible", "destino"}
_DIRECTIONS = (
    (_CAUSES, _EFFECTS, Kind.CAUSAL, "causes"),
    (_DUPLICATES, _MASTERS, Kind.DUPLICATE, None),
    (_FIRST, _SECOND, None, None),
)
# "issue1" and "issue2", "id_a" and "id_b": the same name but for its last sign.
_NUMBERED = re.compile(r"(.*?)[ _]?([12ab])", re.IGNORECASE)
_WHOLE = re.compile(r"\d{1,15}")
_MOST_COLUMNS = 16
# Columns named as ends are not taken where others join this many times as many tickets.
_MUCH_MORE = 4


@dataclass(frozen=True)
class Direction:
    """What the names of two columns say of the links between them."""

    source: str
    target: str
    kind: Kind | None = None
    """Links of this kind go from `source` to `target`, however their type is written."""
    word: str | None = None
    """The link type of every row."""
    n_stated: int = 0
    """How many of the two names say which end they are."""


def direction(left: str, right: str, kinds: LinkKinds) -> Direction:
    """Return source, target, the kind whose direction the names state, and the link type they state."""
    one, other = _role(left), _role(right)
    for firsts, seconds, kind, word in _DIRECTIONS:
        is_swapped = one in seconds and other in {*firsts, ""}
        if is_swapped or (one in {*firsts, ""} and other in seconds):
            source, target = (right, left) if is_swapped else (left, right)
            return Direction(source, target, kind, word, n_stated=bool(one) + bool(other))
    if _CAUSES & {one, other} and "" in (one, other):
        source, target = (left, right) if one in _CAUSES else (right, left)
        return Direction(source, target, Kind.CAUSAL, "causes", n_stated=1)
    # "caused_by" or "related_to" beside an id: what the ticket is to the one that is named.
    if one == "" and kinds.kind(other)[0]:
        return Direction(left, right, word=other, n_stated=1)
    if other == "" and one not in _DUPLICATES and kinds.kind(one)[0]:
        return Direction(right, left, word=one, n_stated=1)
    return Direction(left, right, n_stated=2 if _are_numbered(left, right) else 0)


def _role(name: str) -> str:
    """Return what a column's name says beside that it holds ids: 'master' of Master Ticket ID."""
    return " ".join(word for word in link_word(name).split() if word not in _ID_WORDS)


def _are_numbered(left: str, right: str) -> bool:
    one, other = _NUMBERED.fullmatch(left.strip()), _NUMBERED.fullmatch(right.strip())
    if one is None or other is None:
        return False
    return one[1].lower() == other[1].lower() and one[2].lower() != other[2].lower()


@dataclass(frozen=True)
class EndColumns:
    """Two columns, in the order of the file, and how they join the imported tickets."""

    left: str
    right: str
    n_joined: int
    """Rows that name two different tickets."""
    n_fewest: int
    """Different tickets that such rows name in the column with the fewer of them."""
    n_stated: int
    has_running_number: bool
    """True where one of the two only counts the rows."""

    @property
    def is_sure(self) -> bool:
        """True where the names say so, or where both columns name many different tickets."""
        many = self.n_fewest * _MUCH_MORE >= self.n_joined > 0
        return self.n_stated > 0 or (many and not self.has_running_number)


def end_columns(
    frame: pl.DataFrame, columns: Sequence[str], known: Mapping[str, str], kinds: LinkKinds
) -> EndColumns | None:
    """Return which two of `columns` are the ends; None where fewer than two name any ticket."""
    tickets = {name: _tickets(frame[name], known) for name in columns}
    naming = [name for name in columns if tickets[name].null_count() < frame.height]
    naming = sorted(naming, key=lambda name: tickets[name].n_unique(), reverse=True)[:_MOST_COLUMNS]
    running = {name for name in naming if is_running_number(frame[name])}
    pairs = [
        _joined(left, right, tickets, running, kinds)
        for left, right in combinations(sorted(naming, key=frame.columns.index), 2)
    ]
    most = max((pair.n_fewest for pair in pairs), default=0)
    return max(pairs, key=lambda pair: _order(pair, most), default=None)


def _order(pair: EndColumns, most: int) -> tuple[int, bool, int, int]:
    n_stated = pair.n_stated if pair.n_fewest * _MUCH_MORE >= most else 0
    return n_stated, not pair.has_running_number, pair.n_fewest, pair.n_joined


def _tickets(values: pl.Series, known: Mapping[str, str]) -> pl.Series:
    """Return the ticket that each cell names, null where it names none."""
    named = {value: known.get(value) for value in values.unique() if value}
    return pl.Series([named.get(value) for value in values], dtype=pl.String)


def _joined(
    left: str, right: str, tickets: Mapping[str, pl.Series], running: set[str], kinds: LinkKinds
) -> EndColumns:
    one, other = tickets[left], tickets[right]
    rows = pl.DataFrame({"one": one, "other": other}).filter(pl.col("one") != pl.col("other"))
    return EndColumns(
        left,
        right,
        n_joined=rows.height,
        n_fewest=min(rows["one"].n_unique(), rows["other"].n_unique()),
        n_stated=direction(left, right, kinds).n_stated,
        has_running_number=bool({left, right} & running),
    )


def is_running_number(values: pl.Series) -> bool:
    """Return whether a column counts its rows: 0, 1, 2, … or any other beginning."""
    if len(values) < 3 or not all(_WHOLE.fullmatch(value) for value in values.head(3)):
        return False
    if not values.str.contains(r"^\d{1,15}$").all():
        return False
    return bool((values.cast(pl.Int64).diff().drop_nulls() == 1).all())
