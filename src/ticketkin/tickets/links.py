"""Links that people made, and the account of what was read; here those in the tickets' own columns.

What counts as what: a child of a parent incident was closed under it as the same fault, so it is a
duplicate. Tickets that share a problem record have a common cause but may look quite different:
related. A number in the notes of a ticket closed as duplicate is a duplicate.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

import polars as pl

from ticketkin.core.tables import LINKS_SCHEMA, Kind, Links, Origin, Tickets
from ticketkin.core.wording import number_of
from ticketkin.tickets.file_words import FileWords
from ticketkin.tickets.link_columns import read_stated_links
from ticketkin.tickets.link_kinds import LinkKinds
from ticketkin.tickets.link_result import LinkResult, NamedIds
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
_MOST_EXAMPLES = 3


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
    said_no: Counter[str] = field(default_factory=Counter)
    unknown_ids: dict[str, None] = field(default_factory=dict)
    """Names that no ticket has, in the order they were met."""
    _known_ids: set[str] = field(default_factory=set)

    def add(self, source: str, target: str, kind: Kind, origin: Origin) -> None:
        """Take one link, or count why it is none."""
        self.n_read += 1
        here, there = self.known.get(source.strip()), self.known.get(target.strip())
        if here is None or there is None:
            self.n_absent += 1
            ends = ((source.strip(), here), (target.strip(), there))
            self.unknown_ids |= {name: None for name, ticket in ends if name and ticket is None}
            self._known_ids |= {ticket for _, ticket in ends if ticket is not None}
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

    def ignore(self, count: int, label: str = "") -> None:
        """Count links that are left out on purpose, under the `label` that says no of them."""
        self.n_read += count
        self.n_ignored += count
        if label:
            self.said_no[label] += count

    def reject(self, count: int) -> None:
        """Count rows that can't be read."""
        self.n_read += count
        self.n_rejected += count

    def result(self, notes: Sequence[str] = ()) -> LinkResult:
        """Return the links, each once."""
        unique = list(dict.fromkeys(self.rows))
        frame = pl.DataFrame(unique, schema=dict(LINKS_SCHEMA), orient="row")
        n_known = len(self._known_ids | set(frame["source"]) | set(frame["target"]))
        return LinkResult(
            links=Links(frame),
            n_read=self.n_read,
            n_absent=self.n_absent,
            n_self=self.n_self,
            n_repeated=len(self.rows) - len(unique),
            n_ignored=self.n_ignored,
            n_rejected=self.n_rejected,
            ignored_kinds=self._shown(self.ignored_kinds),
            unknown_kinds=self._shown(self.unknown_kinds),
            said_no=self._shown(self.said_no),
            masked_kinds=frozenset(
                self.words.shown(kind)
                for kind in (*self.ignored_kinds, *self.unknown_kinds)
                if self.words.shown(kind) != kind
            ),
            ids=NamedIds(n_known, len(self.unknown_ids), tuple(self._examples(self.unknown_ids))),
            notes=list(notes),
        )

    def _examples(self, names: Iterable[str]) -> list[str]:
        return [self.words.shown(name) for name in islice(names, _MOST_EXAMPLES)]

    def _shown(self, kinds: Counter[str]) -> dict[str, int]:
        """Return link types as they may stand on the screen and in a report, most frequent first."""
        shown = Counter[str]()
        for kind, count in kinds.items():
            shown[self.words.shown(kind)] += count  # two types may be alike once they are masked
        return dict(shown.most_common())


def known_references(tickets: Tickets) -> KnownReferences:
    """Return every name a link may use (id, number, sys_id), each with the ticket's id."""
    return known_names(tickets.frame)


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
            notes.append(
                f"problem {name} is shared by {number_of(len(members), 'ticket')}: a bucket, not used"
            )
            continue
        for earlier, later in pairwise(members):
            collector.add(later, earlier, Kind.RELATED, Origin.PROBLEM)
    return notes
