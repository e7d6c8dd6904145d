"""Open tickets that belong together, those that grow first: the storm that has just begun."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

import numpy as np

from ticketkin.core.tables import Kind, Tickets
from ticketkin.lexical.vocabulary import stable_hash
from ticketkin.relations.families import SAID, Tie, build_families
from ticketkin.relations.pairs import filing_order
from ticketkin.relations.parents import are_open, parent_tiers
from ticketkin.service.corpus import Corpus
from ticketkin.service.desk_time import DeskTime
from ticketkin.serving.answers import KIN, Answer, Relation
from ticketkin.serving.kin import Kin
from ticketkin.store.tickets import tickets_opened_since

_NEAREST = 10
_MOST_OPEN = 1_000
_LIKELY = 0.5
"""Where no kinds were learned, the probability of kinship that joins two tickets."""
_GROWING = timedelta(hours=1)


@dataclass(frozen=True)
class OpenTicket:
    """An open ticket of a group."""

    ticket_id: str
    title: str
    opened_at: DeskTime
    assignment_group: str


@dataclass(frozen=True)
class OpenGroup:
    """Open tickets that are said to be kin of each other."""

    parent: str
    """The ticket of it that was filed first."""
    n_last_hour: int
    """How many of it opened within the last hour."""
    tickets: list[OpenTicket]
    """In filing order."""


@dataclass(frozen=True)
class OpenGroups:
    """What grows now."""

    as_of: DeskTime | None
    """When the newest stored ticket opened: that is the desk's clock. None without opening times."""
    n_open: int
    """Open tickets that were looked at."""
    n_left_out: int
    """Older open tickets of the time asked for that were not, as there are too many."""
    groups: list[OpenGroup]
    """Those with most tickets of the last hour first."""


class OpenGrouping:
    """Joins open tickets by what the service says of each when it is asked about it.

    What is said of a stored ticket depends on what had opened before it, so each is asked about once.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._corpus, self._lock = corpus, Lock()
        self._said: dict[tuple[str, int], list[Relation]] = {}
        self._said_by = ("", 0)

    def groups(self, hours: int) -> OpenGroups:
        """Return the groups of open tickets that opened within so many hours before the newest ticket."""
        newest = self._corpus.kin.index.newest_opening
        if newest <= 0:
            return OpenGroups(None, 0, 0, [])
        as_of = datetime(1970, 1, 1) + timedelta(microseconds=newest)
        with self._corpus.database.transaction() as connection:
            recent = tickets_opened_since(connection, as_of - timedelta(hours=hours))
        rows = np.flatnonzero(are_open(recent))
        opened = Tickets(recent.frame[rows[-_MOST_OPEN:].tolist()])
        with self._lock:
            ties = self._ties(opened)
        graph = build_families(ties, filing_order(opened), parent_tiers(opened))
        groups = [_group(opened, family.tickets, as_of) for family in graph.families]
        groups.sort(key=lambda group: (-group.n_last_hour, -len(group.tickets), group.parent))
        return OpenGroups(as_of, len(opened), max(0, len(rows) - _MOST_OPEN), groups)

    def _ties(self, opened: Tickets) -> list[Tie]:
        kin = self._corpus.kin
        model = (kin.bundle.id, kin.refit_number)
        if model != self._said_by:  # another model says other things
            self._said, self._said_by = {}, model
        texts = opened.frame.select("ticket_id", "title", "description").rows()
        keys = [(name, stable_hash(f"{title}\n{description}")) for name, title, description in texts]
        due = [name for name, text in keys if (name, text) not in self._said]
        by_name = dict(keys)
        for answer in _asked(kin, due):
            self._said[answer.ticket_id, by_name[answer.ticket_id]] = answer.relations
        self._said = {key: self._said[key] for key in keys if key in self._said}
        at = opened.position
        return [
            Tie(at[name], at[other], kind, SAID, relation.probability or 0.0)
            for (name, _), relations in self._said.items()
            for relation in relations
            if (kind := _joining_kind(relation))
            for other in (relation.ticket_id, *relation.alike)
            if other in at
        ]


def _asked(kin: Kin, names: Sequence[str]) -> list[Answer]:
    known = [name for name in names if kin.index.row_of(name) is not None]
    return kin.relate_stored(known, _NEAREST) if known else []


def _joining_kind(relation: Relation) -> str:
    """Return the kind by which a relation joins open tickets, "" where it does not."""
    if relation.band in ("say", "suggest"):
        # Which one caused the other matters less here than that both are open.
        return Kind.RELATED.value if relation.kind == Kind.CAUSAL.value else relation.kind
    is_likely = relation.kind == KIN and (relation.probability or 0.0) >= _LIKELY
    return Kind.RELATED.value if is_likely else ""


def _group(opened: Tickets, rows: Sequence[int], as_of: datetime) -> OpenGroup:
    frame = opened.frame[list(rows)].select("ticket_id", "title", "opened_at", "assignment_group")
    tickets = [OpenTicket(*row) for row in frame.rows()]
    n_last_hour = sum(ticket.opened_at > as_of - _GROWING for ticket in tickets)
    return OpenGroup(tickets[0].ticket_id, n_last_hour, tickets)
