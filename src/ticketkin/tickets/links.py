"""Links that people made: in the tickets' own columns, and in files of their own.

What counts as what: a child of a parent incident was closed under it as the same fault, so it is a
duplicate. Tickets that share a problem record have a common cause but may look quite different:
related. A number in the notes of a ticket closed as duplicate is a duplicate.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import networkx as nx
import polars as pl

from ticketkin.core.config import LinkSettings
from ticketkin.core.errors import MappingError
from ticketkin.core.tables import LINKS_SCHEMA, Kind, Links, Origin, Tickets
from ticketkin.tickets.reading import read_table

# Link types as systems write them -> kind, and whether source and target change places.
# The direction kept is: duplicate -> its master, cause -> its effect.
_PRESETS: Mapping[str, tuple[Kind | None, bool]] = {
    "duplicate": (Kind.DUPLICATE, False),
    "duplicates": (Kind.DUPLICATE, False),
    "duplicate of": (Kind.DUPLICATE, False),
    "is duplicate of": (Kind.DUPLICATE, False),
    "dup": (Kind.DUPLICATE, False),
    "cloners": (Kind.RELATED, False),
    "clones": (Kind.RELATED, False),
    "is duplicated by": (Kind.DUPLICATE, True),
    "has duplicate": (Kind.DUPLICATE, True),
    "parent": (Kind.DUPLICATE, False),
    "child of": (Kind.DUPLICATE, False),
    "parent_incident": (Kind.DUPLICATE, False),
    "related": (Kind.RELATED, False),
    "relates": (Kind.RELATED, False),
    "relates to": (Kind.RELATED, False),
    "is related to": (Kind.RELATED, False),
    "see also": (Kind.RELATED, False),
    "problem": (Kind.RELATED, False),
    "causes": (Kind.CAUSAL, False),
    "blocks": (Kind.CAUSAL, False),
    "causal": (Kind.CAUSAL, False),
    "cause": (Kind.CAUSAL, False),
    "caused by": (Kind.CAUSAL, True),
    "is caused by": (Kind.CAUSAL, True),
    "depends on": (Kind.CAUSAL, True),
    "dependency": (Kind.CAUSAL, True),
    "is blocked by": (Kind.CAUSAL, True),
    "addresses": (Kind.RELATED, False),
    "sub-task": (None, False),
    "is sub-task of": (None, False),
    "none": (None, False),
    "ignore": (None, False),
}
_TICKET_NUMBER = re.compile(r"\b(?:[A-Z][A-Z0-9]{1,9}-?\d{1,10}|\d{4,10})\b")
# A problem or change shared by more tickets than this is a bucket, not a kinship.
_LARGEST_SHARED_PROBLEM = 50


@dataclass(frozen=True)
class LinkResult:
    """Links between present tickets, and everything that was not one."""

    links: Links
    n_read: int = 0
    n_absent: int = 0
    """Links naming a ticket that is not in the export."""
    n_self: int = 0
    n_repeated: int = 0
    cycles: list[list[str]] = field(default_factory=list)
    """Duplicate chains that lead back to themselves; their tickets stay one kin group."""
    ignored_kinds: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Collector:
    """Gathers raw links and counts what can't be used."""

    known: Mapping[str, str]
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    n_read: int = 0
    n_absent: int = 0
    n_self: int = 0

    def add(self, source: str, target: str, kind: Kind, origin: Origin) -> None:
        self.n_read += 1
        here, there = self.known.get(source), self.known.get(target)
        if here is None or there is None:
            self.n_absent += 1
        elif here == there:
            self.n_self += 1
        else:
            self.rows.append((here, there, kind.value, origin.value))

    def result(self, ignored: Mapping[str, int] | None = None, notes: Sequence[str] = ()) -> LinkResult:
        unique = list(dict.fromkeys(self.rows))
        frame = pl.DataFrame(unique, schema=dict(LINKS_SCHEMA), orient="row")
        return LinkResult(
            links=Links(frame),
            n_read=self.n_read,
            n_absent=self.n_absent,
            n_self=self.n_self,
            n_repeated=len(self.rows) - len(unique),
            cycles=_duplicate_cycles(frame),
            ignored_kinds=dict(ignored or {}),
            notes=list(notes),
        )


def known_references(tickets: Tickets) -> dict[str, str]:
    """Map every name a link may use (id, number, sys_id) to the ticket id."""
    known: dict[str, str] = {}
    for column in ("sys_id", "number", "ticket_id"):
        known |= {name: tid for name, tid in zip(tickets.frame[column], tickets.ids, strict=True) if name}
    return known


def _duplicate_cycles(frame: pl.DataFrame) -> list[list[str]]:
    duplicates = frame.filter(pl.col("kind") == Kind.DUPLICATE.value)
    graph = nx.DiGraph(zip(duplicates["source"], duplicates["target"], strict=True))
    return [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]


def links_from_tickets(tickets: Tickets) -> LinkResult:
    """Return the links that stand in the tickets' own columns.

    `parent`, `duplicate_of` and a number in the notes of a ticket closed as duplicate give
    duplicate links; `caused_by` naming a ticket gives a causal one; a shared `problem` gives related
    ones, chained from ticket to ticket so that a problem with n tickets adds n - 1 links, not n².
    """
    collector = _Collector(known_references(tickets))
    frame = tickets.frame
    for column, kind, origin in (
        ("duplicate_of", Kind.DUPLICATE, Origin.DUPLICATE_OF),
        ("parent", Kind.DUPLICATE, Origin.PARENT),
    ):
        for ticket, reference in frame.filter(pl.col(column) != "").select("ticket_id", column).iter_rows():
            collector.add(ticket, reference, kind, origin)
    caused = frame.filter(pl.col("caused_by") != "").select("ticket_id", "caused_by")
    for ticket, cause in caused.iter_rows():
        collector.add(cause, ticket, Kind.CAUSAL, Origin.CAUSED_BY)
    closed = frame.filter(pl.col("close_code").str.to_lowercase().str.contains("duplicate"))
    for ticket, notes in closed.select("ticket_id", "close_notes").iter_rows():
        number = next((n for n in _TICKET_NUMBER.findall(notes) if n in collector.known), None)
        if number is not None:
            collector.add(ticket, number, Kind.DUPLICATE, Origin.CLOSE_NOTES)
    return collector.result(notes=_add_shared_problems(frame, collector))


def _add_shared_problems(frame: pl.DataFrame, collector: _Collector) -> list[str]:
    shared = (
        frame.filter(pl.col("problem") != "")
        .group_by("problem", maintain_order=True)
        .agg(pl.col("ticket_id"))
        .filter(pl.col("ticket_id").list.len() > 1)
    )
    notes = []
    for problem, members in shared.iter_rows():
        if len(members) > _LARGEST_SHARED_PROBLEM:
            notes.append(f"problem {problem} is shared by {len(members)} tickets: a bucket, not used")
            continue
        for earlier, later in pairwise(members):
            collector.add(later, earlier, Kind.RELATED, Origin.PROBLEM)
    return notes


def links_from_file(path: Path, tickets: Tickets, settings: LinkSettings) -> LinkResult:
    """Return the links of a file: any two id columns, optionally a kind.

    Without `settings.columns` the two columns that name most tickets are taken, in file order, and
    a column all of whose values are known link types as the kind. Raises UnreadableFileError for a
    damaged file and MappingError where no two columns hold ticket ids.
    """
    table = read_table(path).frame
    known = known_references(tickets)
    source, target, kind_column = _link_columns(table, known, settings, path)
    kinds = dict(_PRESETS)
    kinds |= {name.lower(): (_kind_named(value), False) for name, value in settings.kinds.items()}
    collector = _Collector(known)
    ignored: dict[str, int] = {}
    columns = [source, target] + ([kind_column] if kind_column else [])
    for row in table.select(columns).fill_null("").iter_rows():
        written = row[2].strip().lower() if kind_column else "duplicate"
        kind, reverse = kinds.get(written, (None, False))
        if kind is None:
            ignored[row[2]] = ignored.get(row[2], 0) + 1
            continue
        left, right = (row[1].strip(), row[0].strip()) if reverse else (row[0].strip(), row[1].strip())
        collector.add(left, right, kind, Origin.FILE)
    used = f"{path.name}: {source} -> {target}" + (f", kind {kind_column}" if kind_column else "")
    return collector.result(ignored, [used])


def _kind_named(value: str) -> Kind | None:
    if value == "ignore":
        return None
    if value not in list(Kind):
        raise MappingError(f"links.kinds: {value!r} is no kind; allowed are {', '.join(Kind)} and ignore")
    return Kind(value)


def _link_columns(
    table: pl.DataFrame, known: Mapping[str, str], settings: LinkSettings, path: Path
) -> tuple[str, str, str | None]:
    if settings.columns:
        if len(settings.columns) not in (2, 3):
            raise MappingError(
                f"--link-columns {','.join(settings.columns)}: give two or three names, source,target[,kind]"
            )
        absent = [name for name in settings.columns if name not in table.columns]
        if absent:
            raise MappingError(f"{path} has no column {', '.join(absent)}; it has {', '.join(table.columns)}")
        kind = settings.columns[2] if len(settings.columns) == 3 else None
        return settings.columns[0], settings.columns[1], kind
    hits = {name: _share_known(table[name], known) for name in table.columns}
    best = sorted((name for name in hits if hits[name] > 0), key=lambda name: -hits[name])[:2]
    if len(best) < 2:
        raise MappingError(
            f"{path}: no two columns hold ids of the imported tickets (columns: {', '.join(table.columns)}); "
            "name them with --link-columns source,target[,kind]"
        )
    source, target = sorted(best, key=table.columns.index)
    return source, target, _kind_column(table, {source, target}, settings)


def _share_known(values: pl.Series, known: Iterable[str]) -> float:
    return float(values.str.strip_chars().is_in(list(known)).mean() or 0.0)  # type: ignore[arg-type]


def _kind_column(table: pl.DataFrame, taken: set[str], settings: LinkSettings) -> str | None:
    known = {*_PRESETS, *(name.lower() for name in settings.kinds)}
    for name in table.columns:
        written = set(table[name].drop_nulls().str.strip_chars().str.to_lowercase()) - {""}
        if name not in taken and written and len(written & known) >= len(written) / 2:
            return name
    return None


def merge_links(results: Sequence[LinkResult]) -> LinkResult:
    """Return all links once; a link told by several origins keeps the first."""
    frame = pl.concat([result.links.frame for result in results])
    unique = frame.unique(["source", "target", "kind"], keep="first", maintain_order=True)
    ignored: dict[str, int] = {}
    for result in results:
        for kind, count in result.ignored_kinds.items():
            ignored[kind] = ignored.get(kind, 0) + count
    return LinkResult(
        links=Links(unique),
        n_read=sum(r.n_read for r in results),
        n_absent=sum(r.n_absent for r in results),
        n_self=sum(r.n_self for r in results),
        n_repeated=sum(r.n_repeated for r in results) + frame.height - unique.height,
        cycles=_duplicate_cycles(unique),
        ignored_kinds=ignored,
        notes=[note for r in results for note in r.notes],
    )
