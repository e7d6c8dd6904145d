"""Links that people made, and the account of what was read; here those in the tickets' own columns.

What counts as what: a child of a parent incident was closed under it as the same fault, so it is a
duplicate. Tickets that share a problem record have a common cause but may look quite different:
related. A number in the notes of a ticket closed as duplicate is a duplicate.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import networkx as nx
import polars as pl

from ticketkin.core.tables import LINKS_SCHEMA, Kind, Links, Origin, Tickets
from ticketkin.tickets.file_words import FileWords
from ticketkin.tickets.link_columns import read_stated_links
from ticketkin.tickets.link_kinds import LinkKinds
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.references import (
    SAYS_DUPLICATE,
    SAYS_NOT,
    KnownReferences,
    duplicate_in_notes,
    known_names,
    references,
    says_nothing,
)
from ticketkin.tickets.settings import LinkSettings

MASKING = Redactor()
# A problem, change or cluster shared by more tickets than this is a bucket, not a kinship.
LARGEST_SHARED = 50


@dataclass(frozen=True)
class LinkResult:
    """Links between present tickets, and everything that was not one.

    n_read = links + n_absent + n_self + n_repeated + n_ignored + n_rejected.
    """

    links: Links
    n_read: int = 0
    n_absent: int = 0
    """Links naming a ticket that is not in the export."""
    n_self: int = 0
    n_repeated: int = 0
    n_ignored: int = 0
    """Links of a kind that is no kinship or unknown, and those left out on purpose."""
    n_rejected: int = 0
    """Rows of a file of links that can't be read."""
    n_reversed: int = 0
    """Links whose opposite, of the same kind, was read before them; both stay."""
    cycles: list[list[str]] = field(default_factory=list)
    """Duplicate chains that lead back to themselves; their tickets stay one kin group."""
    ignored_kinds: dict[str, int] = field(default_factory=dict)
    """Link types that are no kinship, as written."""
    unknown_kinds: dict[str, int] = field(default_factory=dict)
    """Link types nobody knows, as written."""
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        counted = len(self.links) + self.n_absent + self.n_self + self.n_repeated
        counted += self.n_ignored + self.n_rejected
        if counted != self.n_read:
            raise RuntimeError(f"{self.n_read} links were read and {counted} accounted for: {self}")

    def lines(self) -> list[str]:
        """Return the account of the links as a person reads it."""
        kinds = (
            (self.n_absent, "name absent tickets"),
            (self.n_self, "link a ticket to itself"),
            (self.n_repeated, "repeat another"),
            (self.n_ignored, "left out"),
            (self.n_rejected, "in rows that can't be read"),
        )
        counts = "".join(f", {count:,} {word}" for count, word in kinds if count)
        lines = [f"{self.n_read:,} links read: {len(self.links):,} kept{counts}"]
        if self.n_reversed:
            lines.append(f"{self.n_reversed:,} links tell another the other way round")
        if self.cycles:
            lines.append(
                f"{len(self.cycles):,} chains of duplicates lead back to themselves: one kin group each"
            )
        if self.ignored_kinds:
            lines.append(f"left out, as they are no kinship: {_listed(self.ignored_kinds)}")
        if self.unknown_kinds:
            first = next(iter(self.unknown_kinds))
            lines.append(
                f"left out, of unknown kinds: {_listed(self.unknown_kinds)}; say what they mean, e.g. --set "
                f"'links.kinds.{first}=related' (or duplicate, causal, ignore)"
            )
        return lines + [f"note: {note}" for note in self.notes]


def _listed(kinds: Mapping[str, int]) -> str:
    shown = ", ".join(f"{kind!r} {count:,}" for kind, count in list(kinds.items())[:8])
    return shown + (f" and {len(kinds) - 8:,} more" if len(kinds) > 8 else "")


@dataclass
class LinkCollector:
    """Gathers raw links and counts what can't be used."""

    known: Mapping[str, str]
    kinds: LinkKinds
    words: FileWords
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    n_read: int = 0
    n_absent: int = 0
    n_self: int = 0
    n_ignored: int = 0
    n_rejected: int = 0
    ignored_kinds: Counter[str] = field(default_factory=Counter)
    unknown_kinds: Counter[str] = field(default_factory=Counter)

    def add(self, source: str, target: str, kind: Kind, origin: Origin) -> None:
        """Take one link, or count why it is none."""
        self.n_read += 1
        here, there = self.known.get(source.strip()), self.known.get(target.strip())
        if here is None or there is None:
            self.n_absent += 1
        elif here == there:
            self.n_self += 1
        else:
            self.rows.append((here, there, kind.value, origin.value))

    def add_written(self, source: str, target: str, written: str, origin: Origin) -> None:
        """Take a link whose kind is `written` as a system or a person writes it."""
        kind, reverse = self.kinds.kind(written)
        if kind is None:
            self.n_read += 1
            self.n_ignored += 1
            (self.ignored_kinds if written in self.kinds else self.unknown_kinds)[written.strip()] += 1
        elif reverse:
            self.add(target, source, kind, origin)
        else:
            self.add(source, target, kind, origin)

    def ignore(self, count: int, kind: str = "") -> None:
        """Count links that are left out on purpose, under `kind` where they have a name."""
        self.n_read += count
        self.n_ignored += count
        if kind:
            self.ignored_kinds[kind] += count

    def reject(self, count: int) -> None:
        """Count rows that can't be read."""
        self.n_read += count
        self.n_rejected += count

    def result(self, notes: Sequence[str] = ()) -> LinkResult:
        """Return the links, each once."""
        unique = list(dict.fromkeys(self.rows))
        frame = pl.DataFrame(unique, schema=dict(LINKS_SCHEMA), orient="row")
        return LinkResult(
            links=Links(frame),
            n_read=self.n_read,
            n_absent=self.n_absent,
            n_self=self.n_self,
            n_repeated=len(self.rows) - len(unique),
            n_ignored=self.n_ignored,
            n_rejected=self.n_rejected,
            n_reversed=_count_reversed(frame),
            cycles=_duplicate_cycles(frame),
            ignored_kinds=_shown(self.ignored_kinds, self.words),
            unknown_kinds=_shown(self.unknown_kinds, self.words),
            notes=list(notes),
        )


def _shown(kinds: Counter[str], words: FileWords) -> dict[str, int]:
    """Return link types as they may stand on the screen and in a report, most frequent first."""
    shown = Counter[str]()
    for kind, count in kinds.items():
        shown[words.shown(kind)] += count  # two types may be alike once they are masked
    return dict(shown.most_common())


def _count_reversed(frame: pl.DataFrame) -> int:
    seen: set[tuple[str, str, str]] = set()
    n_reversed = 0
    for source, target, kind in frame.select("source", "target", "kind").iter_rows():
        n_reversed += (target, source, kind) in seen
        seen.add((source, target, kind))
    return n_reversed


def known_references(tickets: Tickets) -> KnownReferences:
    """Return every name a link may use (id, number, sys_id), each with the ticket's id."""
    return known_names(tickets.frame)


def _duplicate_cycles(frame: pl.DataFrame) -> list[list[str]]:
    duplicates = frame.filter(pl.col("kind") == Kind.DUPLICATE.value)
    graph = nx.DiGraph(zip(duplicates["source"], duplicates["target"], strict=True))
    return [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]


def links_from_tickets(
    tickets: Tickets, settings: LinkSettings | None = None, redactor: Redactor | None = MASKING
) -> LinkResult:
    """Return the links that stand in the tickets' own columns.

    `parent`, `duplicate_of` and a number in the notes of a ticket closed as duplicate give
    duplicate links; `caused_by` naming a ticket gives a causal one; a shared `problem` gives related
    ones, chained from ticket to ticket so that a problem with n tickets adds n - 1 links, not n². Columns
    such as Jira's "Outward issue link (Duplicate)" give links of the kind they name. What is told of them is
    masked by `redactor`.
    """
    words = FileWords(redactor)
    collector = LinkCollector(known_references(tickets), LinkKinds(settings or LinkSettings()), words)
    frame = tickets.frame
    for column, kind, origin in (
        ("duplicate_of", Kind.DUPLICATE, Origin.DUPLICATE_OF),
        ("parent", Kind.DUPLICATE, Origin.PARENT),
    ):
        for ticket, reference in _referring(frame, column, collector.known):
            collector.add(ticket, reference, kind, origin)
    for ticket, cause in _referring(frame, "caused_by", collector.known):
        collector.add(cause, ticket, Kind.CAUSAL, Origin.CAUSED_BY)
    stated = frame.filter(pl.col("stated_links") != "").select("ticket_id", "stated_links")
    for ticket, text in stated.iter_rows():
        for written, reference, outward in read_stated_links(text):
            if reference not in collector.known and says_nothing(reference):
                continue
            source, target = (ticket, reference) if outward else (reference, ticket)
            collector.add_written(source, target, written, Origin.STATED)
    code = pl.col("close_code").str.to_lowercase()
    closed = frame.filter(code.str.contains(SAYS_DUPLICATE) & ~code.str.contains(SAYS_NOT))
    for ticket, notes in closed.select("ticket_id", "close_notes").iter_rows():
        number = duplicate_in_notes(notes, ticket, collector.known)
        if number is not None:
            collector.add(ticket, number, Kind.DUPLICATE, Origin.CLOSE_NOTES)
    return collector.result(notes=_add_shared_problems(frame, collector))


def _referring(frame: pl.DataFrame, column: str, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each ticket with each reference in its cell of `column`."""
    for ticket, cell in frame.filter(pl.col(column) != "").select("ticket_id", column).iter_rows():
        for reference in references(cell, known):
            yield ticket, reference


def _add_shared_problems(frame: pl.DataFrame, collector: LinkCollector) -> list[str]:
    shared: dict[str, tuple[str, list[str]]] = {}
    for ticket, problem in _referring(frame, "problem", collector.known):
        shared.setdefault(problem.casefold(), (problem, []))[1].append(ticket)
    notes = []
    for problem, members in shared.values():
        if len(members) > LARGEST_SHARED:
            name = collector.words.shown(problem)
            notes.append(f"problem {name} is shared by {len(members)} tickets: a bucket, not used")
            continue
        for earlier, later in pairwise(members):
            collector.add(later, earlier, Kind.RELATED, Origin.PROBLEM)
    return notes


def merge_links(results: Sequence[LinkResult]) -> LinkResult:
    """Return all links once; a link told by several origins keeps the first."""
    frame = pl.concat([result.links.frame for result in results])
    unique = frame.unique(["source", "target", "kind"], keep="first", maintain_order=True)
    ignored, unknown = Counter[str](), Counter[str]()
    for result in results:
        ignored.update(result.ignored_kinds)
        unknown.update(result.unknown_kinds)
    return LinkResult(
        links=Links(unique),
        n_read=sum(r.n_read for r in results),
        n_absent=sum(r.n_absent for r in results),
        n_self=sum(r.n_self for r in results),
        n_repeated=sum(r.n_repeated for r in results) + frame.height - unique.height,
        n_ignored=sum(r.n_ignored for r in results),
        n_rejected=sum(r.n_rejected for r in results),
        n_reversed=_count_reversed(unique),
        cycles=_duplicate_cycles(unique),
        ignored_kinds=dict(ignored),
        unknown_kinds=dict(unknown),
        notes=[note for r in results for note in r.notes],
    )
