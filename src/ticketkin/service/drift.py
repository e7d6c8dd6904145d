"""Whether the newest stored tickets still are like those that the model was made from."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

import numpy as np

from ticketkin.core.tables import IntArray
from ticketkin.service.corpus import Corpus
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.drift import (
    FEWEST_COMPARED,
    MOST_SCORED,
    DriftReference,
    Shift,
    best_scores,
    read_drift_reference,
    shifts,
)
from ticketkin.serving.kin import Kin
from ticketkin.store.tickets import newest_ticket_ids

WEEKS = 4
"""Tickets that opened in this many weeks before the newest one are compared."""
_MOST_TICKETS = 1_000
_KEPT_SECONDS = 600.0
"""How long a result is kept: scoring takes seconds, and a distribution changes in days."""


@dataclass(frozen=True)
class Drift:
    """How far the tickets have moved."""

    n_tickets: int
    """Stored tickets that were compared: the newest, of `WEEKS` at most where opening times are known."""
    n_scored: int
    """Those of them whose nearest ticket was scored; 0 where the bundle keeps no scores to compare with."""
    n_reference: int
    """Tickets of the run that they are compared with; 0 where the bundle keeps no counts of them."""
    since: datetime | None
    """When the first of the compared tickets opened; None where no opening time is known."""
    shifts: list[Shift]
    """Empty where nothing could be compared."""

    @property
    def is_known(self) -> bool:
        """Whether there were enough tickets on both sides."""
        return bool(self.shifts)

    @property
    def has_shifted(self) -> bool:
        """Whether any quantity has another distribution now."""
        return any(one.stability.has_shifted for one in self.shifts)


class DriftMonitor:
    """Compares stored tickets with the bundle's counts when it is asked, and keeps the answer for a while."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus, self._lock = corpus, Lock()
        self._references: dict[str, DriftReference | None] = {}
        self._measured: tuple[float, tuple[str, int], Drift] | None = None

    def drift(self) -> Drift:
        """Return how far the newest stored tickets have moved, as of ten minutes ago at the most."""
        with self._lock:
            kin, change = self._corpus.kin, self._corpus.state.change
            if self._measured is not None:
                measured_at, (bundle, of_change), drift = self._measured
                is_recent = of_change == change or time.monotonic() - measured_at < _KEPT_SECONDS
                if bundle == kin.bundle.id and is_recent:
                    return drift
            drift = self._measure(kin)
            self._measured = (time.monotonic(), (kin.bundle.id, change), drift)
            return drift

    def _reference(self, bundle: Bundle) -> DriftReference | None:
        if bundle.id not in self._references:
            self._references[bundle.id] = read_drift_reference(bundle.folder)
        return self._references[bundle.id]

    def _measure(self, kin: Kin) -> Drift:
        reference = self._reference(kin.bundle)
        with self._corpus.database.transaction() as connection:
            names = newest_ticket_ids(connection, timedelta(weeks=WEEKS), _MOST_TICKETS)
        known = [row for name in names if (row := kin.index.row_of(name)) is not None]
        rows: IntArray = np.array(known, dtype=np.int64)
        if reference is None or min(len(rows), reference.n_tickets) < FEWEST_COMPARED:
            return Drift(len(rows), 0, 0 if reference is None else reference.n_tickets, None, [])
        given = kin.index.embedded(rows)
        scorer, retriever = kin.bundle.scorer, kin.index.retriever
        scores = np.zeros(0)
        if reference.best_score is not None and retriever is not None:
            newest = np.arange(max(0, len(rows) - MOST_SCORED), len(rows))
            scores = best_scores(scorer, retriever, given.take(newest))
        return Drift(
            n_tickets=len(rows),
            n_scored=len(scores),
            n_reference=reference.n_tickets,
            since=min(given.tickets.frame["opened_at"].drop_nulls().to_list(), default=None),
            shifts=shifts(reference, given.tickets, given.texts, scorer.state.words, scores),
        )
