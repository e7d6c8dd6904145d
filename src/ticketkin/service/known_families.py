"""The families that people's links make of the stored tickets."""

import time
from dataclasses import dataclass, replace
from threading import Lock

import polars as pl

from ticketkin.core.tables import Links, Tickets
from ticketkin.relations.families import PEOPLE, FamiliesRecord, FamilyRecord, Tie, as_record, build_families
from ticketkin.relations.pairs import filing_order
from ticketkin.relations.parents import parent_tiers
from ticketkin.service.corpus import Corpus
from ticketkin.store.answers import reviewed_pairs
from ticketkin.store.links import stored_links
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.review_links import with_review
from ticketkin.tickets.reviewed import UNSURE, Review

_KEPT_SECONDS = 15.0
"""How long built families are kept, since those of many tickets take seconds to build."""


@dataclass(frozen=True)
class KnownFamilies:
    """All families at one moment."""

    record: FamiliesRecord
    titles: dict[str, str]
    """Title of each ticket of a family."""
    change: int
    """Number of the last change of stored tickets that they take into account."""

    def of(self, ticket_id: str) -> FamilyRecord | None:
        """Return the family of a ticket; None where nobody linked it."""
        return next((one for one in self.record.families if ticket_id in one.tickets), None)


class FamilyBuilder:
    """Builds families when they are asked for, and keeps them for a while."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus, self._lock = corpus, Lock()
        self._built: tuple[float, tuple[int, int], KnownFamilies] | None = None

    def known(self) -> KnownFamilies:
        """Return the families of the stored tickets: by their own columns, by link files and by reviews."""
        with self._lock:
            state = self._corpus.followed
            if self._built is not None:
                built_at, of_state, families = self._built
                if of_state == state or time.monotonic() - built_at < _KEPT_SECONDS:
                    return families
            families = self._build()
            self._built = (time.monotonic(), state, families)
            return families

    def forget(self) -> None:
        """Drop the families, so that the next request builds them anew: somebody has just answered."""
        with self._lock:
            self._built = None

    def _build(self) -> KnownFamilies:
        change, tickets = self._corpus.state.change, self._corpus.kin.index.all_tickets()
        links = self._links(tickets)
        at = tickets.position
        ties = [
            Tie(at[source], at[target], kind, PEOPLE) for source, target, kind, _ in links.frame.iter_rows()
        ]
        record = as_record(build_families(ties, filing_order(tickets), parent_tiers(tickets)), tickets)
        members = [name for family in record.families for name in family.tickets]
        titles = tickets.frame["title"]
        return KnownFamilies(record, {name: titles[at[name]] for name in members}, change)

    def _links(self, tickets: Tickets) -> Links:
        with self._corpus.database.transaction() as connection:
            stored, answers = stored_links(connection), reviewed_pairs(connection)
        here = pl.col("source").is_in(tickets.ids) & pl.col("target").is_in(tickets.ids)
        own = links_from_tickets(tickets)
        linked = stored.frame.filter(here)
        links = Links(pl.concat([own.links.frame, linked]))
        both = replace(own, links=links, n_read=own.n_read + len(linked))
        decided = answers.filter(here & (pl.col("kind") != UNSURE))
        return with_review(both, Review(decided)).links
